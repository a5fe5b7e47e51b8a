//! Checks of the gateway: whether it would start, whether it is protected and healthy, and whether its lock file is
//! correct.

use std::path::Path;

use super::check::{Check, Obstruction, Problem};
use super::fix::Fix;
use super::host_report::{HostReport, InstanceReport};
use crate::config::key_path::KeyPath;
use crate::error::{Error, ErrorReason};
use crate::host::read::canonicalize_existing;
use crate::i18n::msg;
use crate::probe::ProbeVerdict;
use crate::secret::MIN_SECRET_CHARS;

/// The doctor's checks of an instance's gateway.
pub(super) const CHECKS: &[Check] = &[
    Check::error("gateway-mode", mode).obstructing(Obstruction::StartRefused),
    Check::error("gateway-auth", |_, own| {
        refusal(
            own,
            ErrorReason::CredentialUnset,
            "config set gateway.auth.token --stdin",
        )
    })
    .obstructing(Obstruction::StartRefused),
    Check::error("gateway-open", |_, own| {
        refusal(
            own,
            ErrorReason::UnprotectedNetwork,
            "config set gateway.bind loopback",
        )
    })
    .obstructing(Obstruction::StartRefused),
    Check::error("gateway-refuses", refuses).obstructing(Obstruction::StartRefused),
    Check::warning("gateway-weak", weak),
    Check::error("gateway-unhealthy", unhealthy),
    Check::warning("gateway-environment", environment),
    Check::warning("lock-stale", stale),
    Check::error("lock-silent", silent),
];

/// Returns the reason why the gateway of an instance would refuse to start.
fn start_error<'s>(own: &'s InstanceReport<'_>) -> Option<&'s crate::error::Error> {
    own.settings.as_ref()?.as_ref().err()
}

/// Reports a config in which `gateway.mode` is not set.
fn mode(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let unset = start_error(own).filter(|error| error.has_reason(ErrorReason::GatewayModeUnset));
    let problems = unset.map(|error| {
        Problem::fixable(
            own,
            error.msg.clone(),
            Fix::SetKey {
                config: own.instance.config_path.clone(),
                key: KeyPath::keys(["gateway", "mode"]),
                value: Some("local".into()),
            },
        )
    });
    problems.into_iter().collect()
}

/// Reports a gateway that would refuse to start for a given reason.
fn refusal(own: &InstanceReport<'_>, reason: ErrorReason, remedy: &str) -> Vec<Problem> {
    let problems = start_error(own)
        .filter(|error| error.has_reason(reason))
        .map(|error| Problem::new(error.msg.clone(), format!("{} {remedy}", own.command)));
    problems.into_iter().collect()
}

/// Reports a gateway that would refuse to start for a reason that no other check looks for.
fn refuses(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    // A refusal with another reason has a check of its own.
    let is_own = |error: &&Error| matches!(error.reason, None | Some(ErrorReason::VariableUnset));
    let problems = start_error(own)
        .filter(is_own)
        .map(|error| Problem::new(error.msg.clone(), format!("{} config validate", own.command)));
    problems.into_iter().collect()
}

/// Reports a gateway token that is so short that it may be guessed.
fn weak(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let length = own.gateway_token.map(|(_, length)| length);
    let problems = length
        .filter(|length| (1..MIN_SECRET_CHARS).contains(length))
        .map(|length| {
            let msg = msg!("doctor.gateway-weak", length = length, least = MIN_SECRET_CHARS);
            Problem::new(
                msg,
                format!("{} config set gateway.auth.token --stdin", own.command),
            )
        });
    problems.into_iter().collect()
}

/// Reports a running gateway that is not healthy. A gateway that does not run is not a problem by itself. One that listens
/// elsewhere, or whose port another process holds, is reported by the checks of ports.
fn unhealthy(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let Some(probe) = &own.probe else {
        return Vec::new();
    };
    let msg = match &probe.verdict {
        ProbeVerdict::TokenRefused => msg!("doctor.gateway-token", port = probe.port_number()),
        ProbeVerdict::Slow => msg!("doctor.gateway-slow", port = probe.port_number()),
        ProbeVerdict::Unhealthy(why) => {
            msg!("doctor.gateway-unhealthy", port = probe.port_number(), why = why)
        }
        ProbeVerdict::OtherProfile(_) => probe.msg(own.instance.profile.as_str()),
        ProbeVerdict::Healthy
        | ProbeVerdict::TooManyAttempts
        | ProbeVerdict::NotRunning
        | ProbeVerdict::Starting
        | ProbeVerdict::ShuttingDown
        | ProbeVerdict::Stranger(_)
        | ProbeVerdict::ElsewhereOn(_) => {
            return Vec::new();
        }
    };
    vec![Problem::new(msg, format!("{} gateway restart", own.command))]
}

/// Reports environment variables of the running gateway that contradict the files of its instance.
fn environment(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let Some(running) = &own.running else {
        return Vec::new();
    };
    let instance = &own.instance;
    let port = own.base_port().map(|port| port.to_string()).unwrap_or_default();
    let wanted = [
        ("OPENCLAW_PROFILE", instance.profile.to_string()),
        ("OPENCLAW_STATE_DIR", instance.state_dir.display().to_string()),
        ("OPENCLAW_CONFIG_PATH", instance.config_path.display().to_string()),
        ("OPENCLAW_GATEWAY_PORT", port),
    ];
    let mut problems = Vec::new();
    for (name, value) in &running.vars {
        // A folder may have several paths.
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
                value = report.display_path(value.as_ref()),
                wanted = report.display_path(wanted.as_ref())
            );
            problems.push(Problem::new(msg, format!("{} gateway restart", own.command)));
        }
    }
    problems
}

/// Reports a lock file that a killed gateway left.
fn stale(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let problems = own.lock.as_ref().filter(|lock| !lock.alive).map(|lock| {
        let path = own.instance.lock_path();
        let msg = msg!(
            "doctor.lock-stale",
            path = report.display_path(&path),
            pid = lock.pid
        );
        // The next start takes the file over. Renaming it would let two gateways hold two locks.
        let start = if own.service.is_some() { "start" } else { "run" };
        Problem::new(msg, format!("{} gateway {start}", own.command))
    });
    problems.into_iter().collect()
}

/// Reports a process that holds a gateway's lock and does not listen on its port.
fn silent(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let mut owners = report.survey.listeners.iter().filter_map(|l| l.process());
    // Where the system does not tell who listens, the answer of the gateway does.
    let answers = own
        .probe
        .as_ref()
        .is_some_and(|probe| probe.is_healthy() || probe.verdict.is_in_transition());
    let held = own
        .lock
        .as_ref()
        .filter(|lock| lock.alive && !answers && !owners.any(|owner| owner.pid == lock.pid));
    let problems = held.map(|lock| {
        let path = report.display_path(&own.instance.lock_path());
        let msg = msg!("doctor.lock-silent", path = path, pid = lock.pid);
        Problem::new(msg, format!("{} gateway restart", own.command))
    });
    problems.into_iter().collect()
}
