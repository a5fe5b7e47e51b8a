//! What runs the gateway: is it there, and is it the one that this instance was set up for?

use super::scene::{Scene, Subject};
use super::{Check, Seen};
use crate::msg;
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
    let here = match record.engine {
        Engine::Native => Some(env!("CARGO_PKG_VERSION")),
        Engine::Node => scene.survey.node.as_ref().map(|node| node.version.as_str()),
    };
    let (Some(runs), Some(here)) = (probe.version.as_deref(), here) else {
        return Vec::new();
    };
    let same_engine = probe
        .engine
        .as_deref()
        .is_none_or(|engine| engine == record.engine.name());
    if runs == here && same_engine {
        return Vec::new();
    }
    let msg = msg!("doctor.engine-skew", runs = runs, here = here);
    vec![Seen::new(msg, format!("{} gateway restart", own.command))]
}
