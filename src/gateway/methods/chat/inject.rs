//! `chat.inject`: a client puts a text into a session as if the assistant had said it.

use serde_json::json;

use super::super::call::MethodCall;
use super::super::session_key::resolve_key;
use crate::gateway::clients::AddressedEvent;
use crate::gateway::clients::audience::Audience;
use crate::gateway::protocol::event::GatewayEvent;
use crate::gateway::protocol::shape::{FrameField, TEXT, optional, required};
use crate::gateway::protocol::{ErrorResponse, MethodResult, Protocol};
use crate::sessions::{AssistantMessage, SessionMessage};
use crate::sync::spawn_blocking;

/// The parameters of the gateway's method `chat.inject`.
pub(super) const PARAMS: &[FrameField] = &[
    required("sessionKey", TEXT),
    required("message", TEXT),
    optional("label", TEXT),
    optional("agentId", TEXT),
];

/// Answers the gateway's method `chat.inject`, and tells all clients.
pub(super) async fn inject(call: MethodCall) -> MethodResult {
    let key = resolve_key(&call.state, call.text("sessionKey").unwrap_or_default());
    let label = call.text("label").map(|label| format!("[{label}]\n\n"));
    let text = format!(
        "{}{}",
        label.unwrap_or_default(),
        call.text("message").unwrap_or_default()
    );
    let now = call.state.context.host.now();
    let injected = SessionMessage::Assistant(AssistantMessage::injected(&text, call.now_ms()));
    let mut message = injected.to_value();
    let (store, stored) = (call.state.sessions.clone(), key.clone());
    let append = move || {
        let session = store.get(&stored)?;
        Some(store.append(&session, &[injected], now))
    };
    let missing = || ErrorResponse::invalid_request("session not found");
    let appended = spawn_blocking(append).await.ok().flatten().ok_or_else(missing)?;
    let places = appended.map_err(|error| ErrorResponse::unavailable(error.msg.render(call.state.lang)))?;
    let id = places.first().map(|place| place.id.clone()).unwrap_or_default();
    let events = [Protocol::Three, Protocol::Four].map(|protocol| {
        if protocol == Protocol::Four {
            message["stopReason"] = "stop".into();
        }
        AddressedEvent {
            event: GatewayEvent::Chat,
            audience: Audience::Protocol(protocol),
            payload: json!({
                "runId": format!("inject-{id}"),
                "sessionKey": key.as_str(),
                "seq": 0,
                "state": "final",
                "message": message,
            }),
        }
    });
    call.state.clients.publish(&events);
    Ok(json!({ "ok": true, "messageId": id }))
}
