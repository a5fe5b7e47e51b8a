//! One small JSON document over HTTP, in the clear: `/json/version` of a debugging port. Blocking, and
//! past every proxy: what is asked here is on this host, or is named by the user's own config.

use std::time::Duration;

use serde_json::Value;

/// An agent that asks directly, follows nothing, and takes every status for an answer.
pub(super) fn agent(limit: Duration) -> ureq::Agent {
    ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(limit))
        .build()
        .new_agent()
}

/// Whether a URL is of a kind that is spoken here: without encryption.
pub fn is_plain(url: &str) -> bool {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        ["http", "ws"]
            .iter()
            .any(|plain| scheme.eq_ignore_ascii_case(plain))
    })
}

/// The document at a URL.
///
/// # Errors
/// Nothing answers in time, or with something else than JSON.
pub fn json(url: &str, limit: Duration) -> anyhow::Result<Value> {
    let mut answer = agent(limit).get(url).call()?;
    let status = answer.status();
    anyhow::ensure!(status.is_success(), "HTTP {status}");
    Ok(serde_json::from_str(&answer.body_mut().read_to_string()?)?)
}

/// The address of the browser behind a debugging port's URL: its own answer names one, of which only the
/// path is taken, so that it can't send us elsewhere.
///
/// # Errors
/// As [`json`]; a URL that needs an encrypted connection, which the debugging protocol has not.
pub fn socket_url(url: &str, limit: Duration) -> anyhow::Result<String> {
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| anyhow::anyhow!("no scheme in {}", super::profiles::shown_url(url)))?;
    match scheme.to_ascii_lowercase().as_str() {
        "ws" => Ok(url.to_owned()),
        "http" => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let version = json(&format!("http://{authority}/json/version"), limit)?;
            let named = version.get("webSocketDebuggerUrl").and_then(Value::as_str);
            let path = named
                .and_then(|named| named.split_once("://")?.1.split_once('/'))
                .map(|(_, path)| path)
                .ok_or_else(|| anyhow::anyhow!("no webSocketDebuggerUrl"))?;
            let address = authority.rsplit_once('@').map_or(authority, |(_, a)| a);
            Ok(format!("ws://{address}/{path}"))
        }
        other => anyhow::bail!("{other}: only http and ws are spoken"),
    }
}
