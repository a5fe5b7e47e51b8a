//! `.env` files: the variables of an instance, read by the rules of the dotenv package that OpenClaw uses
//! (docs/openclaw.md#env-files).

use std::path::Path;
use std::sync::LazyLock;

use regex_lite::Regex;

use crate::host::read;

/// A character class of the white space that `\s` of a JavaScript expression matches.
const SPACE: &str =
    r"[\t\n\x0B\x0C\r \u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}]";

/// The pattern of an assignment: a name, `=` or `:`, then a value in one of three quotes, over several lines too, or
/// up to a `#` or the end of the line, then a comment. The alternatives and their order are those of dotenv 17.
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"(?m)^\s*(?:export\s+)?([0-9A-Za-z_.-]+)(?:\s*=\s*?|:\s+?)(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*`(?:\\`|[^`])*`|[^#\r\n]+)?\s*(?:#.*)?$"#;
    Regex::new(&pattern.replace(r"\s", SPACE)).expect("a valid pattern")
});

/// Returns the assignments `NAME=value` of a `.env` file, in order. A value loses its quotes; in double quotes, `\n`
/// and `\r` become line breaks. A later assignment of a name replaces an earlier one.
pub(crate) fn assignments(text: &str) -> Vec<(String, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let assignments = ASSIGNMENT.captures_iter(&text).map(|captures| {
        let value = captures.get(2).map_or("", |value| value.as_str());
        (captures[1].to_owned(), unquote(trim(value)))
    });
    assignments.collect()
}

/// Returns the last value of a variable in a `.env` file; `None` where it has none or an empty one.
pub(crate) fn variable(path: &Path, name: &str) -> Option<String> {
    let text = read::text(path).ok()?;
    let assignments = assignments(&text).into_iter();
    let mut value = assignments
        .rev()
        .filter(|(n, _)| n == name)
        .map(|(_, value)| value);
    value.next().filter(|value| !value.is_empty())
}

/// Removes the white space of JavaScript from both ends.
fn trim(value: &str) -> &str {
    value.trim_matches(|c: char| c.is_whitespace() && c != '\u{85}' || c == '\u{FEFF}')
}

/// Removes the quotes around a value, and replaces the escape sequences of double quotes.
fn unquote(value: &str) -> String {
    let inner = ['"', '\'', '`']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    let inner = inner.unwrap_or(value);
    if value.starts_with('"') {
        inner.replace("\\n", "\n").replace("\\r", "\r")
    } else {
        inner.to_owned()
    }
}

#[cfg(test)]
mod tests;
