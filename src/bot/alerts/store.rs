//! The file of alerts, which outlives the bot: what is not delivered yet, and which message tells what.

use std::path::{Path, PathBuf};

use super::book::AlertBook;
use crate::apply;
use crate::error::Result;
use crate::host::read;

/// A book of alerts that is kept: who writes it, no other process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BookFile {
    /// That of a gateway, about the gateways that it watches.
    Watched,
    /// That of the timer that looks whether the gateway itself answers.
    Own,
}

/// Returns the path of a book.
fn path(state_dir: &Path, file: BookFile) -> PathBuf {
    let name = match file {
        BookFile::Watched => "alerts.json",
        BookFile::Own => "own-alerts.json",
    };
    state_dir.join("bot").join(name)
}

/// Reads a book of alerts of the instance with this state folder; `None` where there is none, or it is broken.
pub(crate) fn read(state_dir: &Path, file: BookFile) -> Option<AlertBook> {
    serde_json::from_str(&read::text(&path(state_dir, file)).ok()?).ok()
}

/// Writes a book of alerts.
///
/// # Errors
/// When the file can't be written.
pub(crate) fn write(state_dir: &Path, file: BookFile, book: &AlertBook) -> Result<()> {
    let text = serde_json::to_string(book).unwrap_or_default();
    apply::write_state_file(state_dir, &path(state_dir, file), text.as_bytes())
}
