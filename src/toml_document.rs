//! Reading and editing of TOML files that users edit by hand too: typed values with the position of an error, and edits that
//! leave comments, order, and unknown keys as they are. Pure: text in, text out.

use std::path::Path;

use serde::de::DeserializeOwned;
use toml_edit::{ArrayOfTables, DocumentMut, Item, TableLike, Value};

/// Reason why the bytes of a TOML file can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct TomlError {
    /// Line and column of the first byte at fault, both counted from 1, the column in characters.
    pub(crate) position: Option<(usize, usize)>,
    /// The reason in the words of the parser.
    pub(crate) reason: String,
}

impl TomlError {
    /// Returns an error about a TOML file as a whole.
    pub(crate) fn without_position(reason: impl Into<String>) -> Self {
        Self {
            position: None,
            reason: reason.into(),
        }
    }

    /// Returns an error at a span of the text of a TOML file.
    fn at(text: &str, span: Option<std::ops::Range<usize>>, reason: &str) -> Self {
        Self {
            position: span.map(|span| line_and_column(text, span.start)),
            reason: reason.to_owned(),
        }
    }

    /// Returns the place of an error in a TOML file as `path:line:column`, as editors understand it, or the path
    /// alone where no position is known.
    pub(crate) fn location(&self, path: &Path) -> String {
        match self.position {
            Some((line, column)) => format!("{}:{line}:{column}", path.display()),
            None => path.display().to_string(),
        }
    }
}

/// Parses the bytes of a TOML file as the typed value `T`.
///
/// # Errors
/// Bytes that aren't UTF-8, a syntax error, or a value that doesn't fit `T`, each with its position.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, TomlError> {
    let text = text(bytes)?;
    toml::from_str(text).map_err(|error| TomlError::at(text, error.span(), error.message()))
}

/// Parses the bytes of a TOML file as a document that is edited.
///
/// # Errors
/// Bytes that aren't UTF-8, or a syntax error, each with its position.
pub(crate) fn parse_document(bytes: &[u8]) -> Result<DocumentMut, TomlError> {
    let text = text(bytes)?;
    let parsed = text.parse();
    parsed.map_err(|error: toml_edit::TomlError| TomlError::at(text, error.span(), error.message()))
}

/// Returns the bytes of a TOML file as text.
fn text(bytes: &[u8]) -> Result<&str, TomlError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        TomlError::at(&valid, Some(valid.len()..valid.len()), "not UTF-8")
    })
}

/// Returns the line and the column of a byte of a text, both counted from 1, the column in characters.
fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let start_of_line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    (line, before[start_of_line..].chars().count() + 1)
}

/// Sets the value of a key in a TOML table. A comment behind the old value stays, and a value that equals the new one
/// keeps its spelling.
pub(crate) fn set_value(table: &mut dyn TableLike, key: &str, value: impl Into<Value>) {
    let mut value = value.into();
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(old) if equal(old, &value) => {}
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// Returns the array of tables of a key of a TOML document, `[[key]]`, which is created where it is missing. A list of inline
/// tables becomes one of tables with headers.
///
/// # Panics
/// Never: what is no array of tables is made one first.
pub(crate) fn array_of_tables<'d>(document: &'d mut DocumentMut, key: &str) -> &'d mut ArrayOfTables {
    let item = document
        .entry(key)
        .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    if !item.is_array_of_tables() {
        let list = std::mem::take(item).into_array_of_tables().unwrap_or_default();
        *item = Item::ArrayOfTables(list);
    }
    item.as_array_of_tables_mut().expect("it was just made one")
}

/// Returns whether two TOML values are the same text or the same whole number, whatever their spelling.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.value() == other.value(),
        (Value::Integer(one), Value::Integer(other)) => one.value() == other.value(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Typed {
        #[serde(rename = "port")]
        _port: u16,
    }

    fn position(bytes: &[u8]) -> Option<(usize, usize)> {
        parse::<Typed>(bytes).unwrap_err().position
    }

    #[test]
    fn every_error_has_a_line_and_a_column() {
        assert_eq!(position("# ığüşç\nport = [".as_bytes()), Some((2, 9)), "syntax");
        assert_eq!(position(b"a = 1\nport = 'ten'"), Some((2, 8)), "type");
        assert_eq!(position(b"a = 1\r\nport = \xff"), Some((2, 8)), "encoding");
        assert_eq!(position(b"\n\nport = 1\nport = 2"), Some((4, 1)), "duplicate key");
    }

    #[test]
    fn setting_a_value_keeps_comments_and_the_spelling_of_an_equal_value() {
        let text = "# mine\nname = 'a' # why\nport = 1_000\n";
        let mut document: DocumentMut = text.parse().unwrap();
        set_value(document.as_table_mut(), "name", "a");
        set_value(document.as_table_mut(), "port", 1000_i64);
        assert_eq!(document.to_string(), text);
        set_value(document.as_table_mut(), "name", "b");
        set_value(document.as_table_mut(), "new", 1_i64);
        assert_eq!(
            document.to_string(),
            "# mine\nname = \"b\" # why\nport = 1_000\nnew = 1\n"
        );
    }
}
