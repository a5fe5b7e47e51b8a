//! The assignment of a value by `config set`: parses the typed text.

use serde_json::Value;

use super::key_path::KeyPath;
use super::{reader, secrets};
use crate::error::{Error, Result};
use crate::i18n::msg;

/// Parses the value of a config key as a user types it: as JSON5 where it is valid JSON5, else as a string. At a key
/// that holds a secret, everything but an object or an array is a string: a token of digits is no number.
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
}
