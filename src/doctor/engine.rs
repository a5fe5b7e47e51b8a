//! What runs the gateway: is it there, and is it the one that this instance was set up for?

use super::scene::{Scene, Subject};
use super::{Check, Seen};
use crate::i18n::msg;
use crate::record::Engine;

pub(super) const CHECKS: &[Check] = &[
    Check::error("engine-missing", missing),
    Check::warning("engine-skew", skew),
];

fn missing(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let is_node = own
        .record
        .as_ref()
        .is_ok_and(|record| record.engine == Engine::Node);
    if !is_node || scene.survey.node.is_some() {
        return Vec::new();
    }
    let path = scene.shown(&own.instance.record_path());
    let msg = msg!("doctor.engine-missing", path = path);
    vec![Seen::new(
        msg,
        format!("npm install -g openclaw && {} doctor", own.command),
    )]
}

/// The gateway that runs is of another version than what would be started now.
fn skew(scene: &Scene<'_>, own: &Subject<'_>) -> Vec<Seen> {
    let (Some(probe), Ok(record)) = (&own.probe, &own.record) else {
        return Vec::new();
    };
    let node = || Some(scene.survey.node.as_ref()?.version.clone());
    let here = match record.engine {
        Engine::Native => Some(env!("CARGO_PKG_VERSION").to_owned()),
        Engine::Node => node(),
    };
    let other_engine = probe.engine != record.engine;
    let other_version = matches!((&probe.version, &here), (Some(runs), Some(here)) if runs != here);
    if !probe.is_running() || !(other_engine || other_version) {
        return Vec::new();
    }
    let named = |engine: &str, version: Option<&str>| format!("{engine} {}", version.unwrap_or("-"));
    let msg = msg!(
        "doctor.engine-skew",
        runs = named(probe.engine.name(), probe.version.as_deref()),
        here = named(record.engine.name(), here.as_deref())
    );
    vec![Seen::new(msg, format!("{} gateway restart", own.command))]
}
