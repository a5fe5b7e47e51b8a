//! The frames that clients send: each message is one JSON text, and each text is a request.

use serde_json::Value;

use super::Protocol;
use super::shape::{FrameField, FrameShape, TEXT, optional, required};

/// A frame of the gateway's WebSocket protocol in which a client calls a method.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestFrame {
    /// The id that the response repeats.
    pub id: String,
    /// The name of the method.
    pub method: String,
    /// The parameters of the method; `Null` where there are none.
    pub params: Value,
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
/// bytes: the JSON reader limits the nesting.
pub fn parse_request(message: &[u8], protocol: Protocol) -> Result<RequestFrame, FrameError> {
    let mut value: Value = serde_json::from_slice(message).map_err(|_| FrameError::NotJson)?;
    let text = |value: &mut Value, key: &str| match value.get_mut(key).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    if let Err(reason) = FrameShape::Object(REQUEST_FIELDS).check(&value, protocol) {
        let id = text(&mut value, "id").filter(|id| !id.is_empty());
        return Err(FrameError::NotARequest { id, reason });
    }
    Ok(RequestFrame {
        id: text(&mut value, "id").unwrap_or_default(),
        method: text(&mut value, "method").unwrap_or_default(),
        params: value.get_mut("params").map(Value::take).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_are_parsed_and_anything_else_gets_a_reason() {
        let request =
            parse_request(br#"{"type":"req","id":"1","method":"health"}"#, Protocol::Three).unwrap();
        assert_eq!((request.id.as_str(), request.method.as_str()), ("1", "health"));
        assert_eq!(request.params, Value::Null);
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
