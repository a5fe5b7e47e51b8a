//! Places of a config to which a rule applies, and the rules themselves.

use serde_json::Value;

use crate::config::key_path::{KeyPath, PathSegment, WalkedPath};
use crate::config::release::Release;
use crate::config::schema::finding::{SchemaFinding, Violation};
use crate::i18n::Msg;
use crate::text::nearest_words;

pub(super) const EARLY: &[Release] = &[Release::Early];
pub(super) const LATE: &[Release] = &[Release::Late];
pub(super) const BOTH: &[Release] = &Release::ALL;

/// A condition on the values at some places.
pub(super) struct Rule {
    /// The releases that have the rule.
    pub(super) releases: &'static [Release],
    /// The places as keys joined by dots: `*` stands for any key, `[]` for any element, and nothing for the config.
    pub(super) places: &'static [&'static str],
    /// Adds what is wrong with the value at a place to the findings.
    pub(super) check: fn(&Place<'_>, &mut Vec<SchemaFinding>),
}

/// A value that a rule is about.
pub(super) struct Place<'c> {
    /// The whole config.
    pub(super) config: &'c Value,
    pub(super) path: KeyPath,
    pub(super) value: &'c Value,
    pub(super) release: Release,
}

/// Returns the values of a config at a pattern of [`Rule::places`], with their paths.
pub(super) fn find_places<'c>(config: &'c Value, pattern: &str) -> Vec<(KeyPath, &'c Value)> {
    let mut places = Vec::new();
    add_places(config, pattern, &WalkedPath::Root, &mut places);
    places
}

/// Adds the values at a pattern below the value at a path, with their paths.
fn add_places<'c>(
    value: &'c Value,
    pattern: &str,
    path: &WalkedPath<'_>,
    places: &mut Vec<(KeyPath, &'c Value)>,
) {
    if pattern.is_empty() {
        places.push((path.to_key_path(), value));
        return;
    }
    let (step, rest) = pattern.split_once('.').unwrap_or((pattern, ""));
    match (value, step) {
        (Value::Object(map), "*") => {
            for (key, value) in map {
                add_places(value, rest, &path.child(key), places);
            }
        }
        (Value::Array(elements), "[]") => {
            for (at, value) in elements.iter().enumerate() {
                add_places(value, rest, &path.index(at), places);
            }
        }
        (Value::Object(map), key) => {
            if let Some(value) = map.get(key) {
                add_places(value, rest, &path.child(key), places);
            }
        }
        _ => {}
    }
}

impl Place<'_> {
    /// Returns a text of the object at the place.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.value.get(key)?.as_str()
    }

    /// Returns the last key of the path.
    pub(super) fn last_key(&self) -> Option<&str> {
        self.path.segments().last().and_then(PathSegment::as_key)
    }

    /// Returns the finding that a value below the place is refused; `keys` are the steps to it.
    pub(super) fn refuse(&self, keys: &[&str], why: Msg) -> SchemaFinding {
        let path = keys.iter().fold(self.path.clone(), |path, key| path.child(*key));
        let value = keys.iter().try_fold(self.value, |value, key| value.get(key));
        SchemaFinding::invalid_value(path, why, value.unwrap_or(&Value::Null))
    }

    /// Returns the finding that a key or value below the place, `name`, names something that does not come with the release.
    /// The sentence says which of the `known` names was probably meant.
    pub(super) fn not_installed<'k>(
        &self,
        keys: &[&str],
        why: Msg,
        name: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> SchemaFinding {
        let finding = self.refuse(keys, why);
        let meant = nearest_words(name, known.into_iter()).into_iter().next();
        let near = meant.map(|meant| Msg::new("config.finding-near").with("meant", meant));
        SchemaFinding {
            violation: Violation::NotInstalled,
            why: match near {
                Some(near) => near.with_msg("why", finding.why),
                None => finding.why,
            },
            ..finding
        }
    }
}

/// Returns the items of a list of texts and numbers as texts, without blanks around them.
pub(super) fn entries(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    let items = items.map(|item| {
        item.as_str()
            .map_or_else(|| item.to_string(), |text| text.trim().to_owned())
    });
    items.filter(|item| !item.is_empty()).collect()
}

/// Returns whether a value is a list with items.
pub(super) fn has_items(list: Option<&Value>) -> bool {
    list.and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty())
}

/// Returns a text without blanks around it, in lower case.
pub(super) fn folded(text: Option<&str>) -> String {
    text.unwrap_or_default().trim().to_ascii_lowercase()
}
