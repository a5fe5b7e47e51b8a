//! The greeting of a client that was let in, in the shape of its protocol.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde_json::{Value, json};

use super::Peer;
use crate::gateway::clients::{Connected, presence, pulse};
use crate::gateway::devices::Issued;
use crate::gateway::methods::{self, config, health};
use crate::gateway::protocol::Protocol;
use crate::gateway::shared::Shared;

/// What is sent without being asked for.
const EVENTS: [&str; 7] = [
    "connect.challenge",
    "presence",
    "tick",
    "shutdown",
    "health",
    "device.pair.requested",
    "device.pair.resolved",
];

/// The payload of `hello-ok`. Every path is this instance's own.
pub(super) async fn payload(
    shared: &Arc<Shared>,
    who: &Connected,
    peer: Peer,
    issued: Option<&Issued>,
    method: &'static str,
) -> Value {
    let health = health::look(shared).await;
    let live = shared.live();
    let protocol = who.protocol;
    let agent = config::default_agent(&live.config);
    let text = |pointer: &str, default: &str| {
        let value = live.config.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or(default).to_owned()
    };
    let main = text("/session/mainKey", "main");
    let uptime = u64::try_from(shared.since.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut hello = json!({
        "type": "hello-ok",
        "protocol": protocol.number(),
        "server": {"version": shared.identity.version, "connId": who.conn_id.to_string()},
        "features": {"methods": methods::served(), "events": EVENTS},
        "snapshot": {
            "presence": shared.clients.presence(shared, presence::BRIEF),
            "health": health,
            "stateVersion": shared.clients.version().to_value(),
            "uptimeMs": uptime,
            "configPath": shared.instance.config_path.display().to_string(),
            "stateDir": shared.instance.state_dir.display().to_string(),
            "sessionDefaults": {
                "defaultAgentId": agent,
                "mainKey": main,
                "mainSessionKey": format!("agent:{agent}:{main}"),
                "scope": text("/session/scope", "per-sender"),
            },
        },
        "policy": {
            "maxPayload": protocol.max_payload(),
            "maxBufferedBytes": protocol.max_buffered(),
            "tickIntervalMs": pulse::TICK.as_secs() * 1000,
        },
    });
    let canvas = canvas_url(shared, peer.local);
    match protocol {
        Protocol::Three => {
            if let Some(name) = shared.host.hostname() {
                hello["server"]["host"] = name.into();
            }
            if let Some(url) = canvas {
                hello["canvasHostUrl"] = url.into();
            }
            if let Some(issued) = issued {
                hello["auth"] = auth(who, &issued.scopes, Some(issued));
            }
        }
        Protocol::Four => {
            hello["server"]["buildId"] = format!("openclaw-native-{}", shared.identity.version).into();
            hello["server"]["bootId"] = shared.identity.boot_id.as_str().into();
            hello["features"]["capabilities"] = json!([]);
            hello["snapshot"]["suspension"] = json!({"phase": "accepting"});
            hello["snapshot"]["authMode"] = live.settings.proof.mode().name().into();
            hello["snapshot"]["appliedConfigHash"] = config::fingerprint(shared, &live.config).into();
            hello["pluginSurfaceUrls"] = json!({});
            if let Some(url) = canvas {
                hello["pluginSurfaceUrls"]["canvas"] = url.into();
            }
            hello["auth"] = auth(who, &who.scopes, issued);
            hello["auth"]["method"] = method.into();
        }
    }
    hello
}

fn auth(who: &Connected, scopes: &[String], issued: Option<&Issued>) -> Value {
    let mut auth = json!({"role": who.role.name(), "scopes": scopes});
    if let Some(issued) = issued {
        auth["deviceToken"] = issued.token.expose().into();
        auth["issuedAtMs"] = issued.issued_at_ms.into();
    }
    auth
}

/// Where this client reaches the canvas: at loopback, or from elsewhere at an address that is served there.
fn canvas_url(shared: &Shared, local: bool) -> Option<String> {
    let url = shared.canvas_url()?;
    if local {
        return Some(url);
    }
    let outside = |ip: &IpAddr| !ip.is_unspecified() && !ip.is_loopback();
    let ip = shared.addresses.iter().map(SocketAddr::ip).find(outside)?;
    // Only the host is another one: brackets around IPv6, as a socket address writes them.
    let host = SocketAddr::new(ip, 0).to_string();
    Some(url.replacen("127.0.0.1", host.trim_end_matches(":0"), 1))
}
