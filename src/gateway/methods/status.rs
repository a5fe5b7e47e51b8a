//! `status`: a summary of the gateway for command lines.

use serde_json::{Value, json};

use super::call::MethodCall;
use super::{channels, health};
use crate::agent::roster;
use crate::gateway::protocol::{MethodResult, Protocol};

/// Answers the gateway's method `status`, which returns a summary of the gateway for command lines.
pub(super) async fn status(call: MethodCall) -> MethodResult {
    let state = &call.state;
    let sessions = health::agent_sessions(state).await;
    let active = state.active();
    let model = active.config.pointer("/agents/defaults/model/primary").cloned();
    let heartbeat = |one: &health::AgentSessions| json!({"agentId": one.agent, "enabled": false, "every": "disabled", "everyMs": null});
    let by_agent = |one: &health::AgentSessions| {
        let mut value = one.to_value();
        value["agentId"] = one.agent.as_str().into();
        value
    };
    let path = |one: &health::AgentSessions| one.path.display().to_string();
    let mut status = json!({
        "heartbeat": {
            "defaultAgentId": roster::default_agent(&active.config),
            "agents": sessions.iter().map(heartbeat).collect::<Vec<_>>(),
        },
        "channelSummary": channels::summary(&channels::account_reports(state).await),
        "queuedSystemEvents": [],
        "sessions": {
            "paths": sessions.iter().map(path).collect::<Vec<_>>(),
            "count": sessions.iter().map(|one| one.count).sum::<usize>(),
            "defaults": {"model": model, "contextTokens": Value::Null},
            "recent": [],
            "byAgent": sessions.iter().map(by_agent).collect::<Vec<_>>(),
        },
        "gateway": health::gateway_value(state),
    });
    if call.client.protocol == Protocol::Four {
        status["runtimeVersion"] = state.identity.version.into();
        status["pid"] = state.identity.pid.into();
    }
    health::add_notices(state, &mut status);
    Ok(status)
}
