//! The shapes of frames and parameters as data, and a validator for them. What is wrong with a value is
//! said in the very words of each reference's validator, since clients show them.

use serde_json::Value;

use super::Protocol;
use crate::text::sanitize_name;

/// The shape of a JSON value: the values that are valid in one place of a frame of the gateway's WebSocket protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FrameShape {
    /// Any value.
    Any,
    /// A text of at least this many characters.
    Text(usize),
    /// A whole number of at least this value.
    Whole(u64),
    /// `true` or `false`.
    Bool,
    /// A text that is equal to this one.
    Is(&'static str),
    /// A text that is one of these.
    OneOf(&'static [&'static str]),
    /// A list of values of this shape.
    List(&'static FrameShape),
    /// An object with any keys and values of this shape.
    Map(&'static FrameShape),
    /// An object with these keys and no others.
    Object(&'static [FrameField]),
}

/// A field of a JSON object in a frame of the gateway's WebSocket protocol: its key, its shape, and whether it is
/// required.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameField {
    /// The key.
    pub name: &'static str,
    /// The shape of the value.
    pub shape: FrameShape,
    /// The protocol versions that know the field, and whether it is required.
    pub presence: FieldPresence,
}

/// The versions of the gateway's WebSocket protocol that know a field of a frame, and whether the field is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldPresence {
    /// Required in both versions.
    Required,
    /// Optional in both versions.
    Optional,
    /// Optional in protocol 3, required since 4.
    RequiredSince4,
    /// Unknown in protocol 3, optional since 4.
    OptionalSince4,
}

/// Creates a field of a frame's shape that is required in both versions of the gateway's WebSocket protocol.
pub(crate) const fn required(name: &'static str, shape: FrameShape) -> FrameField {
    FrameField {
        name,
        shape,
        presence: FieldPresence::Required,
    }
}

/// Creates a field of a frame's shape that is optional in both versions of the gateway's WebSocket protocol.
pub(crate) const fn optional(name: &'static str, shape: FrameShape) -> FrameField {
    FrameField {
        name,
        shape,
        presence: FieldPresence::Optional,
    }
}

/// Creates a field of a frame's shape that is required since version 4 of the gateway's WebSocket protocol and
/// optional before.
pub(crate) const fn required_since_4(name: &'static str, shape: FrameShape) -> FrameField {
    FrameField {
        name,
        shape,
        presence: FieldPresence::RequiredSince4,
    }
}

/// Creates a field of a frame's shape that is optional since version 4 of the gateway's WebSocket protocol and
/// unknown before.
pub(crate) const fn optional_since_4(name: &'static str, shape: FrameShape) -> FrameField {
    FrameField {
        name,
        shape,
        presence: FieldPresence::OptionalSince4,
    }
}

/// The shape of a text in a frame of the gateway's WebSocket protocol that must not be empty.
pub(crate) const TEXT: FrameShape = FrameShape::Text(1);

impl FrameShape {
    /// Validates a JSON value in a frame of the gateway's WebSocket protocol against a shape.
    ///
    /// # Errors
    /// The violations, in the words of the protocol version: all of them in 3, the first one in 4.
    pub(crate) fn check(&self, value: &Value, protocol: Protocol) -> Result<(), String> {
        let mut validator = Validator {
            protocol,
            violations: Vec::new(),
        };
        validator.check(value, self, "");
        if validator.violations.is_empty() {
            return Ok(());
        }
        if protocol == Protocol::Four {
            validator.violations.truncate(1);
        }
        Err(validator.violations.join("; "))
    }
}

/// Maximum number of violations of a frame's shape that are told: whoever sends more has not made a mistake.
const MAX_VIOLATIONS: usize = 32;

/// The validation of one JSON value against a frame's shape, with the violations found so far.
struct Validator {
    protocol: Protocol,
    violations: Vec<String>,
}

impl Validator {
    /// Returns whether no further violation would be told: the rest of the frame need not be read.
    fn is_full(&self) -> bool {
        self.violations.len() >= MAX_VIOLATIONS
    }

    /// Records that the JSON value at a path in a frame violates the frame's shape, unless the same violation is
    /// recorded already, or enough of them are.
    fn add(&mut self, path: &str, what: &str) {
        if self.is_full() {
            return;
        }
        let place = if path.is_empty() {
            String::new()
        } else {
            format!("at {path}: ")
        };
        let violation = format!("{place}{what}");
        if !self.violations.contains(&violation) {
            self.violations.push(violation);
        }
    }

    /// Validates the JSON value at a path in a frame against the frame's shape, and records the violations.
    fn check(&mut self, value: &Value, shape: &FrameShape, path: &str) {
        if self.is_full() {
            return;
        }
        match (shape, value) {
            (FrameShape::Any, _) | (FrameShape::Bool, Value::Bool(_)) => {}
            (FrameShape::Bool, _) => self.add(path, "must be boolean"),
            (FrameShape::Text(least), Value::String(text)) => {
                if text.chars().count() < *least {
                    let not = if self.protocol == Protocol::Three {
                        "NOT"
                    } else {
                        "not"
                    };
                    self.add(path, &format!("must {not} have fewer than {least} characters"));
                }
            }
            (FrameShape::Text(_), _) => self.add(path, "must be string"),
            (FrameShape::Whole(least), Value::Number(number)) => match whole_number(number) {
                None => self.add(path, "must be integer"),
                Some(number) if number < i128::from(*least) => {
                    self.add(path, &format!("must be >= {least}"));
                }
                Some(_) => {}
            },
            (FrameShape::Whole(_), _) => self.add(path, "must be integer"),
            (FrameShape::Is(text), value) => {
                if value.as_str() != Some(text) {
                    self.add(path, "must be equal to constant");
                }
            }
            (FrameShape::OneOf(texts), value) => {
                if !value.as_str().is_some_and(|text| texts.contains(&text)) {
                    if self.protocol == Protocol::Three {
                        self.add(path, "must be equal to constant");
                        self.add(path, "must match a schema in anyOf");
                    } else {
                        self.add(path, "must be equal to one of the allowed values");
                    }
                }
            }
            (FrameShape::List(shape), Value::Array(values)) => {
                for (at, value) in values.iter().enumerate() {
                    self.check(value, shape, &format!("{path}/{at}"));
                }
            }
            (FrameShape::List(_), _) => self.add(path, "must be array"),
            (FrameShape::Map(shape), Value::Object(map)) => {
                for (key, value) in map {
                    self.check(value, shape, &format!("{path}/{}", sanitize_name(key)));
                }
            }
            (FrameShape::Object(keys), Value::Object(map)) => self.check_object(map, keys, path),
            (FrameShape::Map(_) | FrameShape::Object(_), _) => self.add(path, "must be object"),
        }
    }

    /// Validates the keys of the JSON object at a path in a frame, and their values, against the fields that its
    /// shape allows.
    fn check_object(&mut self, map: &serde_json::Map<String, Value>, fields: &[FrameField], path: &str) {
        let is_four = self.protocol == Protocol::Four;
        for field in fields {
            let required = field.presence == FieldPresence::Required
                || (is_four && field.presence == FieldPresence::RequiredSince4);
            if required && !map.contains_key(field.name) {
                self.add(path, &format!("must have required property '{}'", field.name));
            }
        }
        let known = |field: &&FrameField| is_four || field.presence != FieldPresence::OptionalSince4;
        for name in map.keys() {
            if self.is_full() {
                return;
            }
            if !fields.iter().filter(known).any(|field| field.name == name) {
                let place = if path.is_empty() { "root" } else { path };
                let name = sanitize_name(name);
                self.add("", &format!("at {place}: unexpected property '{name}'"));
            }
        }
        for field in fields.iter().filter(known) {
            if let Some(value) = map.get(field.name) {
                self.check(value, &field.shape, &format!("{path}/{}", field.name));
            }
        }
    }
}

/// Returns a JSON number as a whole number, or `None` where it has a fraction. `3.0` is a whole number.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it was checked: no fraction, within bounds"
)]
fn whole_number(number: &serde_json::Number) -> Option<i128> {
    if let Some(number) = number.as_i128() {
        return Some(number);
    }
    let float = number.as_f64()?;
    (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i128)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SHAPE: FrameShape = FrameShape::Object(&[
        required("a", FrameShape::Whole(1)),
        required(
            "b",
            FrameShape::Object(&[required("c", TEXT), optional("d", FrameShape::List(&TEXT))]),
        ),
        optional("e", FrameShape::OneOf(&["x", "y"])),
        optional("f", FrameShape::Map(&FrameShape::Bool)),
        required_since_4("g", FrameShape::Bool),
        optional_since_4("h", FrameShape::Any),
    ]);

    /// The expected texts were captured from the validators of both references.
    #[test]
    fn violations_have_the_words_of_the_references() {
        let good = json!({"a": 1, "b": {"c": "x"}, "g": true});
        let with = |pointer: &str, value: Value| {
            let mut changed = good.clone();
            let (at, key) = pointer.rsplit_once('/').unwrap();
            changed.pointer_mut(at).unwrap()[key] = value;
            changed
        };
        let cases = [
            (
                with("/b", json!({})),
                "at /b: must have required property 'c'",
                "",
            ),
            (with("/zz", json!(1)), "at root: unexpected property 'zz'", ""),
            (with("/b/zz", json!(1)), "at /b: unexpected property 'zz'", ""),
            (with("/a", json!("3")), "at /a: must be integer", ""),
            (with("/a", json!(1.5)), "at /a: must be integer", ""),
            (with("/a", json!(0)), "at /a: must be >= 1", ""),
            (
                with("/b/c", json!("")),
                "at /b/c: must NOT have fewer than 1 characters",
                "at /b/c: must not have fewer than 1 characters",
            ),
            (with("/b/c", json!(null)), "at /b/c: must be string", ""),
            (
                with("/b/d", json!([""])),
                "at /b/d/0: must NOT have fewer than 1 characters",
                "at /b/d/0: must not have fewer than 1 characters",
            ),
            (with("/b/d", json!({})), "at /b/d: must be array", ""),
            (with("/b", json!([])), "at /b: must be object", ""),
            (with("/f", json!({"k": 1})), "at /f/k: must be boolean", ""),
            (
                with("/e", json!("z")),
                "at /e: must be equal to constant; at /e: must match a schema in anyOf",
                "at /e: must be equal to one of the allowed values",
            ),
        ];
        for (value, early, late) in cases {
            let late = if late.is_empty() { early } else { late };
            assert_eq!(
                SHAPE.check(&value, Protocol::Three),
                Err(early.to_owned()),
                "{value}"
            );
            assert_eq!(
                SHAPE.check(&value, Protocol::Four),
                Err(late.to_owned()),
                "{value}"
            );
        }
        assert_eq!(SHAPE.check(&with("/a", json!(2.0)), Protocol::Four), Ok(()));
    }

    #[test]
    fn protocol_3_names_every_violation_and_protocol_4_the_first() {
        let value = json!({"x": 1});
        assert_eq!(
            SHAPE.check(&value, Protocol::Three).unwrap_err(),
            "must have required property 'a'; must have required property 'b'; at root: unexpected property 'x'"
        );
        assert_eq!(
            SHAPE.check(&value, Protocol::Four).unwrap_err(),
            "must have required property 'a'"
        );
    }

    #[test]
    fn violations_are_limited_in_number_and_length_whatever_a_client_sends() {
        let many = |name: fn(usize) -> String| -> Value {
            let keys = (0..200_000).map(|n| (name(n), json!("x")));
            keys.collect::<serde_json::Map<_, _>>().into()
        };
        let frames = [
            many(|n| format!("key{n}")),
            json!({"a": 1, "b": {"c": "x"}, "f": many(|n| format!("key{n}"))}),
            json!({"a": 1, "b": {"c": "x", "d": vec![1; 200_000]}}),
            many(|n| format!("{n}{}", "long".repeat(20))),
        ];
        let begun = std::time::Instant::now();
        for frame in frames {
            let violations = SHAPE.check(&frame, Protocol::Three).unwrap_err();
            assert_eq!(violations.split("; ").count(), MAX_VIOLATIONS);
            assert!(violations.len() < MAX_VIOLATIONS * 150, "{violations}");
        }
        // The square of 200,000 takes minutes.
        assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
        let forged = json!({"a": 1, "b": {"c": "x"}, "x\n\u{1b}[2J\u{202e}": 1});
        assert_eq!(
            SHAPE.check(&forged, Protocol::Three).unwrap_err(),
            "at root: unexpected property 'x  [2J'"
        );
    }

    #[test]
    fn fields_of_protocol_4_are_unknown_in_protocol_3() {
        let value = json!({"a": 1, "b": {"c": "x"}, "g": true, "h": 1});
        assert_eq!(SHAPE.check(&value, Protocol::Four), Ok(()));
        assert_eq!(
            SHAPE.check(&value, Protocol::Three).unwrap_err(),
            "at root: unexpected property 'h'"
        );
        let value = json!({"a": 1, "b": {"c": "x"}});
        assert_eq!(SHAPE.check(&value, Protocol::Three), Ok(()));
        assert!(SHAPE.check(&value, Protocol::Four).is_err());
    }
}
