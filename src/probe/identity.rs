//! Queries the identity of an HTTP server by its liveness route. Neither the request nor the answer contains a token.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::report::ProbeVerdict;
use crate::text::sanitize;

/// Maximum size of an answer of the HTTP server whose identity a probe queries, in bytes.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// The identity that a gateway of this program reports to every client.
#[derive(Clone, Debug, Default)]
pub(super) struct ReportedIdentity {
    pub(super) profile: String,
    pub(super) instance_id: String,
    pub(super) version: Option<String>,
    pub(super) pid: Option<u32>,
    pub(super) started: Option<SystemTime>,
}

/// The answer of an HTTP server to the liveness request of a probe.
#[derive(Clone, Debug)]
pub(super) enum LivenessAnswer {
    /// A gateway of this program answered, with its identity.
    Native(ReportedIdentity),
    /// A server answered without an identity: OpenClaw from npm or another HTTP server.
    Anonymous,
    /// The server did not answer in time.
    Slow,
    /// The server did not answer in HTTP.
    Foreign,
}

/// Sends an HTTP liveness request to the address of a gateway, and waits for the answer at most for `limit`.
pub(super) fn request(address: SocketAddr, limit: Duration) -> LivenessAnswer {
    match get(address, "/health", limit) {
        Ok(text) => parse(&text),
        Err(ureq::Error::Timeout(_)) => LivenessAnswer::Slow,
        Err(ureq::Error::BodyExceedsLimit(_)) => LivenessAnswer::Anonymous,
        Err(ureq::Error::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut => LivenessAnswer::Slow,
        Err(_) => LivenessAnswer::Foreign,
    }
}

/// Asks OpenClaw from npm whether it is starting or ending; `None` where it is neither, or its release does not tell
/// (docs/openclaw.md#start-and-end).
pub(super) fn request_phase(address: SocketAddr, limit: Duration) -> Option<ProbeVerdict> {
    let text = get(address, "/startupz", limit).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    match value["status"].as_str()? {
        "starting" => Some(ProbeVerdict::Starting),
        "draining" => Some(ProbeVerdict::ShuttingDown),
        _ => None,
    }
}

/// Sends an HTTP request for a path to a server, and returns the text of the answer, whatever its status.
fn get(address: SocketAddr, path: &str, limit: Duration) -> Result<String, ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .proxy(None)
        .timeout_global(Some(limit))
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .into();
    let mut response = agent.get(format!("http://{address}{path}")).call()?;
    let body = response.body_mut().with_config();
    body.limit(MAX_ANSWER_BYTES).read_to_string()
}

fn parse(text: &str) -> LivenessAnswer {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let field = |name: &str| value[name].as_str().map(sanitize).filter(|text| !text.is_empty());
    match (field("profile"), field("instanceId")) {
        (Some(profile), Some(instance_id)) => LivenessAnswer::Native(ReportedIdentity {
            profile,
            instance_id,
            version: field("version"),
            pid: value["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()),
            started: field("startedAt").and_then(|text| humantime::parse_rfc3339(&text).ok()),
        }),
        _ => LivenessAnswer::Anonymous,
    }
}
