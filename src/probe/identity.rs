//! Queries the identity of an HTTP server by its liveness route. Neither the request nor the answer contains a token.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::report::ProbeVerdict;
use crate::record::Engine;
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
    let uptime = Duration::from_millis(value["uptimeMs"].as_u64().unwrap_or_default());
    match value["status"].as_str()? {
        // One that never comes up is not starting any more.
        "starting" if uptime < Engine::Node.start_timeout() => Some(ProbeVerdict::Starting),
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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test answers in place of OpenClaw")]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Returns what is taken from an answer of OpenClaw from npm about its start.
    fn phase_from(body: &'static str) -> Option<ProbeVerdict> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let (mut client, _) = listener.accept().unwrap();
                let mut request = [0; 4096];
                let length = client.read(&mut request).unwrap();
                assert!(request[..length].starts_with(b"GET /startupz HTTP/1.1\r\n"));
                let head = format!(
                    "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                client.write_all((head + body).as_bytes()).unwrap();
            });
            request_phase(address, Duration::from_secs(30))
        })
    }

    #[test]
    fn openclaw_tells_that_it_is_starting_or_draining() {
        let phase = phase_from(r#"{"ok":false,"status":"draining","uptimeMs":900000}"#);
        assert_eq!(phase, Some(ProbeVerdict::ShuttingDown));
        let phase = phase_from(r#"{"ok":false,"status":"starting","uptimeMs":20000}"#);
        assert_eq!(phase, Some(ProbeVerdict::Starting));
        let phase = phase_from(r#"{"ok":false,"status":"starting","uptimeMs":900000}"#);
        assert_eq!(phase, None, "it never came up");
        assert_eq!(phase_from(r#"{"ok":true,"status":"started","uptimeMs":1}"#), None);
        assert_eq!(phase_from("<html>"), None, "the early release has no such route");
    }
}
