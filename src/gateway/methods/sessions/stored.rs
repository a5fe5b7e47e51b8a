//! The sessions that OpenClaw 2026.1.30 left in the state folder, and their messages (docs/openclaw.md#state-folder).

use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::gateway::methods::health::{AgentSessions, agent_sessions};
use crate::gateway::protocol::Protocol;
use crate::gateway::state::GatewayState;
use crate::host::read;
use crate::sync::spawn_blocking;

/// The keys of a session's entry in `sessions.json` that answers have as they are.
const KEPT_KEYS: [&str; 22] = [
    "sessionId",
    "updatedAt",
    "label",
    "displayName",
    "channel",
    "chatType",
    "origin",
    "deliveryContext",
    "lastChannel",
    "lastTo",
    "lastAccountId",
    "systemSent",
    "abortedLastRun",
    "thinkingLevel",
    "verboseLevel",
    "inputTokens",
    "outputTokens",
    "totalTokens",
    "modelProvider",
    "model",
    "contextTokens",
    "spawnedBy",
];

/// A session that OpenClaw 2026.1.30 left in the state folder.
#[derive(Debug)]
pub(super) struct StoredSession {
    /// The id of its agent.
    pub(super) agent: String,
    /// The key of the session.
    pub(super) key: String,
    /// The entry of the session in `sessions.json`.
    pub(super) entry: Map<String, Value>,
    /// The path of its transcript; `None` where its id is no plain file name.
    pub(super) transcript: Option<PathBuf>,
}

impl StoredSession {
    /// Returns the sessions in an agent's session file.
    fn in_file(file: &AgentSessions) -> Vec<Self> {
        let text = read::text(&file.path).unwrap_or_default();
        let document: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
        let session = |(key, entry): (String, Value)| {
            let Value::Object(entry) = entry else {
                return None;
            };
            let id = entry.get("sessionId").and_then(Value::as_str).unwrap_or_default();
            let is_name = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            Some(Self {
                agent: file.agent.clone(),
                transcript: is_name.then(|| file.path.with_file_name(format!("{id}.jsonl"))),
                key,
                entry,
            })
        };
        document.into_iter().filter_map(session).collect()
    }

    /// Returns the time of a session's last change, in milliseconds since 1970.
    pub(super) fn updated_at(&self) -> u64 {
        self.entry
            .get("updatedAt")
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    /// Returns the entry of a session in answers to the gateway's methods, in the form of a protocol version.
    pub(super) fn to_value(&self, protocol: Protocol, main_key: &str) -> Value {
        let kind = if ["global", "unknown"].contains(&self.key.as_str()) {
            self.key.as_str()
        } else if self.key.contains(":group:") || self.key.contains(":channel:") {
            "group"
        } else {
            "direct"
        };
        let mut value = json!({"key": self.key, "kind": kind, "updatedAt": null});
        for key in KEPT_KEYS {
            if let Some(known) = self.entry.get(key) {
                value[key] = known.clone();
            }
        }
        if protocol == Protocol::Four {
            let is_main = self.key == format!("agent:{}:{main_key}", self.agent);
            value["agentId"] = self.agent.as_str().into();
            value["isMain"] = is_main.into();
            for key in ["isBackground", "archived", "pinned", "unread", "hasActiveRun"] {
                value[key] = false.into();
            }
        }
        value
    }
}

/// Reads the messages of a session's transcript, in order; none where it is missing or can't be read.
pub(super) fn read_messages(transcript: &Path) -> Vec<Value> {
    let text = read::text(transcript).unwrap_or_default();
    let message = |line: &str| {
        let mut record: Value = serde_json::from_str(line).ok()?;
        (record["type"] == "message").then(|| record["message"].take())
    };
    let messages = text.lines().filter_map(message);
    messages.filter(Value::is_object).collect()
}

/// Reads every session in the state folder, off the async thread, the one that was changed last first.
pub(super) async fn read_sessions(state: &Arc<GatewayState>) -> Vec<StoredSession> {
    let files = agent_sessions(state).await;
    let read = move || {
        let mut sessions: Vec<_> = files.iter().flat_map(StoredSession::in_file).collect();
        sessions.sort_by_key(|session| Reverse(session.updated_at()));
        sessions
    };
    spawn_blocking(read).await.unwrap_or_default()
}
