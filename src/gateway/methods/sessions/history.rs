//! `chat.history` and `chat.startup`: the last messages of a session.

use serde_json::{Value, json};

use super::super::call::MethodCall;
use super::super::session_key::resolve_key;
use super::stored::{session_defaults, session_value};
use crate::agent::roster;
use crate::gateway::protocol::shape::{FrameField, FrameShape, TEXT, optional, required};
use crate::gateway::protocol::{MethodResult, Protocol};
use crate::gateway::state::GatewayState;
use crate::sessions::{Session, SessionFields, SessionKey, SessionStore};
use crate::sync::spawn_blocking;
use crate::time::unix_millis;

/// The parameters of the gateway's methods `chat.history` and `chat.startup`.
pub(super) const PARAMS: &[FrameField] = &[
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

/// Number of messages in one answer, at most and by default, as in OpenClaw.
const MESSAGE_LIMIT: (u64, u64) = (1000, 200);
/// Maximum size of the messages in one answer, in bytes.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Answers the gateway's methods `chat.history` and `chat.startup`: the last messages of a session, none for one that
/// is not there.
pub(super) async fn history(call: MethodCall) -> MethodResult {
    let state = &call.state;
    let typed = call.text("sessionKey").unwrap_or_default();
    let key = resolve_key(state, typed);
    let (store, wanted) = (state.sessions.clone(), key.clone());
    let read = move || {
        let session = store.get(&wanted)?;
        let messages = SessionStore::transcript(&session).history();
        Some((session, messages))
    };
    let read = spawn_blocking(read).await.ok().flatten();
    let (session, messages) = read.map_or((None, Vec::new()), |(session, messages)| {
        (Some(session), messages)
    });
    let total = messages.len();
    let number = |name: &str| call.params.get(name).and_then(Value::as_u64);
    let (most, default) = MESSAGE_LIMIT;
    let limit = usize::try_from(number("limit").unwrap_or(default).min(most)).unwrap_or(usize::MAX);
    let offset = usize::try_from(number("offset").unwrap_or_default()).unwrap_or(usize::MAX);
    let end = total.saturating_sub(offset);
    let start = end.saturating_sub(limit);
    let protocol = call.client.protocol;
    let shown = messages.into_iter().enumerate().take(end).skip(start);
    let source = session.as_ref().map(|session| session.id().to_owned());
    let shown = shown.map(|(at, (id, message))| match protocol {
        Protocol::Three => message,
        Protocol::Four => with_place(message, &id, at + 1, source.as_deref()),
    });
    let max_bytes = number("maxBytes").unwrap_or(MAX_BYTES).min(MAX_BYTES);
    let messages = last_within(shown.collect(), usize::try_from(max_bytes).unwrap_or(usize::MAX));
    let mut answer = json!({"sessionKey": typed});
    if let Some(session) = &session {
        answer["sessionId"] = session.id().into();
    }
    let first = end - messages.len();
    answer["messages"] = messages.into();
    match protocol {
        Protocol::Three => {
            let level = session.as_ref().and_then(|session| session.text("thinkingLevel"));
            answer["thinkingLevel"] = level.unwrap_or("off").into();
        }
        Protocol::Four => {
            answer["pendingInputs"] = json!({"items": [], "total": 0});
            answer["hasMore"] = (first > 0).into();
            answer["totalMessages"] = total.into();
            if first > 0 {
                answer["nextOffset"] = (total - first).into();
            }
            answer["defaults"] = session_defaults(&state.active().config);
            answer["sessionInfo"] = session_info(state, &key, session.as_ref());
        }
    }
    Ok(answer)
}

/// Returns a message with what clients of version 4 of the protocol know it by.
fn with_place(mut message: Value, id: &str, number: usize, source: Option<&str>) -> Value {
    let at = message["timestamp"].clone();
    let own = message.get("__openclaw").cloned();
    let mut place = json!({
        "id": id,
        "seq": number,
        "recordTimestampMs": at,
        "transcriptPosition": { "source": source, "rawSeq": number },
    });
    if let (Some(place), Some(Value::Object(own))) = (place.as_object_mut(), own) {
        place.extend(own);
    }
    message["__openclaw"] = place;
    message
}

/// Returns the last messages that have no more bytes than this together; at least one, where there is any.
fn last_within(mut messages: Vec<Value>, max_bytes: usize) -> Vec<Value> {
    let mut bytes = 0_usize;
    let mut kept = 0;
    for message in messages.iter().rev() {
        bytes = bytes.saturating_add(message.to_string().len());
        if bytes > max_bytes && kept > 0 {
            break;
        }
        kept += 1;
    }
    messages.split_off(messages.len() - kept)
}

/// Returns what an answer in version 4 of the protocol says about the session whose messages it has, which need not
/// exist yet.
fn session_info(state: &GatewayState, key: &SessionKey, session: Option<&Session>) -> Value {
    let rules = roster::session_key_rules(&state.active().config);
    let absent = || state.sessions.absent(key, SessionFields::new());
    let session = session.cloned().unwrap_or_else(absent);
    let mut info = session_value(state, &session, Protocol::Four, &rules);
    info["classification"] = "main".into();
    info["snapshotAt"] = unix_millis(state.context.host.now()).into();
    info["activeLeafEntryId"] = Value::Null;
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_messages_fit_into_the_bytes_of_the_answer() {
        let messages = vec![json!("aaaa"), json!("bbbb"), json!("cccc")];
        assert_eq!(last_within(messages.clone(), 12), [json!("bbbb"), json!("cccc")]);
        assert_eq!(last_within(messages.clone(), 1), [json!("cccc")]);
        assert_eq!(last_within(messages.clone(), 100), messages);
        assert_eq!(last_within(Vec::new(), 1), Vec::<Value>::new());
    }
}
