//! Why a config can't be used, and where in its text.

use std::path::Path;

use crate::error::Error;
use crate::host::read::{MAX_FILE_BYTES, ReadError};
use crate::i18n::{Msg, msg};

/// Why a config can't be used: where it breaks and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Line and column, from 1, in characters, when the text itself is at fault.
    pub at: Option<(usize, usize)>,
    /// What is wrong, as a sentence in no language yet.
    pub why: Msg,
}

impl ConfigError {
    /// An error of the file as a whole.
    pub(super) fn whole(why: Msg) -> Self {
        Self { at: None, why }
    }

    /// An error at a byte of the text.
    pub(super) fn at(text: &str, byte: usize, why: Msg) -> Self {
        Self {
            at: Some(line_and_column(text, byte)),
            why,
        }
    }

    /// The error for bytes that are no UTF-8 from `valid` on.
    pub(super) fn not_utf8(bytes: &[u8], valid: usize) -> Self {
        let before = std::str::from_utf8(&bytes[..valid]).unwrap_or_default();
        Self::at(before, valid, msg!("config.fault-encoding"))
    }

    /// Returns the file and the position in it, as editors understand it: `path:line:column`.
    pub fn location(&self, path: &Path) -> String {
        match self.at {
            Some((line, column)) => format!("{}:{line}:{column}", path.display()),
            None => path.display().to_string(),
        }
    }

    /// Returns the error of a command that needs the file at `path`: exit 78, the location, the reason, and the hint to
    /// edit it. For an instance's config [`super::broken_error`] also knows whether it can be restored.
    pub fn blocked(&self, path: &Path) -> Error {
        let what = Msg::new("config.broken")
            .with("place", self.location(path))
            .with_msg("why", self.why.clone());
        Error::blocked(what).hint(msg!("config.hint-edit", path = path.display()))
    }
}

impl From<ReadError> for ConfigError {
    fn from(error: ReadError) -> Self {
        Self::whole(match error {
            ReadError::Missing => msg!("config.fault-missing"),
            ReadError::NotAFile => msg!("config.fault-not-a-file"),
            ReadError::TooLarge(bytes) => {
                msg!("config.fault-too-large", bytes = bytes, limit = MAX_FILE_BYTES)
            }
            ReadError::NotText(byte) => msg!("config.fault-encoding-at", byte = byte),
            ReadError::Io(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied => {
                msg!("config.fault-permission")
            }
            ReadError::Io(cause) => msg!("config.fault-io", cause = cause),
        })
    }
}

/// Returns the line and the column of a byte, from 1. A line ends at LF, CR LF or CR; a byte order mark has no column.
fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let mut end = byte.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (mut line, mut column) = (1, 1);
    let mut chars = text[..end].chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' => (line, column) = (line + 1, 1),
            '\u{feff}' if (line, column) == (1, 1) => {}
            _ => column += 1,
        }
    }
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters_and_every_line_end_counts_once() {
        assert_eq!(line_and_column("ığüşç{", 10), (1, 6));
        assert_eq!(line_and_column("a\r\nb\rc\nd", 7), (4, 1));
        assert_eq!(line_and_column("\u{feff}{x", 4), (1, 2));
        assert_eq!(line_and_column("ab", 99), (1, 3));
    }
}
