//! `plugin.surface.refresh` and `node.pluginSurface.refresh`: the URL of a page that the greeting offers, once more.
//!
//! OpenClaw 2026.9.6 gives its clients a URL that expires, and they ask for the next one. The capability in ours is
//! valid until the gateway ends, so its answer names no time (docs/openclaw.md#canvas-url).

use std::net::{IpAddr, SocketAddr};

use serde_json::{Value, json};

use super::call::MethodCall;
use crate::gateway::protocol::{ErrorResponse, MethodResult};
use crate::gateway::state::GatewayState;

/// The name of the only surface that the gateway's greeting offers: the canvas.
const CANVAS: &str = "canvas";

/// Answers the gateway's methods `plugin.surface.refresh` and `node.pluginSurface.refresh`: the URL of the canvas.
pub(super) fn refresh(call: &MethodCall) -> MethodResult {
    let name = call.params.get("surface").and_then(Value::as_str).map(str::trim);
    let name = name.filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| ErrorResponse::invalid_request("surface required"))?;
    let url = (name == CANVAS).then(|| canvas_url(&call.state, call.client.local));
    let unavailable = || ErrorResponse::unavailable(format!("{name} plugin surface unavailable"));
    let url = url.flatten().ok_or_else(unavailable)?;
    Ok(json!({"surface": CANVAS, "pluginSurfaceUrls": {CANVAS: url}}))
}

/// Returns the URL under which a client of the gateway reaches its canvas: on loopback, or for a client on another
/// machine at an address that is served there. `None` where there is no such URL.
pub(crate) fn canvas_url(state: &GatewayState, is_local: bool) -> Option<String> {
    let url = state.canvas_url()?;
    if is_local {
        return Some(url);
    }
    let is_reachable = |ip: &IpAddr| !ip.is_unspecified() && !ip.is_loopback();
    let ip = state.addresses.iter().map(SocketAddr::ip).find(is_reachable)?;
    // Only the host is replaced. A socket address puts brackets around IPv6.
    let host = SocketAddr::new(ip, 0).to_string();
    Some(url.replacen("127.0.0.1", host.trim_end_matches(":0"), 1))
}
