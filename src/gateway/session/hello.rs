//! The greeting of an accepted client, the payload `hello-ok`, in the form of its protocol version.

use std::sync::Arc;

use serde_json::{Value, json};

use super::handshake::AuthMethod;
use crate::agent::roster;
use crate::gateway::clients::ConnectedClient;
use crate::gateway::clients::presence::MAX_ENTRIES_UNREQUESTED;
use crate::gateway::devices::book::IssuedToken;
use crate::gateway::methods::surface::canvas_url;
use crate::gateway::methods::{self, config, health};
use crate::gateway::protocol::event::GatewayEvent;
use crate::gateway::protocol::{Protocol, TICK_INTERVAL};
use crate::gateway::state::GatewayState;
use crate::time::millis;

/// Creates the payload of `hello-ok`, the gateway's greeting of an accepted client. Every path in it belongs to this
/// instance.
pub(super) async fn payload(
    state: &Arc<GatewayState>,
    client: &ConnectedClient,
    device_token: Option<&IssuedToken>,
    method: AuthMethod,
) -> Value {
    let mut hello = common_payload(state, client).await;
    let canvas = canvas_url(state, client.local);
    match client.protocol {
        Protocol::Three => {
            if let Some(name) = state.context.host.hostname() {
                hello["server"]["host"] = name.into();
            }
            if let Some(url) = canvas {
                hello["canvasHostUrl"] = url.into();
            }
            if let Some(token) = device_token {
                hello["auth"] = auth_value(client, &token.scopes, Some(token));
            }
        }
        Protocol::Four => {
            let active = state.active();
            // OpenClaw's control UI reloads itself for ever where a `buildId` is not its own, and after a
            // reconnection where the version is not; of a page that the operator configured it compares neither
            // (docs/openclaw.md#build-of-the-control-ui).
            hello["server"]["controlUiBuildSource"] = "configured".into();
            hello["server"]["bootId"] = state.identity.boot_id.as_str().into();
            hello["features"]["capabilities"] = json!([]);
            hello["snapshot"]["suspension"] = json!({"phase": "accepting"});
            hello["snapshot"]["authMode"] = active.settings.auth.mode().name().into();
            hello["snapshot"]["appliedConfigHash"] = config::fingerprint(state, &active.config).into();
            hello["pluginSurfaceUrls"] = json!({});
            if let Some(url) = canvas {
                hello["pluginSurfaceUrls"]["canvas"] = url.into();
            }
            hello["auth"] = auth_value(client, &client.scopes, device_token);
            hello["auth"]["method"] = method.name().into();
        }
    }
    hello
}

/// Creates the part of the gateway's greeting `hello-ok` that both versions of its protocol have.
async fn common_payload(state: &Arc<GatewayState>, client: &ConnectedClient) -> Value {
    let health = health::document(state).await;
    let active = state.active();
    let instance = &state.context.instance;
    let protocol = client.protocol;
    let agent = roster::default_agent(&active.config);
    let main = roster::main_key(&active.config);
    let events: Vec<_> = GatewayEvent::ALL.iter().map(|event| event.name()).collect();
    json!({
        "type": "hello-ok",
        "protocol": protocol.number(),
        "server": {"version": state.identity.version, "connId": client.conn_id.to_string()},
        "features": {"methods": methods::served_names(), "events": events},
        "snapshot": {
            "presence": state.presence(MAX_ENTRIES_UNREQUESTED),
            "health": health,
            "stateVersion": state.clients.version().to_value(),
            "uptimeMs": millis(state.uptime()),
            "configPath": instance.config_path.display().to_string(),
            "stateDir": instance.state_dir.display().to_string(),
            "sessionDefaults": {
                "defaultAgentId": agent,
                "mainKey": main,
                "mainSessionKey": format!("agent:{agent}:{main}"),
                "scope": roster::session_scope(&active.config),
            },
        },
        "policy": {
            "maxPayload": protocol.max_payload(),
            "maxBufferedBytes": protocol.max_buffered(),
            "tickIntervalMs": millis(TICK_INTERVAL),
        },
    })
}

/// Returns the value of `auth` in the gateway's greeting of a client: the role, the scopes, and the token of the
/// device.
fn auth_value(client: &ConnectedClient, scopes: &[String], device_token: Option<&IssuedToken>) -> Value {
    let mut auth = json!({"role": client.role.name(), "scopes": scopes});
    if let Some(issued) = device_token {
        auth["deviceToken"] = issued.token.expose().into();
        auth["issuedAtMs"] = issued.issued_at_ms.into();
    }
    auth
}
