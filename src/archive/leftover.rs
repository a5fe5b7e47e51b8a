//! Where an archive is unpacked before what is there is replaced, and what a killed run left of that.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// How the name of a restore's folder begins; it lies in the state folder.
pub(super) const RESTORE: &str = ".restore-";
/// What stands in the name of an import's folder behind that of the state folder, beside which it lies.
const IMPORT: &str = ".import-";

/// Where a snapshot is unpacked. `stamp` tells this run from any other.
pub fn restore_staging_dir(state: &Path, stamp: &str) -> PathBuf {
    state.join(format!("{RESTORE}{stamp}"))
}

/// Where an export is unpacked that becomes the instance with this state folder.
pub fn import_staging_dir(state: &Path, stamp: &str) -> PathBuf {
    let mut path = state.as_os_str().to_owned();
    path.push(format!("{IMPORT}{stamp}"));
    path.into()
}

/// The folders that restores and imports of this instance left when they were killed. Under the host's lock no
/// run is under way: there each of them is a leftover.
pub fn leftover_staging_dirs(state: &Path) -> Vec<PathBuf> {
    let mut beside = state.file_name().map(OsString::from).unwrap_or_default();
    beside.push(IMPORT);
    let beside = state
        .parent()
        .map(|folder| folders(folder, &beside.to_string_lossy()));
    let mut found = folders(state, RESTORE);
    found.extend(beside.into_iter().flatten());
    found.sort();
    found
}

/// The folders of a folder whose names begin so.
fn folders(folder: &Path, start: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_one = |entry: &std::fs::DirEntry| {
        entry.file_name().to_string_lossy().starts_with(start)
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    entries.filter(is_one).map(|entry| entry.path()).collect()
}
