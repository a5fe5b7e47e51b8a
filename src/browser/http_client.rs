//! Unencrypted HTTP requests to debugging ports (`/json/version`) and to the control service.
//!
//! Requests block, and never use a proxy: their targets are on this host or are named by the user's own config.

use std::time::Duration;

use serde_json::Value;

use crate::url::ServerUrl;

/// Creates the HTTP agent for debugging ports and the browser control service, which uses no proxy, follows no
/// redirect, and returns every status as a response.
pub(super) fn agent(timeout: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(timeout))
        .build()
        .new_agent()
}

/// Tells whether a URL of a browser has one of the supported schemes, `http` and `ws`, which are not encrypted.
pub(super) fn is_unencrypted(url: &str) -> bool {
    ServerUrl::parse(url).is_some_and(|url| url.is_unencrypted())
}

/// Requests a JSON document from a URL by an HTTP GET.
///
/// # Errors
/// When no response arrives in time, its status is not a success, or its body is not JSON.
fn get_json(url: &str, timeout: Duration) -> anyhow::Result<Value> {
    let mut response = agent(timeout).get(url).call()?;
    let status = response.status();
    anyhow::ensure!(status.is_success(), "HTTP {status}");
    Ok(serde_json::from_str(&response.body_mut().read_to_string()?)?)
}

/// Returns the WebSocket URL of the browser behind the URL of a debugging port.
///
/// `/json/version` names that URL. Only its path is used, so that a response cannot redirect the connection to
/// another host.
///
/// # Errors
/// As [`get_json`]; also for a URL with an encrypted scheme, which the debugging protocol does not have.
pub(super) fn socket_url(url: &str, timeout: Duration) -> anyhow::Result<String> {
    let parsed = ServerUrl::parse(url)
        .ok_or_else(|| anyhow::anyhow!("not a URL: {}", super::profiles::redact_url(url)))?;
    match parsed.scheme() {
        "ws" => Ok(url.to_owned()),
        "http" => ask_socket_url(&parsed, timeout),
        other => anyhow::bail!("{other}: only http and ws are spoken"),
    }
}

/// Returns whether a remote browser answers at an unencrypted URL of its debugging port within a time limit.
pub(super) fn is_reachable(url: &str, timeout: Duration) -> bool {
    let url = ServerUrl::parse(url).filter(ServerUrl::is_unencrypted);
    url.is_some_and(|url| ask_socket_url(&url, timeout).is_ok())
}

/// Asks a browser for its WebSocket URL at the debugging port that a URL names. Only the path of the reply is used.
fn ask_socket_url(url: &ServerUrl, timeout: Duration) -> anyhow::Result<String> {
    let version = get_json(&format!("http://{}/json/version", url.authority()), timeout)?;
    let reply = version.get("webSocketDebuggerUrl").and_then(Value::as_str);
    let socket = reply
        .and_then(ServerUrl::parse)
        .ok_or_else(|| anyhow::anyhow!("no webSocketDebuggerUrl"))?;
    Ok(format!("ws://{}{}", url.address(), socket.path_and_query()))
}
