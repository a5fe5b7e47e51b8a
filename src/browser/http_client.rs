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
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| anyhow::anyhow!("no scheme in {}", super::profiles::redact_url(url)))?;
    match scheme.to_ascii_lowercase().as_str() {
        "ws" => Ok(url.to_owned()),
        "http" => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let version = get_json(&format!("http://{authority}/json/version"), timeout)?;
            let debugger_url = version.get("webSocketDebuggerUrl").and_then(Value::as_str);
            let path = debugger_url
                .and_then(|url| url.split_once("://")?.1.split_once('/'))
                .map(|(_, path)| path)
                .ok_or_else(|| anyhow::anyhow!("no webSocketDebuggerUrl"))?;
            let address = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
            Ok(format!("ws://{address}/{path}"))
        }
        other => anyhow::bail!("{other}: only http and ws are spoken"),
    }
}
