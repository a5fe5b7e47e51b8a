//! Reading the arguments of requests to the browser control service: parameters of the query, fields of the body.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{BrowserError, Result};
use crate::i18n::msg;

/// The parameters of a query, each name once.
pub(super) type Query = BTreeMap<String, String>;

/// Creates the error for an argument of a browser request that is missing or cannot be used, with the HTTP status
/// 400.
pub(super) fn argument_error(name: &'static str) -> BrowserError {
    BrowserError::bad_request(msg!("browser.argument", name = name))
}

/// Returns a JSON value's string without surrounding whitespace; `None` for an empty string or another type.
pub(super) fn non_empty_text(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Returns a boolean field of the body of a request to the browser control service; `false` where it is not set.
pub(super) fn flag(body: &Value, name: &str) -> bool {
    body.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// Returns a parameter of a query without surrounding whitespace; `None` for an empty one.
pub(super) fn query_text(query: &Query, name: &str) -> Option<String> {
    let value = query.get(name).map(|value| value.trim());
    value.filter(|value| !value.is_empty()).map(str::to_owned)
}

/// Tells whether a parameter of a query is set to `true`, `1`, `yes` or `on`; `None` where it is not set.
pub(super) fn query_flag(query: &Query, name: &str) -> Option<bool> {
    let value = query_text(query, name)?.to_ascii_lowercase();
    Some(["true", "1", "yes", "on"].contains(&value.as_str()))
}

/// Parses a parameter of a query that is a whole number of at least `min`; `None` where it is not set.
///
/// # Errors
/// 400 for anything else.
pub(super) fn query_number(query: &Query, name: &'static str, min: usize) -> Result<Option<usize>> {
    let parse = |text: String| text.parse().ok().filter(|number| *number >= min);
    query_text(query, name)
        .map(|text| parse(text).ok_or_else(|| argument_error(name)))
        .transpose()
}
