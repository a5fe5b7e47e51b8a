//! The file of alerts, which outlives the bot: what is not delivered yet, and which message tells what.

use std::path::{Path, PathBuf};

use super::book::AlertBook;
use crate::apply;
use crate::error::Result;
use crate::host::read;

/// Returns the path of the file.
fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("bot").join("alerts.json")
}

/// Reads the book of alerts of the bot of the instance with this state folder; `None` where there is none, or it is broken.
pub(crate) fn read(state_dir: &Path) -> Option<AlertBook> {
    serde_json::from_str(&read::text(&path(state_dir)).ok()?).ok()
}

/// Writes the book of alerts.
///
/// # Errors
/// When the file can't be written.
pub(crate) fn write(state_dir: &Path, book: &AlertBook) -> Result<()> {
    let text = serde_json::to_string(book).unwrap_or_default();
    apply::write_state_file(state_dir, &path(state_dir), text.as_bytes())
}
