//! Checks a config against the strict schemas of both OpenClaw releases.
//!
//! A gateway refuses a config as a whole for one key that it does not know, so what is written is checked first. One
//! table of keys (`table`) serves both releases. The keys that it names are checked as strictly as the releases do;
//! what lies deeper (tools, plugins, a channel's groups, ...) is left to OpenClaw itself.

use serde_json::Value;

use super::key_path::KeyPath;
use super::release::Release;
use crate::i18n::{Msg, msg};
use rule::{KeyRule, Releases, Shape};

mod rule;
mod table;

/// A value of a config that OpenClaw would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFinding {
    /// The path of the value that is refused.
    pub path: KeyPath,
    /// The kind of rule that the value violates.
    pub violation: Violation,
    /// The sentence that describes the violation.
    pub why: Msg,
}

/// The way in which a config value violates OpenClaw's config schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The schema does not know the key at the path.
    UnknownKey,
    /// The object at the path lacks a required key; the keys that it has may all be valid.
    MissingKey,
    /// The value at the path is not of the required form.
    InvalidValue,
}

/// Keys that OpenClaw's config schema requires in objects: the object, the key, and the releases that require it.
const REQUIRED_KEYS: [(&str, &str, Releases); 4] = [
    ("auth.profiles.*", "provider", Releases::Both),
    ("auth.profiles.*", "mode", Releases::Both),
    ("agents.list.[]", "id", Releases::Both),
    ("browser.profiles.*", "color", Releases::Early),
];

/// Returns the values of a config that an OpenClaw release would refuse, in the order of the config. `$include` is
/// not followed: check the [`super::effective`] value to have included files checked too.
pub(super) fn check(config: &Value, release: Release) -> Vec<SchemaFinding> {
    let release = match release {
        Release::Early => Releases::Early,
        Release::Late => Releases::Late,
    };
    let mut checker = SchemaChecker {
        release,
        findings: Vec::new(),
    };
    let rules: Vec<RemainingRule> = table::KEY_RULES
        .iter()
        .filter(|rule| rule.1.overlaps(release))
        .map(|rule| RemainingRule { path: rule.0, rule })
        .collect();
    checker.check(config, &KeyPath::root(), "", &rules);
    checker.check_open_channels(config);
    checker.findings
}

impl SchemaFinding {
    /// Returns whether two findings of the config's schema check are about one key, or about a key and a key below
    /// it.
    pub(super) fn is_about_same_key(&self, other: &Self) -> bool {
        if [self.violation, other.violation].contains(&Violation::MissingKey) {
            return self == other;
        }
        let (own, others) = (self.path.segments(), other.path.segments());
        own.starts_with(others) || others.starts_with(own)
    }
}

/// A rule of OpenClaw's config schema, and the part of its key path that lies below the value that is checked.
struct RemainingRule {
    path: &'static str,
    rule: &'static KeyRule,
}

impl RemainingRule {
    /// Returns the schema rule for the config values below the key `step`; `None` where its key path does not lead
    /// there.
    fn below(&self, step: &str) -> Option<Self> {
        let (head, path) = self.path.split_once('.').unwrap_or((self.path, ""));
        let rule = self.rule;
        (head == step).then_some(Self { path, rule })
    }
}

/// Checks a config against the schema of one OpenClaw release, and collects the findings.
struct SchemaChecker {
    release: Releases,
    findings: Vec<SchemaFinding>,
}

impl SchemaChecker {
    fn report(&mut self, path: &KeyPath, violation: Violation, why: Msg) {
        self.findings.push(SchemaFinding {
            path: path.clone(),
            violation,
            why,
        });
    }

    /// Checks a config value and everything in it against OpenClaw's config schema. `pattern` is its path as the
    /// table writes it; `rules` are those of this path and those below it.
    fn check(&mut self, value: &Value, path: &KeyPath, pattern: &str, rules: &[RemainingRule]) {
        let shapes: Vec<Shape> = rules
            .iter()
            .filter(|remaining| remaining.path.is_empty())
            .map(|remaining| remaining.rule.2)
            .collect();
        let has_elements = rules.iter().any(|remaining| remaining.below("[]").is_some());
        let has_keys = !has_elements && rules.len() > shapes.len();
        match value {
            Value::Object(map) if has_keys => {
                for (key, value) in map.iter().filter(|(key, _)| *key != "$include") {
                    self.check_key(key, value, path, pattern, rules);
                }
                self.check_required_keys(map, path, pattern);
            }
            Value::Array(elements) if has_elements => {
                let found = rules_below(rules, "[]");
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
                self.report(path, Violation::InvalidValue, why);
            }
        }
    }

    /// Checks a key of an object in a config against OpenClaw's config schema, by the key's path, pattern and rules.
    fn check_key(
        &mut self,
        key: &str,
        value: &Value,
        object: &KeyPath,
        pattern: &str,
        rules: &[RemainingRule],
    ) {
        let path = object.child(key);
        let (step, found) = match rules_below(rules, key) {
            found if found.is_empty() => ("*", rules_below(rules, "*")),
            found => (key, found),
        };
        if found.is_empty() {
            self.report(
                &path,
                Violation::UnknownKey,
                msg!("config.schema-unknown", key = key),
            );
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
            let is_required = object == pattern && releases.overlaps(self.release);
            if is_required && !map.contains_key(key) && !map.contains_key("$include") {
                self.report(
                    path,
                    Violation::MissingKey,
                    msg!("config.schema-required", key = key),
                );
            }
        }
    }

    /// Checks that a messaging channel in a config with the policy `open` also lists everybody in `allowFrom`, as
    /// both releases require.
    fn check_open_channels(&mut self, config: &Value) {
        let channel = KeyPath::keys(["channels", "telegram"]);
        let Some(telegram) = super::document::find(config, &channel) else {
            return;
        };
        let has_everybody = |list: &Value| list.as_array().is_some_and(|list| list.iter().any(|v| v == "*"));
        if telegram.get("dmPolicy").is_some_and(|policy| policy == "open")
            && !telegram.get("allowFrom").is_some_and(has_everybody)
        {
            self.report(
                &channel.child("allowFrom"),
                Violation::InvalidValue,
                msg!("config.schema-open"),
            );
        }
    }
}

/// Returns the rules of OpenClaw's config schema for the values below the key `step`.
fn rules_below(rules: &[RemainingRule], step: &str) -> Vec<RemainingRule> {
    rules
        .iter()
        .filter_map(|remaining| remaining.below(step))
        .collect()
}

#[cfg(test)]
pub(crate) mod tests;
