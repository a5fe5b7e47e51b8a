//! Words of a shell command.

/// Quotes a text as one word of a command for a POSIX shell, where it needs quotes.
pub(crate) fn quote_for_shell(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+@:,~%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
