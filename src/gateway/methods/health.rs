//! `health`: the state of this gateway, as far as this engine can tell, with the sessions of its agents.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};

use super::channels;
use crate::agent::roster;
use crate::gateway::state::GatewayState;
use crate::sync::spawn_blocking;
use crate::time::{millis, unix_millis};

/// The file of one OpenClaw agent's chat sessions in the state folder, and the number of sessions in it.
pub(super) struct AgentSessions {
    /// The id of the agent.
    pub(super) agent: String,
    /// The path of the session file.
    pub(super) path: std::path::PathBuf,
    /// The number of sessions; 0 where the file is missing or can't be read.
    pub(super) count: usize,
}

impl AgentSessions {
    /// Returns the JSON form of an OpenClaw agent's session file and session count for the gateway's methods `health`
    /// and `status`.
    pub(super) fn to_value(&self) -> Value {
        json!({"path": self.path.display().to_string(), "count": self.count, "recent": []})
    }
}

/// Counts the chat sessions of every OpenClaw agent in the state folder, off the async thread.
pub(super) async fn agent_sessions(state: &Arc<GatewayState>) -> Vec<AgentSessions> {
    let store = state.sessions.clone();
    let agents = roster::agent_ids(&state.active().config);
    let count_all = move || {
        let count_one = |agent: String| AgentSessions {
            path: store.index_path(&agent),
            count: store.count(&agent),
            agent,
        };
        agents.into_iter().map(count_one).collect()
    };
    spawn_blocking(count_all).await.unwrap_or_default()
}

/// Returns the identity of this gateway and the number of its clients, as the answers to its methods `health` and
/// `status` have them.
pub(super) fn gateway_value(state: &GatewayState) -> Value {
    let mut gateway = state.identity.to_value();
    gateway["clients"] = state.clients.count().into();
    gateway
}

/// Creates the health document of the gateway, the answer to its method `health`.
pub(crate) async fn document(state: &Arc<GatewayState>) -> Value {
    let begun = Instant::now();
    let sessions = agent_sessions(state).await;
    let active = state.active();
    let default = roster::default_agent(&active.config);
    let agent = |one: &AgentSessions| {
        json!({
            "agentId": one.agent,
            "isDefault": one.agent == default,
            "heartbeat": {"enabled": false, "every": "disabled", "everyMs": null},
            "sessions": one.to_value(),
        })
    };
    let default_sessions = sessions.iter().find(|one| one.agent == default);
    let mut health = json!({
        "ok": true,
        "ts": unix_millis(state.context.host.now()),
        "durationMs": millis(begun.elapsed()),
        "heartbeatSeconds": 0,
        "defaultAgentId": default,
        "agents": sessions.iter().map(agent).collect::<Vec<_>>(),
        "sessions": default_sessions.map(AgentSessions::to_value),
        "gateway": gateway_value(state),
    });
    channels::add_to_health(&channels::account_reports(state).await, &mut health);
    add_notices(state, &mut health);
    health
}

/// Adds `warning` and `watching` to an answer to the gateway's method `health` or `status`: what somebody should see
/// to, and the gateways that this one watches. A key without anything to say is left out.
pub(super) fn add_notices(state: &GatewayState, answer: &mut Value) {
    if let Some(warning) = state.active().warnings(state.lang) {
        answer["warning"] = warning.into();
    }
    let watching = state.watch_status.to_value(state.lang);
    if watching.as_array().is_some_and(|watched| !watched.is_empty()) {
        answer["watching"] = watching;
    }
}
