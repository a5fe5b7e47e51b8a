//! Checks of ports: conflicts of two instances, other processes that hold a port, and a gateway that listens elsewhere
//! than its config says.

use super::check::{Check, Problem};
use super::fix::Fix;
use super::host_report::{HostReport, InstanceReport};
use super::isolation::removable_key;
use super::originality::instance_to_change;
use crate::config::key_path::KeyPath;
use crate::environment::PORT_VARIABLE;
use crate::i18n::msg;
use crate::instance::shell_quote;
use crate::ports::{Claim, Listener, Port, PortSource, Role};
use crate::probe::ProbeVerdict;
use crate::survey::map::{PortMapEntry, PortNeighbour};

/// The doctor's checks of the network ports of an instance.
pub(super) const CHECKS: &[Check] = &[
    Check::error("ports-conflict", |report, own| overlaps(report, own, true)),
    Check::warning("ports-overlap", |report, own| overlaps(report, own, false)),
    Check::error("ports-unusable", unusable),
    Check::error("ports-held", |report, own| held(report, own, true)),
    Check::warning("ports-held-derived", |report, own| held(report, own, false)),
    Check::warning("ports-ephemeral", ephemeral),
    Check::error("ports-elsewhere", elsewhere),
];

/// Returns an instance's entry in the host's port map: the ports that the instance uses.
fn entry<'s>(report: &'s HostReport<'_>, own: &InstanceReport<'_>) -> Option<&'s PortMapEntry<'s>> {
    report.map.entries.get(own.index).filter(|_| own.found.is_some())
}

/// Returns a base port that is free for an instance, as far as the survey of the host tells.
fn free_base_port(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Option<Port> {
    let position = report.survey.position(&own.instance.config_path);
    let profile = &own.instance.profile;
    let planner = report
        .survey
        .planner_among(report.port_holders(), profile, position);
    let found = planner.suggest(1).ok()?;
    found.first().map(|suggestion| suggestion.family.base().into())
}

/// Returns the command that sets another base port for an instance, where the present one comes from.
fn change_port_command(report: &HostReport<'_>, own: &InstanceReport<'_>) -> String {
    let command = &own.command;
    let Some(port) = free_base_port(report, own) else {
        return format!("{command} ports");
    };
    match own.found.and_then(|found| found.base) {
        // The last assignment of a name counts.
        Some((_, PortSource::EnvFile)) => {
            let file = shell_quote(&own.instance.env_file());
            format!("echo {PORT_VARIABLE}={port} >> {file}")
        }
        Some((_, PortSource::Service)) => {
            format!("{command} config set gateway.port {port} && {command} gateway install")
        }
        _ => format!("{command} config set gateway.port {port}"),
    }
}

/// Returns the command that takes an instance off a port: it changes the key that pins the port, or the base port
/// from which the port is derived.
fn leave_port_command(report: &HostReport<'_>, own: &InstanceReport<'_>, key: Option<&str>) -> String {
    let Some(key) = key.filter(|key| key.starts_with("browser.") || key.starts_with("canvasHost.")) else {
        return change_port_command(report, own);
    };
    let quoted = shell_quote(key.as_ref());
    // OpenClaw wants a port or an address in each browser profile.
    let is_profile = key.split('.').nth(1) == Some("profiles");
    let free = is_profile.then(|| free_browser_port(report, own));
    match free.flatten() {
        Some(port) if key.ends_with(".cdpUrl") => {
            format!("{} config set {quoted} http://127.0.0.1:{port}", own.command)
        }
        Some(port) => format!("{} config set {quoted} {port}", own.command),
        None => {
            let unset = shell_quote(removable_key(key).as_ref());
            format!("{} config unset {unset}", own.command)
        }
    }
}

/// Returns a port of an instance's pool of browser ports that nobody pins and on which nothing listens.
fn free_browser_port(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Option<Port> {
    let (family, _) = own.found?.base?;
    let instances = &report.survey.instances;
    let is_pinned = |port: Port| {
        let mut claims = instances.iter().flat_map(|instance| &instance.claims);
        claims.any(|claim| !claim.is_pool() && claim.span.contains(port))
    };
    let listens = |port: Port| {
        report
            .survey
            .listeners
            .iter()
            .any(|listener| listener.port == port)
    };
    // The first port is the one of the default browser.
    let mut ports = family.cdp_pool().ports().skip(1);
    ports.find(|port| !is_pinned(*port) && !listens(*port))
}

/// Reports an instance's ports that another instance has too: with `conflict` fixed ones, otherwise overlapping pools
/// of browser ports.
fn overlaps(report: &HostReport<'_>, own: &InstanceReport<'_>, conflict: bool) -> Vec<Problem> {
    let near = entry(report, own)
        .map(|entry| &entry.neighbours[..])
        .unwrap_or_default();
    let problem = |near: &PortNeighbour| {
        let other = report
            .others_to_compare(own)
            .find(|other| other.label == near.label)?;
        // Whoever pins a port that the other one derives gives way.
        let changes = match (&near.own_key, &near.their_key) {
            (None, Some(_)) => other,
            (Some(_), None) => own,
            _ => instance_to_change(report, own, other),
        };
        let key = if changes.index == own.index {
            &near.own_key
        } else {
            &near.their_key
        };
        let command = leave_port_command(report, changes, key.as_deref());
        Some(Problem::new(near.msg.clone(), command))
    };
    let here = near.iter().filter(|near| near.conflict == conflict);
    here.filter_map(problem).collect()
}

/// Reports an instance's base port that leaves no room for the ports derived from it.
fn unusable(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let Some(port) = crate::config::base_port(&own.config) else {
        return Vec::new();
    };
    if crate::ports::PortFamily::new(port).is_some() {
        return Vec::new();
    }
    let msg = msg!("doctor.ports-unusable", port = port);
    let problems = match free_base_port(report, own) {
        Some(port) => Problem::fixable(
            own,
            msg,
            Fix::SetKey {
                config: own.instance.config_path.clone(),
                key: KeyPath::keys(["gateway", "port"]),
                value: Some(port.into()),
            },
        ),
        None => Problem::new(msg, change_port_command(report, own)),
    };
    vec![problems]
}

/// Reports another process that listens on an instance's base port, or on a port derived from it.
fn held(report: &HostReport<'_>, own: &InstanceReport<'_>, base: bool) -> Vec<Problem> {
    let Some(entry) = entry(report, own) else {
        return Vec::new();
    };
    // At the address of a browser that runs elsewhere somebody is to listen.
    let is_address = |claim: &Claim| claim.pinning_key().is_some_and(|key| key.ends_with("cdpUrl"));
    let ports = entry.ports.iter().filter(|port| {
        !port.claim.is_pool() && (port.claim.role == Role::Base) == base && !is_address(port.claim)
    });
    let is_foreign = |listener: &&&Listener| {
        let owner = listener.process();
        owner.is_none_or(|owner| owner.instance.as_ref() != Some(&own.label))
    };
    let mut problems: Vec<Problem> = Vec::new();
    for port in ports {
        let Some(listener) = port.blocking_listeners.iter().find(is_foreign) else {
            continue;
        };
        let msg = match listener.process() {
            Some(_) => msg!("doctor.ports-held", port = listener.port).with_msg("process", listener.msg()),
            None => msg!("doctor.ports-held-unknown", port = listener.port),
        };
        if !problems.iter().any(|known| known.msg == msg) {
            let command = leave_port_command(report, own, port.claim.pinning_key());
            problems.push(Problem::new(msg, command));
        }
    }
    problems
}

/// Reports an instance's port that lies in the range from which the kernel chooses ports of clients.
fn ephemeral(report: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let (Some(found), Some(range)) = (own.found, report.survey.ephemeral) else {
        return Vec::new();
    };
    let mut fixed = found.claims.iter().filter(|claim| !claim.is_pool());
    let inside = fixed.find_map(|claim| Some((claim, claim.span.overlap(range)?)));
    let problems = inside.map(|(claim, span)| {
        let msg = msg!("doctor.ports-ephemeral", port = span, range = range);
        Problem::new(msg, leave_port_command(report, own, claim.pinning_key()))
    });
    problems.into_iter().collect()
}

/// Reports a running gateway that listens on another base port than its config has.
fn elsewhere(_: &HostReport<'_>, own: &InstanceReport<'_>) -> Vec<Problem> {
    let Some(port) = own.base_port() else {
        return Vec::new();
    };
    let by_listeners = own
        .running
        .as_ref()
        .filter(|running| running.listeners.iter().all(|listener| listener.port != port))
        .and_then(|running| running.listeners.iter().map(|listener| listener.port).min());
    let by_probe = own.probe.as_ref().and_then(|probe| match probe.verdict {
        ProbeVerdict::ElsewhereOn(port) => Some(port),
        _ => None,
    });
    let problems = by_listeners.or(by_probe).map(|found| {
        let is_pinned = own
            .found
            .and_then(|own| own.base)
            .is_some_and(|(_, source)| source == PortSource::Service);
        if is_pinned {
            let msg = msg!("doctor.ports-elsewhere-service", port = port, found = found);
            Problem::new(msg, format!("{} gateway install", own.command))
        } else {
            let msg = msg!("doctor.ports-elsewhere", port = port, found = found);
            Problem::new(msg, format!("{} gateway restart", own.command))
        }
    });
    problems.into_iter().collect()
}
