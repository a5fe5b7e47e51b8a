//! The methods about sessions and their messages, as far as they only read.
//!
//! The only conversation of this engine is that with the bot. What OpenClaw 2026.1.30 left in the state folder is shown
//! too: the sessions that `sessions.json` of each agent lists, and the messages of their transcripts
//! (docs/openclaw.md#empty-answers).

use std::sync::Arc;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::call::MethodCall;
use super::method::Method;
use super::session_key::{main_session_key, resolve_key};
use crate::agent::roster;
use crate::gateway::protocol::shape::{FrameField, FrameShape, TEXT, optional, required};
use crate::gateway::protocol::{ErrorResponse, MethodResult, OperatorScope, Protocol};
use crate::gateway::state::GatewayState;
use crate::sessions::{Session, SessionFields, SessionStore};
use crate::sync::spawn_blocking;
use crate::time::unix_millis;

mod stored;

use stored::{read_sessions, session_value};

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
        preview(call).boxed()
    })
    .with_unchecked_params(),
    Method::infallible(
        "sessions.subscribe",
        OperatorScope::Read,
        |_| json!({"subscribed": true}),
    )
    .with_params(&[]),
    Method::infallible("sessions.messages.subscribe", OperatorScope::Read, subscribe)
        .with_params(SUBSCRIBE_PARAMS),
    Method::infallible(
        "sessions.messages.unsubscribe",
        OperatorScope::Read,
        |call| json!({"subscribed": false, "key": call.text("key")}),
    )
    .with_params(SUBSCRIBE_PARAMS),
    Method::future("chat.history", OperatorScope::Read, |call| history(call).boxed())
        .with_params(HISTORY_PARAMS),
    Method::future("chat.startup", OperatorScope::Read, |call| history(call).boxed())
        .with_params(HISTORY_PARAMS),
    Method::infallible(
        "chat.abort",
        OperatorScope::Write,
        |_| json!({"ok": true, "aborted": false, "runIds": []}),
    )
    .with_params(ABORT_PARAMS),
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
/// The parameters of the gateway's methods `chat.history` and `chat.startup`.
const HISTORY_PARAMS: &[FrameField] = &[
    required("sessionKey", TEXT),
    optional("limit", FrameShape::Whole(1)),
    optional("agentId", TEXT),
    optional("maxBytes", FrameShape::Whole(1)),
    optional("maxChars", FrameShape::Whole(1)),
    optional("offset", FrameShape::Whole(0)),
    optional("sinceCursor", FrameShape::Any),
    optional("sinceSeq", FrameShape::Any),
    optional("sessionId", TEXT),
];
/// The parameters of the gateway's method `chat.abort`.
const ABORT_PARAMS: &[FrameField] = &[
    required("sessionKey", TEXT),
    optional("runId", TEXT),
    optional("agentId", TEXT),
    optional("preserveTranscript", FrameShape::Any),
];

/// Maximum number of sessions in one answer to the gateway's method `sessions.list`.
const MAX_SESSIONS: u64 = 10_000;
/// Number of sessions in an answer to `sessions.list` in version 4 of the protocol, where the client names no other.
const DEFAULT_SESSIONS: u64 = 100;
/// Number of messages in one answer to the gateway's method `chat.history`, at most and by default, as in OpenClaw.
const MESSAGE_LIMIT: (u64, u64) = (1000, 200);

/// Returns the sessions that OpenClaw left, and that of the bot, where somebody has talked to it.
async fn all_sessions(state: &Arc<GatewayState>) -> Vec<Session> {
    let mut sessions = read_sessions(state).await;
    let key = main_session_key(state);
    let last = state.chat_log.messages().pop();
    if let Some(last) = last
        && !sessions.iter().any(|session| session.key == key)
    {
        let fields = json!({
            "sessionId": state.identity.instance_id,
            "updatedAt": last["timestamp"],
            "chatType": "direct",
            "systemSent": true,
            "abortedLastRun": false,
        });
        let fields = fields.as_object().cloned().unwrap_or_default();
        sessions.push(state.sessions.absent(&key, fields));
    }
    sessions
}

/// Finds the session of this key, in any form that clients send.
async fn find_session(state: &Arc<GatewayState>, typed: &str) -> Option<Session> {
    let key = resolve_key(state, typed);
    let sessions = all_sessions(state).await;
    sessions.into_iter().find(|session| session.key == key)
}

/// Returns the model that new sessions would have by the config, as answers about sessions have it.
fn session_defaults(config: &Value) -> Value {
    let model = config
        .pointer("/agents/defaults/model/primary")
        .and_then(Value::as_str);
    let (provider, model) = match model.and_then(|model| model.split_once('/')) {
        Some((provider, model)) => (Some(provider), Some(model)),
        None => (None, model),
    };
    json!({"modelProvider": provider, "model": model, "contextTokens": null})
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
    let mut sessions = all_sessions(state).await;
    sessions.retain(is_wanted);
    let total = sessions.len();
    let applied = limit.unwrap_or(MAX_SESSIONS).min(MAX_SESSIONS);
    let shown = usize::try_from(applied).unwrap_or(usize::MAX);
    sessions.truncate(shown);
    let rules = roster::session_key_rules(&active.config);
    let mut answer = json!({
        "ts": now,
        "path": "(multiple)",
        "count": sessions.len(),
        "defaults": session_defaults(&active.config),
        "sessions": sessions.iter().map(|one| session_value(one, protocol, &rules)).collect::<Vec<_>>(),
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
    let session = session.map(|session| session_value(&session, call.client.protocol, &rules));
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

/// Answers the gateway's method `sessions.preview`: whether each of these sessions exists. Their messages are answered
/// by `chat.history`.
async fn preview(call: MethodCall) -> MethodResult {
    let keys = call.params.get("keys").and_then(Value::as_array);
    let keys = keys.into_iter().flatten().filter_map(Value::as_str);
    let sessions = all_sessions(&call.state).await;
    let one = |typed: &str| {
        let key = resolve_key(&call.state, typed);
        let is_there = sessions.iter().any(|session| session.key == key);
        let status = if is_there { "empty" } else { "missing" };
        json!({"key": typed, "status": status, "items": []})
    };
    let previews: Vec<_> = keys.map(one).collect();
    Ok(json!({"ts": unix_millis(call.state.context.host.now()), "previews": previews}))
}

/// Answers the gateway's method `sessions.messages.subscribe`. No event follows: no message comes.
fn subscribe(call: &MethodCall) -> Value {
    let key = call.text("key").unwrap_or_default();
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

/// Answers the gateway's methods `chat.history` and `chat.startup`: the last messages of a session, none for one that
/// is not there.
async fn history(call: MethodCall) -> MethodResult {
    let state = &call.state;
    let key = call.text("sessionKey").unwrap_or_default();
    let session = find_session(state, key).await;
    let stored = session.clone();
    let read = move || stored.map(|session| SessionStore::transcript(&session).history());
    let read = spawn_blocking(read).await.ok().flatten().unwrap_or_default();
    let mut messages: Vec<_> = read.into_iter().map(|(_, message)| message).collect();
    if resolve_key(state, key) == main_session_key(state) {
        messages.extend(state.chat_log.messages());
    }
    let total = messages.len();
    let (most, default) = MESSAGE_LIMIT;
    let limit = call
        .params
        .get("limit")
        .and_then(Value::as_u64)
        .unwrap_or(default);
    let limit = usize::try_from(limit.min(most)).unwrap_or(usize::MAX);
    let messages = messages.split_off(total.saturating_sub(limit));
    let id = session
        .as_ref()
        .and_then(|session| session.fields.get("sessionId"));
    let mut answer = json!({"sessionKey": key, "messages": messages});
    if let Some(id) = id {
        answer["sessionId"] = id.clone();
    }
    match call.client.protocol {
        Protocol::Three => {
            let level = session
                .as_ref()
                .and_then(|session| session.fields.get("thinkingLevel"));
            answer["thinkingLevel"] = level.cloned().unwrap_or_else(|| "off".into());
        }
        Protocol::Four => {
            answer["pendingInputs"] = json!({"items": [], "total": 0});
            answer["hasMore"] = (total > limit).into();
            answer["totalMessages"] = total.into();
            answer["defaults"] = session_defaults(&state.active().config);
            answer["sessionInfo"] = session_info(state, key, session.as_ref());
        }
    }
    Ok(answer)
}

/// Returns what an answer in version 4 of the protocol says about the session whose messages it has, which need not
/// exist yet.
fn session_info(state: &GatewayState, typed: &str, session: Option<&Session>) -> Value {
    let key = resolve_key(state, typed);
    let rules = roster::session_key_rules(&state.active().config);
    let absent = || state.sessions.absent(&key, SessionFields::new());
    let session = session.cloned().unwrap_or_else(absent);
    let mut info = session_value(&session, Protocol::Four, &rules);
    info["classification"] = "main".into();
    info["snapshotAt"] = unix_millis(state.context.host.now()).into();
    info["activeRunIds"] = json!(state.chat_log.active_runs());
    info["activeLeafEntryId"] = Value::Null;
    info
}
