//! Why a config can't be used, and what the user can do about it.

use std::path::Path;

use crate::config::backup;
use crate::error::Error;
use crate::host::read::{MAX_FILE_BYTES, ReadError};
use crate::i18n::{Msg, msg};

/// Why a config can't be used: where it breaks and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Line and column, from 1, in characters, where the text itself is at fault.
    pub at: Option<(usize, usize)>,
    /// What is wrong, in no language yet.
    pub why: Msg,
}

impl ConfigError {
    /// A fault of the file as a whole.
    pub(super) fn whole(why: Msg) -> Self {
        Self { at: None, why }
    }

    /// A fault at a byte of the text.
    pub(super) fn at(text: &str, byte: usize, why: Msg) -> Self {
        Self {
            at: Some(line_and_column(text, byte)),
            why,
        }
    }

    /// Bytes that are no UTF-8 from `valid` on.
    pub(super) fn not_text(bytes: &[u8], valid: usize) -> Self {
        let before = std::str::from_utf8(&bytes[..valid]).unwrap_or_default();
        Self::at(before, valid, msg!("config.fault-encoding"))
    }

    /// The file and the position in it, as editors understand it: `path:line:column`.
    pub fn location(&self, path: &Path) -> String {
        match self.at {
            Some((line, column)) => format!("{}:{line}:{column}", path.display()),
            None => path.display().to_string(),
        }
    }

    /// The error for a verb that needs the config at `path`: exit 78, the place, the reason, ways out.
    /// Asks the disk whether there are backups.
    pub fn blocked(&self, path: &Path) -> Error {
        let what = Msg::new("config.broken")
            .with("place", self.location(path))
            .with_msg("why", self.why.clone());
        let error = Error::blocked(what);
        let error = if backup::list(path).is_empty() && !backup::last_good_path(path).exists() {
            error
        } else {
            error.hint(msg!("config.hint-restore", command = restore_command(path)))
        };
        error.hint(msg!("config.hint-edit", path = path.display()))
    }
}

/// The command that restores the config at this path, whoever's it is (docs/openclaw.md#profile-names).
fn restore_command(path: &Path) -> String {
    let folder = path
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    let is_main_file = path.file_name().is_some_and(|name| name == "openclaw.json");
    match folder {
        Some(".openclaw") if is_main_file => "openclaw config restore".to_owned(),
        Some(name) if is_main_file && name.starts_with(".openclaw-") => {
            format!(
                "openclaw --profile {} config restore",
                &name[".openclaw-".len()..]
            )
        }
        _ => format!(
            "OPENCLAW_CONFIG_PATH='{}' openclaw config restore",
            path.display()
        ),
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

/// Line and column of a byte, from 1. A line ends at LF, CR LF or CR; a byte order mark has no column.
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
#[expect(clippy::disallowed_methods, reason = "the tests make their own files")]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters_and_every_line_end_counts_once() {
        assert_eq!(line_and_column("ığüşç{", 10), (1, 6));
        assert_eq!(line_and_column("a\r\nb\rc\nd", 7), (4, 1));
        assert_eq!(line_and_column("\u{feff}{x", 4), (1, 2));
        assert_eq!(line_and_column("ab", 99), (1, 3));
    }

    #[test]
    fn the_restore_command_reaches_the_same_file() {
        let command = |path| restore_command(Path::new(path));
        assert_eq!(command("/h/.openclaw/openclaw.json"), "openclaw config restore");
        assert_eq!(
            command("/h/.openclaw-rescue/openclaw.json"),
            "openclaw --profile rescue config restore"
        );
        assert_eq!(
            command("/h/.openclaw/b.json"),
            "OPENCLAW_CONFIG_PATH='/h/.openclaw/b.json' openclaw config restore"
        );
    }

    #[test]
    fn a_broken_config_blocks_with_place_reason_and_ways_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("openclaw.json");
        let fault = ConfigError {
            at: Some((3, 7)),
            why: msg!("config.fault-comma"),
        };
        let error = fault.blocked(&path);
        assert_eq!(error.kind.exit_code(), 78);
        assert!(
            error
                .msg
                .render(crate::i18n::Lang::english())
                .contains("openclaw.json:3:7")
        );
        assert_eq!(error.hints.len(), 1, "nothing to restore from");

        for earlier in ["openclaw.json.bak", "openclaw.json.last-good"] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::File::create(dir.path().join(earlier)).unwrap();
            let path = dir.path().join("openclaw.json");
            assert_eq!(fault.blocked(&path).hints.len(), 2, "{earlier}");
        }
    }
}
