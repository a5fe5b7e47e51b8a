//! The events of runs for the clients of a gateway, in the frames of OpenClaw (docs/openclaw.md#chat-events).

use std::sync::{Arc, Weak};

use serde_json::{Value, json};

use super::protocol::event::GatewayEvent;
use super::state::GatewayState;
use crate::agent::{RunEnd, RunEvent, RunInfo, RunObserver};
use crate::i18n::Msg;
use crate::time::unix_millis;

/// The watcher of a gateway's runs, which tells its clients of them.
pub(crate) struct RunEvents {
    state: Weak<GatewayState>,
}

impl RunEvents {
    /// Creates the watcher of a gateway's runs.
    pub(crate) fn new(state: &Arc<GatewayState>) -> Self {
        Self {
            state: Arc::downgrade(state),
        }
    }
}

impl RunObserver for RunEvents {
    fn note(&self, run: &RunInfo, event: &RunEvent) {
        let Some(state) = self.state.upgrade() else {
            return;
        };
        let message = |text: &str| {
            json!({
                "role": "assistant",
                "content": [{ "type": "text", "text": text }],
                "timestamp": unix_millis(state.context.host.now()),
            })
        };
        let failed = |why: &Msg| json!({ "state": "error", "errorMessage": why.render(state.lang) });
        let mut payload = match event {
            RunEvent::Text { full, .. } => json!({ "state": "delta", "message": message(full) }),
            RunEvent::Ended(RunEnd::Replied { text, .. }) => {
                json!({ "state": "final", "message": message(text) })
            }
            RunEvent::Ended(RunEnd::Failed(why)) => failed(why),
            RunEvent::Ended(RunEnd::Aborted) => json!({ "state": "aborted", "stopReason": "rpc" }),
            _ => return,
        };
        payload["runId"] = run.id.as_str().into();
        payload["sessionKey"] = run.session_key.as_str().into();
        payload["seq"] = Value::from(1);
        state.clients.broadcast(GatewayEvent::Chat, &payload);
    }
}
