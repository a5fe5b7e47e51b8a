//! The error of a config that can't be used, with its position in the text.

use std::path::Path;

use crate::error::Error;
use crate::host::read::{MAX_FILE_BYTES, ReadError};
use crate::i18n::{Msg, msg, size_msg};

/// The error of a config that can't be used: the position in its text, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The line and the column, from 1, in characters; `None` where no single place of the text is invalid.
    pub position: Option<(usize, usize)>,
    /// The reason, as a sentence in no language yet.
    pub why: Msg,
}

impl ConfigError {
    /// Creates the error of a config file as a whole, without a position in it.
    pub(super) fn of_file(why: Msg) -> Self {
        Self { position: None, why }
    }

    /// Creates the error at a byte of a config's text.
    pub(super) fn at_byte(text: &str, byte: usize, why: Msg) -> Self {
        Self {
            position: Some(line_and_column(text, byte)),
            why,
        }
    }

    /// Creates the error of a config whose bytes are no UTF-8 from the offset `valid` on.
    pub(super) fn not_utf8(bytes: &[u8], valid: usize) -> Self {
        let before = std::str::from_utf8(&bytes[..valid]).unwrap_or_default();
        Self::at_byte(before, valid, msg!("config.fault-encoding"))
    }

    /// Returns the file and the position of a config's error, as editors understand it: `path:line:column`.
    pub(crate) fn location(&self, path: &Path) -> String {
        match self.position {
            Some((line, column)) => format!("{}:{line}:{column}", path.display()),
            None => path.display().to_string(),
        }
    }

    /// Returns the words of a table for a config that can't be used: where it is broken.
    pub(crate) fn brief_msg(&self) -> Msg {
        match self.position {
            Some((line, column)) => msg!("config.broken-at", line = line, column = column),
            None => msg!("config.unreadable"),
        }
    }

    /// Returns the error of a command that needs the config file at `path`: exit code 78, the location, the reason,
    /// and the hint to edit it. For an instance's config, [`super::broken_error`] also hints at a restore where one
    /// is possible.
    pub(crate) fn blocked(&self, path: &Path) -> Error {
        let what = Msg::new("config.broken")
            .with("place", self.location(path))
            .with_msg("why", self.why.clone());
        Error::blocked(what).hint(msg!("config.hint-edit", path = path.display()))
    }
}

impl From<ReadError> for ConfigError {
    fn from(error: ReadError) -> Self {
        Self::of_file(match error {
            ReadError::Missing => msg!("config.fault-missing"),
            ReadError::NotAFile => msg!("config.fault-not-a-file"),
            ReadError::TooLarge(bytes) => Msg::new("config.fault-too-large")
                .with_msg("size", size_msg(bytes))
                .with_msg("limit", size_msg(MAX_FILE_BYTES)),
            ReadError::NotText(byte) => msg!("config.fault-encoding-at", byte = byte),
            ReadError::Io(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied => {
                msg!("config.fault-permission")
            }
            ReadError::Io(cause) => msg!("config.fault-io", cause = cause),
        })
    }
}

/// Returns the line and the column of a byte in a text, counted from 1. A line ends at LF, CR LF or CR; a byte order
/// mark has no column.
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
