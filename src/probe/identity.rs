//! Who is it that answers? The liveness route, which asks for no token and tells none.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::letters::sanitize;

/// The largest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// What a native gateway says of itself to everybody.
#[derive(Clone, Debug, Default)]
pub(super) struct Identity {
    pub(super) profile: String,
    pub(super) instance_id: String,
    pub(super) version: Option<String>,
    pub(super) pid: Option<u32>,
    pub(super) started: Option<SystemTime>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// A gateway of this program.
    Native(Identity),
    /// An HTTP answer that names nobody: OpenClaw from npm answers like this, and others do.
    Anonymous,
    /// None in time.
    Slow,
    /// No HTTP.
    Foreign,
}

/// Asks who listens at an address.
pub(super) fn of(address: SocketAddr, limit: Duration) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .proxy(None)
        .timeout_global(Some(limit))
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .into();
    let answer = agent.get(format!("http://{address}/health")).call();
    let text =
        answer.and_then(|mut answer| answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string());
    match text {
        Ok(text) => understood(&text),
        Err(ureq::Error::Timeout(_)) => Answer::Slow,
        Err(ureq::Error::BodyExceedsLimit(_)) => Answer::Anonymous,
        Err(ureq::Error::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut => Answer::Slow,
        Err(_) => Answer::Foreign,
    }
}

fn understood(text: &str) -> Answer {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let field = |name: &str| value[name].as_str().map(sanitize).filter(|text| !text.is_empty());
    match (field("profile"), field("instanceId")) {
        (Some(profile), Some(instance_id)) => Answer::Native(Identity {
            profile,
            instance_id,
            version: field("version"),
            pid: value["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()),
            started: field("startedAt").and_then(|text| humantime::parse_rfc3339(&text).ok()),
        }),
        _ => Answer::Anonymous,
    }
}
