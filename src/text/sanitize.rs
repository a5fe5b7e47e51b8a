//! Makes the texts of other programs safe for a terminal.

/// Maximum number of characters of another program's text that are shown.
const MAX_SHOWN_CHARS: usize = 400;

/// Returns another program's text as it may be shown on a terminal: its first [`MAX_SHOWN_CHARS`] characters, with
/// control characters, which could move the cursor or change what is on the screen, replaced by blanks.
pub(crate) fn sanitize(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(MAX_SHOWN_CHARS).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_blanks_and_long_texts_are_cut() {
        assert_eq!(sanitize("\ra\u{1b}[2Jb\n"), "a [2Jb");
        assert_eq!(sanitize(&"x".repeat(500)).len(), MAX_SHOWN_CHARS);
    }
}
