//! The answers of remote hosts, read from their JSON documents. A field of an unexpected type is missing, and lists are
//! bounded: a host may be of another release, or hostile.

use std::time::Duration;

use serde_json::Value;

use super::fault::HostFault;
use crate::installation::PACKAGE_NAME;
use crate::ports::Port;
use crate::probe::VerdictClass;
use crate::profile::ProfileName;
use crate::text::{sanitize, sanitize_name};

/// Maximum number of instances that are read from the answer of one remote host.
const MAX_INSTANCES: usize = 1000;

/// The version of the `openclaw` on a remote host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteVersion {
    /// The version, such as `0.2.0`.
    pub(crate) version: String,
    /// The way in which it was installed, as `--version --json` names it.
    pub(crate) installed: String,
}

/// A gateway on a remote host, as the `openclaw` there reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteGateway {
    /// Name of the instance.
    pub(crate) label: String,
    /// Name of the verdict about it, such as `healthy`.
    pub(crate) verdict: String,
    /// Sentence about its state.
    pub(crate) message: String,
    /// The profile of the instance, where it has one.
    pub(crate) profile: Option<ProfileName>,
    /// Base port of the gateway.
    pub(crate) port: Option<Port>,
    /// Process of the gateway, where it runs.
    pub(crate) pid: Option<u64>,
    /// Engine of the gateway, with the version where it runs.
    pub(crate) engine: String,
    /// The time since its start, where it runs.
    pub(crate) uptime: Option<Duration>,
    /// Name of the state of its service; `None` where it has none.
    pub(crate) service: Option<String>,
}

/// The fingerprints of the bot tokens on a remote host: the instance, the config key, and the fingerprint.
pub(crate) type RemoteTokens = Vec<(String, String, String)>;

impl RemoteGateway {
    /// Returns the class of the verdict about a gateway on a remote host. A verdict that this release does not know is a fault.
    pub(crate) fn class(&self) -> VerdictClass {
        match self.verdict.as_str() {
            "healthy" => VerdictClass::Healthy,
            "not-running" => VerdictClass::NotRunning,
            _ => VerdictClass::Faulty,
        }
    }
}

/// Reads the answer to `--version --json`.
///
/// # Errors
/// Where another program gave it.
pub(crate) fn parse_version(document: &Value) -> Result<RemoteVersion, HostFault> {
    if document["package"].as_str() != Some(PACKAGE_NAME) {
        return Err(HostFault::OtherProgram);
    }
    Ok(RemoteVersion {
        version: name(&document["version"]),
        installed: name(&document["installed"]),
    })
}

/// Reads the answer to `status --all --json`.
///
/// # Errors
/// Where the program there failed, or another program gave the answer.
pub(crate) fn parse_gateways(document: &Value) -> Result<Vec<RemoteGateway>, HostFault> {
    let instances = list(document, "instances")?;
    Ok(instances.iter().take(MAX_INSTANCES).map(gateway).collect())
}

/// Reads the answer to `channels fingerprints --json`.
///
/// # Errors
/// Where the program there failed, or another program gave the answer.
pub(crate) fn parse_tokens(document: &Value) -> Result<RemoteTokens, HostFault> {
    let found = list(document, "fingerprints")?.iter().take(MAX_INSTANCES);
    let token = |found: &Value| {
        (
            name(&found["instance"]),
            name(&found["key"]),
            name(&found["fingerprint"]),
        )
    };
    Ok(found.map(token).collect())
}

/// Returns the list of a document of the `openclaw` on a remote host, or the fault that the document reports.
fn list<'d>(document: &'d Value, key: &str) -> Result<&'d Vec<Value>, HostFault> {
    if let Some(list) = document[key].as_array() {
        return Ok(list);
    }
    match document["message"].as_str() {
        Some(message) => Err(HostFault::Failed(sanitize(message))),
        None => Err(HostFault::OtherProgram),
    }
}

/// Reads one instance of the answer to `status --all --json`.
fn gateway(instance: &Value) -> RemoteGateway {
    let gateway = &instance["gateway"];
    let pid = gateway["pid"].as_u64();
    let engine = [name(&gateway["engine"]), name(&gateway["version"])];
    let engine = engine.into_iter().take(if pid.is_some() { 2 } else { 1 });
    let profile = instance["profile"].as_str();
    let state = |service: &Value| match &service["runtime"]["status"] {
        Value::String(state) => sanitize_name(state),
        _ => "unknown".to_owned(),
    };
    RemoteGateway {
        label: name(&instance["label"]),
        verdict: name(&instance["verdict"]),
        message: sanitize(instance["message"].as_str().unwrap_or_default()),
        profile: profile.and_then(|profile| ProfileName::parse(profile).ok()),
        port: Port::from_json(&gateway["port"]),
        pid,
        engine: engine
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" "),
        uptime: gateway["uptimeMs"].as_u64().map(Duration::from_millis),
        service: (!instance["service"].is_null()).then(|| state(&instance["service"])),
    }
}

/// Returns a text of a remote host as a name that may be shown; empty where it is no text.
fn name(value: &Value) -> String {
    sanitize_name(value.as_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answer_of_a_hostile_host_is_bounded_and_safe() {
        let hostile = json!({
            "label": "\u{1b}[2Jmain\u{202e}", "verdict": {"deep": []}, "message": "x".repeat(9000),
            "profile": "x; rm -rf /", "service": "yes",
            "gateway": {"port": 99_999, "pid": "12", "engine": ["x"], "uptimeMs": -3},
        });
        let document = json!({ "instances": vec![hostile; 2000] });
        let found = parse_gateways(&document).unwrap();
        assert_eq!(found.len(), 1000);
        let first = &found[0];
        assert_eq!((first.label.as_str(), first.verdict.as_str()), ("[2Jmain", ""));
        assert_eq!(
            (first.message.len(), first.port, first.pid, first.uptime),
            (400, None, None, None)
        );
        assert_eq!(first.profile, None);
        assert_eq!(first.service.as_deref(), Some("unknown"));
        assert_eq!(first.class(), VerdictClass::Faulty);
    }

    #[test]
    fn document_of_another_program_is_told_from_one_of_a_failure() {
        let other = parse_gateways(&json!({ "gateways": [] }));
        assert_eq!(other, Err(HostFault::OtherProgram));
        let failed = parse_gateways(&json!({ "ok": false, "message": "no\u{7} home" }));
        assert_eq!(failed, Err(HostFault::Failed("no  home".to_owned())));
        assert_eq!(
            parse_version(&json!({ "version": "2026.9.6" })),
            Err(HostFault::OtherProgram)
        );
    }
}
