//! Converts texts to ASCII, for terminals without UTF-8.

use super::diacritics::strip_diacritic;

/// Converts a text to ASCII: letters lose their diacritics, signs become their nearest ASCII character, anything else
/// becomes `?`. The number of characters stays the same.
pub(crate) fn to_ascii(text: &str) -> String {
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
