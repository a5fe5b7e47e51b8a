//! The text of a config and the value that it stands for, edited together.
//!
//! An edit is made on the value first; the text follows by the smallest change (`rewrite`) and is parsed again. Only a
//! text that stands for exactly the wanted value is accepted, so a surprise in the form of the text can refuse an edit but
//! never damage a file. `${VAR}` is a string like any other here: nothing reads or writes the environment through a
//! config.

use std::fmt;

use serde_json::{Map, Value};

use super::error::ConfigError;
use super::key_path::{KeyPath, PathSegment};
use super::{reader, rewrite};
use crate::error::{Error, Result};
use crate::i18n::msg;

/// An OpenClaw config: its text, byte for byte, and the value that the text stands for.
#[derive(Clone, PartialEq)]
pub struct ConfigDocument {
    text: String,
    value: Value,
}

/// The meaning of a key of digits in a config's key path, below a value that does not exist yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DigitKeys {
    /// A name: `channels.discord.guilds.1234` makes an object.
    Names,
    /// An index: `agents.list.0` makes an array.
    Indices,
}

/// The reason why an edit of a config was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The path leads through a value that is not an object.
    #[error("{0} is not an object")]
    NotAnObject(KeyPath),
    /// The path leads through a value that is not an array.
    #[error("{0} is not an array")]
    NotAnArray(KeyPath),
    /// The index is beyond the end of the array, which grows by one element at a time.
    #[error("{path} has {len} elements")]
    IndexOutOfBounds {
        /// The path of the array.
        path: KeyPath,
        /// Number of elements of the array.
        len: usize,
    },
    /// The text can't be edited without a risk for the rest of it.
    #[error("the text can't be edited")]
    UnsafeText,
}

impl ConfigDocument {
    /// Parses the text of an OpenClaw config: an object in JSON5. A byte order mark is accepted and kept.
    ///
    /// # Errors
    /// The position at which the text is invalid, and the reason.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::parse_owned(text.to_owned())
    }

    pub(super) fn parse_owned(text: String) -> Result<Self, ConfigError> {
        let value = reader::parse_config(&text)?;
        Ok(Self { text, value })
    }

    /// Creates a new config: an empty object and a line end.
    pub(crate) fn empty() -> Self {
        Self {
            text: "{}\n".to_owned(),
            value: Value::Object(Map::new()),
        }
    }

    /// Returns the text of the config, which is byte for byte as it was parsed where nothing was changed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the value of the config, an object. `$include` is not followed: see [`super::effective()`].
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Returns the value at a key path of a config.
    pub fn get(&self, path: &KeyPath) -> Option<&Value> {
        find(&self.value, path)
    }

    /// Sets the value at a key path of a config; missing objects and arrays on the way are created. Returns whether
    /// anything changed: an equal value changes no byte.
    ///
    /// # Errors
    /// When another kind of value is on the way, or the text can't be edited. The document is unchanged then.
    pub fn set(&mut self, path: &KeyPath, value: Value) -> Result<bool, EditError> {
        self.edit(|root| set(root, path, value))
    }

    /// Replaces the whole value of a config, an object, by the smallest change of its text. Returns whether anything changed.
    ///
    /// # Errors
    /// When the text can't be edited. The document is unchanged then.
    pub(crate) fn set_value(&mut self, value: Value) -> Result<bool, EditError> {
        self.edit(|root| {
            *root = value;
            Ok(())
        })
    }

    /// Removes the key or array element at a key path of a config. Returns whether it existed.
    ///
    /// # Errors
    /// When the text can't be edited.
    pub fn unset(&mut self, path: &KeyPath) -> Result<bool, EditError> {
        self.edit(|root| {
            remove(root, path);
            Ok(())
        })
    }

    /// Applies a change to the value of a config, and the smallest corresponding change to its text.
    pub(super) fn edit(
        &mut self,
        change: impl FnOnce(&mut Value) -> Result<(), EditError>,
    ) -> Result<bool, EditError> {
        let mut after = self.value.clone();
        change(&mut after)?;
        if after == self.value {
            return Ok(false);
        }
        let (Some(old), Some(new)) = (self.value.as_object(), after.as_object()) else {
            return Err(EditError::NotAnObject(KeyPath::root()));
        };
        let text = rewrite::rewrite(&self.text, old, new).ok_or(EditError::UnsafeText)?;
        let written = Self::parse_owned(text).map_err(|_| EditError::UnsafeText)?;
        if written.value != after {
            return Err(EditError::UnsafeText);
        }
        *self = written;
        Ok(true)
    }
}

/// Sets the value at a key path below `root`; missing objects and arrays on the way are created.
///
/// # Errors
/// When another kind of value is on the way.
pub(crate) fn set(root: &mut Value, path: &KeyPath, value: Value) -> Result<(), EditError> {
    *find_or_create(root, path, DigitKeys::Names)? = value;
    Ok(())
}

/// Returns the config value at a key path below `root`.
pub(crate) fn find<'a>(root: &'a Value, path: &KeyPath) -> Option<&'a Value> {
    path.segments().iter().try_fold(root, child)
}

/// Returns the config value that a segment of a key path leads to.
pub(super) fn child<'a>(value: &'a Value, segment: &PathSegment) -> Option<&'a Value> {
    match (value, segment) {
        (Value::Object(map), PathSegment::Key(key)) => map.get(key),
        (Value::Array(elements), segment) => elements.get(array_index(segment)?),
        _ => None,
    }
}

/// Returns the value at a key path of a config, which is created where it is missing.
pub(super) fn find_or_create<'a>(
    root: &'a mut Value,
    path: &KeyPath,
    digits: DigitKeys,
) -> Result<&'a mut Value, EditError> {
    let mut value = root;
    for (at, segment) in path.segments().iter().enumerate() {
        let here = || path.prefix(at);
        let wanted = array_index(segment);
        value = match (value, segment) {
            (Value::Array(elements), _) => {
                let wanted = wanted.ok_or_else(|| EditError::NotAnObject(here()))?;
                let len = elements.len();
                if wanted == len {
                    elements.push(empty_container(path, at, digits));
                }
                elements
                    .get_mut(wanted)
                    .ok_or_else(|| EditError::IndexOutOfBounds { path: here(), len })?
            }
            (Value::Object(map), PathSegment::Key(key)) => map
                .entry(key)
                .or_insert_with(|| empty_container(path, at, digits)),
            (_, PathSegment::Index(_)) => return Err(EditError::NotAnArray(here())),
            (_, PathSegment::Key(_)) => return Err(EditError::NotAnObject(here())),
        };
    }
    Ok(value)
}

/// Returns the value to create for the missing segment `at` of a config's key path: an object or an array, by the
/// kind of the next segment.
fn empty_container(path: &KeyPath, at: usize, digits: DigitKeys) -> Value {
    match path.segments().get(at + 1) {
        Some(segment @ PathSegment::Key(_))
            if digits == DigitKeys::Indices && array_index(segment).is_some() =>
        {
            Value::Array(Vec::new())
        }
        Some(PathSegment::Key(_)) => Value::Object(Map::new()),
        Some(PathSegment::Index(_)) => Value::Array(Vec::new()),
        None => Value::Null,
    }
}

/// Removes the value at a key path of a config, if there is one.
pub(crate) fn remove(root: &mut Value, path: &KeyPath) {
    let Some((last, way)) = path.segments().split_last() else {
        return;
    };
    let parent = way
        .iter()
        .try_fold(root, |value, segment| match (value, segment) {
            (Value::Object(map), PathSegment::Key(key)) => map.get_mut(key),
            (Value::Array(elements), segment) => elements.get_mut(array_index(segment)?),
            _ => None,
        });
    match (parent, last) {
        (Some(Value::Object(map)), PathSegment::Key(key)) => drop(map.shift_remove(key)),
        (Some(Value::Array(elements)), segment) => {
            if let Some(at) = array_index(segment).filter(|at| *at < elements.len()) {
                elements.remove(at);
            }
        }
        _ => {}
    }
}

/// Merges a JSON value into another: objects key by key, anything else is replaced.
pub(super) fn merge(target: &mut Value, value: Value) {
    match (target, value) {
        (Value::Object(target), Value::Object(value)) => {
            for (key, value) in value {
                match target.get_mut(&key) {
                    Some(target) => merge(target, value),
                    None => drop(target.insert(key, value)),
                }
            }
        }
        (target, value) => *target = value,
    }
}

/// Returns the array index that a segment of a key path stands for: a key of digits is one, as in OpenClaw.
fn array_index(segment: &PathSegment) -> Option<usize> {
    match segment {
        PathSegment::Index(index) => Some(*index),
        PathSegment::Key(key) if key.bytes().all(|b| b.is_ascii_digit()) => key.parse().ok(),
        PathSegment::Key(_) => None,
    }
}

impl fmt::Display for ConfigDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Shows the size only: a config holds secrets, and its text is not for logs.
impl fmt::Debug for ConfigDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigDocument({} bytes)", self.text.len())
    }
}

impl From<EditError> for Error {
    fn from(error: EditError) -> Self {
        match error {
            EditError::NotAnObject(path) => {
                Self::blocked(msg!("config.edit-not-an-object", path = ShownPath(&path)))
            }
            EditError::NotAnArray(path) => {
                Self::blocked(msg!("config.edit-not-an-array", path = ShownPath(&path)))
            }
            EditError::IndexOutOfBounds { path, len } => {
                Self::blocked(msg!("config.edit-beyond", path = ShownPath(&path), count = len))
            }
            EditError::UnsafeText => {
                Self::blocked(msg!("config.edit-form")).hint(msg!("config.edit-by-hand"))
            }
        }
    }
}

/// Displays a key path of a config in a message: the root, whose text is empty, as `<root>`.
struct ShownPath<'a>(&'a KeyPath);

impl fmt::Display for ShownPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.segments().is_empty() {
            f.write_str("<root>")
        } else {
            self.0.fmt(f)
        }
    }
}

#[cfg(test)]
mod tests;
