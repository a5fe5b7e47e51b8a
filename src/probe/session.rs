//! Queries the gateway at a location for its identity, and in a session for its health.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::files::GatewayFiles;
use super::identity::{self, LivenessAnswer, ReportedIdentity};
use super::location::{Endpoint, GatewayLocation};
use super::report::{Probe, ProbeVerdict};
use crate::client::{ClientFailure, GatewayClient, RequestedScopes};
use crate::host::{Host, ports};
use crate::instance::InstanceContext;
use crate::ports::Listener;
use crate::record::Engine;
use crate::settings::ClientAuth;
use crate::text::sanitize;

/// Minimum time limit of the request whether a gateway is starting or ending, where its other answers took all the time
/// that there was.
const MIN_PHASE_TIMEOUT: Duration = Duration::from_millis(500);

/// Completes a probe by the answers of the gateway at a location; queries its `status` too where `in_detail`.
pub(super) fn query(
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
    let identity = match identify(&endpoint, unidentified, &probe.instance_id, deadline) {
        Ok(identity) => identity,
        Err(verdict) => {
            match verdict {
                ProbeVerdict::NotRunning => {
                    probe.pid = None;
                    probe.listeners.clear();
                }
                ProbeVerdict::Slow | ProbeVerdict::OtherProfile(_) => set_endpoint(probe, &endpoint),
                _ => {}
            }
            probe.verdict = verdict;
            return;
        }
    };
    set_endpoint(probe, &endpoint);
    set_identity(probe, identity);
    let no_auth = ClientAuth::None;
    let auth = files.auth.as_ref().unwrap_or(&no_auth);
    let asked = AskedMethods {
        status: in_detail,
        channels: files.has_channels && probe.engine == Engine::Node,
    };
    let verdict = open_session(probe, &endpoint, auth, context.host, deadline, asked)
        .unwrap_or_else(verdict_of_failure);
    probe.verdict = match verdict {
        ProbeVerdict::Unhealthy(_) | ProbeVerdict::Slow if probe.engine == Engine::Node => {
            identity::request_phase(endpoint.addresses[0], time_left(deadline).max(MIN_PHASE_TIMEOUT))
                .unwrap_or(verdict)
        }
        ProbeVerdict::Healthy if probe.configured_port != Some(endpoint.port) => {
            ProbeVerdict::ElsewhereOn(endpoint.port)
        }
        verdict => verdict,
    };
}

/// Queries the process at an endpoint for its gateway identity; `None` stands for OpenClaw from npm, which reports
/// none. `unidentified` is the listener of a process that is not known to belong to the instance. Fails, with the
/// verdict, where the process is not the gateway of the instance, or does not answer.
fn identify(
    endpoint: &Endpoint,
    unidentified: Option<Listener>,
    instance_id: &str,
    deadline: Instant,
) -> Result<Option<ReportedIdentity>, ProbeVerdict> {
    let answer = identity::request(endpoint.addresses[0], time_left(deadline));
    match (answer, unidentified) {
        (LivenessAnswer::Native(identity), _) if identity.instance_id == instance_id => Ok(Some(identity)),
        (LivenessAnswer::Native(identity), _) => Err(ProbeVerdict::OtherProfile(identity.profile)),
        // The gateway ended during the request.
        (LivenessAnswer::Foreign, _) if ports::listening_sockets_on(endpoint.port.get()).is_empty() => {
            Err(ProbeVerdict::NotRunning)
        }
        // No secret is sent to a process that is not known to belong to the instance.
        (_, Some(listener)) => Err(ProbeVerdict::Stranger(Some(listener))),
        (LivenessAnswer::Slow, None) => Err(ProbeVerdict::Slow),
        (LivenessAnswer::Anonymous | LivenessAnswer::Foreign, None) => Ok(None),
    }
}

/// Sets the port and the WebSocket URL of the gateway in the result of a probe.
fn set_endpoint(probe: &mut Probe, endpoint: &Endpoint) {
    probe.port = Some(endpoint.port);
    probe.url = format!("ws://{}", endpoint.addresses[0]);
}

/// Sets the engine, version, pid and start time of a probe by the identity that the gateway reported; a gateway that
/// reported none is OpenClaw from npm.
fn set_identity(probe: &mut Probe, identity: Option<ReportedIdentity>) {
    probe.engine = match identity {
        Some(_) => Engine::Native,
        None => Engine::Node,
    };
    let ReportedIdentity {
        version,
        pid,
        started,
        ..
    } = identity.unwrap_or_default();
    probe.version = version;
    // In another container the gateway has another pid there than here.
    probe.pid = probe.pid.or(pid);
    probe.started = started;
}

/// Returns the time until the deadline of a probe, at least a millisecond, because a timeout of zero means none.
fn time_left(deadline: Instant) -> Duration {
    deadline
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1))
}

/// The methods that a probe asks a gateway beside `health`.
#[derive(Clone, Copy)]
struct AskedMethods {
    /// `status`, for a report in detail.
    status: bool,
    /// `channels.status`, where the config has channels of which `health` does not tell enough.
    channels: bool,
}

/// Opens a client session with a gateway, queries its `health` and the other methods that are to be asked, and returns
/// the verdict of the probe.
fn open_session(
    probe: &mut Probe,
    endpoint: &Endpoint,
    auth: &ClientAuth,
    host: &Host,
    deadline: Instant,
    asked: AskedMethods,
) -> Result<ProbeVerdict, ClientFailure> {
    let mut client = GatewayClient::connect(&endpoint.addresses, auth, RequestedScopes::Read, deadline)?;
    probe.latency = Some(client.latency);
    probe.protocol = client.protocol();
    read_hello(probe, &client.hello, host.now());
    probe.health = client.request("health", None)?;
    if asked.status {
        probe.status = client.request("status", None).unwrap_or_default();
    }
    if asked.channels {
        probe.channels = client
            .request("channels.status", Some(&json!({})))
            .unwrap_or_default();
    }
    client.close();
    let warning = ["/warning", "/config/warning"]
        .iter()
        .find_map(|pointer| probe.health.pointer(pointer)?.as_str().map(sanitize));
    probe.warning = warning.or(probe.warning.take());
    Ok(match (&probe.health["ok"], &probe.warning) {
        (Value::Bool(false), _) => ProbeVerdict::Unhealthy(unhealthy_reason(&probe.health)),
        (_, Some(warning)) => ProbeVerdict::Unhealthy(warning.clone()),
        _ => ProbeVerdict::Healthy,
    })
}

/// Sets the version, start time, presence entry and warning in the result of a probe from the greeting of the
/// gateway.
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

/// Returns the reason that a gateway gives in its `health` for not being healthy.
fn unhealthy_reason(health: &Value) -> String {
    let reason = ["reason", "error", "message"]
        .iter()
        .find_map(|name| health[*name].as_str());
    reason.map_or_else(|| "health.ok = false".to_owned(), sanitize)
}

/// Returns the verdict of a probe whose client session with the gateway failed.
fn verdict_of_failure(failure: ClientFailure) -> ProbeVerdict {
    match failure {
        // The gateway listened during the survey.
        ClientFailure::Unreachable(_) => ProbeVerdict::NotRunning,
        ClientFailure::TimedOut => ProbeVerdict::Slow,
        ClientFailure::Refused(_) => ProbeVerdict::TokenRefused,
        ClientFailure::TooManyAttempts => ProbeVerdict::TooManyAttempts,
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

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "the tests listen themselves")]

    use std::net::TcpListener;

    use tungstenite::Message;

    use super::*;

    /// Answers one client as OpenClaw 2026.9.6 does, whose account of Telegram runs or not, and returns the methods that
    /// were called.
    fn answer_as_openclaw(listener: &TcpListener, is_running: bool) -> Vec<String> {
        let (stream, _) = listener.accept().unwrap();
        let mut socket = tungstenite::accept(stream).unwrap();
        let challenge = json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n"}});
        socket.send(Message::text(challenge.to_string())).unwrap();
        let mut called = Vec::new();
        while let Ok(Message::Text(text)) = socket.read() {
            let request: Value = serde_json::from_str(&text).unwrap();
            let method = request["method"].as_str().unwrap().to_owned();
            let payload = match method.as_str() {
                "connect" => json!({"type": "hello-ok", "protocol": 4}),
                "channels.status" => json!({"channelAccounts": {"telegram": [
                    {"accountId": "default", "enabled": true, "configured": true, "running": is_running},
                ]}}),
                _ => json!({"ok": true}),
            };
            let response = json!({"type": "res", "id": request["id"], "ok": true, "payload": payload});
            socket.send(Message::text(response.to_string())).unwrap();
            called.push(method);
        }
        called
    }

    /// Probes a gateway of OpenClaw from npm, and returns the probe and the methods that it asked.
    fn probe_openclaw(has_channels: bool, is_running: bool) -> (Probe, Vec<String>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = std::thread::spawn(move || answer_as_openclaw(&listener, is_running));
        let endpoint = Endpoint {
            addresses: vec![address],
            port: crate::ports::Port::new(address.port()).unwrap(),
            pid: None,
        };
        let mut probe = Probe {
            engine: Engine::Node,
            ..Probe::default()
        };
        let asked = AskedMethods {
            status: false,
            channels: has_channels,
        };
        let host = Host::fixed(&[], [("", ""); 0]);
        let deadline = Instant::now() + Duration::from_secs(30);
        let verdict = open_session(&mut probe, &endpoint, &ClientAuth::None, &host, deadline, asked);
        probe.verdict = verdict.unwrap();
        (probe, gateway.join().unwrap())
    }

    #[test]
    fn channels_of_openclaw_are_asked_where_it_has_some_and_tell_whether_it_is_deaf() {
        let (none, called) = probe_openclaw(false, false);
        assert_eq!(called, ["connect", "health"]);
        assert!(none.is_healthy() && none.deaf_accounts().is_empty());
        let (deaf, called) = probe_openclaw(true, false);
        assert_eq!(called, ["connect", "health", "channels.status"]);
        assert!(deaf.is_healthy() && deaf.deaf_accounts().len() == 1, "{deaf:?}");
        let (hears, _) = probe_openclaw(true, true);
        assert!(hears.deaf_accounts().is_empty(), "{hears:?}");
    }
}
