//! `chat.send`: a client says something, and is told of the answer by events.

use serde_json::{Value, json};

use super::super::call::MethodCall;
use super::super::session_key::resolve_key;
use super::{abort, attachments};
use crate::bot::task::Bot;
use crate::gateway::chat::{Person, Said, TakenIn, answer, take_in};
use crate::gateway::protocol::shape::{FrameField, FrameShape, TEXT, optional, required};
use crate::gateway::protocol::{ErrorResponse, MethodResult};
use crate::gateway::runs::RunSource;

/// The parameters of the gateway's method `chat.send`.
pub(super) const PARAMS: &[FrameField] = &[
    required("sessionKey", TEXT),
    required("message", FrameShape::Any),
    required("idempotencyKey", TEXT),
    optional("thinking", FrameShape::Any),
    optional("deliver", FrameShape::Bool),
    optional("attachments", FrameShape::Any),
    optional("timeoutMs", FrameShape::Whole(0)),
    optional("agentId", FrameShape::Any),
    optional("sessionId", FrameShape::Any),
    optional("originatingChannel", FrameShape::Any),
    optional("clientMessageId", FrameShape::Any),
];

/// Answers the gateway's method `chat.send`: what was said is written down, and answered beside it.
pub(super) async fn send(call: MethodCall) -> MethodResult {
    let images = attachments::images(&call.params)?;
    let text = call.text("message").unwrap_or_default().trim().to_owned();
    if text.is_empty() && images.is_empty() {
        return Err(ErrorResponse::invalid_request("message or attachment required"));
    }
    let said = Said {
        run: call.text("idempotencyKey").unwrap_or_default().to_owned(),
        key: resolve_key(&call.state, call.text("sessionKey").unwrap_or_default()),
        text,
        images,
        person: Person::at(&call.client),
        source: RunSource::Chat,
    };
    if said.is_stop(&call.state) {
        let stopped = abort::stop(&call.state, &said.key, None).await;
        return Ok(abort::answer(&stopped));
    }
    let run = said.run.clone();
    let status = match begin(&call, &said).await? {
        TakenIn::InFlight => "in_flight",
        TakenIn::Answered => "ok",
        TakenIn::Begun => {
            let state = call.state.clone();
            bot(&call)?.start(async move { drop(answer(&state, &said).await) });
            "started"
        }
    };
    Ok(json!({ "runId": run, "status": status }))
}

/// Takes in what a client said.
pub(super) async fn begin(call: &MethodCall, said: &Said) -> Result<TakenIn, ErrorResponse> {
    bot(call)?;
    call.state.runs.ready().await;
    let taken = take_in(&call.state, said).await;
    taken.map_err(|error| ErrorResponse::unavailable(error.msg.render(call.state.lang)))
}

/// Returns the bot, whose turns a gateway that ends waits for.
pub(super) fn bot(call: &MethodCall) -> Result<&Bot, ErrorResponse> {
    let bot = call.state.bot.get();
    let bot = bot.ok_or_else(|| ErrorResponse::unavailable("gateway starting; retry shortly"))?;
    Ok(bot)
}

/// Returns the error of a call that lacks a parameter, in the words of the releases.
fn missing_param(method: &str, key: &str) -> ErrorResponse {
    ErrorResponse::invalid_request(format!(
        "invalid {method} params: must have required property '{key}'"
    ))
}

/// Returns a text parameter of a call, or the error that it lacks it.
pub(super) fn required_text<'a>(
    params: &'a Value,
    method: &str,
    key: &str,
) -> Result<&'a str, ErrorResponse> {
    let text = params.get(key).and_then(Value::as_str);
    text.ok_or_else(|| missing_param(method, key))
}
