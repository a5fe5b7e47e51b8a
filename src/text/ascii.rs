//! Texts for a terminal that shows nothing but ASCII.

use super::diacritics::strip_diacritic;

/// Returns a text as a terminal without UTF-8 can show it: letters without marks, signs by their nearest ASCII
/// character, anything else as `?`. The number of characters stays the same.
pub fn to_ascii(text: &str) -> String {
    text.chars()
        .map(|c| match strip_diacritic(c) {
            '→' | '›' | '❯' => '>',
            '←' => '<',
            '↑' => '^',
            '↓' => 'v',
            '’' | '‘' => '\'',
            '“' | '”' => '"',
            '–' | '—' | '─' => '-',
            '·' | '•' | '✓' => '*',
            '…' => '.',
            c if c.is_ascii() => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turkish_stays_readable_in_ascii() {
        assert_eq!(
            to_ascii("Çalışma alanı → ğüşıöç İĞDIR"),
            "Calisma alani > gusioc IGDIR"
        );
    }
}
