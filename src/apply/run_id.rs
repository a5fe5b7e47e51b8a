//! The names of temporary files, which belong to one run.

use std::path::{Path, PathBuf};

use crate::host;

/// Start of the name of a temporary file that a transaction makes.
const PREFIX: &str = ".openclaw-";
/// Ending of the name of a temporary file that a transaction makes.
const SUFFIX: &str = ".tmp";

/// Returns ten random hex digits, which tell the temporary names of this run from those of any other, in this or
/// another container.
pub(super) fn run_id() -> String {
    hex::encode(host::random_bytes::<5>())
}

/// Returns whether a text is one that [`run_id`] gives.
pub(super) fn is_run_id(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Returns the path of the temporary file of a transaction's run in a folder. Its name is short, so that it fits
/// wherever the file's own name does.
pub(super) fn temporary_path(folder: &Path, run_id: &str, number: usize) -> PathBuf {
    folder.join(format!("{PREFIX}{run_id}-{number}{SUFFIX}"))
}

/// Returns whether a path has the name of a temporary file of some transaction.
pub(super) fn is_temporary(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}
