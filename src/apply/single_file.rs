//! Single files: replaced whole and durably, without the journal that several files need, and without the host lock.
//!
//! For files that one process owns while it holds another lock (paired devices, records of starts), for folders
//! that are being prepared, and for new archives.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::file_ops::{remove, remove_if_present};
use super::io_failure::{During as _, Operation};
use super::lock::make_folders;
use super::run_id::run_id;
use super::system;
use crate::error::{Error, Result};
use crate::i18n::msg;

/// Replaces a file durably: temporary file in the same folder, fsync, rename, fsync of the folder. The file is 0600 before it has content, and missing folders are made, 0700. The caller sees to it that nobody
/// else writes the file (the gateway's lock).
///
/// # Errors
/// When the system refuses. The old file is there as it was.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = parent_folder(path);
    make_folders(folder)?;
    let temporary = temporary_path(path);
    let written = (|| {
        let mut file = system::create(&temporary)?;
        if let Ok(old) = std::fs::metadata(path) {
            system::inherit_owner_and_strict_mode(&file, &old)?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        system::sync_folder(folder)
    })();
    if written.is_err() {
        // What can't be removed either is a leftover beside the whole old file.
        let _ = remove_if_present(&temporary);
    }
    Ok(written.during(Operation::Write, path)?)
}

/// Replaces a file of an instance as [`write_file`] does, where the state folder of the instance exists. A folder that was
/// moved away under a running gateway must not be made anew with a single file in it, which would pass for the instance.
///
/// # Errors
/// When the state folder is missing, or the system refuses. The old file is there as it was.
pub(crate) fn write_state_file(state_dir: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    if !state_dir.is_dir() {
        return Err(Error::failed(msg!(
            "apply.state-gone",
            path = state_dir.display()
        )));
    }
    write_file(path, bytes)
}

/// Removes a file; a missing file is no error.
///
/// # Errors
/// When the system refuses.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    Ok(remove(path)?)
}

/// Writes a new file, from a stream, into a staging folder: a folder that is being prepared, whose content a plan
/// puts in place later. The file is 0600, its missing folders 0700.
///
/// # Errors
/// When the name is taken, or the stream or the system fails.
pub(crate) fn stage_file(path: &Path, from: &mut dyn io::Read) -> Result<()> {
    make_folders(parent_folder(path))?;
    let written = (|| {
        let mut file = system::create(path)?;
        io::copy(from, &mut file)?;
        file.sync_all()
    })();
    Ok(written.during(Operation::Write, path)?)
}

/// Removes a staging folder with everything in it. Best effort: what can't be removed is a leftover beside whole
/// files, and the next look for leftovers shows it.
pub(crate) fn remove_staging(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
}

/// Creates a new file (0600) from what `write` writes. The file has its name only once all of it is durable.
///
/// # Errors
/// When the name is taken, or `write` or the system fails. Nothing is left then.
pub(crate) fn create_file<T>(path: &Path, write: impl FnOnce(&mut File) -> io::Result<T>) -> Result<T> {
    let folder = parent_folder(path);
    make_folders(folder)?;
    let temporary = temporary_path(path);
    let written = (|| {
        let mut file = system::create(&temporary)?;
        let value = write(&mut file)?;
        file.sync_all()?;
        // Unlike a rename, a second name never replaces what somebody put there meanwhile.
        std::fs::hard_link(&temporary, path)?;
        system::sync_folder(folder)?;
        Ok(value)
    })();
    let _ = remove_if_present(&temporary);
    Ok(written.during(Operation::Write, path)?)
}

/// Returns the folder in which a file lies.
fn parent_folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn temporary_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent_folder(path).join(format!(".{name}.{}.tmp", run_id()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_written_file_is_replaced_whole_and_only_its_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("devices/paired.json");
        write_file(&path, b"one").unwrap();
        write_file(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let names = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(names, 1, "no temporary file is left");
    }

    #[test]
    fn state_folder_that_is_gone_is_not_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let (state, path) = (
            dir.path().join("state"),
            dir.path().join("state/devices/paired.json"),
        );
        assert!(write_state_file(&state, &path, b"x").is_err());
        assert!(!state.exists());
        std::fs::create_dir(&state).unwrap();
        write_state_file(&state, &path, b"x").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"x");
    }

    #[test]
    fn writing_over_a_folder_fails_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::create_dir(&path).unwrap();
        assert!(write_file(&path, b"x").is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
