//! `sessions.preview`: the last texts of several sessions.

use serde_json::{Value, json};

use super::super::call::MethodCall;
use super::super::session_key::resolve_key;
use crate::gateway::protocol::MethodResult;
use crate::sessions::{SessionKey, SessionStore};
use crate::sync::spawn_blocking;

/// Maximum number of sessions in one answer, as in OpenClaw.
const MAX_SESSIONS: usize = 64;
/// Number of texts of a session: the largest, and that where the client names none.
const ITEM_LIMIT: (u64, u64) = (100, 12);
/// Number of characters of a text: the least, the largest, and that where the client names none.
const CHAR_LIMIT: (u64, u64, u64) = (20, 2_000, 240);

/// Answers the gateway's method `sessions.preview`.
pub(super) async fn preview(call: MethodCall) -> MethodResult {
    let keys = call.params.get("keys").and_then(Value::as_array);
    let keys = keys.into_iter().flatten().filter_map(Value::as_str);
    let keys: Vec<_> = keys
        .map(str::trim)
        .filter(|key| !key.is_empty())
        .take(MAX_SESSIONS)
        .map(|typed| (typed.to_owned(), resolve_key(&call.state, typed)))
        .collect();
    let number = |name: &str| call.params.get(name).and_then(Value::as_u64);
    let (most, default) = ITEM_LIMIT;
    let limit = number("limit").unwrap_or(default).clamp(1, most);
    let (least, longest, usual) = CHAR_LIMIT;
    let chars = number("maxChars").unwrap_or(usual).clamp(least, longest);
    let bounds = [limit, chars].map(|bound| usize::try_from(bound).unwrap_or(usize::MAX));
    let store = call.state.sessions.clone();
    let read = move || {
        let previews = keys.iter().map(|(typed, key)| {
            let (status, items) = texts(&store, key, bounds);
            json!({"key": typed, "status": status, "items": items})
        });
        previews.collect::<Vec<_>>()
    };
    let previews = spawn_blocking(read).await.unwrap_or_default();
    Ok(json!({"ts": call.now_ms(), "previews": previews}))
}

/// Returns whether a session is there, and the last texts of it within these bounds: their number, and the characters of
/// each.
fn texts(store: &SessionStore, key: &SessionKey, [limit, chars]: [usize; 2]) -> (&'static str, Vec<Value>) {
    let Some(session) = store.get(key) else {
        return ("missing", Vec::new());
    };
    let history = SessionStore::transcript(&session).history();
    let mut items: Vec<_> = history
        .iter()
        .rev()
        .filter_map(|(_, message)| {
            let text = text_of(message);
            let text = shorten(text.trim(), chars);
            (!text.is_empty()).then(|| json!({"role": message["role"], "text": text}))
        })
        .take(limit)
        .collect();
    items.reverse();
    let status = if items.is_empty() { "empty" } else { "ok" };
    (status, items)
}

/// Returns the text of a message of a history.
pub(super) fn text_of(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text")?.as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// Returns a text of at most so many characters, with a sign where something was left out.
pub(super) fn shorten(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}
