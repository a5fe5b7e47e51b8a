//! Puts the secrets of a config back into a value that a client sends, which has placeholders for them.

use serde_json::Value;

use crate::config::key_path::KeyPath;
use crate::config::secrets;
use crate::secret::REDACTED;

/// Replaces each part of a config that is as clients are shown it by what stands there, secrets included.
///
/// # Errors
/// The path of a placeholder that stands for nothing.
pub(super) fn restore_secrets(sent: Value, present: &Value) -> Result<Value, KeyPath> {
    restore(sent, Some(present), &KeyPath::root())
}

fn restore(sent: Value, present: Option<&Value>, path: &KeyPath) -> Result<Value, KeyPath> {
    if let Some(present) = present
        && secrets::redact(path, present) == sent
    {
        return Ok(present.clone());
    }
    match sent {
        Value::Object(sent) => {
            let restored = sent.into_iter().map(|(key, value)| {
                let present = present.and_then(|present| present.get(&key));
                let value = restore(value, present, &path.child(key.as_str()))?;
                Ok((key, value))
            });
            restored.collect()
        }
        Value::Array(sent) => {
            let present = present.and_then(Value::as_array);
            let restored = sent.into_iter().enumerate().map(|(at, value)| {
                let present = counterpart(&value, at, present);
                restore(value, present, &path.index(at))
            });
            restored.collect()
        }
        Value::String(text) if text.contains(REDACTED) => Err(path.clone()),
        other => Ok(other),
    }
}

/// Returns the element of a list that a sent element stands for: the one with the same id. Where elements have none,
/// it is the one in the same place; after a change of their order a placeholder could stand for another one's secret,
/// so an element with another id has no counterpart.
fn counterpart<'a>(sent: &Value, at: usize, present: Option<&'a Vec<Value>>) -> Option<&'a Value> {
    let present = present?;
    let id = |value: &Value| value.get("id").cloned();
    match id(sent) {
        Some(own) => present.iter().find(|element| id(element).as_ref() == Some(&own)),
        None => present.get(at).filter(|element| id(element).is_none()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn placeholder_stands_for_the_secret_in_its_place() {
        let present = json!({
            "gateway": {"port": 1, "auth": {"token": "s3cr3t-token"}},
            "channels": {"telegram": {"botToken": "123:abc"}},
            "list": [{"id": "a", "apiKey": "first-key"}, {"id": "b", "apiKey": "second-key"}],
        });
        let mut sent = secrets::redact(&KeyPath::root(), &present);
        sent["gateway"]["port"] = 2.into();
        sent["list"].as_array_mut().unwrap().reverse();
        let restored = restore_secrets(sent, &present).unwrap();
        assert_eq!(
            restored["gateway"],
            json!({"port": 2, "auth": {"token": "s3cr3t-token"}})
        );
        assert_eq!(restored["channels"], present["channels"]);
        assert_eq!(restored["list"], json!([present["list"][1], present["list"][0]]));
    }

    #[test]
    fn placeholder_without_a_secret_is_refused_with_its_path() {
        let sent = json!({"channels": {"telegram": {"botToken": REDACTED}}});
        let path = restore_secrets(sent, &json!({})).unwrap_err();
        assert_eq!(path.to_string(), "channels.telegram.botToken");
        let sent = json!({"list": [{"id": "new", "apiKey": REDACTED}]});
        assert!(restore_secrets(sent, &json!({"list": [{"id": "a", "apiKey": "k"}]})).is_err());
    }
}
