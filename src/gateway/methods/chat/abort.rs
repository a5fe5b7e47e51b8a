//! `chat.abort`: stops what is being answered in a session.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::call::MethodCall;
use super::super::session_key::resolve_key;
use crate::gateway::protocol::shape::{FrameField, FrameShape, TEXT, optional, required};
use crate::gateway::protocol::{ErrorResponse, MethodResult};
use crate::gateway::state::GatewayState;
use crate::sessions::SessionKey;

/// The parameters of the gateway's method `chat.abort`.
pub(super) const PARAMS: &[FrameField] = &[
    required("sessionKey", TEXT),
    optional("runId", TEXT),
    optional("agentId", TEXT),
    optional("preserveTranscript", FrameShape::Any),
];

/// Time that is waited for the end of a run that was stopped.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers the gateway's method `chat.abort`. The clients are told of the end of a run before this answer.
pub(super) async fn abort(call: MethodCall) -> MethodResult {
    let key = resolve_key(&call.state, call.text("sessionKey").unwrap_or_default());
    let run = call.text("runId");
    let session = run.and_then(|run| call.state.runs.book.session_of(run));
    if session.is_some_and(|session| session != key.as_str()) {
        return Err(ErrorResponse::invalid_request("runId does not match sessionKey"));
    }
    Ok(answer(&stop(&call.state, &key, run).await))
}

/// Stops the runs of a session, or one of them, waits until they have ended, and returns their ids.
pub(in super::super) async fn stop(
    state: &Arc<GatewayState>,
    key: &SessionKey,
    run: Option<&str>,
) -> Vec<String> {
    let Some(agents) = state.agents.get() else {
        return Vec::new();
    };
    // A run that was just taken in is at work once its task was polled.
    tokio::task::yield_now().await;
    let stopped = agents.abort(key, run);
    for run in &stopped {
        state.runs.book.wait(run, END_TIMEOUT).await;
    }
    stopped
}

/// Returns the answer about the runs that were stopped.
pub(super) fn answer(stopped: &[String]) -> Value {
    json!({ "ok": true, "aborted": !stopped.is_empty(), "runIds": stopped })
}
