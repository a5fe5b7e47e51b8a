//! Makes the texts of other programs safe for a terminal and a log.

use std::fmt::Write as _;

use serde_json::Value;

/// Maximum number of characters of another program's text that are shown.
const MAX_SHOWN_CHARS: usize = 400;
/// Maximum number of characters of a name that another program gave itself or something else.
const MAX_NAME_CHARS: usize = 64;

/// Returns whether a character could make a terminal or a log show something else than the text: a control character
/// (C0, DEL, C1), which moves the cursor or changes colours, a separator of lines or paragraphs, which forges a line,
/// or a control of the writing direction, which shows characters in another order.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// Returns another program's text as it may be shown on a terminal: its first [`MAX_SHOWN_CHARS`] characters, with
/// unsafe ones replaced by blanks.
pub(crate) fn sanitize(text: &str) -> String {
    truncate(text, MAX_SHOWN_CHARS)
}

/// Returns a name that another program chose (of a process, a client, a method, a key) as it may be shown on a terminal
/// and written to a log: one line of at most [`MAX_NAME_CHARS`] characters. A longer one ends with `…`.
pub(crate) fn sanitize_name(name: &str) -> String {
    let mut safe = truncate(name, MAX_NAME_CHARS);
    if name.trim().chars().nth(MAX_NAME_CHARS).is_some() {
        safe.pop();
        safe.push('…');
    }
    safe
}

/// Returns the first characters of a text, with unsafe ones replaced by blanks.
fn truncate(text: &str, max_chars: usize) -> String {
    let shown = text.trim().chars().take(max_chars);
    let shown = shown.map(|c| if is_unsafe(c) { ' ' } else { c });
    shown.collect::<String>().trim().to_owned()
}

/// Returns a text of any length with unsafe characters other than line feeds replaced by blanks.
pub(crate) fn replace_unsafe(text: String) -> String {
    let is_replaced = |c: char| is_unsafe(c) && c != '\n';
    if text.contains(is_replaced) {
        text.replace(is_replaced, " ")
    } else {
        text
    }
}

/// Returns a JSON document of another program with the unsafe characters in its texts and keys replaced by blanks.
pub(crate) fn sanitize_document(document: Value) -> Value {
    match document {
        Value::String(text) => Value::String(replace_unsafe(text)),
        Value::Array(values) => values.into_iter().map(sanitize_document).collect(),
        Value::Object(fields) => {
            let safe = |(key, value)| (replace_unsafe(key), sanitize_document(value));
            fields.into_iter().map(safe).collect()
        }
        other => other,
    }
}

/// Returns a line of JSON with its unsafe characters as escapes, which stand for the same characters to a reader of
/// JSON.
pub(crate) fn escape_unsafe(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars() {
        if is_unsafe(c) && c != '\t' {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One character of each kind that is unsafe.
    const UNSAFE: [char; 10] = [
        '\0', '\u{1b}', '\r', '\n', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{2028}', '\u{200f}',
    ];

    #[test]
    fn control_characters_are_blanks_and_long_texts_are_cut() {
        assert_eq!(sanitize("\ra\u{1b}[2Jb\n"), "a [2Jb");
        assert_eq!(sanitize(&"x".repeat(500)).len(), MAX_SHOWN_CHARS);
        for c in UNSAFE {
            assert_eq!(sanitize(&format!("a{c}b")), "a b", "{c:?}");
            assert_eq!(sanitize_name(&format!("a{c}b")), "a b", "{c:?}");
        }
        assert_eq!(sanitize("çığ 名前 👩‍🚀"), "çığ 名前 👩‍🚀", "letters stay");
    }

    #[test]
    fn long_name_is_cut_with_a_mark() {
        assert_eq!(sanitize_name(&"x".repeat(64)), "x".repeat(64));
        let cut = sanitize_name(&"x".repeat(65));
        assert_eq!(cut, format!("{}…", "x".repeat(63)));
    }

    #[test]
    fn text_of_several_lines_keeps_its_lines() {
        assert_eq!(replace_unsafe("a\u{1b}[0m\nb\u{202e}".to_owned()), "a [0m\nb ");
    }

    #[test]
    fn document_of_another_program_has_safe_texts_and_keys() {
        let hostile = serde_json::json!({ "a\u{1b}": ["x\u{9b}y", 1, null, { "b": "\u{202e}" }] });
        let safe = serde_json::json!({ "a ": ["x y", 1, null, { "b": " " }] });
        assert_eq!(sanitize_document(hostile), safe);
    }

    #[test]
    fn escaped_line_of_json_has_the_same_value() {
        let line = "{\"a\":\"x\u{202e}y\u{9b}\"}";
        let escaped = escape_unsafe(line);
        assert_eq!(escaped, r#"{"a":"x\u202ey\u009b"}"#);
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&escaped), value(line));
        assert_eq!(escape_unsafe("plain \u{1b}[2J"), "plain \\u001b[2J");
    }
}
