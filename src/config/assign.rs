//! The assignment of a value by `config set`: parses the typed text, and finds what OpenClaw would refuse afterwards.

use serde_json::Value;

use super::dialect::Dialect;
use super::key_path::KeyPath;
use super::schema::{self, SchemaFinding};
use super::{reader, secrets};
use crate::error::{Error, Result};
use crate::i18n::msg;

/// Parses a typed value: as JSON5 where it is valid JSON5, else as a string. At a key that holds a secret, everything but
/// an object or an array is a string: a token of digits is no number.
///
/// # Errors
/// For a text that begins like JSON5 and is invalid, and for a text that contains the mark of a hidden secret.
pub(crate) fn parse_typed_value(path: &KeyPath, typed: &str) -> Result<Value> {
    let text = typed.trim();
    let value = match reader::parse_value(text) {
        Ok(value) if secrets::is_secret(path) && !(value.is_object() || value.is_array()) => typed.into(),
        Ok(value) => value,
        // A bracket or a quote at the start means JSON5: the error says where it breaks.
        Err(error) if text.starts_with(['{', '[', '"', '\'']) && !secrets::is_secret(path) => {
            let (line, column) = error.position.unwrap_or((1, 1));
            let what = msg!("config.value-form", line = line, column = column).with_msg("why", error.why);
            return Err(Error::usage(what).hint(msg!("config.value-quotes")));
        }
        Err(_) => typed.into(),
    };
    if has_redaction_mark(&value) {
        return Err(Error::usage(msg!(
            "config.value-hidden",
            hidden = crate::secret::REDACTED
        )));
    }
    Ok(value)
}

fn has_redaction_mark(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(crate::secret::REDACTED),
        Value::Array(elements) => elements.iter().any(has_redaction_mark),
        Value::Object(map) => map.values().any(has_redaction_mark),
        _ => false,
    }
}

/// Returns the values that OpenClaw would refuse after an edit and did not refuse before it: a value that was invalid
/// already must not prevent the correction of another one.
///
/// Where neither the version of OpenClaw on this host (`node_version`) nor the config decides the release, it is enough
/// that one of them accepts the config.
pub(crate) fn new_findings(before: &Value, after: &Value, node_version: Option<&str>) -> Vec<SchemaFinding> {
    let dialects = match Dialect::decide(node_version, Some(before)) {
        Some(dialect) => vec![dialect],
        None => vec![Dialect::Late, Dialect::Early],
    };
    let added = |dialect| {
        let old = schema::check(before, dialect);
        let mut new = schema::check(after, dialect);
        new.retain(|finding| !old.contains(finding));
        new
    };
    dialects
        .into_iter()
        .map(added)
        .min_by_key(Vec::len)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn typed(path: &str, text: &str) -> Result<Value> {
        parse_typed_value(&KeyPath::parse(path).unwrap(), text)
    }

    #[test]
    fn value_is_json5_or_a_string() {
        for (text, value) in [
            ("18789", json!(18789)),
            (" true ", json!(true)),
            ("loopback", json!("loopback")),
            ("'18789'", json!("18789")),
            (
                "{ mode: 'local', port: 1, }",
                json!({ "mode": "local", "port": 1 }),
            ),
            ("~/work space", json!("~/work space")),
            ("", json!("")),
            ("1 2", json!("1 2")),
            ("${PORT}", json!("${PORT}")),
        ] {
            assert_eq!(typed("gateway.x", text).unwrap(), value, "{text}");
        }
        let error = typed("gateway", "{ mode: 'local' port: 1 }").unwrap_err();
        assert_eq!((error.kind.exit_code(), error.code()), (2, "config.value-form"));
    }

    #[test]
    fn secret_of_digits_stays_a_string() {
        assert_eq!(typed("gateway.auth.token", "0012").unwrap(), json!("0012"));
        assert_eq!(typed("gateway.auth.token", "true").unwrap(), json!("true"));
        assert_eq!(typed("gateway.auth.token", "{odd").unwrap(), json!("{odd"));
        let reference = typed(
            "gateway.auth.token",
            "{ source: 'env', provider: 'default', id: 'T' }",
        )
        .unwrap();
        assert!(reference.is_object());
    }

    #[test]
    fn mark_of_a_hidden_secret_is_refused_as_a_value() {
        let shown = format!("{{ token: '{}' }}", crate::secret::REDACTED);
        assert_eq!(
            typed("gateway.auth", &shown).unwrap_err().code(),
            "config.value-hidden"
        );
    }

    #[test]
    fn only_findings_of_the_edit_are_returned() {
        let keys = |before, after, node| -> Vec<_> {
            new_findings(&before, &after, node)
                .iter()
                .map(|f| f.path.to_string())
                .collect::<Vec<_>>()
        };
        let wrong = json!({ "gateway": { "prot": 1 } });
        let other = json!({ "gateway": { "prot": 1, "port": 19789 } });
        assert_eq!(keys(wrong.clone(), other, None), [""; 0]);
        assert_eq!(keys(json!({}), wrong, None), ["gateway.prot"]);

        let late = json!({ "gateway": { "customBindHost": "10.0.0.1" } });
        assert_eq!(
            keys(json!({}), late.clone(), None),
            [""; 0],
            "nothing says that it is for the early one"
        );
        assert_eq!(
            keys(json!({}), late.clone(), Some("2026.1.30")),
            ["gateway.customBindHost"]
        );
        assert_eq!(
            keys(json!({ "canvasHost": {} }), late, None),
            ["canvasHost", "gateway.customBindHost"][1..]
        );
    }
}
