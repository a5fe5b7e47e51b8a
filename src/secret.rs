//! Secrets, and texts that hold some: values that never reach a screen, a log or an argument list.

use std::fmt;

/// Number of random bytes in a token of ours, which has twice as many characters.
pub const TOKEN_BYTES: usize = 24;

/// A token, password or key. `Debug` hides it, and it has neither `Display` nor `Serialize`: code that needs
/// the characters calls [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the characters of a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Makes a token from random bytes: their hex digits.
    pub fn token(random: [u8; TOKEN_BYTES]) -> Self {
        Self(hex::encode(random))
    }

    /// The characters themselves, to be written to a 0600 file and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// A piece of a text that may be shown. The pieces of a text in order are the whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPiece {
    /// Characters without a secret.
    Text(String),
    /// The place of a secret, whose characters are not kept.
    Hidden(SecretOrigin),
}

/// Where a secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// This program made it.
    Generated,
    /// The user gave it.
    Given,
    /// It was in the file before.
    Kept,
}
