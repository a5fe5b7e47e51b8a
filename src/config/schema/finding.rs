//! The violations that a release refuses in a config: each with its place, its kind and the sentence about it.

use serde_json::Value;

use crate::config::key_path::KeyPath;
use crate::config::secrets;
use crate::i18n::{Msg, msg};

/// Maximum number of characters of a value that is shown.
const MAX_SHOWN_CHARS: usize = 60;

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
    /// The release does not read the file that the `$include` at the path names.
    RefusedInclude,
    /// The value at the path names a channel or a plugin that does not come with the release.
    NotInstalled,
}

impl SchemaFinding {
    /// Returns whether two findings of the config's schema check are about one key, or about a key and a key below
    /// it.
    pub(in crate::config) fn is_about_same_key(&self, other: &Self) -> bool {
        let is_about_itself = [Violation::MissingKey, Violation::RefusedInclude];
        if is_about_itself.contains(&self.violation) || is_about_itself.contains(&other.violation) {
            return self == other;
        }
        self.shares_path(other)
    }

    /// Returns whether two findings of the config's schema check are of one kind and about one value.
    pub(in crate::config) fn is_same_place(&self, other: &Self) -> bool {
        (self.violation, &self.path) == (other.violation, &other.path)
    }

    /// Returns whether the path of a finding is that of another one, or leads to it.
    pub(super) fn shares_path(&self, other: &Self) -> bool {
        let (own, others) = (self.path.segments(), other.path.segments());
        own.starts_with(others) || others.starts_with(own)
    }

    /// Returns the finding that a key is not known; `meant` is the known key that was probably meant.
    pub(super) fn unknown_key(path: KeyPath, meant: Option<&str>) -> Self {
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
    pub(super) fn missing_key(path: KeyPath, key: &str) -> Self {
        Self {
            path,
            violation: Violation::MissingKey,
            why: msg!("config.schema-required", key = key),
            code: "config.schema-required",
        }
    }

    /// Returns the finding that a release does not read the file of the `$include` at a path.
    pub(super) fn refused_include(path: KeyPath, why: Msg) -> Self {
        Self {
            path,
            violation: Violation::RefusedInclude,
            code: code(&why),
            why,
        }
    }

    /// Returns the finding that a value is not `expected`. The value is shown where it is short and no secret.
    pub(super) fn invalid_value(path: KeyPath, expected: Msg, value: &Value) -> Self {
        let code = code(&expected);
        let why = match shown(&path, value) {
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

/// Returns the code of an expectation: its first word, without that of its bounds (`config.schema-whole`).
fn code(expectation: &Msg) -> &'static str {
    let key = expectation.key();
    let bounds = key.match_indices('-').nth(1);
    let bounds = bounds.filter(|_| key.contains("schema-"));
    bounds.map_or(key, |(end, _)| &key[..end])
}

/// Returns a value as it may be shown: short, and no secret.
fn shown(path: &KeyPath, value: &Value) -> Option<String> {
    if matches!(value, Value::Object(_) | Value::Array(_) | Value::Null)
        || secrets::redact(path, value) != *value
    {
        return None;
    }
    let text = value.to_string();
    (!secrets::is_secret(path) && text.chars().count() <= MAX_SHOWN_CHARS).then_some(text)
}
