//! What the releases check beyond their schemas.
//!
//! A rule names the releases that have it and the places in a config that it is about. Every rule was tried on the
//! release itself, and a test does so again where the releases are installed (`tests/config/releases`).

use serde_json::Value;

use super::SchemaFinding;
use crate::config::key_path::{KeyPath, PathSegment};
use crate::config::release::Release;
use crate::i18n::Msg;

mod agents;
mod channels;
mod gateway;
mod models;
mod roster;
mod sandbox;
mod texts;
mod tools;

pub(super) use roster::Roster;

const EARLY: &[Release] = &[Release::Early];
const LATE: &[Release] = &[Release::Late];
const BOTH: &[Release] = &Release::ALL;

/// A condition on the values at some places.
struct Rule {
    /// The releases that have the rule.
    releases: &'static [Release],
    /// The places as keys joined by dots: `*` stands for any key, `[]` for any element, and nothing for the config.
    places: &'static [&'static str],
    /// Adds what is wrong with the value at a place to the findings.
    check: fn(&Place<'_>, &mut Vec<SchemaFinding>),
}

/// A value that a rule is about.
struct Place<'c> {
    /// The whole config.
    config: &'c Value,
    path: KeyPath,
    value: &'c Value,
    release: Release,
}

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
            let mut places = Vec::new();
            find_places(config, pattern, KeyPath::root(), &mut places);
            for (path, value) in places {
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

/// Adds the values of a config at a pattern of [`Rule::places`], with their paths.
fn find_places<'c>(value: &'c Value, pattern: &str, path: KeyPath, places: &mut Vec<(KeyPath, &'c Value)>) {
    if pattern.is_empty() {
        places.push((path, value));
        return;
    }
    let (step, rest) = pattern.split_once('.').unwrap_or((pattern, ""));
    match (value, step) {
        (Value::Object(map), "*") => {
            for (key, value) in map {
                find_places(value, rest, path.child(key), places);
            }
        }
        (Value::Array(elements), "[]") => {
            for (at, value) in elements.iter().enumerate() {
                find_places(value, rest, path.index(at), places);
            }
        }
        (Value::Object(map), key) => {
            if let Some(value) = map.get(key) {
                find_places(value, rest, path.child(key), places);
            }
        }
        _ => {}
    }
}

impl Place<'_> {
    /// Returns a text of the object at the place.
    fn text(&self, key: &str) -> Option<&str> {
        self.value.get(key)?.as_str()
    }

    /// Returns the last key of the path.
    fn last_key(&self) -> Option<&str> {
        self.path.segments().last().and_then(PathSegment::as_key)
    }

    /// Returns the finding that a value below the place is refused; `keys` are the steps to it.
    fn refuse(&self, keys: &[&str], why: Msg) -> SchemaFinding {
        let path = keys.iter().fold(self.path.clone(), |path, key| path.child(*key));
        let value = keys.iter().try_fold(self.value, |value, key| value.get(key));
        SchemaFinding::invalid_value(path, why, value.unwrap_or(&Value::Null))
    }
}

/// Returns the items of a list of texts and numbers as texts, without blanks around them.
fn entries(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    let items = items.map(|item| {
        item.as_str()
            .map_or_else(|| item.to_string(), |text| text.trim().to_owned())
    });
    items.filter(|item| !item.is_empty()).collect()
}

/// Returns whether a value is a list with items.
fn has_items(list: Option<&Value>) -> bool {
    list.and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty())
}

/// Returns a text without blanks around it, in lower case.
fn folded(text: Option<&str>) -> String {
    text.unwrap_or_default().trim().to_ascii_lowercase()
}
