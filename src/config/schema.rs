//! Checks a config against the strict schemas of both OpenClaw releases.
//!
//! A gateway refuses a config as a whole for one key that it does not know, so what is written is checked first. One
//! table of keys (`table`) serves both releases. The keys that it names are checked as strictly as the releases do;
//! what lies deeper (tools, plugins, a channel's groups, ...) is left to OpenClaw itself.

use std::cmp::Ordering;

use serde_json::Value;

use super::dialect::Dialect;
use super::key_path::KeyPath;
use crate::i18n::{Msg, msg};
use rule::{KeyRule, Releases, Shape};

mod rule;
mod table;

/// A value that OpenClaw would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFinding {
    /// The path of the value.
    pub path: KeyPath,
    /// What is wrong with the value.
    pub why: Msg,
    /// Whether a key is missing in the object at `path`, so that nothing of it is wrong by itself.
    is_missing_key: bool,
}

/// Keys that objects of the table must have: the object, the key, the releases that want it.
const REQUIRED_KEYS: [(&str, &str, Releases); 4] = [
    ("auth.profiles.*", "provider", Releases::Both),
    ("auth.profiles.*", "mode", Releases::Both),
    ("agents.list.[]", "id", Releases::Both),
    ("browser.profiles.*", "color", Releases::Early),
];

/// Returns what a release of this dialect would refuse, in the order of the config; for [`Dialect::Common`] what either
/// release would. `$include` is not followed: check the [`super::effective`] value to have included files checked too.
pub fn check(config: &Value, dialect: Dialect) -> Vec<SchemaFinding> {
    let releases: &[Releases] = match dialect {
        Dialect::Early => &[Releases::Early],
        Dialect::Late => &[Releases::Late],
        Dialect::Common => &[Releases::Early, Releases::Late],
    };
    let mut findings = Vec::new();
    for &release in releases {
        let mut checker = SchemaChecker {
            release,
            findings: Vec::new(),
        };
        let rules: Vec<RemainingRule> = table::TABLE
            .iter()
            .filter(|rule| rule.1.overlaps(release))
            .map(|rule| RemainingRule { path: rule.0, rule })
            .collect();
        checker.check(config, &KeyPath::root(), "", &rules);
        checker.check_open_channels(config);
        for finding in checker.findings {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// Returns what both releases would refuse: a gateway that serves configs of both refuses these alone. A key that one
/// of them knows, or that one of them misses, is in order. The findings are those of the release that the config fits
/// best; where it fits both alike, of the one that wrote it.
pub fn refused_by_all(config: &Value) -> Vec<SchemaFinding> {
    let early = check(config, Dialect::Early);
    let late = check(config, Dialect::Late);
    let fits_late = match early.len().cmp(&late.len()) {
        Ordering::Less => false,
        Ordering::Equal => Dialect::from_config(config) != Some(Dialect::Early),
        Ordering::Greater => true,
    };
    let (fitting, other) = if fits_late { (late, early) } else { (early, late) };
    let refused = fitting
        .into_iter()
        .filter(|finding| other.iter().any(|other| finding.is_about_same_key(other)));
    refused.collect()
}

impl SchemaFinding {
    /// Returns whether two findings are about one key, or about a key and what lies in it.
    fn is_about_same_key(&self, other: &Self) -> bool {
        if self.is_missing_key || other.is_missing_key {
            return self == other;
        }
        let (own, others) = (self.path.segments(), other.path.segments());
        own.starts_with(others) || others.starts_with(own)
    }
}

/// A rule of the table, and the part of its path that lies below the value that is checked.
struct RemainingRule {
    path: &'static str,
    rule: &'static KeyRule,
}

impl RemainingRule {
    /// Returns the rule one step deeper when its next step is this one.
    fn step(&self, step: &str) -> Option<Self> {
        let (head, path) = self.path.split_once('.').unwrap_or((self.path, ""));
        let rule = self.rule;
        (head == step).then_some(Self { path, rule })
    }
}

/// Collects the findings of one release.
struct SchemaChecker {
    release: Releases,
    findings: Vec<SchemaFinding>,
}

impl SchemaChecker {
    fn find(&mut self, path: &KeyPath, why: Msg) {
        self.findings.push(SchemaFinding {
            path: path.clone(),
            why,
            is_missing_key: false,
        });
    }

    /// Checks a value and what lies in it. `pattern` is its path as the table writes it; `rules` are those of this
    /// path and those below it.
    fn check(&mut self, value: &Value, path: &KeyPath, pattern: &str, rules: &[RemainingRule]) {
        let shapes: Vec<Shape> = rules
            .iter()
            .filter(|remaining| remaining.path.is_empty())
            .map(|remaining| remaining.rule.2)
            .collect();
        let has_elements = rules.iter().any(|remaining| remaining.step("[]").is_some());
        let has_keys = !has_elements && rules.len() > shapes.len();
        match value {
            Value::Object(map) if has_keys => {
                for (key, value) in map.iter().filter(|(key, _)| *key != "$include") {
                    self.check_key(key, value, path, pattern, rules);
                }
                self.check_required_keys(map, path, pattern);
            }
            Value::Array(elements) if has_elements => {
                let found = steps(rules, "[]");
                for (at, element) in elements.iter().enumerate() {
                    self.check(element, &path.index(at), &format!("{pattern}.[]"), &found);
                }
            }
            _ if shapes.iter().any(|shape| shape.fits(value)) => {}
            _ => {
                let why = match shapes.first() {
                    Some(shape) => shape.msg(),
                    None if has_elements => msg!("config.schema-list"),
                    None => msg!("config.schema-object"),
                };
                self.find(path, why);
            }
        }
    }

    /// Checks a key of an object, whose path, pattern and rules are given.
    fn check_key(
        &mut self,
        key: &str,
        value: &Value,
        object: &KeyPath,
        pattern: &str,
        rules: &[RemainingRule],
    ) {
        let path = object.child(key);
        let (step, found) = match steps(rules, key) {
            found if found.is_empty() => ("*", steps(rules, "*")),
            found => (key, found),
        };
        if found.is_empty() {
            self.find(&path, msg!("config.schema-unknown", key = key));
            return;
        }
        let pattern = if pattern.is_empty() {
            step.to_owned()
        } else {
            format!("{pattern}.{step}")
        };
        self.check(value, &path, &pattern, &found);
    }

    fn check_required_keys(&mut self, map: &serde_json::Map<String, Value>, path: &KeyPath, pattern: &str) {
        for (object, key, releases) in REQUIRED_KEYS {
            let is_wanted = object == pattern && releases.overlaps(self.release);
            if is_wanted && !map.contains_key(key) && !map.contains_key("$include") {
                self.findings.push(SchemaFinding {
                    path: path.clone(),
                    why: msg!("config.schema-required", key = key),
                    is_missing_key: true,
                });
            }
        }
    }

    /// Checks that a channel which is open to everybody says so twice, as both releases want it.
    fn check_open_channels(&mut self, config: &Value) {
        let channel = KeyPath::keys(["channels", "telegram"]);
        let Some(telegram) = super::document::find(config, &channel) else {
            return;
        };
        let has_everybody = |list: &Value| list.as_array().is_some_and(|list| list.iter().any(|v| v == "*"));
        if telegram.get("dmPolicy").is_some_and(|policy| policy == "open")
            && !telegram.get("allowFrom").is_some_and(has_everybody)
        {
            self.find(&channel.child("allowFrom"), msg!("config.schema-open"));
        }
    }
}

fn steps(rules: &[RemainingRule], step: &str) -> Vec<RemainingRule> {
    rules
        .iter()
        .filter_map(|remaining| remaining.step(step))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
