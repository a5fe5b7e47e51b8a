//! Staging folders, into which an archive is unpacked before it replaces files, and those that killed runs left.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Start of the name of the staging folder into which the restore of a snapshot unpacks, which lies in the state
/// folder.
pub(super) const RESTORE_PREFIX: &str = ".restore-";
/// Infix between the name of the state folder and the stamp in the name of the staging folder of an instance's
/// import, which lies beside the state folder.
const IMPORT_INFIX: &str = ".import-";

/// Returns the folder into which a restore unpacks a snapshot of an instance. `stamp` makes the name this run's own.
pub(crate) fn restore_staging_dir(state: &Path, stamp: &str) -> PathBuf {
    state.join(format!("{RESTORE_PREFIX}{stamp}"))
}

/// Returns the folder into which an import unpacks an export that becomes the instance with this state folder.
/// `stamp` makes the name this run's own.
pub(crate) fn import_staging_dir(state: &Path, stamp: &str) -> PathBuf {
    let mut path = state.as_os_str().to_owned();
    path.push(format!("{IMPORT_INFIX}{stamp}"));
    path.into()
}

/// Returns the staging folders into which restores and imports of this instance unpack an archive. Under the host
/// lock no run is under way: there each of them was left by a run that was killed.
pub(crate) fn leftover_staging_dirs(state: &Path) -> Vec<PathBuf> {
    let mut prefix = state.file_name().map(OsString::from).unwrap_or_default();
    prefix.push(IMPORT_INFIX);
    let imports = state
        .parent()
        .map(|folder| folders_with_prefix(folder, &prefix.to_string_lossy()));
    let mut found = folders_with_prefix(state, RESTORE_PREFIX);
    found.extend(imports.into_iter().flatten());
    found.sort();
    found
}

/// Returns the folders in `folder` whose name begins with `prefix`.
fn folders_with_prefix(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_one = |entry: &std::fs::DirEntry| {
        entry.file_name().to_string_lossy().starts_with(prefix)
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    entries.filter(is_one).map(|entry| entry.path()).collect()
}
