//! Single operations on files, each with the failure that names it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::io_failure::{During as _, IoFailure, Operation};
use super::system;

/// Renames a file. A file that has the new name is replaced.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), IoFailure> {
    fs::rename(from, to).during(Operation::Rename, to)
}

/// Removes a file; a missing file is no error.
pub(super) fn remove(path: &Path) -> Result<(), IoFailure> {
    remove_if_present(path).during(Operation::Remove, path)
}

/// Removes a file; a missing file is no error. The bare I/O error is for callers that have a message of their own,
/// [`super::remove_file`] brings one.
///
/// # Errors
/// When the system refuses.
pub(crate) fn remove_if_present(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Flushes the names in a folder to the disk (fsync), so that new, renamed and removed files stay so after a power
/// failure.
pub(super) fn sync_folder(path: &Path) -> Result<(), IoFailure> {
    system::sync_folder(path).during(Operation::Sync, path)
}

/// Returns whether anything exists at a path, a broken link included.
pub(super) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Returns the first path that does not exist among those that `candidate` makes of 0, 1, 2 and so on.
pub(crate) fn free_path(candidate: impl Fn(u32) -> PathBuf) -> PathBuf {
    let mut number = 0;
    loop {
        let path = candidate(number);
        if !exists(&path) {
            return path;
        }
        number += 1;
    }
}

/// Returns a free name beside a path, for a file or folder that a repair moves aside: `PATH.aside-1`, `PATH.aside-2`
/// and so on. The same disk gives the same name.
pub(crate) fn free_aside_name(path: &Path) -> PathBuf {
    free_path(|number| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".aside-{}", number + 1));
        name.into()
    })
}
