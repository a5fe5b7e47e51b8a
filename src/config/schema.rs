//! Checks a config against what the known releases of OpenClaw accept.
//!
//! A gateway refuses a config as a whole for one key that it does not know, or one value that it does not accept. Both
//! releases have a JSON schema (`schemas/`), which `build.rs` takes apart into [`nodes`], and which is checked whole. What
//! they check beyond their schemas is a list of rules ([`rules`]).

use serde_json::Value;

use super::key_path::KeyPath;
use super::release::Release;
use crate::i18n::{Msg, msg};

mod evaluate;
mod expectation;
mod format;
mod keyword;
mod nodes;
mod rules;

/// A value of a config that OpenClaw would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFinding {
    /// The path of the value.
    pub path: KeyPath,
    /// The kind of the violation.
    pub violation: Violation,
    /// The sentence that describes the violation: what is allowed, and the value unless it may be a secret.
    pub why: Msg,
    /// The stable name of the violation, for `--json`.
    pub code: &'static str,
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
    /// The value at the path names a channel or a plugin that does not come with the release.
    NotInstalled,
}

/// Returns the values that a release would refuse, in the order of the config. `$include` is not followed: check the
/// [`super::effective`] value to have included files checked too.
pub(super) fn check(config: &Value, release: Release) -> Vec<SchemaFinding> {
    let roster = rules::Roster::of(config, release);
    let mut findings = evaluate::check(nodes::root(release), &roster.config);
    roster.explain_refused_list(&mut findings);
    // The releases come to some of their rules only where the schema is kept. Here all is said at once, but nothing
    // twice.
    let broken_rules = rules::check(&roster.config, release).into_iter();
    let is_new = |rule: &SchemaFinding| !findings.iter().any(|finding| finding.shares_path(rule));
    let broken_rules: Vec<_> = broken_rules.filter(is_new).collect();
    findings.extend(broken_rules);
    for finding in &mut findings {
        finding.path = roster.original_path(finding.path.clone());
    }
    findings
}

impl SchemaFinding {
    /// Returns whether two findings of the config's schema check are about one key, or about a key and a key below
    /// it.
    pub(super) fn is_about_same_key(&self, other: &Self) -> bool {
        if [self.violation, other.violation].contains(&Violation::MissingKey) {
            return self == other;
        }
        self.shares_path(other)
    }

    /// Returns whether the path of a finding is that of another one, or leads to it.
    fn shares_path(&self, other: &Self) -> bool {
        let (own, others) = (self.path.segments(), other.path.segments());
        own.starts_with(others) || others.starts_with(own)
    }

    /// Returns the finding that a key is not known; `meant` is the known key that was probably meant.
    fn unknown_key(path: KeyPath, meant: Option<&str>) -> Self {
        let code = "config.schema-unknown";
        let why = match meant {
            Some(key) => msg!("config.schema-unknown-near", key = key),
            None => Msg::new(code),
        };
        Self {
            path,
            violation: Violation::UnknownKey,
            why,
            code,
        }
    }

    /// Returns the finding that the object at a path lacks a key.
    fn missing_key(path: KeyPath, key: &str) -> Self {
        Self {
            path,
            violation: Violation::MissingKey,
            why: msg!("config.schema-required", key = key),
            code: "config.schema-required",
        }
    }

    /// Returns the finding that a value is not `expected`. The value is shown where it is short and no secret.
    fn invalid_value(path: KeyPath, expected: Msg, value: &Value) -> Self {
        let code = expectation::code(&expected);
        let why = match expectation::shown(&path, value) {
            Some(shown) => msg!("config.schema-value", value = shown).with_msg("expected", expected),
            None => expected,
        };
        Self {
            path,
            violation: Violation::InvalidValue,
            why,
            code,
        }
    }
}

#[cfg(test)]
mod tests;
