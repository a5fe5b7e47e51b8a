//! The rules of the table of keys: a key, the releases that know it, and the shape of its value.

use serde_json::Value;

use crate::i18n::{Msg, msg};

/// The schema's rule for a key of a config: its path, the releases that know it, and the shape of its value.
pub(super) struct KeyRule(pub(super) &'static str, pub(super) Releases, pub(super) Shape);

/// The OpenClaw releases that know a key of the config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Releases {
    Early,
    Late,
    Both,
}

impl Releases {
    /// Returns whether any OpenClaw release is in both sets of releases.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self == Self::Both || other == Self::Both || self == other
    }
}

/// The form that a rule of the schema requires of a config value. A text with `${VAR}` in it may become anything that
/// a text can be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// Any value; it is not checked.
    Any,
    /// An object whose keys are not checked.
    Object,
    /// A string.
    Text,
    /// An array of strings.
    Texts,
    /// A string, or an object that refers to a secret store.
    Secret,
    /// A text that is one of these words, or contains `${VAR}`.
    OneOf(&'static [&'static str]),
    /// Six hex digits, with or without `#` before them.
    Colour,
    /// A boolean.
    Bool,
    /// A port number, 1 to 65535. (The early release takes any number above; no system can bind those.)
    Port,
    /// A whole number that is not below this one.
    Whole(i64),
    /// A number.
    Number,
}

impl Shape {
    /// Returns whether a config value has the shape that a rule of the schema requires.
    pub(super) fn fits(self, value: &Value) -> bool {
        let whole = || value.as_i64().or_else(|| value.as_f64().and_then(as_whole));
        match self {
            Self::Any => true,
            Self::Object => value.is_object(),
            Self::Text => value.is_string(),
            Self::Texts => value
                .as_array()
                .is_some_and(|list| list.iter().all(Value::is_string)),
            Self::Secret => value.is_string() || value.is_object(),
            Self::OneOf(words) => value
                .as_str()
                .is_some_and(|text| words.contains(&text) || text.contains("${")),
            Self::Colour => value.as_str().is_some_and(|text| {
                let digits = text.strip_prefix('#').unwrap_or(text);
                text.contains("${") || (digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
            }),
            Self::Bool => value.is_boolean(),
            Self::Port => whole().is_some_and(|port| (1..=65535).contains(&port)),
            Self::Whole(least) => whole().is_some_and(|number| number >= least),
            Self::Number => value.is_number(),
        }
    }

    /// Returns the sentence that says which values a key of the config accepts.
    pub(super) fn msg(self) -> Msg {
        match self {
            Self::Any | Self::Object => msg!("config.schema-object"),
            Self::Text | Self::Secret => msg!("config.schema-text"),
            Self::Texts => msg!("config.schema-texts"),
            Self::OneOf(words) => msg!("config.schema-word", words = words.join(", ")),
            Self::Colour => msg!("config.schema-colour"),
            Self::Bool => msg!("config.schema-bool"),
            Self::Port => msg!("config.schema-port"),
            Self::Whole(least) => msg!("config.schema-whole", least = least),
            Self::Number => msg!("config.schema-number"),
        }
    }
}

/// Returns a number as an integer where it is one, such as `18789.0` or `1e4`: JavaScript knows no difference.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be whole and small before"
)]
fn as_whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}
