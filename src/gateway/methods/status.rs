//! `status`: a summary for command lines.

use serde_json::{Value, json};

use super::{Call, config, health};
use crate::gateway::protocol::{Protocol, Reply};

pub(super) async fn answer(call: Call) -> Reply {
    let shared = &call.shared;
    let sessions = health::sessions(shared).await;
    let live = shared.live();
    let model = live.config.pointer("/agents/defaults/model/primary").cloned();
    let heartbeat = |one: &health::Sessions| json!({"agentId": one.agent, "enabled": false, "every": "disabled", "everyMs": null});
    let by_agent = |one: &health::Sessions| {
        let mut value = one.to_value();
        value["agentId"] = one.agent.as_str().into();
        value
    };
    let path = |one: &health::Sessions| one.path.display().to_string();
    let mut status = json!({
        "heartbeat": {
            "defaultAgentId": config::default_agent(&live.config),
            "agents": sessions.iter().map(heartbeat).collect::<Vec<_>>(),
        },
        "channelSummary": [],
        "queuedSystemEvents": [],
        "sessions": {
            "paths": sessions.iter().map(path).collect::<Vec<_>>(),
            "count": sessions.iter().map(|one| one.count).sum::<usize>(),
            "defaults": {"model": model, "contextTokens": Value::Null},
            "recent": [],
            "byAgent": sessions.iter().map(by_agent).collect::<Vec<_>>(),
        },
        "gateway": health::gateway(shared),
    });
    if call.who.protocol == Protocol::Four {
        status["runtimeVersion"] = shared.identity.version.into();
        status["pid"] = shared.identity.pid.into();
    }
    health::add_notices(shared, &mut status);
    Ok(status)
}
