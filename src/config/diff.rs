//! The differences between two configs, key by key, secrets redacted: for a person who is to agree to a change.

use serde_json::Value;

use super::key_path::KeyPath;
use super::secrets;

/// A key whose value differs between two configs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigDifference {
    /// The path of the key that differs.
    pub path: KeyPath,
    /// The old value as JSON; `None` when the key is new.
    pub before: Option<String>,
    /// The new value as JSON; `None` when the key goes.
    pub after: Option<String>,
}

/// Returns the keys that differ between two configs: those of the new config in its order, then those that only the old
/// config has.
pub(crate) fn between(before: &Value, after: &Value) -> Vec<ConfigDifference> {
    let mut found = Vec::new();
    collect(&KeyPath::root(), Some(before), Some(after), &mut found);
    found
}

/// Adds the differing keys below a path.
fn collect(path: &KeyPath, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<ConfigDifference>) {
    let empty = serde_json::Map::new();
    let is_object = |value: Option<&'_ Value>| value.is_none_or(Value::is_object);
    if before == after {
        return;
    }
    if is_object(before) && is_object(after) {
        let entries = |value: Option<&Value>| value.and_then(Value::as_object).unwrap_or(&empty).clone();
        let (old, new) = (entries(before), entries(after));
        for key in new.keys().chain(old.keys().filter(|key| !new.contains_key(*key))) {
            collect(&path.child(key), old.get(key), new.get(key), found);
        }
        return;
    }
    let shown = |value: &Value| secrets::redact(path, value).to_string();
    found.push(ConfigDifference {
        path: path.clone(),
        before: before.map(shown),
        after: after.map(shown),
    });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differing_keys_are_listed_with_secrets_redacted() {
        let before = json!({ "gateway": { "port": 1, "bind": "lan", "auth": { "token": "old" } } });
        let after = json!({ "gateway": { "port": 2, "auth": { "token": "new" } }, "meta": { "a": true } });
        let found = between(&before, &after);
        let lines: Vec<_> = found
            .iter()
            .map(|d| (d.path.to_string(), d.before.as_deref(), d.after.as_deref()))
            .collect();
        assert_eq!(lines[0], ("gateway.port".to_owned(), Some("1"), Some("2")));
        assert_eq!(lines[1].0, "gateway.auth.token");
        assert!(!format!("{found:?}").contains("old") && !format!("{found:?}").contains("\"new\""));
        assert_eq!(lines[2], ("gateway.bind".to_owned(), Some("\"lan\""), None));
        assert_eq!(lines[3], ("meta.a".to_owned(), None, Some("true")));
        assert_eq!(between(&after, &after), []);
    }
}
