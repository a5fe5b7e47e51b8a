//! `agent` and `agent.wait`: a run that its client waits for.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::super::call::MethodCall;
use super::super::session_key::resolve_key;
use super::attachments;
use super::send::{begin, bot, required_text};
use crate::agent::RunEnd;
use crate::gateway::chat::{Answer, Person, Said, TakenIn, answer};
use crate::gateway::protocol::shape::{FrameField, FrameShape, TEXT, optional, required};
use crate::gateway::protocol::{ErrorResponse, MethodResult, Protocol};
use crate::gateway::runs::RunSource;
use crate::sessions::SessionKey;
use crate::sync::spawn_blocking;

/// The parameters of the gateway's method `agent.wait`.
pub(super) const WAIT_PARAMS: &[FrameField] = &[
    required("runId", TEXT),
    optional("timeoutMs", FrameShape::Whole(0)),
];

/// Time that `agent.wait` waits where the client names none, as in OpenClaw.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time that `agent.wait` waits.
const MAX_WAIT: Duration = Duration::from_mins(10);

/// Answers the gateway's method `agent`: at once that the message is accepted, and at the end with the answer.
pub(super) async fn agent(call: MethodCall) -> MethodResult {
    let text = required_text(&call.params, "agent", "message")?.trim().to_owned();
    let run = required_text(&call.params, "agent", "idempotencyKey")?.to_owned();
    let images = attachments::images(&call.params)?;
    if text.is_empty() && images.is_empty() {
        return Err(ErrorResponse::invalid_request("message or attachment required"));
    }
    let said = Said {
        run: run.clone(),
        key: session_key(&call),
        text,
        images,
        person: Person::at(&call.client),
        source: RunSource::Agent,
    };
    let started = call.now_ms();
    let status = match begin(&call, &said).await? {
        TakenIn::InFlight => Some("in_flight"),
        TakenIn::Answered => Some("ok"),
        TakenIn::Begun => None,
    };
    if let Some(status) = status {
        return Ok(json!({ "runId": run, "status": status }));
    }
    let key = said.key.clone();
    let mut accepted = json!({ "runId": run, "status": "accepted", "acceptedAt": started });
    if call.client.protocol == Protocol::Four {
        accepted["sessionKey"] = key.as_str().into();
        accepted["agentId"] = key.agent().into();
    }
    call.answer_first(accepted);
    let (ended, end) = oneshot::channel();
    let state = call.state.clone();
    // A client that leaves ends no run.
    bot(&call)?.start(async move {
        let _ = ended.send(answer(&state, &said).await);
    });
    let stopped = |_| ErrorResponse::unavailable("gateway stopping");
    let answered = end.await.map_err(stopped)?;
    result(&call, &run, &key, started, answered).await
}

/// Returns the key of the session that a call names, by an agent or by a key.
fn session_key(call: &MethodCall) -> SessionKey {
    let named = call.text("sessionKey").filter(|key| !key.trim().is_empty());
    match (named, call.text("agentId")) {
        (Some(key), _) => resolve_key(&call.state, key),
        (None, Some(agent)) => resolve_key(&call.state, &format!("agent:{agent}:main")),
        (None, None) => resolve_key(&call.state, "main"),
    }
}

/// Returns the last answer to a call of `agent`.
async fn result(
    call: &MethodCall,
    run: &str,
    key: &SessionKey,
    started: u64,
    answered: Answer,
) -> MethodResult {
    let took = call.now_ms().saturating_sub(started);
    let mut meta = json!({ "durationMs": took, "aborted": false });
    let text = match answered {
        Answer::OfBot(text) | Answer::OfAgent(RunEnd::Repeated { text }) => text,
        Answer::OfAgent(RunEnd::Replied {
            text, model, usage, ..
        }) => {
            let (store, key) = (call.state.sessions.clone(), key.clone());
            let session = spawn_blocking(move || store.get(&key)).await.ok().flatten();
            meta["agentMeta"] = json!({
                "sessionId": session.as_ref().map(|session| session.id().to_owned()),
                "provider": model.provider,
                "model": model.id,
                "usage": {
                    "input": usage.input,
                    "output": usage.output,
                    "cacheRead": usage.cache_read,
                    "cacheWrite": usage.cache_write,
                    "total": usage.input + usage.output + usage.cache_read + usage.cache_write,
                },
            });
            text
        }
        Answer::OfAgent(RunEnd::Failed(why)) => {
            return Err(ErrorResponse::unavailable(why.render(call.state.lang)));
        }
        Answer::OfAgent(RunEnd::Aborted) => {
            meta["aborted"] = true.into();
            String::new()
        }
    };
    let payloads = (!text.is_empty()).then(|| json!({ "text": text, "mediaUrl": null }));
    let summary = if meta["aborted"] == true {
        "aborted"
    } else {
        "completed"
    };
    Ok(json!({
        "runId": run,
        "status": "ok",
        "summary": summary,
        "result": { "payloads": payloads.into_iter().collect::<Vec<Value>>(), "meta": meta },
    }))
}

/// Answers the gateway's method `agent.wait`: waits for the end of a run.
pub(super) async fn wait(call: MethodCall) -> MethodResult {
    let run = call.text("runId").unwrap_or_default();
    let limit = call.params.get("timeoutMs").and_then(Value::as_u64);
    let limit = limit.map_or(WAIT_TIMEOUT, Duration::from_millis).min(MAX_WAIT);
    let Some(outcome) = call.state.runs.book.wait(run, limit).await else {
        return Ok(json!({ "runId": run, "status": "timeout" }));
    };
    let status = if outcome.error.is_some() { "error" } else { "ok" };
    let mut answer = json!({
        "runId": run,
        "status": status,
        "startedAt": outcome.started,
        "endedAt": outcome.ended,
    });
    if let Some(error) = outcome.error {
        answer["error"] = error.into();
    }
    if call.client.protocol == Protocol::Four {
        answer["stopReason"] = if outcome.is_aborted { "rpc" } else { "stop" }.into();
    }
    Ok(answer)
}
