//! The methods that change sessions: their settings, their beginning, their length, their end.

use serde_json::{Value, json};

use super::super::call::MethodCall;
use super::super::chat::stop;
use super::super::session_key::resolve_key;
use crate::agent::roster::{self, Roster};
use crate::error::Result;
use crate::gateway::chat;
use crate::gateway::clients::AddressedEvent;
use crate::gateway::clients::audience::Audience;
use crate::gateway::protocol::event::GatewayEvent;
use crate::gateway::protocol::{ErrorResponse, MethodResult, Protocol};
use crate::models::ModelName;
use crate::sessions::{DeletedSession, SessionFields, SessionKey, SessionStore};
use crate::sync::spawn_blocking;

/// The levels of thinking that clients of version 3 of the protocol may set, as OpenClaw names them.
const THINKING_LEVELS: [&str; 5] = ["off", "minimal", "low", "medium", "high"];
/// The settings of a session that are texts, and kept as they are.
const TEXT_SETTINGS: [&str; 6] = [
    "label",
    "verboseLevel",
    "reasoningLevel",
    "elevatedLevel",
    "responseUsage",
    "sendPolicy",
];
/// Maximum length of a setting of a session, in bytes.
const MAX_SETTING_BYTES: usize = 512;
/// Number of messages that stay where a session is compacted and the client names no number, as in OpenClaw.
const KEPT_MESSAGES: u64 = 400;
/// The summary of messages that are left out without one.
const SUMMARY: &str = "Earlier messages of this conversation were left out.";

/// Returns the key of the session that a call changes.
fn key(call: &MethodCall) -> std::result::Result<SessionKey, ErrorResponse> {
    let typed = call.text("key").map(str::trim).filter(|key| !key.is_empty());
    let typed = typed.ok_or_else(|| ErrorResponse::invalid_request("key required"))?;
    Ok(resolve_key(&call.state, typed))
}

/// Runs something that changes sessions on a thread that may wait for the disk.
async fn change<T: Send + 'static>(
    call: &MethodCall,
    work: impl FnOnce(&SessionStore) -> Result<T> + Send + 'static,
) -> std::result::Result<T, ErrorResponse> {
    let store = call.state.sessions.clone();
    let changed = spawn_blocking(move || work(&store)).await;
    let changed = changed.map_err(|_| ErrorResponse::unavailable("session not changed"))?;
    changed.map_err(|error| ErrorResponse::unavailable(error.msg.render(call.state.lang)))
}

/// Tells the clients that follow the list of sessions that one was changed.
fn tell(call: &MethodCall, key: &SessionKey, reason: &str) {
    call.state.clients.publish(&[AddressedEvent {
        event: GatewayEvent::SessionsChanged,
        audience: Audience::SessionList,
        payload: json!({
            "sessionKey": key.as_str(),
            "agentId": key.agent(),
            "reason": reason,
            "ts": call.now_ms(),
        }),
    }]);
}

/// Answers the gateway's method `sessions.patch`.
pub(super) async fn patch(call: MethodCall) -> MethodResult {
    let key = key(&call)?;
    let settings = settings(&call)?;
    let (state, changed_key) = (call.state.clone(), key.clone());
    let now = call.state.context.host.now();
    let session = change(&call, move |store| {
        if store.get(&changed_key).is_none() {
            chat::open_session(&state, &changed_key)?;
        }
        store.update(&changed_key, now, |fields| apply_settings(fields, settings))
    });
    let fields = session.await?.map(|session| session.fields).unwrap_or_default();
    tell(&call, &key, "patched");
    let path = call.state.sessions.index_path(key.agent());
    Ok(json!({
        "ok": true,
        "path": path.display().to_string(),
        "key": key.as_str(),
        "entry": fields,
    }))
}

/// Puts settings into the fields of a session; `null` removes one.
fn apply_settings(fields: &mut SessionFields, settings: SessionFields) {
    for (name, value) in settings {
        if value.is_null() {
            fields.shift_remove(&name);
        } else {
            fields.insert(name, value);
        }
    }
}

/// Returns the settings that a call sets, by the names of a session's fields.
fn settings(call: &MethodCall) -> std::result::Result<SessionFields, ErrorResponse> {
    let mut settings = SessionFields::new();
    for name in TEXT_SETTINGS {
        match call.params.get(name) {
            None => {}
            Some(Value::Null) => {
                settings.insert(name.to_owned(), Value::Null);
            }
            Some(Value::String(text)) if text.len() <= MAX_SETTING_BYTES => {
                settings.insert(name.to_owned(), text.trim().into());
            }
            Some(_) => return Err(ErrorResponse::invalid_request(format!("invalid {name}"))),
        }
    }
    if let Some(level) = call.params.get("thinkingLevel") {
        settings.insert("thinkingLevel".to_owned(), thinking_level(call, level)?);
    }
    if let Some(model) = call.params.get("model") {
        let named = model.as_str().map(|name| {
            let unknown = || {
                ErrorResponse::invalid_request(format!("invalid model: {}", crate::text::sanitize_name(name)))
            };
            ModelName::parse(name).ok_or_else(unknown)
        });
        let named = named.transpose()?;
        let [provider, id] = match named {
            Some(name) => [name.provider.into(), name.id.into()],
            None => [Value::Null, Value::Null],
        };
        settings.insert("providerOverride".to_owned(), provider);
        settings.insert("modelOverride".to_owned(), id);
    }
    Ok(settings)
}

/// Returns the level of thinking that a call sets. No model is asked to think here, so that only `off` has an effect.
fn thinking_level(call: &MethodCall, level: &Value) -> std::result::Result<Value, ErrorResponse> {
    let invalid = |message: String| Err(ErrorResponse::invalid_request(message));
    match (level.as_str(), call.client.protocol) {
        _ if level.is_null() => Ok(Value::Null),
        (Some("off"), _) => Ok("off".into()),
        (Some(level), Protocol::Three) if THINKING_LEVELS.contains(&level) => Ok(level.into()),
        (_, Protocol::Three) => {
            let all = THINKING_LEVELS.join("|");
            invalid(format!("invalid thinkingLevel (use {all})"))
        }
        (level, Protocol::Four) => {
            let level = crate::text::sanitize_name(level.unwrap_or_default());
            invalid(format!("thinkingLevel \"{level}\" is not supported (use off)"))
        }
    }
}

/// Answers the gateway's method `sessions.reset`.
pub(super) async fn reset(call: MethodCall) -> MethodResult {
    let key = key(&call)?;
    stop(&call.state, &key, None).await;
    let roster = Roster::new(call.state.context.borrowed(), &call.state.active().config);
    let agent = roster.agent_of(&key);
    let (workspace, now) = (agent.workspace.clone(), call.state.context.host.now());
    let changed_key = key.clone();
    let session = change(&call, move |store| store.reset(&changed_key, &workspace, now)).await?;
    tell(&call, &key, "reset");
    Ok(json!({ "ok": true, "key": key.as_str(), "entry": session.fields }))
}

/// Answers the gateway's method `sessions.delete`. The main session of the default agent stays.
pub(super) async fn delete(call: MethodCall) -> MethodResult {
    let key = key(&call)?;
    let rules = roster::session_key_rules(&call.state.active().config);
    if key.is_main(&rules) && key.agent() == rules.default_agent {
        let message = format!("Cannot delete the main session ({key}).");
        return Err(ErrorResponse::invalid_request(message));
    }
    stop(&call.state, &key, None).await;
    let archive = call.params.get("deleteTranscript") != Some(&false.into());
    let (changed_key, now) = (key.clone(), call.state.context.host.now());
    let deleted = change(&call, move |store| store.delete(&changed_key, archive, now)).await?;
    tell(&call, &key, "deleted");
    let DeletedSession { existed, archived } = deleted;
    let archived: Vec<_> = archived.iter().map(|path| path.display().to_string()).collect();
    Ok(json!({ "ok": true, "key": key.as_str(), "deleted": existed, "archived": archived }))
}

/// Answers the gateway's method `sessions.compact`: models are told of the last messages only.
pub(super) async fn compact(call: MethodCall) -> MethodResult {
    let key = key(&call)?;
    let wanted = call.params.get("maxLines").and_then(Value::as_u64);
    let kept = wanted.unwrap_or(KEPT_MESSAGES).max(1);
    let kept = usize::try_from(kept).unwrap_or(usize::MAX);
    let (changed_key, now) = (key.clone(), call.state.context.host.now());
    let compacted = change(&call, move |store| {
        let Some(session) = store.get(&changed_key) else {
            return Ok(None);
        };
        let messages = SessionStore::transcript(&session).context().messages;
        let count = messages.len();
        let first = count.checked_sub(kept).filter(|first| *first > 0);
        if let Some(first) = first {
            store.compact(&session, SUMMARY, &messages[first].0, 0, now)?;
        }
        Ok(Some((first.is_some(), count.min(kept))))
    });
    let mut answer = json!({ "ok": true, "key": key.as_str(), "compacted": false });
    match compacted.await? {
        None => answer["reason"] = "no sessionId".into(),
        Some((compacted, kept)) => {
            answer["compacted"] = compacted.into();
            answer["kept"] = kept.into();
        }
    }
    Ok(answer)
}
