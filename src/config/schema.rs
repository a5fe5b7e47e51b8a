//! What the strict schemas of both OpenClaw releases say about a config.
//!
//! A gateway refuses a config as a whole for one key that it does not know, so what is written is
//! checked first. One table of keys (`table`) serves both releases; what it names is judged as
//! strictly as the releases do, and what lies deeper (tools, plugins, a channel's groups, ...) is left to
//! OpenClaw itself.

use std::cmp::Ordering;

use serde_json::Value;

use super::dialect::Dialect;
use super::key_path::KeyPath;
use crate::i18n::{Msg, msg};

mod table;

/// Something that OpenClaw would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFinding {
    /// The key.
    pub path: KeyPath,
    /// What is wrong with it.
    pub why: Msg,
}

/// Which releases know a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Release {
    Early,
    Late,
    Both,
}

/// A key: its path, who knows it, what it holds.
struct Row(&'static str, Release, Shape);

/// What a key holds. A text with `${VAR}` in it may become anything a text can be.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Not judged.
    Any,
    /// An object whose keys are not judged.
    Object,
    /// A text.
    Text,
    /// A list of texts.
    Texts,
    /// A text, or a reference to a secret store.
    Secret,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// `#` and six digits of base 16; the `#` may be left out.
    Colour,
    /// `true` or `false`.
    Bool,
    /// 1 to 65535. (The early release takes any number above; no system can bind those.)
    Port,
    /// A whole number, not below this one.
    Whole(i64),
    /// A number.
    Number,
}

/// Keys that must stand in an object of the table.
const REQUIRED: [(&str, &str, Release); 4] = [
    ("auth.profiles.*", "provider", Release::Both),
    ("auth.profiles.*", "mode", Release::Both),
    ("agents.list.[]", "id", Release::Both),
    ("browser.profiles.*", "color", Release::Early),
];

/// What a release of this dialect would refuse, in the order of the config. For [`Dialect::Common`] what
/// either release would. `$include` is taken for what it is; check the [`super::effective`] value to have
/// included files judged too.
pub fn check(config: &Value, dialect: Dialect) -> Vec<SchemaFinding> {
    let releases: &[Release] = match dialect {
        Dialect::Early => &[Release::Early],
        Dialect::Late => &[Release::Late],
        Dialect::Common => &[Release::Early, Release::Late],
    };
    let mut findings = Vec::new();
    for &release in releases {
        let mut judge = Judge {
            release,
            findings: Vec::new(),
        };
        let rows: Vec<Below> = table::TABLE
            .iter()
            .filter(|row| row.1.is(release))
            .map(|row| Below { rest: row.0, row })
            .collect();
        judge.judge(config, &KeyPath::root(), "", &rows);
        judge.open_channels(config);
        for finding in judge.findings {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
    }
    findings
}

/// What neither release would take: a gateway that serves configs of both refuses these alone. A key that
/// one of them knows, or that one of them misses, is in order. Told in the words of the release that the
/// config fits best; where both fit alike, of the one that wrote it.
pub fn refused_by_all(config: &Value) -> Vec<SchemaFinding> {
    let early = check(config, Dialect::Early);
    let late = check(config, Dialect::Late);
    let by_late = match early.len().cmp(&late.len()) {
        Ordering::Less => false,
        Ordering::Equal => Dialect::from_config(config) != Some(Dialect::Early),
        Ordering::Greater => true,
    };
    let (fitting, other) = if by_late { (late, early) } else { (early, late) };
    let refused = fitting
        .into_iter()
        .filter(|finding| other.iter().any(|other| finding.is_about(other)));
    refused.collect()
}

impl SchemaFinding {
    /// Whether both say no to the same: one key, or a key and what lies in it.
    fn is_about(&self, other: &Self) -> bool {
        let required = |finding: &Self| finding.why.key() == "config.schema-required";
        if required(self) || required(other) {
            return self == other;
        }
        let (own, others) = (self.path.segments(), other.path.segments());
        own.starts_with(others) || others.starts_with(own)
    }
}

impl Release {
    fn is(self, other: Self) -> bool {
        self == Self::Both || other == Self::Both || self == other
    }
}

/// A row, and what of its path lies below the value that is looked at.
struct Below {
    rest: &'static str,
    row: &'static Row,
}

impl Below {
    /// The row one step deeper, where its next step is this one.
    fn step(&self, step: &str) -> Option<Self> {
        let (head, rest) = self.rest.split_once('.').unwrap_or((self.rest, ""));
        (head == step).then_some(Self { rest, row: self.row })
    }
}

struct Judge {
    release: Release,
    findings: Vec<SchemaFinding>,
}

impl Judge {
    fn find(&mut self, path: &KeyPath, why: Msg) {
        self.findings.push(SchemaFinding {
            path: path.clone(),
            why,
        });
    }

    /// `pattern` is the path as the table writes it; `rows` are those at and below it.
    fn judge(&mut self, value: &Value, path: &KeyPath, pattern: &str, rows: &[Below]) {
        let here: Vec<Shape> = rows
            .iter()
            .filter(|below| below.rest.is_empty())
            .map(|below| below.row.2)
            .collect();
        let has_elements = rows.iter().any(|below| below.step("[]").is_some());
        let has_keys = !has_elements && rows.len() > here.len();
        match value {
            Value::Object(map) if has_keys => {
                for (key, value) in map.iter().filter(|(key, _)| *key != "$include") {
                    let path = path.child(key);
                    let (step, found) = match steps(rows, key) {
                        found if found.is_empty() => ("*", steps(rows, "*")),
                        found => (key.as_str(), found),
                    };
                    if found.is_empty() {
                        self.find(&path, msg!("config.schema-unknown", key = key));
                    } else {
                        let pattern = if pattern.is_empty() {
                            step.to_owned()
                        } else {
                            format!("{pattern}.{step}")
                        };
                        self.judge(value, &path, &pattern, &found);
                    }
                }
                for (object, key, release) in REQUIRED {
                    if object == pattern
                        && release.is(self.release)
                        && !map.contains_key(key)
                        && !map.contains_key("$include")
                    {
                        self.find(path, msg!("config.schema-required", key = key));
                    }
                }
            }
            Value::Array(elements) if has_elements => {
                let found = steps(rows, "[]");
                for (at, element) in elements.iter().enumerate() {
                    self.judge(element, &path.index(at), &format!("{pattern}.[]"), &found);
                }
            }
            _ if here.iter().any(|shape| shape.holds(value)) => {}
            _ => {
                let why = match here.first() {
                    Some(shape) => shape.wanted(),
                    None if has_elements => msg!("config.schema-list"),
                    None => msg!("config.schema-object"),
                };
                self.find(path, why);
            }
        }
    }

    /// A channel that is open to everybody must say so twice, in both releases.
    fn open_channels(&mut self, config: &Value) {
        let channel = KeyPath::keys(["channels", "telegram"]);
        let Some(telegram) = super::document::find(config, &channel) else {
            return;
        };
        let everybody = |list: &Value| list.as_array().is_some_and(|list| list.iter().any(|v| v == "*"));
        if telegram.get("dmPolicy").is_some_and(|policy| policy == "open")
            && !telegram.get("allowFrom").is_some_and(everybody)
        {
            self.find(&channel.child("allowFrom"), msg!("config.schema-open"));
        }
    }
}

fn steps(rows: &[Below], step: &str) -> Vec<Below> {
    rows.iter().filter_map(|below| below.step(step)).collect()
}

impl Shape {
    fn holds(self, value: &Value) -> bool {
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

    fn wanted(self) -> Msg {
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

/// A whole number that was written as `18789.0` or `1e4`: JavaScript knows no difference.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be whole and small before"
)]
fn as_whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

#[cfg(test)]
pub(crate) mod tests;
