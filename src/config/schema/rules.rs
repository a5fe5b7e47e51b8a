//! The rules that the releases check beyond their schemas.
//!
//! A rule names the releases that have it and the places in a config that it is about. Every rule was tried on the
//! release itself, and a test does so again where the releases are installed (`tests/config/releases`).

use serde_json::Value;

use super::finding::SchemaFinding;
use crate::config::release::Release;

mod agents;
mod channels;
mod gateway;
mod models;
mod place;
mod roster;
mod sandbox;
mod texts;
mod tools;

use place::{Place, find_places};
pub(super) use roster::Roster;

/// Returns what a release refuses in a config that keeps its schema.
pub(super) fn check(config: &Value, release: Release) -> Vec<SchemaFinding> {
    let mut findings = Vec::new();
    let all = [
        agents::RULES,
        channels::RULES,
        gateway::RULES,
        models::RULES,
        sandbox::RULES,
        tools::RULES,
    ];
    for rule in all
        .into_iter()
        .flatten()
        .filter(|rule| rule.releases.contains(&release))
    {
        for pattern in rule.places {
            for (path, value) in find_places(config, pattern) {
                let place = Place {
                    config,
                    path,
                    value,
                    release,
                };
                (rule.check)(&place, &mut findings);
            }
        }
    }
    findings.extend(texts::check(config, release));
    findings
}
