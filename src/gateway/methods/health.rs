//! `health`: how this gateway is, as truly as this engine can tell. It runs no agents and no channels, and
//! says so; sessions that OpenClaw left in the state folder are counted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};

use super::config;
use crate::gateway::clients::presence::millis;
use crate::gateway::shared::Shared;
use crate::host::read;

/// An agent's sessions, as they lie in the state folder.
pub(super) struct Sessions {
    pub(super) agent: String,
    pub(super) path: PathBuf,
    pub(super) count: usize,
}

impl Sessions {
    pub(super) fn to_value(&self) -> Value {
        json!({"path": self.path.display().to_string(), "count": self.count, "recent": []})
    }
}

/// Counts the sessions of every agent, off the async thread.
pub(super) async fn sessions(shared: &Arc<Shared>) -> Vec<Sessions> {
    let state = shared.instance.state_dir.clone();
    let agents = config::agents(&shared.live().config);
    let count = move || {
        let one = |agent: String| {
            let path = state.join("agents").join(&agent).join("sessions/sessions.json");
            let text = read::text(&path).unwrap_or_default();
            let count = serde_json::from_str::<Map<String, Value>>(&text).map_or(0, |map| map.len());
            Sessions { agent, path, count }
        };
        agents.into_iter().map(one).collect()
    };
    tokio::task::spawn_blocking(count).await.unwrap_or_default()
}

/// What this gateway is, in every answer that says how it is: nobody takes one for another.
pub(super) fn gateway(shared: &Shared) -> Value {
    let me = &shared.identity;
    json!({
        "engine": "native",
        "profile": me.profile,
        "instanceId": me.instance_id,
        "bootId": me.boot_id,
        "version": me.version,
        "pid": me.pid,
        "startedAt": humantime::format_rfc3339_millis(me.started).to_string(),
        "clients": shared.clients.count(),
    })
}

/// Looks.
pub async fn look(shared: &Arc<Shared>) -> Value {
    let begun = Instant::now();
    let sessions = sessions(shared).await;
    let live = shared.live();
    let default = config::default_agent(&live.config);
    let agent = |one: &Sessions| {
        json!({
            "agentId": one.agent,
            "isDefault": one.agent == default,
            "heartbeat": {"enabled": false, "every": "disabled", "everyMs": null},
            "sessions": one.to_value(),
        })
    };
    let own = sessions.iter().find(|one| one.agent == default);
    let mut health = json!({
        "ok": true,
        "ts": millis(shared.host.now()),
        "durationMs": u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        "channels": {},
        "channelOrder": [],
        "channelLabels": {},
        "heartbeatSeconds": 0,
        "defaultAgentId": default,
        "agents": sessions.iter().map(agent).collect::<Vec<_>>(),
        "sessions": own.map(Sessions::to_value),
        "gateway": gateway(shared),
    });
    add_notices(shared, &mut health);
    health
}

/// What somebody should see to, and whom this gateway watches; neither key where there is nothing.
pub(super) fn add_notices(shared: &Shared, answer: &mut Value) {
    if let Some(warning) = shared.live().warnings(shared.lang) {
        answer["warning"] = warning.into();
    }
    let watching = shared.watched.to_value(shared.lang);
    if watching.as_array().is_some_and(|watched| !watched.is_empty()) {
        answer["watching"] = watching;
    }
}
