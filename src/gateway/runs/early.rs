//! What clients of version 3 of the protocol are told of a run, as OpenClaw 2026.1.30 tells them.

use serde_json::{Value, json};

use super::moment::{Moment, assistant_message};
use super::text_flow::TextFlow;
use crate::agent::{RunEnd, RunEvent, RunInfo};
use crate::gateway::clients::AddressedEvent;
use crate::gateway::clients::audience::Audience;
use crate::gateway::protocol::Protocol;
use crate::gateway::protocol::event::GatewayEvent;
use crate::i18n::Lang;

/// A run as clients of version 3 of the protocol were told of it.
#[derive(Debug, Default)]
pub(super) struct EarlyRun {
    /// The number of the last event.
    seq: u64,
    flow: TextFlow,
    text: String,
}

impl EarlyRun {
    /// Returns the events by which the clients are told of something in a run.
    pub(super) fn events(
        &mut self,
        run: &RunInfo,
        event: &RunEvent,
        now: Moment,
        lang: Lang,
    ) -> Vec<AddressedEvent> {
        match event {
            RunEvent::Began { .. } => {
                let data = json!({ "phase": "start", "startedAt": run.started });
                vec![self.agent(run, "lifecycle", data, now)]
            }
            RunEvent::Text { full, .. } => {
                full.clone_into(&mut self.text);
                self.text_events(run, now)
            }
            // The release counts the begin and the end of a tool, and tells its clients of neither.
            RunEvent::ToolBegan(_) | RunEvent::ToolEnded { .. } => {
                let rest = self.rest(run, now);
                self.seq += 1;
                rest
            }
            RunEvent::Ended(end) => self.end(run, end, now, lang),
            RunEvent::Asked(_) | RunEvent::Kept { .. } | RunEvent::Switched(_) => Vec::new(),
        }
    }

    fn text_events(&mut self, run: &RunInfo, now: Moment) -> Vec<AddressedEvent> {
        let text = std::mem::take(&mut self.text);
        let mut events = Vec::new();
        if let Some(delta) = self.flow.for_agent(&text, now.instant) {
            events.push(self.agent(run, "assistant", json!({ "text": text, "delta": delta }), now));
        }
        if !text.trim().is_empty() && self.flow.for_chat(&text, now.instant).is_some() {
            let message = assistant_message(&text, now.millis);
            events.push(self.chat(run, json!({ "state": "delta", "message": message })));
        }
        self.text = text;
        events
    }

    /// Returns the event with what was not told of the text yet.
    fn rest(&mut self, run: &RunInfo, now: Moment) -> Vec<AddressedEvent> {
        let rest = self.flow.rest_for_agent(&self.text);
        let data = rest.map(|delta| json!({ "text": self.text, "delta": delta }));
        let event = data.map(|data| self.agent(run, "assistant", data, now));
        event.into_iter().collect()
    }

    fn end(&mut self, run: &RunInfo, end: &RunEnd, now: Moment, lang: Lang) -> Vec<AddressedEvent> {
        let mut events = self.rest(run, now);
        let ended = json!({ "phase": "end", "endedAt": now.millis });
        match end {
            RunEnd::Replied { text, .. } | RunEnd::Repeated { text } => {
                events.push(self.agent(run, "lifecycle", ended, now));
                let mut payload = json!({ "state": "final" });
                if !text.trim().is_empty() {
                    payload["message"] = assistant_message(text, now.millis);
                }
                events.push(self.chat(run, payload));
            }
            RunEnd::Failed(why) => {
                let why = why.render(lang);
                let data = json!({ "phase": "error", "error": why, "endedAt": now.millis });
                events.push(self.agent(run, "lifecycle", data, now));
                events.push(self.chat(run, json!({ "state": "error", "errorMessage": why })));
            }
            RunEnd::Aborted => {
                self.seq += 1;
                let aborted = self.chat(run, json!({ "state": "aborted", "stopReason": "rpc" }));
                self.seq -= 1;
                events.push(aborted);
                events.push(self.agent(run, "lifecycle", ended, now));
            }
        }
        events
    }

    /// Creates an `agent` event with the next number.
    fn agent(&mut self, run: &RunInfo, stream: &str, data: Value, now: Moment) -> AddressedEvent {
        self.seq += 1;
        let mut payload = json!({
            "runId": run.id,
            "stream": stream,
            "data": null,
            "sessionKey": run.session_key,
            "seq": self.seq,
            "ts": now.millis,
        });
        payload["data"] = data;
        AddressedEvent {
            event: GatewayEvent::Agent,
            audience: Audience::Protocol(Protocol::Three),
            payload,
        }
    }

    /// Creates a `chat` event with the number of the last `agent` event.
    fn chat(&self, run: &RunInfo, fields: Value) -> AddressedEvent {
        let mut payload = json!({ "runId": run.id, "sessionKey": run.session_key, "seq": self.seq });
        if let (Some(payload), Value::Object(fields)) = (payload.as_object_mut(), fields) {
            payload.extend(fields);
        }
        AddressedEvent {
            event: GatewayEvent::Chat,
            audience: Audience::Protocol(Protocol::Three),
            payload,
        }
    }
}
