//! The methods about sessions and their messages: those of `sessions.json` of each agent, as OpenClaw 2026.1.30 keeps them
//! (docs/openclaw.md#sessions).

use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::call::MethodCall;
use super::method::Method;
use super::session_key::resolve_key;
use crate::agent::roster;
use crate::gateway::clients::audience::Subscriptions;
use crate::gateway::protocol::shape::{FrameField, FrameShape, TEXT, optional, required};
use crate::gateway::protocol::{ErrorResponse, MethodResult, OperatorScope, Protocol};
use crate::gateway::state::GatewayState;
use crate::sessions::{Session, SessionStore, Transcript};
use crate::sync::spawn_blocking;
use crate::time::unix_millis;

mod change;
mod history;
mod preview;
mod stored;

use stored::{read_sessions, session_defaults, session_value};

/// The methods about sessions and their messages.
pub(super) const METHODS: &[Method] = &[
    Method::future("sessions.list", OperatorScope::Read, |call| list(call).boxed()).with_unchecked_params(),
    Method::future("sessions.describe", OperatorScope::Read, |call| {
        describe(call).boxed()
    })
    .with_params(DESCRIBE_PARAMS),
    Method::future("sessions.resolve", OperatorScope::Read, |call| {
        resolve(call).boxed()
    })
    .with_unchecked_params(),
    Method::future("sessions.preview", OperatorScope::Read, |call| {
        preview::preview(call).boxed()
    })
    .with_unchecked_params(),
    Method::infallible("sessions.subscribe", OperatorScope::Read, subscribe_to_list).with_params(&[]),
    Method::infallible("sessions.messages.subscribe", OperatorScope::Read, subscribe)
        .with_params(SUBSCRIBE_PARAMS),
    Method::infallible("sessions.messages.unsubscribe", OperatorScope::Read, unsubscribe)
        .with_params(SUBSCRIBE_PARAMS),
    Method::future("chat.history", OperatorScope::Read, |call| {
        history::history(call).boxed()
    })
    .with_params(history::PARAMS),
    Method::future("chat.startup", OperatorScope::Read, |call| {
        history::history(call).boxed()
    })
    .with_params(history::PARAMS),
    Method::future("sessions.patch", OperatorScope::Admin, |call| {
        change::patch(call).boxed()
    })
    .with_unchecked_params(),
    Method::future("sessions.reset", OperatorScope::Admin, |call| {
        change::reset(call).boxed()
    })
    .with_unchecked_params(),
    Method::future("sessions.delete", OperatorScope::Admin, |call| {
        change::delete(call).boxed()
    })
    .with_unchecked_params(),
    Method::future("sessions.compact", OperatorScope::Admin, |call| {
        change::compact(call).boxed()
    })
    .with_unchecked_params(),
];

/// The parameters of the gateway's method `sessions.describe`.
const DESCRIBE_PARAMS: &[FrameField] = &[
    required("key", TEXT),
    optional("agentId", TEXT),
    optional("includeDerivedTitles", FrameShape::Bool),
    optional("includeLastMessage", FrameShape::Bool),
];
/// The parameters of the gateway's methods `sessions.messages.subscribe` and `sessions.messages.unsubscribe`.
const SUBSCRIBE_PARAMS: &[FrameField] = &[
    required("key", TEXT),
    optional("agentId", TEXT),
    optional("includeApprovals", FrameShape::Bool),
];
/// Maximum number of sessions in one answer to the gateway's method `sessions.list`.
const MAX_SESSIONS: u64 = 10_000;
/// Maximum number of characters of the title of a session, and of its last text.
const MAX_TITLE_CHARS: usize = 80;
/// Number of sessions in an answer to `sessions.list` in version 4 of the protocol, where the client names no other.
const DEFAULT_SESSIONS: u64 = 100;
/// Finds the session of this key, in any form that clients send.
async fn find_session(state: &Arc<GatewayState>, typed: &str) -> Option<Session> {
    let key = resolve_key(state, typed);
    let sessions = read_sessions(state).await;
    sessions.into_iter().find(|session| session.key == key)
}

/// Answers the gateway's method `sessions.list`. Of the filters those are applied that could leave out what is there.
async fn list(call: MethodCall) -> MethodResult {
    let state = &call.state;
    let active = state.active();
    let protocol = call.client.protocol;
    let limit = call.params.get("limit").filter(|limit| !limit.is_null());
    let limit = limit.map(|limit| {
        let invalid = "invalid sessions.list params: at /limit: must be >= 1";
        let limit = limit.as_u64().filter(|limit| *limit > 0);
        limit.ok_or_else(|| ErrorResponse::invalid_request(invalid))
    });
    let limit = limit.transpose()?;
    let limit = limit.or((protocol == Protocol::Four).then_some(DEFAULT_SESSIONS));
    let minutes = call.params.get("activeMinutes").and_then(Value::as_u64);
    let now = unix_millis(state.context.host.now());
    let oldest = minutes.map_or(0, |minutes| now.saturating_sub(minutes.saturating_mul(60_000)));
    let is_wanted = |session: &Session| {
        let spawned_by = session.text("spawnedBy");
        call.text("agentId")
            .is_none_or(|agent| agent == session.key.agent())
            && call
                .text("spawnedBy")
                .is_none_or(|parent| Some(parent) == spawned_by)
            && call
                .text("label")
                .is_none_or(|label| session.text("label") == Some(label))
            && session.updated_at() >= oldest
    };
    let mut sessions = read_sessions(state).await;
    sessions.retain(is_wanted);
    let total = sessions.len();
    let applied = limit.unwrap_or(MAX_SESSIONS).min(MAX_SESSIONS);
    let shown = usize::try_from(applied).unwrap_or(usize::MAX);
    sessions.truncate(shown);
    let mut answer = json!({
        "ts": now,
        "path": "(multiple)",
        "count": sessions.len(),
        "defaults": session_defaults(&active.config),
        "sessions": session_values(&call, sessions).await,
    });
    if protocol == Protocol::Four {
        answer["totalCount"] = total.into();
        answer["limitApplied"] = applied.into();
        answer["nextOffset"] = Value::Null;
        answer["hasMore"] = (total > shown).into();
        answer["owners"] = json!([]);
        answer["defaults"]["modelSelectionTarget"] = "session".into();
    }
    Ok(answer)
}

/// Answers the gateway's method `sessions.describe`: one session, or `null`.
async fn describe(call: MethodCall) -> MethodResult {
    let session = find_session(&call.state, call.text("key").unwrap_or_default()).await;
    let rules = roster::session_key_rules(&call.state.active().config);
    let session = session.map(|session| session_value(&call.state, &session, call.client.protocol, &rules));
    Ok(json!({ "session": session }))
}

/// Answers the gateway's method `sessions.resolve`: the stored key of a session.
async fn resolve(call: MethodCall) -> MethodResult {
    let typed = call.text("key").or_else(|| call.text("sessionId"));
    let typed = typed.or_else(|| call.text("label")).unwrap_or_default();
    let found = find_session(&call.state, typed).await;
    let missing = || ErrorResponse::invalid_request(format!("No session found: {typed}"));
    let session = found.ok_or_else(missing)?;
    let mut answer = json!({"ok": true, "key": session.key.as_str()});
    if call.client.protocol == Protocol::Four {
        answer["agentId"] = session.key.agent().into();
    }
    Ok(answer)
}

/// Returns sessions in the form of an answer: with a title and the last message, where the client asks for them.
async fn session_values(call: &MethodCall, sessions: Vec<Session>) -> Vec<Value> {
    let wants = |name: &str| call.params.get(name) == Some(&true.into());
    let (title, last) = (wants("includeDerivedTitles"), wants("includeLastMessage"));
    let rules = roster::session_key_rules(&call.state.active().config);
    let (state, protocol) = (call.state.clone(), call.client.protocol);
    let values = move || {
        let values = sessions.iter().map(|session| {
            let mut value = session_value(&state, session, protocol, &rules);
            if title || last {
                add_texts(&SessionStore::transcript(session), &mut value, title, last);
            }
            value
        });
        values.collect()
    };
    spawn_blocking(values).await.unwrap_or_default()
}

/// Adds the first text of a person as the title of a session, and its last text.
fn add_texts(transcript: &Transcript, value: &mut Value, title: bool, last: bool) {
    let history = transcript.history();
    let texts = || {
        history
            .iter()
            .map(|(_, message)| (message, preview::text_of(message)))
    };
    let shorten = |text: &str| preview::shorten(text.trim(), MAX_TITLE_CHARS);
    let first = texts().find(|(message, text)| message["role"] == "user" && !text.trim().is_empty());
    if let Some((_, text)) = first.filter(|_| title) {
        value["derivedTitle"] = shorten(text.lines().next().unwrap_or_default()).into();
    }
    let end = history.iter().rev().map(|(_, message)| preview::text_of(message));
    if let Some(text) = end
        .into_iter()
        .find(|text| !text.trim().is_empty())
        .filter(|_| last)
    {
        value["lastMessagePreview"] = shorten(&text).into();
    }
}

/// Answers the gateway's method `sessions.subscribe`.
fn subscribe_to_list(call: &MethodCall) -> Value {
    let change = Subscriptions::add_session_list;
    call.state.clients.subscribe(call.client.conn_id, change);
    json!({"subscribed": true})
}

/// Answers the gateway's method `sessions.messages.subscribe`.
fn subscribe(call: &MethodCall) -> Value {
    let key = call.text("key").unwrap_or_default();
    let session = resolve_key(&call.state, key);
    let change = |own: &mut Subscriptions| own.add_session(session.as_str());
    call.state.clients.subscribe(call.client.conn_id, change);
    let mut answer = json!({"subscribed": true, "key": key});
    if call.params.get("includeApprovals") == Some(&true.into()) {
        answer["approvalReplay"] = json!({
            "sessionKey": key,
            "updatedAtMs": unix_millis(call.state.context.host.now()),
            "approvals": [],
            "truncated": false,
        });
    }
    answer
}

/// Answers the gateway's method `sessions.messages.unsubscribe`.
fn unsubscribe(call: &MethodCall) -> Value {
    let key = call.text("key").unwrap_or_default();
    let session = resolve_key(&call.state, key);
    let change = |own: &mut Subscriptions| own.remove_session(session.as_str());
    call.state.clients.subscribe(call.client.conn_id, change);
    json!({"subscribed": false, "key": key})
}
