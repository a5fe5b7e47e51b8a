//! The gateway itself: would it start, does it let in who it should, is it well, is its lock true?

use std::path::Path;

use super::scene::{Scene, Subject};
use super::{Check, Fix, Seen};
use crate::config::key_path::KeyPath;
use crate::error::ErrorReason;
use crate::host::read::canonicalize_existing;
use crate::i18n::msg;
use crate::probe::{Probe, ProbeVerdict};

pub(super) const CHECKS: &[Check] = &[
    Check::error("gateway-mode", mode),
    Check::error("gateway-auth", |_, own| {
        refusal(
            own,
            ErrorReason::CredentialUnset,
            "config set gateway.auth.token --stdin",
        )
    }),
    Check::error("gateway-open", |_, own| {
        refusal(
            own,
            ErrorReason::UnprotectedNetwork,
            "config set gateway.bind loopback",
        )
    }),
    Check::error("gateway-refuses", refuses),
    Check::warning("gateway-weak", weak),
    Check::error("gateway-unhealthy", unhealthy),
    Check::warning("gateway-environment", environment),
    Check::warning("lock-stale", stale),
    Check::error("lock-silent", silent),
];

/// A token that has at least so many characters is not guessed. (Ours has 48.)
const LEAST: usize = 16;

fn error<'s>(own: &'s Subject<'_>) -> Option<&'s crate::error::Error> {
    own.settings.as_ref()?.as_ref().err()
}

fn mode(_: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let unset = error(own).filter(|error| error.is(ErrorReason::GatewayModeUnset));
    let seen = unset.map(|error| {
        Seen::fixed(
            own,
            error.msg.clone(),
            Fix::Set {
                config: own.instance.config_path.clone(),
                key: KeyPath::keys(["gateway", "mode"]),
                value: Some("local".into()),
            },
        )
    });
    seen.into_iter().collect()
}

fn refusal(own: &Subject<'_>, reason: ErrorReason, mend: &str) -> Vec<Seen> {
    let seen = error(own)
        .filter(|error| error.is(reason))
        .map(|error| Seen::new(error.msg.clone(), format!("{} {mend}", own.command)));
    seen.into_iter().collect()
}

fn refuses(_: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    // Those with a reason have a check of their own.
    let seen = error(own)
        .filter(|error| error.reason.is_none())
        .map(|error| Seen::new(error.msg.clone(), format!("{} config validate", own.command)));
    seen.into_iter().collect()
}

fn weak(_: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let length = own.gateway_token.map(|(_, length)| length);
    let seen = length.filter(|length| (1..LEAST).contains(length)).map(|length| {
        let msg = msg!("doctor.gateway-weak", length = length, least = LEAST);
        Seen::new(
            msg,
            format!("{} config set gateway.auth.token --stdin", own.command),
        )
    });
    seen.into_iter().collect()
}

/// What only a probe tells. A gateway that does not run is no fault by itself, and one that is elsewhere, or
/// whose port somebody else holds, is told with the ports.
fn unhealthy(_: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let Some(probe) = &own.probe else {
        return Vec::new();
    };
    let msg = match &probe.verdict {
        ProbeVerdict::TokenRefused => msg!("doctor.gateway-token", port = probe.port_number()),
        ProbeVerdict::Slow => msg!("doctor.gateway-slow", port = probe.port_number()),
        ProbeVerdict::Unhealthy(why) => {
            msg!("doctor.gateway-unhealthy", port = probe.port_number(), why = why)
        }
        ProbeVerdict::OtherProfile(other) => {
            msg!("doctor.gateway-other", port = probe.port_number(), other = other)
        }
        ProbeVerdict::Healthy
        | ProbeVerdict::NotRunning
        | ProbeVerdict::Stranger(_)
        | ProbeVerdict::ElsewhereOn(_) => {
            return Vec::new();
        }
    };
    vec![Seen::new(msg, format!("{} gateway restart", own.command))]
}

/// The variables of the running gateway against the files of its instance.
fn environment(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let Some(running) = &own.running else {
        return Vec::new();
    };
    let instance = &own.instance;
    let port = own.base().map(|port| port.to_string()).unwrap_or_default();
    let wanted = [
        ("OPENCLAW_PROFILE", instance.profile.to_string()),
        ("OPENCLAW_STATE_DIR", instance.state_dir.display().to_string()),
        ("OPENCLAW_CONFIG_PATH", instance.config_path.display().to_string()),
        ("OPENCLAW_GATEWAY_PORT", port),
    ];
    let mut seen = Vec::new();
    for (name, value) in &running.vars {
        // One folder has many names.
        let is_path = Path::new(value).is_absolute();
        let same = |wanted: &str| {
            wanted == value
                || (is_path
                    && canonicalize_existing(wanted.as_ref()) == canonicalize_existing(value.as_ref()))
        };
        let other = wanted
            .iter()
            .find(|(wanted, _)| wanted == name)
            .filter(|(_, wanted)| !wanted.is_empty() && !same(wanted));
        if let Some((_, wanted)) = other {
            let msg = msg!(
                "doctor.gateway-environment",
                pid = running.pid,
                name = name,
                value = scene.shown(value.as_ref()),
                wanted = scene.shown(wanted.as_ref())
            );
            seen.push(Seen::new(msg, format!("{} gateway restart", own.command)));
        }
    }
    seen
}

fn stale(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let seen = own.lock.as_ref().filter(|lock| !lock.alive).map(|lock| {
        let path = own.instance.lock_path();
        let msg = msg!("doctor.lock-stale", path = scene.shown(&path), pid = lock.pid);
        // The next start takes the file over. It is not moved away: two gateways could then hold two of them.
        let start = if own.service.is_some() { "start" } else { "run" };
        Seen::new(msg, format!("{} gateway {start}", own.command))
    });
    seen.into_iter().collect()
}

fn silent(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let mut owners = scene.survey.listeners.iter().filter_map(|l| l.owner.as_ref());
    // Where the system does not say who listens, the answer does.
    let answers = own.probe.as_ref().is_some_and(Probe::is_healthy);
    let held = own
        .lock
        .as_ref()
        .filter(|lock| lock.alive && !answers && !owners.any(|owner| owner.pid == lock.pid));
    let seen = held.map(|lock| {
        let path = scene.shown(&own.instance.lock_path());
        let msg = msg!("doctor.lock-silent", path = path, pid = lock.pid);
        Seen::new(msg, format!("{} gateway restart", own.command))
    });
    seen.into_iter().collect()
}
