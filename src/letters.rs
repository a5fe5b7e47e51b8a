//! Letters of ASCII for those that carry marks: for names that must be ASCII and for terminals that are.

/// The letter without its mark: `ı` is `i`, `Ş` is `S`; any other character is itself.
pub fn unmarked(c: char) -> char {
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

/// A text as a terminal without UTF-8 can show it.
pub fn ascii(text: &str) -> String {
    text.chars()
        .map(|c| match unmarked(c) {
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
            ascii("Çalışma alanı → ğüşıöç İĞDIR"),
            "Calisma alani > gusioc IGDIR"
        );
    }
}
