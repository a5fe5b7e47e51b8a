//! Secrets, which never reach a screen, a log or an argument list, and texts from which secrets are left out.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::i18n::{Msg, msg};

/// Number of random bytes in a generated secret token, whose text has two characters for each byte.
pub(crate) const TOKEN_BYTES: usize = 24;

/// Minimum number of characters of a secret that nobody can guess, at whatever rate. A generated token has 48.
pub(crate) const MIN_SECRET_CHARS: usize = 16;

/// Values that OpenClaw 2026.9.6 refuses as the credential of a gateway.
const PLACEHOLDERS: [&str; 7] = [
    "",
    "undefined",
    "null",
    "change-me-now",
    "change-me-to-a-long-random-token",
    "change-me-to-a-strong-password",
    REDACTED,
];

/// The mark that OpenClaw puts in place of a secret that it hides.
pub(crate) const REDACTED: &str = "__OPENCLAW_REDACTED__";

/// A token, password or key, which is kept out of logs and output. `Debug` hides it, and it has neither `Display` nor
/// `Serialize`: code that needs the characters calls [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the characters of a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Creates a secret token of hex digits from random bytes.
    pub(crate) fn token(random: [u8; TOKEN_BYTES]) -> Self {
        Self(hex::encode(random))
    }

    /// Returns whether the value stands for a secret that was never set: nothing but blanks, the words that JavaScript
    /// and jq print for a missing value, a published example, or the mark of a hidden value
    /// (docs/openclaw.md#placeholder-credentials).
    pub(crate) fn is_placeholder(&self) -> bool {
        PLACEHOLDERS.contains(&self.0.trim())
    }

    /// Returns whether a secret is so short that whoever tries many may guess it.
    pub(crate) fn is_guessable(&self) -> bool {
        self.0.chars().count() < MIN_SECRET_CHARS
    }

    /// Returns the characters of a secret: to write them to a 0600 file, to show them to the instance's own gateway
    /// or to a child process, or to compare them, and for nothing else.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// Returns a digest of a secret, by which it can be compared with another one under the same key. The key is random and good for
/// one comparison only, so that a digest tells nothing to whoever sees it, then or later.
pub(crate) fn keyed_digest(key: &[u8; 32], secret: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(key);
    hash.update(secret);
    hash.finalize().into()
}

/// Sets the placeholder `{value}` of an error message to a value that is to be no secret. One that is so long that it may be a
/// secret all the same, or has several lines, such as the rest of a file after a missing quote, is hidden.
pub(crate) fn with_shown_value(msg: Msg, value: &str) -> Msg {
    if value.chars().count() < MIN_SECRET_CHARS && !value.contains(['\n', '\r']) {
        msg.with("value", value)
    } else {
        msg.with_msg("value", msg!("plan.hidden"))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// A piece of a shown text whose secrets are left out: plain text, or the place of a secret. The pieces in order make
/// up the whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextPiece {
    /// A part of the text that contains no secret.
    Text(String),
    /// The place of a secret, whose characters are not kept.
    Hidden(SecretOrigin),
}

/// The origin of a secret that is left out of a shown text: generated, entered, or kept from the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretOrigin {
    /// This program generated the secret.
    Generated,
    /// The user entered the secret.
    Given,
    /// The secret was in the file before.
    Kept,
}
