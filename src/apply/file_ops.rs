//! Single operations on files, each with the failure that names it.

use std::fs;
use std::io;
use std::path::Path;

use super::fault::{During as _, IoFailure, Operation};
use super::system;

/// Renames a file, replacing what has the new name.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), IoFailure> {
    fs::rename(from, to).during(Operation::Rename, to)
}

/// Removes a file. One that is gone already is no error.
pub(super) fn remove(path: &Path) -> Result<(), IoFailure> {
    remove_if_present(path).during(Operation::Remove, path)
}

/// Removes a file. One that is gone already is no error. For callers that have a sentence of their own for
/// the failure; [`super::remove_file`] brings one.
pub fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), IoFailure> {
    system::sync_folder(path).during(Operation::Sync, path)
}

/// Returns whether anything has this name, a broken link included.
pub(super) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
