//! The sessions of the agents of the config in the form of answers to the gateway's methods.

use std::cmp::Reverse;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::agent::roster;
use crate::gateway::protocol::Protocol;
use crate::gateway::state::GatewayState;
use crate::sessions::{Session, SessionKeyRules};
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

/// Returns a session in the form of answers in a version of the protocol.
pub(super) fn session_value(
    state: &GatewayState,
    session: &Session,
    protocol: Protocol,
    rules: &SessionKeyRules,
) -> Value {
    let key = &session.key;
    let mut value = json!({"key": key.as_str(), "kind": key.kind(), "updatedAt": null});
    for key in KEPT_KEYS {
        if let Some(known) = session.fields.get(key) {
            value[key] = known.clone();
        }
    }
    if protocol == Protocol::Four {
        value["agentId"] = key.agent().into();
        value["isMain"] = key.is_main(rules).into();
        for key in ["isBackground", "archived", "pinned", "unread"] {
            value[key] = false.into();
        }
        let active = state.runs.book.active_in(key.as_str());
        value["hasActiveRun"] = (!active.is_empty()).into();
        value["status"] = if active.is_empty() { "done" } else { "running" }.into();
        value["activeRunIds"] = active.into();
    }
    value
}

/// Reads the sessions of all agents of the config, off the async thread, the one that was changed last first.
pub(super) async fn read_sessions(state: &Arc<GatewayState>) -> Vec<Session> {
    let store = state.sessions.clone();
    let agents = roster::agent_ids(&state.active().config);
    let read = move || {
        let mut sessions: Vec<_> = agents.iter().flat_map(|agent| store.list(agent)).collect();
        sessions.sort_by_key(|session| Reverse(session.updated_at()));
        sessions
    };
    spawn_blocking(read).await.unwrap_or_default()
}

/// Returns the model that new sessions would have by the config, as answers about sessions have it.
pub(super) fn session_defaults(config: &Value) -> Value {
    let models = roster::models(config, &roster::default_agent(config));
    let first = models.first().map(String::as_str);
    let (provider, model) = match first.and_then(|model| model.split_once('/')) {
        Some((provider, model)) => (Some(provider), Some(model)),
        None => (None, first),
    };
    json!({"modelProvider": provider, "model": model, "contextTokens": null})
}
