//! Letters of ASCII for those that carry marks: for names that must be ASCII and for terminals that are.

/// The letter without its mark: `ı` is `i`, `Ş` is `S`; any other character is itself.
pub fn strip_diacritic(c: char) -> char {
    match c {
        'ı' | 'î' => 'i',
        'İ' | 'Î' => 'I',
        'ş' => 's',
        'Ş' => 'S',
        'ğ' => 'g',
        'Ğ' => 'G',
        'ç' => 'c',
        'Ç' => 'C',
        'ö' => 'o',
        'Ö' => 'O',
        'ü' | 'û' => 'u',
        'Ü' | 'Û' => 'U',
        'â' => 'a',
        'Â' => 'A',
        other => other,
    }
}

/// As much of a text as is shown where another program wrote it, in characters.
const MAX_SHOWN: usize = 400;

/// A text of another program, fit for a terminal: no control characters, which could move the cursor or
/// change what stands there, and not without end.
pub fn sanitize(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(MAX_SHOWN).collect::<String>().trim().to_owned()
}

/// A text as a terminal without UTF-8 can show it.
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
