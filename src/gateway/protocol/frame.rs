//! What a client sends: one JSON text for each message, each a request.

use serde_json::Value;

use super::Protocol;
use super::shape::{Key, Shape, TEXT, optional, required};

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What its answer carries.
    pub id: String,
    /// What is asked for.
    pub method: String,
    /// With what; `Null` where nothing was given.
    pub params: Value,
}

/// Why a message is no request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is no JSON.
    NotJson,
    /// It is JSON, and no request.
    NotARequest {
        /// The id that its answer carries, where it has one.
        id: Option<String>,
        /// What is wrong with it.
        faults: String,
    },
}

const KEYS: &[Key] = &[
    required("type", Shape::Is("req")),
    required("id", TEXT),
    required("method", TEXT),
    optional("params", Shape::Any),
];

/// Reads a message. Never panics, whatever the bytes: nesting is bounded by the JSON reader.
pub fn parse(message: &[u8], protocol: Protocol) -> Result<Request, Unread> {
    let mut value: Value = serde_json::from_slice(message).map_err(|_| Unread::NotJson)?;
    let text = |value: &mut Value, key: &str| match value.get_mut(key).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    if let Err(faults) = Shape::Object(KEYS).check(&value, protocol) {
        let id = text(&mut value, "id").filter(|id| !id.is_empty());
        return Err(Unread::NotARequest { id, faults });
    }
    Ok(Request {
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
    fn a_request_is_read_and_what_is_none_says_why() {
        let request = parse(br#"{"type":"req","id":"1","method":"health"}"#, Protocol::Three).unwrap();
        assert_eq!((request.id.as_str(), request.method.as_str()), ("1", "health"));
        assert_eq!(request.params, Value::Null);
        let unread = |text: &str| parse(text.as_bytes(), Protocol::Three).unwrap_err();
        assert_eq!(unread("hello"), Unread::NotJson);
        assert_eq!(unread(&"[".repeat(100_000)), Unread::NotJson);
        let Unread::NotARequest { id, faults } = unread(r#"{"foo":1,"id":"7"}"#) else {
            panic!()
        };
        assert_eq!(id.as_deref(), Some("7"));
        assert_eq!(
            faults,
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
            assert!(matches!(unread(text), Unread::NotARequest { .. }), "{text}");
        }
        assert_eq!(parse(b"\xff\xfe", Protocol::Four), Err(Unread::NotJson));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, Protocol::Three);
        }

        #[test]
        fn any_id_comes_back_as_it_was(id in ".{1,20}", method in ".{1,20}") {
            let text = serde_json::json!({"type": "req", "id": id, "method": method}).to_string();
            let request = parse(text.as_bytes(), Protocol::Four).unwrap();
            prop_assert_eq!((request.id, request.method), (id, method));
        }
    }
}
