//! Asks the gateway at a location for its identity, and in a session for its health.

use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::files::GatewayFiles;
use super::identity::{self, GatewayIdentity, LivenessAnswer};
use super::location::{Endpoint, GatewayLocation};
use super::report::{Probe, ProbeVerdict};
use crate::client::{ClientFailure, GatewayClient, RequestedScopes};
use crate::host::{Host, ports};
use crate::instance::InstanceContext;
use crate::record::Engine;
use crate::settings::Proof;
use crate::text::sanitize;

/// Completes a probe by what the gateway at a location answers.
pub(super) fn ask(
    probe: &mut Probe,
    location: GatewayLocation,
    context: InstanceContext<'_>,
    files: &GatewayFiles,
    deadline: Instant,
    in_detail: bool,
) {
    let (endpoint, unidentified) = match location {
        GatewayLocation::Nowhere => return,
        GatewayLocation::OtherInstance(label, pid) => {
            probe.pid = Some(pid);
            probe.verdict = ProbeVerdict::OtherProfile(label);
            return;
        }
        GatewayLocation::Stranger(listener) => {
            probe.verdict = ProbeVerdict::Stranger(Some(listener));
            return;
        }
        GatewayLocation::Own(endpoint) => (endpoint, None),
        GatewayLocation::Unidentified(endpoint, listener) => (endpoint, Some(listener)),
    };
    probe.pid = endpoint.pid;
    let answer = identity::request(endpoint.addresses[0], time_left(deadline));
    let identity = match (answer, unidentified) {
        (LivenessAnswer::Native(identity), _) if identity.instance_id == context.instance.id() => {
            Some(identity)
        }
        (LivenessAnswer::Native(identity), _) => {
            probe.verdict = ProbeVerdict::OtherProfile(identity.profile);
            return;
        }
        // The gateway ended while it was asked.
        (LivenessAnswer::Foreign, _) if ports::listening_sockets_on(endpoint.port.get()).is_empty() => {
            probe.pid = None;
            probe.listeners.clear();
            return;
        }
        // Nothing secret is shown to a process that is not known as this instance's.
        (_, Some(listener)) => {
            probe.verdict = ProbeVerdict::Stranger(Some(listener));
            return;
        }
        (LivenessAnswer::Slow, None) => {
            set_endpoint(probe, &endpoint);
            probe.verdict = ProbeVerdict::Slow;
            return;
        }
        (LivenessAnswer::Anonymous | LivenessAnswer::Foreign, None) => None,
    };
    set_endpoint(probe, &endpoint);
    set_identity(probe, identity);
    let no_auth = Proof::None;
    let auth = files.auth.as_ref().unwrap_or(&no_auth);
    let verdict = open_session(probe, &endpoint, auth, context.host, deadline, in_detail)
        .unwrap_or_else(verdict_of_failure);
    probe.verdict = match verdict {
        ProbeVerdict::Healthy if probe.configured_port != Some(endpoint.port) => {
            ProbeVerdict::ElsewhereOn(endpoint.port)
        }
        verdict => verdict,
    };
}

fn set_endpoint(probe: &mut Probe, endpoint: &Endpoint) {
    probe.port = Some(endpoint.port);
    probe.url = format!("ws://{}", endpoint.addresses[0]);
}

/// Takes over what a gateway told of itself; one that told nothing is OpenClaw from npm.
fn set_identity(probe: &mut Probe, identity: Option<GatewayIdentity>) {
    probe.engine = match identity {
        Some(_) => Engine::Native,
        None => Engine::Node,
    };
    let GatewayIdentity {
        version,
        pid,
        started,
        ..
    } = identity.unwrap_or_default();
    probe.version = version;
    probe.pid = pid.or(probe.pid);
    probe.started = started;
}

fn time_left(deadline: Instant) -> Duration {
    deadline
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1))
}

/// Opens a session, asks for `health` (and `status` where `in_detail`), and judges the answer.
fn open_session(
    probe: &mut Probe,
    endpoint: &Endpoint,
    auth: &Proof,
    host: &Host,
    deadline: Instant,
    in_detail: bool,
) -> Result<ProbeVerdict, ClientFailure> {
    let mut connection = GatewayClient::connect(&endpoint.addresses, auth, RequestedScopes::Read, deadline)?;
    probe.latency = Some(connection.latency);
    probe.protocol = connection.protocol();
    read_hello(probe, &connection.hello, host.now());
    probe.health = connection.request("health", None)?;
    if in_detail {
        probe.status = connection.request("status", None).unwrap_or_default();
    }
    connection.close();
    let warning = ["/warning", "/config/warning"]
        .iter()
        .find_map(|pointer| probe.health.pointer(pointer)?.as_str().map(sanitize));
    probe.warning = warning.or(probe.warning.take());
    Ok(match (&probe.health["ok"], &probe.warning) {
        (Value::Bool(false), _) => ProbeVerdict::Unhealthy(reason_of(&probe.health)),
        (_, Some(warning)) => ProbeVerdict::Unhealthy(warning.clone()),
        _ => ProbeVerdict::Healthy,
    })
}

/// Reads the greeting: the version, the time of the start, the presence entry and the warning.
fn read_hello(probe: &mut Probe, hello: &Value, now: SystemTime) {
    let snapshot = &hello["snapshot"];
    let is_gateway = |entry: &&Value| entry["reason"] == "self" || entry["mode"] == "gateway";
    let mut presence = snapshot["presence"].as_array().into_iter().flatten();
    probe.presence = presence.find(is_gateway).cloned().unwrap_or_default();
    let versions = [&hello["server"]["version"], &probe.presence["version"]];
    let version = versions
        .iter()
        .filter_map(|version| version.as_str())
        .find(|version| !["dev", "unknown"].contains(version));
    if probe.version.is_none() {
        probe.version = version.map(sanitize);
    }
    if probe.started.is_none()
        && let Some(uptime) = snapshot["uptimeMs"].as_u64()
    {
        probe.started = now.checked_sub(Duration::from_millis(uptime));
    }
    probe.warning = snapshot["warning"].as_str().map(sanitize);
}

/// Returns the reason that a gateway gives for not being well.
fn reason_of(health: &Value) -> String {
    let given = ["reason", "error", "message"]
        .iter()
        .find_map(|name| health[*name].as_str());
    given.map_or_else(|| "health.ok = false".to_owned(), sanitize)
}

fn verdict_of_failure(failure: ClientFailure) -> ProbeVerdict {
    match failure {
        // It listened a moment ago.
        ClientFailure::Unreachable(_) => ProbeVerdict::NotRunning,
        ClientFailure::TimedOut => ProbeVerdict::Slow,
        ClientFailure::Refused(_) => ProbeVerdict::TokenRefused,
        ClientFailure::NotGateway => ProbeVerdict::Unhealthy("not a gateway".to_owned()),
        ClientFailure::Protocol(expected) => ProbeVerdict::Unhealthy(match expected {
            Some(expected) => format!("protocol {expected}"),
            None => "protocol".to_owned(),
        }),
        ClientFailure::ErrorResponse { code, message } => {
            ProbeVerdict::Unhealthy(format!("{code}: {message}"))
        }
        ClientFailure::Closed(code, reason) => {
            let code = code.map(|code| format!(" {code}")).unwrap_or_default();
            ProbeVerdict::Unhealthy(format!("closed{code} {reason}").trim().to_owned())
        }
    }
}
