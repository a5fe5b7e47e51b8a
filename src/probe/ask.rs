//! Asks the gateway at its place: who it is, whether it takes our token, how it is.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::identity::{self, Answer, Identity};
use super::place::{Place, Spot};
use super::{Known, Probe, Verdict};
use crate::client::{ClientFailure, GatewayClient, RequestedScopes};
use crate::host::ports;
use crate::instance::Instance;
use crate::letters::sanitize;
use crate::settings::Proof;

/// Fills in what the gateway at this place says.
pub(super) fn ask(
    probe: &mut Probe,
    place: Place,
    instance: &Instance,
    known: &Known,
    deadline: Instant,
    in_detail: bool,
) {
    let (spot, stranger) = match place {
        Place::Nowhere => return,
        Place::Other(label, pid) => {
            probe.pid = Some(pid);
            probe.verdict = Verdict::OtherProfile(label);
            return;
        }
        Place::Stranger(listener) => {
            probe.verdict = Verdict::Stranger(Some(listener));
            return;
        }
        Place::Own(spot) => (spot, None),
        Place::Somebody(spot, listener) => (spot, Some(listener)),
    };
    probe.pid = spot.pid;
    let identity = match (identity::of(spot.addresses[0], left(deadline)), stranger) {
        (Answer::Native(identity), _) if identity.instance_id == instance.id() => Some(identity),
        (Answer::Native(identity), _) => {
            probe.verdict = Verdict::OtherProfile(identity.profile);
            return;
        }
        // It ended while it was asked.
        (Answer::Foreign, _) if ports::listening_sockets_on(spot.port).is_empty() => {
            probe.pid = None;
            probe.listeners.clear();
            return;
        }
        // Nothing secret is shown to somebody who is not known as this instance's.
        (_, Some(listener)) => {
            probe.verdict = Verdict::Stranger(Some(listener));
            return;
        }
        (Answer::Slow, None) => {
            place_at(probe, &spot);
            probe.verdict = Verdict::Slow;
            return;
        }
        (Answer::Anonymous | Answer::Foreign, None) => None,
    };
    place_at(probe, &spot);
    probe.engine = Some(match identity {
        Some(_) => "native".to_owned(),
        None => "node".to_owned(),
    });
    let Identity {
        version,
        pid,
        started,
        ..
    } = identity.unwrap_or_default();
    probe.version = version;
    probe.pid = pid.or(probe.pid);
    probe.started = started;
    let none = Proof::None;
    let proof = known.proof.as_ref().unwrap_or(&none);
    let verdict = session(probe, &spot, proof, deadline, in_detail).unwrap_or_else(judged);
    probe.verdict = match verdict {
        Verdict::Healthy if probe.port != probe.configured => Verdict::ElsewhereOn(probe.port),
        verdict => verdict,
    };
}

fn place_at(probe: &mut Probe, spot: &Spot) {
    probe.port = spot.port;
    probe.url = format!("ws://{}", spot.addresses[0]);
}

fn left(deadline: Instant) -> Duration {
    deadline
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(1))
}

fn session(
    probe: &mut Probe,
    spot: &Spot,
    proof: &Proof,
    deadline: Instant,
    in_detail: bool,
) -> Result<Verdict, ClientFailure> {
    let mut connection = GatewayClient::connect(&spot.addresses, proof, RequestedScopes::Read, deadline)?;
    probe.latency = Some(connection.latency);
    probe.protocol = connection.protocol();
    greeted(probe, &connection.hello);
    probe.health = connection.request("health", None)?;
    if in_detail {
        probe.status = connection.request("status", None).unwrap_or_default();
    }
    connection.close();
    let warning = ["/warning", "/config/warning"]
        .iter()
        .find_map(|at| probe.health.pointer(at)?.as_str().map(sanitize));
    probe.warning = warning.or(probe.warning.take());
    Ok(match (&probe.health["ok"], &probe.warning) {
        (Value::Bool(false), _) => Verdict::Unhealthy(why(&probe.health)),
        (_, Some(warning)) => Verdict::Unhealthy(warning.clone()),
        _ => Verdict::Healthy,
    })
}

/// What the greeting tells: the version, since when it runs, what it calls itself.
fn greeted(probe: &mut Probe, hello: &Value) {
    let snapshot = &hello["snapshot"];
    let itself = |entry: &&Value| entry["reason"] == "self" || entry["mode"] == "gateway";
    let presence = snapshot["presence"].as_array().into_iter().flatten().find(itself);
    probe.presence = presence.cloned().unwrap_or_default();
    let said = [&hello["server"]["version"], &probe.presence["version"]];
    let said = said
        .iter()
        .filter_map(|version| version.as_str())
        .find(|version| !["dev", "unknown"].contains(version));
    if probe.version.is_none() {
        probe.version = said.map(sanitize);
    }
    if probe.started.is_none()
        && let Some(up) = snapshot["uptimeMs"].as_u64()
    {
        probe.started = crate::host::now().checked_sub(Duration::from_millis(up));
    }
    probe.warning = snapshot["warning"].as_str().map(sanitize);
}

/// The reason of a gateway that is not well, in its own words.
fn why(health: &Value) -> String {
    let given = ["reason", "error", "message"]
        .iter()
        .find_map(|name| health[*name].as_str());
    given.map_or_else(|| "health.ok = false".to_owned(), sanitize)
}

fn judged(failure: ClientFailure) -> Verdict {
    match failure {
        // It listened a moment ago.
        ClientFailure::Unreachable(_) => Verdict::NotRunning,
        ClientFailure::TimedOut => Verdict::Slow,
        ClientFailure::Refused(_) => Verdict::TokenRefused,
        ClientFailure::NotGateway => Verdict::Unhealthy("not a gateway".to_owned()),
        ClientFailure::Protocol(expected) => Verdict::Unhealthy(match expected {
            Some(expected) => format!("protocol {expected}"),
            None => "protocol".to_owned(),
        }),
        ClientFailure::ErrorResponse { code, message } => Verdict::Unhealthy(format!("{code}: {message}")),
        ClientFailure::Closed(code, words) => {
            let code = code.map(|code| format!(" {code}")).unwrap_or_default();
            Verdict::Unhealthy(format!("closed{code} {words}").trim().to_owned())
        }
    }
}
