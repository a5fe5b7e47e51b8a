//! What clients of version 4 of the protocol are told of a run, as OpenClaw 2026.9.6 tells them.

use serde_json::{Value, json};

use super::book::RunSource;
use super::moment::{Moment, assistant_message};
use super::text_flow::TextFlow;
use crate::agent::{RunEnd, RunEvent, RunInfo};
use crate::gateway::clients::AddressedEvent;
use crate::gateway::clients::audience::Audience;
use crate::gateway::protocol::Protocol;
use crate::gateway::protocol::event::GatewayEvent;
use crate::i18n::Lang;
use crate::models::{ModelName, ToolCall};
use crate::sessions::{EntryPlace, SessionKey, SessionMessage};

/// The capability of clients that are told of tools.
const TOOL_EVENTS: &str = "tool-events";

/// A run as clients of version 4 of the protocol were told of it.
#[derive(Debug)]
pub(super) struct LateRun {
    source: RunSource,
    /// The number of the last event.
    seq: u64,
    flow: TextFlow,
    text: String,
    /// The model that was asked last.
    model: Option<ModelName>,
    events: Vec<AddressedEvent>,
}

impl LateRun {
    /// Creates a run of which nobody was told yet.
    pub(super) fn new(source: RunSource) -> Self {
        Self {
            source,
            seq: 0,
            flow: TextFlow::default(),
            text: String::new(),
            model: None,
            events: Vec::new(),
        }
    }

    /// Returns the events by which the clients are told of something in a run.
    pub(super) fn events(
        &mut self,
        run: &RunInfo,
        event: &RunEvent,
        now: Moment,
        lang: Lang,
    ) -> Vec<AddressedEvent> {
        match event {
            RunEvent::Began { message, place } => self.begin(run, message, place, now),
            RunEvent::Asked(model) => self.ask(run, model, now),
            RunEvent::Text { full, .. } => {
                full.clone_into(&mut self.text);
                self.grow(run, now);
            }
            RunEvent::ToolBegan(call) => {
                self.tell_rest(run, now);
                self.begin_tool(run, call, now);
            }
            RunEvent::ToolEnded { call, text, is_error } => self.end_tool(run, call, text, *is_error, now),
            RunEvent::Kept { message, place } => self.keep(run, message, place, now),
            RunEvent::Switched(_) => {}
            RunEvent::Ended(end) => self.end(run, end, now, lang),
        }
        std::mem::take(&mut self.events)
    }

    fn begin(&mut self, run: &RunInfo, message: &SessionMessage, place: &EntryPlace, now: Moment) {
        self.change_session(run, "started", "start", now);
        // A message that was taken in before is in the history already.
        if !place.id.is_empty() {
            self.add_message(run, message.to_value(), place, now);
        }
        if self.source == RunSource::Chat {
            for phase in ["preparing_workspace", "preparing_context"] {
                self.status(run, phase, now);
            }
        }
        let data = json!({ "phase": "start", "startedAt": run.started });
        self.agent(run, "lifecycle", data, now);
        if self.source == RunSource::Chat {
            self.status(run, "starting_model", now);
        }
    }

    fn ask(&mut self, run: &RunInfo, model: &ModelName, now: Moment) {
        if self.model.as_ref() == Some(model) {
            return;
        }
        self.model = Some(model.clone());
        let data = json!({ "phase": "model", "provider": model.provider, "model": model.id });
        self.agent(run, "lifecycle", data, now);
        self.change_session(run, "model", "model", now);
    }

    fn grow(&mut self, run: &RunInfo, now: Moment) {
        if let Some(delta) = self.flow.for_agent(&self.text, now.instant) {
            self.tell_text(run, &delta, now);
        }
        if self.text.trim().is_empty() {
            return;
        }
        if let Some(delta) = self.flow.for_chat(&self.text, now.instant) {
            let message = assistant_message(&self.text, now.millis);
            self.chat(
                run,
                json!({ "state": "delta", "deltaText": delta, "message": message }),
            );
        }
    }

    fn tell_text(&mut self, run: &RunInfo, delta: &str, now: Moment) {
        let data = json!({ "text": self.text, "delta": delta, "itemId": format!("{}:1", run.id) });
        self.agent(run, "assistant", data, now);
    }

    /// Tells what was not told of the text yet.
    fn tell_rest(&mut self, run: &RunInfo, now: Moment) {
        if let Some(delta) = self.flow.rest_for_agent(&self.text) {
            self.tell_text(run, &delta, now);
        }
    }

    fn begin_tool(&mut self, run: &RunInfo, call: &ToolCall, now: Moment) {
        let item = json!({
            "itemId": format!("tool:{}", call.id),
            "toolCallId": call.id,
            "name": call.name,
            "kind": "tool",
            "phase": "start",
            "title": call.name,
            "status": "running",
            "commandBearing": false,
            "startedAt": now.millis,
        });
        self.tool_event(run, "item", item, now);
        let data =
            json!({ "phase": "start", "name": call.name, "toolCallId": call.id, "args": call.arguments });
        self.tool_event(run, "tool", data, now);
    }

    fn end_tool(&mut self, run: &RunInfo, call: &ToolCall, text: &str, is_error: bool, now: Moment) {
        let data = json!({
            "phase": "result",
            "name": call.name,
            "toolCallId": call.id,
            "isError": is_error,
            "commandBearing": false,
            "result": { "content": [{ "type": "text", "text": text }] },
        });
        self.tool_event(run, "tool", data, now);
        let mut item = json!({
            "itemId": format!("tool:{}", call.id),
            "toolCallId": call.id,
            "name": call.name,
            "kind": "tool",
            "phase": "end",
            "title": call.name,
            "status": if is_error { "failed" } else { "completed" },
            "commandBearing": false,
            "endedAt": now.millis,
        });
        if is_error {
            item["error"] = text.into();
        }
        self.tool_event(run, "item", item, now);
    }

    fn keep(&mut self, run: &RunInfo, message: &SessionMessage, place: &EntryPlace, now: Moment) {
        if let SessionMessage::Assistant(answer) = message {
            self.tell_rest(run, now);
            let data = json!({ "outputTokens": answer.usage.output });
            self.agent(run, "usage", data, now);
        }
        let mut value = message.to_value();
        value["__openclaw"] = json!({ "runId": run.id });
        self.add_message(run, value, place, now);
    }

    fn end(&mut self, run: &RunInfo, end: &RunEnd, now: Moment, lang: Lang) {
        self.tell_rest(run, now);
        match end {
            RunEnd::Replied { text, tools, .. } => self.reply(run, text, tools, now),
            RunEnd::Repeated { text } => self.reply(run, text, &[], now),
            RunEnd::Failed(why) => {
                let why = why.render(lang);
                let model = self.model.as_ref();
                let detail = json!({
                    "provider": model.map(|model| &model.provider),
                    "model": model.map(|model| &model.id),
                });
                let data = json!({ "phase": "error", "error": why, "errorObservation": detail, "endedAt": now.millis });
                self.agent(run, "lifecycle", data, now);
                self.chat(
                    run,
                    json!({ "state": "error", "errorMessage": why, "errorDetail": detail }),
                );
                self.change_session(run, "ended", "error", now);
            }
            RunEnd::Aborted => self.abort(run, now),
        }
    }

    fn reply(&mut self, run: &RunInfo, text: &str, tools: &[String], now: Moment) {
        let data = json!({
            "phase": "finishing",
            "stopReason": "stop",
            "aborted": false,
            "livenessState": "working",
            "endedAt": now.millis,
        });
        self.agent(run, "lifecycle", data, now);
        let data = json!({ "phase": "model", "provider": null, "model": null, "lane": "main" });
        self.agent(run, "lifecycle", data, now);
        let is_visible = !text.trim().is_empty();
        let disposition = if is_visible { "visible" } else { "silent" };
        let model = self.model.as_ref();
        let model = json!({
            "provider": model.map(|model| &model.provider),
            "model": model.map(|model| &model.id),
        });
        let data = json!({
            "phase": "end",
            "stopReason": "stop",
            "aborted": false,
            "startedAt": run.started,
            "endedAt": now.millis,
            "terminalReply": { "disposition": disposition, "text": text },
            "terminalReceipt": {
                "runId": run.id,
                "sessionId": run.session_id,
                "turnId": run.id,
                "requested": model,
                "effective": model,
                "successfulToolNames": tools,
                "rerouted": false,
                "terminalDisposition": disposition,
            },
            "executionSettled": true,
        });
        self.agent(run, "lifecycle", data, now);
        let mut payload = json!({ "state": "final", "stopReason": "stop" });
        if is_visible {
            payload["message"] = assistant_message(text, now.millis);
        }
        self.chat(run, payload);
        self.change_session(run, "ended", "end", now);
    }

    fn abort(&mut self, run: &RunInfo, now: Moment) {
        self.seq += 1;
        self.chat(run, json!({ "state": "aborted", "stopReason": "rpc" }));
        self.seq -= 1;
        let data = json!({
            "phase": "end",
            "status": "cancelled",
            "aborted": true,
            "stopReason": "rpc",
            "startedAt": run.started,
            "endedAt": now.millis,
        });
        self.agent(run, "lifecycle", data, now);
        let data = json!({
            "phase": "error",
            "error": "This operation was aborted",
            "aborted": true,
            "stopReason": "aborted",
            "executionSettled": true,
        });
        self.agent(run, "lifecycle", data, now);
        self.change_session(run, "ended", "end", now);
    }

    /// Adds a `chat` event with the state `status`, and the `agent` event with the same number.
    fn status(&mut self, run: &RunInfo, phase: &str, now: Moment) {
        self.seq += 1;
        self.chat(run, json!({ "state": "status", "phase": phase }));
        self.seq -= 1;
        self.agent(run, "run_status", json!({ "phase": phase }), now);
    }

    /// Adds an `agent` event with the next number.
    fn agent(&mut self, run: &RunInfo, stream: &str, data: Value, now: Moment) {
        let audience = Audience::Protocol(Protocol::Four);
        self.agent_for(audience, run, stream, data, now);
    }

    /// Adds an `agent` event about a tool with the next number.
    fn tool_event(&mut self, run: &RunInfo, stream: &str, data: Value, now: Moment) {
        let audience = Audience::Capability(Protocol::Four, TOOL_EVENTS);
        self.agent_for(audience, run, stream, data, now);
    }

    fn agent_for(&mut self, audience: Audience, run: &RunInfo, stream: &str, data: Value, now: Moment) {
        self.seq += 1;
        let mut payload = json!({
            "runId": run.id,
            "sessionKey": run.session_key,
            "sessionId": run.session_id,
            "agentId": run.agent,
            "stream": stream,
            "data": null,
            "seq": self.seq,
            "ts": now.millis,
            "isHeartbeat": false,
        });
        payload["data"] = data;
        self.events.push(AddressedEvent {
            event: GatewayEvent::Agent,
            audience,
            payload,
        });
    }

    /// Adds a `chat` event with the number of the last `agent` event.
    fn chat(&mut self, run: &RunInfo, fields: Value) {
        let mut payload = json!({
            "runId": run.id,
            "sessionKey": run.session_key,
            "agentId": run.agent,
            "seq": self.seq,
        });
        if let (Some(payload), Value::Object(fields)) = (payload.as_object_mut(), fields) {
            payload.extend(fields);
        }
        self.events.push(AddressedEvent {
            event: GatewayEvent::Chat,
            audience: Audience::Protocol(Protocol::Four),
            payload,
        });
    }

    /// Adds a `session.message` event about a message that is in the transcript now.
    fn add_message(&mut self, run: &RunInfo, mut message: Value, place: &EntryPlace, now: Moment) {
        message["__openclaw"]["id"] = place.id.as_str().into();
        message["__openclaw"]["seq"] = place.number.into();
        message["__openclaw"]["recordTimestampMs"] = now.millis.into();
        message["__openclaw"]["transcriptPosition"] =
            json!({ "source": run.session_id, "rawSeq": place.number });
        self.events.push(AddressedEvent {
            event: GatewayEvent::SessionMessage,
            audience: Audience::Messages(run.session_key.clone()),
            payload: json!({
                "sessionKey": run.session_key,
                "agentId": run.agent,
                "message": message,
                "messageId": place.id,
                "messageSeq": place.number,
                "session": self.session(run, now, true),
            }),
        });
    }

    /// Adds a `sessions.changed` event about what a run did, and its phase.
    fn change_session(&mut self, run: &RunInfo, what: &str, phase: &str, now: Moment) {
        let is_running = ["start", "model"].contains(&phase);
        self.events.push(AddressedEvent {
            event: GatewayEvent::SessionsChanged,
            audience: Audience::SessionList,
            payload: json!({
                "sessionKey": run.session_key,
                "agentId": run.agent,
                "runId": run.id,
                "ts": now.millis,
                "reason": format!("agent.run.{what}"),
                "phase": phase,
                "session": self.session(run, now, is_running),
            }),
        });
    }

    /// Returns the session of a run as far as it is known without the disk.
    fn session(&self, run: &RunInfo, now: Moment, is_running: bool) -> Value {
        let active: &[&str] = if is_running { &[run.id.as_str()] } else { &[] };
        let mut session = json!({
            "key": run.session_key,
            "kind": SessionKey::kind_of(&run.session_key),
            "sessionId": run.session_id,
            "agentId": run.agent,
            "updatedAt": now.millis,
            "status": if is_running { "running" } else { "done" },
            "hasActiveRun": is_running,
            "activeRunIds": active,
            "lastRunId": run.id,
        });
        if let Some(model) = &self.model {
            session["modelProvider"] = model.provider.as_str().into();
            session["model"] = model.id.as_str().into();
        }
        session
    }
}
