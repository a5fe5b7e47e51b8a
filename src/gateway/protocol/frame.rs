//! The frames that clients send: each message is one JSON text, and each text is a request.
//!
//! Only what says which method is called is built from a message. The parameters stay text until it is known
//! that the method reads them and that the client may call it: built, they can cost twenty times as much
//! memory.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Protocol;
use super::shape::{FrameField, FrameShape, TEXT, optional, required};

/// Maximum length of the JSON text of a value other than `params` in a client's request frame, in bytes. A longer one
/// counts as no text.
const MAX_FIELD_BYTES: usize = 4096;
/// Maximum number of unknown keys of a client's request frame that the error names.
const MAX_UNKNOWN_KEYS: usize = 16;

/// A frame of the gateway's WebSocket protocol in which a client calls a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestFrame<'a> {
    /// The id that the response repeats.
    pub id: String,
    /// The name of the method.
    pub method: String,
    /// The parameters of the method, as JSON text; `None` where there are none.
    pub params: Option<&'a str>,
}

/// The reason why a message is not a request frame of the gateway's WebSocket protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The message is not JSON.
    NotJson,
    /// The message is JSON, but not a request.
    NotARequest {
        /// The `id` of the message, for the response, if it has one.
        id: Option<String>,
        /// The violations, in the words of the protocol version.
        reason: String,
    },
}

/// The keys of a request frame of the gateway's WebSocket protocol.
const REQUEST_FIELDS: &[FrameField] = &[
    required("type", FrameShape::Is("req")),
    required("id", TEXT),
    required("method", TEXT),
    optional("params", FrameShape::Any),
];

/// Parses a message of a client as a request frame of the gateway's WebSocket protocol. Never panics, whatever the
/// bytes: the JSON reader limits the nesting of what it builds.
pub fn parse_request(message: &[u8], protocol: Protocol) -> Result<RequestFrame<'_>, FrameError> {
    let is_object = message.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let envelope = if is_object {
        serde_json::from_slice(message).map_err(|_| FrameError::NotJson)?
    } else {
        serde_json::from_slice::<IgnoredAny>(message).map_err(|_| FrameError::NotJson)?;
        Envelope {
            fields: Value::Null,
            params: None,
        }
    };
    let Envelope { mut fields, params } = envelope;
    let text = |fields: &mut Value, key: &str| match fields.get_mut(key).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    if let Err(reason) = FrameShape::Object(REQUEST_FIELDS).check(&fields, protocol) {
        let id = text(&mut fields, "id").filter(|id| !id.is_empty());
        return Err(FrameError::NotARequest { id, reason });
    }
    Ok(RequestFrame {
        id: text(&mut fields, "id").unwrap_or_default(),
        method: text(&mut fields, "method").unwrap_or_default(),
        params: params.filter(|params| *params != "null"),
    })
}

/// The keys of a client's WebSocket message that is a JSON object, before it is validated as a request frame. The
/// values of `params` and of unknown keys are not built.
struct Envelope<'a> {
    fields: Value,
    params: Option<&'a str>,
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor)
    }
}

/// Deserializes the keys of a client's WebSocket message from a JSON object into an [`Envelope`].
struct EnvelopeVisitor;

impl<'de> Visitor<'de> for EnvelopeVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut fields, mut params, mut unknown) = (Map::new(), None, 0);
        while let Some(Key(key)) = map.next_key()? {
            let value = match key.as_ref() {
                "params" => {
                    let raw: &RawValue = map.next_value()?;
                    params = Some(raw.get());
                    Value::Null
                }
                "type" | "id" | "method" => {
                    let raw: &RawValue = map.next_value()?;
                    let short = Some(raw.get()).filter(|text| text.len() <= MAX_FIELD_BYTES);
                    let value = short.and_then(|text| serde_json::from_str(text).ok());
                    value.unwrap_or_default()
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    unknown += 1;
                    if unknown > MAX_UNKNOWN_KEYS {
                        continue;
                    }
                    Value::Null
                }
            };
            fields.insert(key.into_owned(), value);
        }
        Ok(Envelope {
            fields: fields.into(),
            params,
        })
    }
}

/// A key of the JSON object in a client's WebSocket message, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_are_parsed_and_anything_else_gets_a_reason() {
        let request =
            parse_request(br#"{"type":"req","id":"1","method":"health"}"#, Protocol::Three).unwrap();
        assert_eq!((request.id.as_str(), request.method.as_str()), ("1", "health"));
        assert_eq!(request.params, None);
        let refused = |text: &str| parse_request(text.as_bytes(), Protocol::Three).unwrap_err();
        assert_eq!(refused("hello"), FrameError::NotJson);
        assert_eq!(refused(&"[".repeat(100_000)), FrameError::NotJson);
        let FrameError::NotARequest { id, reason } = refused(r#"{"foo":1,"id":"7"}"#) else {
            panic!()
        };
        assert_eq!(id.as_deref(), Some("7"));
        assert_eq!(
            reason,
            "must have required property 'type'; must have required property 'method'; \
             at root: unexpected property 'foo'"
        );
        for text in [
            "[]",
            "1",
            "null",
            r#"{"type":"res","id":"1","method":"x"}"#,
            r#"{"type":"req","id":1,"method":"x"}"#,
        ] {
            assert!(matches!(refused(text), FrameError::NotARequest { .. }), "{text}");
        }
        assert_eq!(
            parse_request(b"\xff\xfe", Protocol::Four),
            Err(FrameError::NotJson)
        );
    }

    #[test]
    fn parameters_are_left_as_text_and_may_be_of_any_size_and_depth() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let list = format!("[{}1]", "1,".repeat(100_000));
        for params in [deep.as_str(), &list, "{}", "\"\\ud800\""] {
            let text = format!(r#"{{"type":"req","params":{params},"id":"1","method":"x"}}"#);
            let request = parse_request(text.as_bytes(), Protocol::Four).unwrap();
            assert_eq!(request.params, Some(params));
        }
        let none = parse_request(
            br#" {"type":"req","params":null,"id":"1","method":"x"} "#,
            Protocol::Four,
        );
        assert_eq!(none.unwrap().params, None);
    }

    #[test]
    fn long_texts_are_refused_and_few_unknown_keys_are_named() {
        let long = "x".repeat(MAX_FIELD_BYTES);
        let text = format!(r#"{{"type":"req","id":"{long}","method":"x"}}"#);
        let refused = parse_request(text.as_bytes(), Protocol::Four).unwrap_err();
        let reason = "at /id: must be string".to_owned();
        assert_eq!(refused, FrameError::NotARequest { id: None, reason });
        let unknown: String = (0..100_000).fold(String::new(), |keys, at| keys + &format!(r#""k{at}":[],"#));
        let text = format!(r#"{{"type":"req","id":"1",{unknown}"method":"x"}}"#);
        let Err(FrameError::NotARequest { reason, .. }) = parse_request(text.as_bytes(), Protocol::Three)
        else {
            panic!()
        };
        assert_eq!(reason.matches("unexpected property").count(), MAX_UNKNOWN_KEYS);
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_request(&bytes, Protocol::Three);
        }

        #[test]
        fn id_and_method_survive_parsing_unchanged(id in ".{1,20}", method in ".{1,20}") {
            let text = serde_json::json!({"type": "req", "id": id, "method": method}).to_string();
            let request = parse_request(text.as_bytes(), Protocol::Four).unwrap();
            prop_assert_eq!((request.id, request.method), (id, method));
        }
    }
}
