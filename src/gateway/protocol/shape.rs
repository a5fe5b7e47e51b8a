//! What a message must look like, as data, and what is wrong with one that does not: in the very words
//! that the validator of each protocol's reference has, since clients show them.

use serde_json::Value;

use super::Protocol;

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Anything.
    Any,
    /// A text of at least this many characters.
    Text(usize),
    /// A whole number, not below this one.
    Whole(u64),
    /// `true` or `false`.
    Bool,
    /// This text.
    Is(&'static str),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list of such values.
    List(&'static Shape),
    /// An object with any keys and such values.
    Map(&'static Shape),
    /// An object with these keys and no others.
    Object(&'static [Key]),
}

/// A key of an object.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Which protocol knows it, and whether it must be there.
    pub need: Need,
}

/// Whether a key must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Always.
    Required,
    /// It may be left out.
    Optional,
    /// It may be left out in protocol 3 only.
    RequiredLate,
    /// Protocol 3 does not know it.
    OptionalLate,
}

/// A key that must be there.
pub const fn required(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        need: Need::Required,
    }
}

/// A key that may be left out.
pub const fn optional(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        need: Need::Optional,
    }
}

/// A key that must be there since protocol 4.
pub const fn required_late(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        need: Need::RequiredLate,
    }
}

/// A key that is known since protocol 4.
pub const fn optional_late(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        shape,
        need: Need::OptionalLate,
    }
}

/// A text with something in it.
pub const TEXT: Shape = Shape::Text(1);

impl Shape {
    /// What is wrong with a value, in the words of the protocol: everything in 3, the first thing in 4.
    pub fn check(&self, value: &Value, protocol: Protocol) -> Result<(), String> {
        let mut judge = Judge {
            protocol,
            faults: Vec::new(),
        };
        judge.judge(value, self, "");
        if judge.faults.is_empty() {
            return Ok(());
        }
        if protocol == Protocol::Four {
            judge.faults.truncate(1);
        }
        Err(judge.faults.join("; "))
    }
}

struct Judge {
    protocol: Protocol,
    faults: Vec<String>,
}

impl Judge {
    fn fault(&mut self, path: &str, what: &str) {
        let place = if path.is_empty() {
            String::new()
        } else {
            format!("at {path}: ")
        };
        let fault = format!("{place}{what}");
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn judge(&mut self, value: &Value, shape: &Shape, path: &str) {
        match (shape, value) {
            (Shape::Any, _) | (Shape::Bool, Value::Bool(_)) => {}
            (Shape::Bool, _) => self.fault(path, "must be boolean"),
            (Shape::Text(least), Value::String(text)) => {
                if text.chars().count() < *least {
                    let not = if self.protocol == Protocol::Three {
                        "NOT"
                    } else {
                        "not"
                    };
                    self.fault(path, &format!("must {not} have fewer than {least} characters"));
                }
            }
            (Shape::Text(_), _) => self.fault(path, "must be string"),
            (Shape::Whole(least), Value::Number(number)) => match whole(number) {
                None => self.fault(path, "must be integer"),
                Some(number) if number < i128::from(*least) => {
                    self.fault(path, &format!("must be >= {least}"));
                }
                Some(_) => {}
            },
            (Shape::Whole(_), _) => self.fault(path, "must be integer"),
            (Shape::Is(text), value) => {
                if value.as_str() != Some(text) {
                    self.fault(path, "must be equal to constant");
                }
            }
            (Shape::OneOf(texts), value) => {
                if !value.as_str().is_some_and(|text| texts.contains(&text)) {
                    if self.protocol == Protocol::Three {
                        self.fault(path, "must be equal to constant");
                        self.fault(path, "must match a schema in anyOf");
                    } else {
                        self.fault(path, "must be equal to one of the allowed values");
                    }
                }
            }
            (Shape::List(shape), Value::Array(values)) => {
                for (at, value) in values.iter().enumerate() {
                    self.judge(value, shape, &format!("{path}/{at}"));
                }
            }
            (Shape::List(_), _) => self.fault(path, "must be array"),
            (Shape::Map(shape), Value::Object(map)) => {
                for (key, value) in map {
                    self.judge(value, shape, &format!("{path}/{key}"));
                }
            }
            (Shape::Object(keys), Value::Object(map)) => self.object(map, keys, path),
            (Shape::Map(_) | Shape::Object(_), _) => self.fault(path, "must be object"),
        }
    }

    fn object(&mut self, map: &serde_json::Map<String, Value>, keys: &[Key], path: &str) {
        let late = self.protocol == Protocol::Four;
        for key in keys {
            let needed = key.need == Need::Required || (late && key.need == Need::RequiredLate);
            if needed && !map.contains_key(key.name) {
                self.fault(path, &format!("must have required property '{}'", key.name));
            }
        }
        let known = |key: &&Key| late || key.need != Need::OptionalLate;
        for name in map.keys() {
            if !keys.iter().filter(known).any(|key| key.name == name) {
                let place = if path.is_empty() { "root" } else { path };
                self.fault("", &format!("at {place}: unexpected property '{name}'"));
            }
        }
        for key in keys.iter().filter(known) {
            if let Some(value) = map.get(key.name) {
                self.judge(value, &key.shape, &format!("{path}/{}", key.name));
            }
        }
    }
}

/// The whole number that a JSON number is (`3.0` is one).
#[expect(
    clippy::cast_possible_truncation,
    reason = "it was looked at: no fraction, within bounds"
)]
fn whole(number: &serde_json::Number) -> Option<i128> {
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

    const SHAPE: Shape = Shape::Object(&[
        required("a", Shape::Whole(1)),
        required(
            "b",
            Shape::Object(&[required("c", TEXT), optional("d", Shape::List(&TEXT))]),
        ),
        optional("e", Shape::OneOf(&["x", "y"])),
        optional("f", Shape::Map(&Shape::Bool)),
        required_late("g", Shape::Bool),
        optional_late("h", Shape::Any),
    ]);

    /// What both references say of the same value, as it was captured from them.
    #[test]
    fn faults_have_the_words_of_the_references() {
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
    fn the_early_one_names_everything_and_the_late_one_the_first() {
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
    fn a_key_of_protocol_4_is_unknown_to_3() {
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
