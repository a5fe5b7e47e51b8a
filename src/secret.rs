//! Values that never reach a screen, a log or an argument list.

use std::fmt;

/// A token, password or key. `Debug` hides it, it has no `Display` and no `Serialize`: whoever needs
/// the characters says so with [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
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

/// A part of a text, fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPiece {
    /// Harmless characters.
    Text(String),
    /// The place of a secret; its characters are not kept.
    Hidden(SecretOrigin),
}

/// Where a secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// Made by this program.
    Generated,
    /// Given by the user.
    Given,
    /// Stood in the file before.
    Kept,
}
