//! Codes that people read aloud or type: of the characters that nobody takes for another, as OpenClaw's pairing codes have.

/// The characters of a code. There are 32, so that a random byte names one without bias.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Returns the code that these random bytes make, a character for each.
pub(crate) fn from_random(random: &[u8]) -> String {
    let character = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
    random.iter().map(character).collect()
}

/// Start of the code by which a bot is claimed in the wizard: no name of a profile has capital letters behind it.
const CLAIM_PREFIX: &str = "own-";
/// Number of random characters in the code of a claim.
pub(crate) const CLAIM_LETTERS: usize = 6;

/// Returns the code of a claim that these random bytes make.
pub(crate) fn claim_code(random: [u8; CLAIM_LETTERS]) -> String {
    format!("{CLAIM_PREFIX}{}", from_random(&random))
}

/// Returns whether a word is the code of a claim, whichever.
pub(super) fn is_claim_code(word: &str) -> bool {
    let letters = word.strip_prefix(CLAIM_PREFIX).unwrap_or_default();
    letters.len() == CLAIM_LETTERS && letters.bytes().all(|letter| ALPHABET.contains(&letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_a_claim_is_known_again() {
        assert!(is_claim_code(&claim_code([0, 1, 2, 3, 4, 5])));
        for other in [
            "own-abcdef",
            "own-ABCDE",
            "own-ABCDEFG",
            "ABCDEF",
            "own-",
            "rescue",
        ] {
            assert!(!is_claim_code(other), "{other}");
        }
    }

    #[test]
    fn every_byte_names_a_character_of_the_alphabet() {
        let code = from_random(&[0, 23, 24, 31, 32, 255]);
        assert_eq!(code, "AZ29A9");
    }
}
