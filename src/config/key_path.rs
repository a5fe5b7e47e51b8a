//! Paths in a config: `gateway.port`, `agents.list[0].id`, `auth.profiles["anthropic:default"].mode`.

use std::fmt;
use std::str::Chars;

use crate::error::Error;
use crate::i18n::msg;

/// The path from the root of a config to one value.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath(Vec<PathSegment>);

/// A segment of a config value's key path: a key of an object, or an index of an array.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum PathSegment {
    /// A key of an object. In an array a key of digits is an index (`agents.list.0`), as in OpenClaw.
    Key(String),
    /// An index of an array, from 0.
    Index(usize),
}

impl PathSegment {
    /// Returns the key; `None` for an index.
    pub(crate) fn as_key(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            Self::Index(_) => None,
        }
    }
}

/// The key path of a value of a config that is being walked: one step beyond the path of the value around it, so that it
/// costs nothing until somebody asks for the whole.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WalkedPath<'w> {
    /// The whole config.
    Root,
    /// The value of a key of the object at a path.
    Key(&'w WalkedPath<'w>, &'w str),
    /// The element with an index of the array at a path.
    Index(&'w WalkedPath<'w>, usize),
}

impl<'w> WalkedPath<'w> {
    /// Returns the path of a key below this config value.
    pub(crate) fn child(&'w self, key: &'w str) -> Self {
        Self::Key(self, key)
    }

    /// Returns the path of an array element of this config value.
    pub(crate) fn index(&'w self, index: usize) -> Self {
        Self::Index(self, index)
    }

    /// Returns the whole key path.
    pub(crate) fn to_key_path(self) -> KeyPath {
        let (mut segments, mut path) = (Vec::new(), self);
        loop {
            let (parent, segment) = match path {
                Self::Root => break,
                Self::Key(parent, key) => (parent, PathSegment::Key(key.to_owned())),
                Self::Index(parent, index) => (parent, PathSegment::Index(index)),
            };
            segments.push(segment);
            path = *parent;
        }
        segments.reverse();
        KeyPath(segments)
    }
}

/// The reason why a text is not the key path of a config value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyPathError {
    /// The text is empty.
    #[error("empty path")]
    Empty,
    /// A key is missing before this character (from 1): two dots, or a dot at an end.
    #[error("key missing at character {0}")]
    KeyMissing(usize),
    /// The bracket at this character (from 1) has no partner, or no number or quoted key in it.
    #[error("bad bracket at character {0}")]
    Bracket(usize),
    /// The character at this place (from 1) must be in a quoted key: `["…"]`.
    #[error("character {1:?} at {0}")]
    Character(usize, char),
}

impl KeyPath {
    /// Returns the key path of the whole config.
    pub fn root() -> Self {
        Self::default()
    }

    /// Creates the key path of a config value from these keys. Dots in them separate nothing.
    pub(crate) fn keys<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self(keys.into_iter().map(|key| PathSegment::Key(key.into())).collect())
    }

    /// Parses the key path of a config value as a user types it, such as `agents.list[0].id`.
    ///
    /// # Errors
    /// The character at which the text is no path.
    pub fn parse(text: &str) -> Result<Self, KeyPathError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(KeyPathError::Empty);
        }
        let mut parser = Parser {
            rest: text.chars(),
            at: 0,
        };
        let mut segments = Vec::new();
        loop {
            if parser.peek() == Some('[') {
                segments.push(parser.parse_bracket()?);
            } else {
                segments.push(PathSegment::Key(parser.parse_bare_key()?));
            }
            match parser.peek() {
                None => return Ok(Self(segments)),
                Some('.') => {
                    parser.next();
                    if parser.peek() == Some('[') {
                        return Err(KeyPathError::KeyMissing(parser.at + 1));
                    }
                }
                Some('[') => {}
                Some(c) => return Err(KeyPathError::Character(parser.at + 1, c)),
            }
        }
    }

    /// Returns the segments of a config value's key path.
    pub(crate) fn segments(&self) -> &[PathSegment] {
        &self.0
    }

    /// Returns the key path of a key below this config value.
    #[must_use]
    pub(crate) fn child(&self, key: impl Into<String>) -> Self {
        self.with(PathSegment::Key(key.into()))
    }

    /// Returns the key path of an array element of this config value.
    #[must_use]
    pub(crate) fn index(&self, index: usize) -> Self {
        self.with(PathSegment::Index(index))
    }

    fn with(&self, segment: PathSegment) -> Self {
        let mut path = self.clone();
        path.0.push(segment);
        path
    }

    /// Returns the first `count` segments of a config value's key path.
    #[must_use]
    pub(crate) fn prefix(&self, count: usize) -> Self {
        Self(self.0.iter().take(count).cloned().collect())
    }

    /// Returns the segments of a config value's key path after the first `count`.
    #[must_use]
    pub(crate) fn suffix(&self, count: usize) -> Self {
        Self(self.0.iter().skip(count).cloned().collect())
    }

    /// Returns whether a key of a config value's path is a number, which may be a name or an index.
    pub(crate) fn has_digit_key(&self) -> bool {
        let is_number = |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit());
        let mut segments = self.0.iter();
        segments.any(|segment| matches!(segment, PathSegment::Key(key) if is_number(key)))
    }
}

/// The parser of a config value's key path as a user types it.
struct Parser<'a> {
    rest: Chars<'a>,
    /// Number of characters that were consumed.
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn next(&mut self) -> Option<char> {
        self.at += 1;
        self.rest.next()
    }

    /// Parses a key without quotes in the key path of a config value, up to the next dot or bracket.
    fn parse_bare_key(&mut self) -> Result<String, KeyPathError> {
        let mut key = String::new();
        while let Some(c) = self.peek() {
            match c {
                '.' | '[' => break,
                ']' | '"' | '\'' | '\\' => return Err(KeyPathError::Character(self.at + 1, c)),
                c if c.is_whitespace() || c.is_control() => {
                    return Err(KeyPathError::Character(self.at + 1, c));
                }
                c => key.push(c),
            }
            self.next();
        }
        if key.is_empty() {
            Err(KeyPathError::KeyMissing(self.at + 1))
        } else {
            Ok(key)
        }
    }

    /// Parses a segment `[0]` or `["key"]` (or with single quotes) in the key path of a config value. A backslash
    /// takes the next character as it is.
    fn parse_bracket(&mut self) -> Result<PathSegment, KeyPathError> {
        let open = self.at + 1;
        self.next();
        let segment = if let Some(quote @ ('"' | '\'')) = self.peek() {
            self.next();
            let mut key = String::new();
            loop {
                match self.next().ok_or(KeyPathError::Bracket(open))? {
                    '\\' => key.push(self.next().ok_or(KeyPathError::Bracket(open))?),
                    c if c == quote => break PathSegment::Key(key),
                    c => key.push(c),
                }
            }
        } else {
            let mut digits = String::new();
            while let Some(c) = self.peek().filter(char::is_ascii_digit) {
                digits.push(c);
                self.next();
            }
            PathSegment::Index(digits.parse().map_err(|_| KeyPathError::Bracket(open))?)
        };
        if self.next() == Some(']') {
            Ok(segment)
        } else {
            Err(KeyPathError::Bracket(open))
        }
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.0.iter().enumerate() {
            match segment {
                PathSegment::Index(index) => write!(f, "[{index}]")?,
                PathSegment::Key(key) if is_bare(key) => {
                    write!(f, "{}{key}", if at == 0 { "" } else { "." })?;
                }
                PathSegment::Key(key) => {
                    write!(f, "[\"{}\"]", key.replace('\\', "\\\\").replace('"', "\\\""))?;
                }
            }
        }
        Ok(())
    }
}

/// Returns whether a key of a config is printed in a key path without brackets.
fn is_bare(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$'))
}

impl KeyPathError {
    /// Returns the usage error that says why a text that the user typed is not the key path of a config value, and
    /// quotes it.
    pub(crate) fn usage_error(&self, typed: &str) -> Error {
        let error = match self {
            Self::Empty => Error::usage(msg!("config.path-empty")),
            Self::KeyMissing(at) => Error::usage(msg!("config.path-key", path = typed, at = at)),
            Self::Bracket(at) => Error::usage(msg!("config.path-bracket", path = typed, at = at)),
            Self::Character(at, found) => Error::usage(msg!(
                "config.path-character",
                path = typed,
                at = at,
                found = found.escape_debug()
            )),
        };
        error.hint(msg!("config.path-form"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Vec<PathSegment> {
        KeyPath::parse(text).unwrap().0
    }

    fn key(text: &str) -> PathSegment {
        PathSegment::Key(text.to_owned())
    }

    #[test]
    fn every_form_that_a_user_types_is_parsed() {
        assert_eq!(parsed("gateway.port"), [key("gateway"), key("port")]);
        assert_eq!(
            parsed("agents.list[0].id"),
            [key("agents"), key("list"), PathSegment::Index(0), key("id")]
        );
        let quoted = [key("auth"), key("profiles"), key("anthropic:default")];
        assert_eq!(parsed(r#"auth.profiles["anthropic:default"]"#), quoted);
        assert_eq!(parsed("auth.profiles['anthropic:default']"), quoted);
        assert_eq!(parsed("auth.profiles.anthropic:default"), quoted);
        assert_eq!(parsed(r#"["a.b"].c"#), [key("a.b"), key("c")]);
    }

    #[test]
    fn error_has_the_position_in_the_text() {
        let error = |text| KeyPath::parse(text).unwrap_err();
        assert_eq!(error("  "), KeyPathError::Empty);
        assert_eq!(error("a..b"), KeyPathError::KeyMissing(3));
        assert_eq!(error("a."), KeyPathError::KeyMissing(3));
        assert_eq!(error(".a"), KeyPathError::KeyMissing(1));
        assert_eq!(error("a.[0]"), KeyPathError::KeyMissing(3));
        assert_eq!(error("a[x]"), KeyPathError::Bracket(2));
        assert_eq!(error("a[0"), KeyPathError::Bracket(2));
        assert_eq!(error("a[\"b]"), KeyPathError::Bracket(2));
        assert_eq!(error("a[99999999999999999999999]"), KeyPathError::Bracket(2));
        assert_eq!(error("a[0]b"), KeyPathError::Character(5, 'b'));
        assert_eq!(error("a b"), KeyPathError::Character(2, ' '));
    }

    proptest! {
        #[test]
        fn printed_path_is_parsed_back(raw in proptest::collection::vec((any::<bool>(), ".*", 0..9_usize), 1..6)) {
            let path = KeyPath(raw.into_iter().map(|(is_key, key, index)| {
                if is_key { PathSegment::Key(key) } else { PathSegment::Index(index) }
            }).collect());
            // A path is trimmed as typed text is; one that ends in quotes keeps its blanks.
            prop_assert_eq!(KeyPath::parse(&path.to_string()), Ok(path));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = KeyPath::parse(&text);
        }
    }
}
