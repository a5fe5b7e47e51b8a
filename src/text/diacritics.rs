//! Strips the diacritics of Turkish letters, for names that must be ASCII.

/// Returns the ASCII letter for a Turkish letter, such as `i` for `ı` and `S` for `Ş`, and any other character
/// unchanged.
pub(crate) fn strip_diacritic(c: char) -> char {
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
