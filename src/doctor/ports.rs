//! Ports: who wants the same ones, who sits on them, and whether the gateway is where its config says.

use super::scene::{Scene, Subject};
use super::{Check, Fix, Seen};
use crate::config::key_path::KeyPath;
use crate::i18n::msg;
use crate::ports::{Listener, Port, Role};
use crate::probe::ProbeVerdict;
use crate::profile::ProfileName;
use crate::survey::map::Entry;

pub(super) const CHECKS: &[Check] = &[
    Check::error("ports-conflict", |scene, own| neighbours(scene, own, true)),
    Check::warning("ports-overlap", |scene, own| neighbours(scene, own, false)),
    Check::error("ports-unusable", unusable),
    Check::error("ports-held", |scene, own| held(scene, own, true)),
    Check::warning("ports-held-derived", |scene, own| held(scene, own, false)),
    Check::warning("ports-ephemeral", ephemeral),
    Check::error("ports-elsewhere", elsewhere),
];

fn entry<'s>(scene: &'s Scene<'_>, own: &Subject<'_>) -> Option<&'s Entry<'s>> {
    scene.map.entries.get(own.at).filter(|_| own.found.is_some())
}

/// A base port that is free by all that is known, for the command that mends.
fn free(scene: &Scene<'_>, own: &Subject<'_>) -> Option<Port> {
    let profile: &ProfileName = &own.instance.profile;
    let planner = scene.survey.planner(profile, &own.instance.config_path);
    let found = planner.suggest(1).ok()?;
    found.first().map(|suggestion| suggestion.family.base().into())
}

fn other_port(scene: &Scene<'_>, own: &Subject<'_>) -> String {
    match free(scene, own) {
        Some(port) => format!("{} config set gateway.port {port}", own.command),
        None => format!("{} ports", own.command),
    }
}

fn neighbours(scene: &Scene<'_>, own: &Subject<'_>, conflict: bool) -> Vec<Seen> {
    let told: Vec<&str> = scene.others(own).map(|other| other.label.as_str()).collect();
    let near = entry(scene, own)
        .map(|entry| &entry.neighbours[..])
        .unwrap_or_default();
    let here = near
        .iter()
        .filter(|near| near.conflict == conflict && told.contains(&near.label.as_str()));
    here.map(|near| Seen::new(near.msg.clone(), other_port(scene, own)))
        .collect()
}

fn unusable(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let Some(port) = crate::config::base_port(&own.config) else {
        return Vec::new();
    };
    if crate::ports::PortFamily::new(port).is_some() {
        return Vec::new();
    }
    let msg = msg!("doctor.ports-unusable", port = port);
    let seen = match free(scene, own) {
        Some(port) => Seen::fixed(
            own,
            msg,
            Fix::Set {
                config: own.instance.config_path.clone(),
                key: KeyPath::keys(["gateway", "port"]),
                value: Some(port.into()),
            },
        ),
        None => Seen::new(msg, other_port(scene, own)),
    };
    vec![seen]
}

fn held(scene: &Scene<'_>, own: &Subject<'_>, base: bool) -> Vec<Seen> {
    let Some(entry) = entry(scene, own) else {
        return Vec::new();
    };
    let ports = entry
        .ports
        .iter()
        .filter(|port| !port.claim.is_pool() && (port.claim.role == Some(Role::Base)) == base);
    let stranger = |listener: &&&Listener| {
        let owner = listener.owner.as_ref();
        owner.is_none_or(|owner| owner.instance.as_ref() != Some(&own.label))
    };
    let mut seen: Vec<Seen> = Vec::new();
    for port in ports {
        let Some(listener) = port.held.iter().find(stranger) else {
            continue;
        };
        let msg = match &listener.owner {
            Some(owner) => msg!(
                "doctor.ports-held",
                port = listener.port,
                name = owner.name,
                pid = owner.pid
            ),
            None => msg!("doctor.ports-held-unknown", port = listener.port),
        };
        if !seen.iter().any(|known| known.msg == msg) {
            seen.push(Seen::new(msg, other_port(scene, own)));
        }
    }
    seen
}

fn ephemeral(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let (Some(found), Some(range)) = (own.found, scene.survey.ephemeral) else {
        return Vec::new();
    };
    let mut fixed = found.claims.iter().filter(|claim| !claim.is_pool());
    let inside = fixed.find_map(|claim| claim.span.overlap(range));
    let seen = inside.map(|span| {
        let msg = msg!("doctor.ports-ephemeral", port = span, range = range);
        Seen::new(msg, other_port(scene, own))
    });
    seen.into_iter().collect()
}

fn elsewhere(_: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let Some(port) = own.base() else {
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
    let seen = by_listeners.or(by_probe).map(|found| {
        let msg = msg!("doctor.ports-elsewhere", port = port, found = found);
        Seen::new(msg, format!("{} gateway restart", own.command))
    });
    seen.into_iter().collect()
}
