//! Codes that people read aloud or type: of the characters that nobody takes for another, as OpenClaw's pairing codes have.

/// The characters of a code. There are 32, so that a random byte names one without bias.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Returns the code that these random bytes make, a character for each.
pub(crate) fn from_random(random: &[u8]) -> String {
    let character = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    random.iter().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_names_a_character_of_the_alphabet() {
        let code = from_random(&[0, 23, 24, 31, 32, 255]);
        assert_eq!(code, "AZ29A9");
    }
}
