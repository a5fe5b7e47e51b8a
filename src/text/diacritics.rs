//! Turkish letters without their marks, for names that must be ASCII.

/// Returns the ASCII letter of a Turkish one, such as `i` for `ı` and `S` for `Ş`. Any other character is returned
/// as it is.
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
