//! Single files: replaced whole and durably, without the journal that several files need, and without the host lock.
//!
//! For files that one process owns while it holds another lock (paired devices, records of starts), for folders
//! that are being prepared, and for new archives.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file_ops::{remove, remove_if_present, rename, sync_folder};
use super::io_failure::{During as _, IoFailure, Operation};
use super::lock::make_folders;
use super::run_id::{is_run_id, run_id};
use super::system;
use crate::error::{Error, Result};
use crate::host::folder_listings::FolderListings;
use crate::i18n::msg;

/// Ending of the name of a temporary file.
const TEMPORARY_ENDING: &str = ".tmp";
/// Endings of the names of archives. Each has a name of its own, so that the next run writes none of the same name.
const ARCHIVE_ENDINGS: [&str; 2] = [".tar.gz", ".tgz"];
/// Age from which a temporary file that nobody has locked was left by a killed run.
const LEFTOVER_AGE: Duration = Duration::from_mins(1);

/// Replaces a file durably: temporary file in the same folder, fsync, rename, fsync of the folder. The file is 0600 before it has content, and missing folders are made, 0700. The caller sees to it that nobody
/// else writes the file (the gateway's lock). Temporary files that killed runs left of it are removed.
///
/// # Errors
/// When the system refuses. The old file is there as it was.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = parent_folder(path);
    make_folders(folder)?;
    remove_temporary_files(path);
    let (mut file, temporary) = create_temporary(path).during(Operation::Write, path)?;
    let written = (|| {
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

/// Gives a file a second name in its folder, by which it is put back after its own name was given to another one. A copy
/// has the name where the file system gives a file no second one.
///
/// # Errors
/// When the name is taken, or the system refuses.
pub(crate) fn keep_second_name(path: &Path, kept: &Path) -> Result<()> {
    match std::fs::hard_link(path, kept) {
        Ok(()) => Ok(sync_folder(parent_folder(kept))?),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(write_error(kept, error)),
        Err(_) => {
            let mut from = File::open(path).during(Operation::Inspect, path)?;
            create_file(kept, |file| {
                io::copy(&mut from, file).map_err(|cause| write_error(kept, cause))?;
                Ok(())
            })
        }
    }
}

/// Gives a file that [`keep_second_name`] has kept its own name again, in the place of what has it now. It needs no room on
/// the disk, and can be repeated.
///
/// # Errors
/// When the system refuses.
pub(crate) fn put_back(kept: &Path, path: &Path) -> Result<()> {
    rename(kept, path)?;
    // A rename does nothing where both are names of one file.
    remove(kept)?;
    Ok(sync_folder(parent_folder(path))?)
}

/// Removes a file; a missing file is no error.
///
/// # Errors
/// When the system refuses.
pub(crate) fn remove_file(path: &Path) -> Result<()> {
    Ok(remove(path)?)
}

/// The folders below staging folders that this run has made, each of which is looked at once: it takes a system call for
/// every part of a path, and 50,000 files have a handful of folders.
#[derive(Debug, Default)]
pub(crate) struct StagedFolders(HashSet<PathBuf>);

impl StagedFolders {
    /// Makes a folder below a staging folder and those above it that are missing.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn make(&mut self, folder: &Path) -> Result<()> {
        if !self.0.contains(folder) {
            make_folders(folder)?;
            self.0.insert(folder.to_path_buf());
        }
        Ok(())
    }
}

/// Writes a new file, from a stream, into a staging folder: a folder that is being prepared, whose content a plan
/// puts in place later. The file is 0600, or 0700 where it is executable, its missing folders 0700. It is durable only
/// after [`sync_staging`].
///
/// # Errors
/// When the name is taken, or the stream or the system fails.
pub(crate) fn stage_file(
    folders: &mut StagedFolders,
    path: &Path,
    from: &mut dyn io::Read,
    is_executable: bool,
) -> Result<()> {
    folders.make(parent_folder(path))?;
    let written = (|| {
        let mut file = system::create(path)?;
        io::copy(from, &mut file)?;
        if is_executable {
            system::make_executable(&file)?;
        }
        Ok(())
    })();
    Ok(written.during(Operation::Write, path)?)
}

/// Makes a symbolic link in a staging folder.
///
/// # Errors
/// When the name is taken, or the system refuses.
pub(crate) fn stage_link(folders: &mut StagedFolders, path: &Path, target: &Path) -> Result<()> {
    folders.make(parent_folder(path))?;
    Ok(system::make_link(target, path).during(Operation::Write, path)?)
}

/// Gives a file, link or folder of a staging folder another path in it.
///
/// # Errors
/// When the system refuses.
pub(crate) fn move_staged(folders: &mut StagedFolders, from: &Path, to: &Path) -> Result<()> {
    folders.make(parent_folder(to))?;
    Ok(std::fs::rename(from, to).during(Operation::Rename, to)?)
}

/// Makes everything in a staging folder durable, at once: one fsync for each of 50,000 files takes minutes.
///
/// # Errors
/// When the system fails to write it.
pub(crate) fn sync_staging(folder: &Path) -> Result<()> {
    Ok(system::sync_tree(folder).during(Operation::Sync, folder)?)
}

/// Returns whether a folder that a run makes for a moment was left by one that was killed, by its age.
pub(crate) fn is_leftover_folder(folder: &Path) -> bool {
    let modified = std::fs::symlink_metadata(folder).and_then(|meta| meta.modified());
    let age = modified.ok().and_then(|at| at.elapsed().ok());
    folder.is_dir() && age.is_some_and(|age| age > LEFTOVER_AGE)
}

/// Removes a staging folder with everything in it. Best effort: what can't be removed is a leftover beside whole
/// files, and the next look for leftovers shows it.
pub(crate) fn remove_staging(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
}

/// Creates a new file (0600) from what `write` writes. The file has its name only once all of it is durable. Temporary
/// files that killed runs left beside it are removed.
///
/// # Errors
/// When the name is taken, or `write` or the system fails. Nothing is left then.
pub(crate) fn create_file<T>(path: &Path, write: impl FnOnce(&mut File) -> Result<T>) -> Result<T> {
    let folder = parent_folder(path);
    make_folders(folder)?;
    remove_leftovers(path);
    let temporary = temporary_path(path);
    let written = (|| {
        let mut file = system::create(&temporary).during(Operation::Write, path)?;
        // For whoever looks for leftovers: this one is not.
        let _ = file.try_lock();
        let value = write(&mut file)?;
        file.sync_all().during(Operation::Sync, path)?;
        // Unlike a rename, a second name never replaces what somebody put there meanwhile.
        std::fs::hard_link(&temporary, path).during(Operation::Write, path)?;
        system::sync_folder(folder).during(Operation::Sync, folder)?;
        Ok(value)
    })();
    let _ = remove_if_present(&temporary);
    written
}

/// Lets everybody read a new file (0644), for whoever is to use it under another user.
///
/// # Errors
/// When the system refuses.
pub(crate) fn make_readable(file: &File) -> io::Result<()> {
    system::make_readable(file)
}

/// Returns the error about a file that can't be written.
pub(crate) fn write_error(path: &Path, cause: io::Error) -> Error {
    let (operation, path) = (Operation::Write, path.to_path_buf());
    Error::from(IoFailure {
        operation,
        path,
        cause,
    })
}

/// Creates the temporary file for a write of [`write_file`], and locks it for as long as it is open: one that nobody has
/// locked was left by a killed run.
fn create_temporary(path: &Path) -> io::Result<(File, PathBuf)> {
    loop {
        let temporary = temporary_path(path);
        let file = system::create(&temporary)?;
        // Between both calls it looks left behind, and may have been removed. A file system without locks has no
        // such files.
        let is_own = !matches!(file.try_lock(), Err(TryLockError::WouldBlock));
        if is_own && system::is_at(&file, &temporary) {
            return Ok((file, temporary));
        }
        let _ = remove_if_present(&temporary);
    }
}

/// Returns the temporary files of a file that is replaced by [`write_file`] which killed runs left beside it.
pub(crate) fn leftover_temporary_files(folders: &FolderListings, path: &Path) -> Vec<PathBuf> {
    let locked = lock_leftover_temporary_files(folders, path);
    locked.map(|(leftover, _)| leftover).collect()
}

/// Removes the temporary files of a file that is replaced by [`write_file`] which killed runs left beside it. Best effort.
pub(crate) fn remove_temporary_files(path: &Path) {
    // The lock is held until the file is gone: a write that took it meanwhile would lose its file.
    for (leftover, _lock) in lock_leftover_temporary_files(&FolderListings::default(), path) {
        let _ = remove_if_present(&leftover);
    }
}

/// Locks each temporary file of a file that is replaced by [`write_file`] which a killed run left beside it. Nobody else can
/// take it for a file of a run that lives.
fn lock_leftover_temporary_files(
    folders: &FolderListings,
    path: &Path,
) -> impl Iterator<Item = (PathBuf, File)> + use<> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let found = temporary_files(folders, path, |file| *file == *name);
    found.into_iter().filter_map(|leftover| {
        let file = system::open_no_follow(&leftover).ok()?;
        let is_file = file.metadata().is_ok_and(|meta| meta.is_file());
        (is_file && file.try_lock().is_ok()).then_some((leftover, file))
    })
}

/// Returns the temporary files beside `path` of those files whose name fits.
fn temporary_files(folders: &FolderListings, path: &Path, fits: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let is_temporary = |entry: &PathBuf| {
        let name = entry.file_name().and_then(OsStr::to_str);
        name.and_then(file_of_temporary).is_some_and(&fits)
    };
    let entries = folders.entries(parent_folder(path)).into_iter();
    entries.map(|entry| entry.path).filter(is_temporary).collect()
}

/// Removes the temporary files beside `path` that killed runs left when they wrote a file of the same name or of the same
/// kind. Best effort.
fn remove_leftovers(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fits = |file: &str| *file == *name || ARCHIVE_ENDINGS.iter().any(|end| file.ends_with(end));
    let found = temporary_files(&FolderListings::default(), path, fits);
    for leftover in found.iter().filter(|found| is_abandoned(found)) {
        let _ = remove_if_present(leftover);
    }
}

/// Returns whether no process writes a temporary file any more: it is old, and nobody holds its lock.
fn is_abandoned(path: &Path) -> bool {
    let Ok(file) = system::open_no_follow(path) else {
        return false;
    };
    let is_old = file.metadata().is_ok_and(|meta| {
        let age = meta.modified().ok().and_then(|at| at.elapsed().ok());
        meta.is_file() && age.is_some_and(|age| age > LEFTOVER_AGE)
    });
    is_old && file.try_lock().is_ok()
}

/// Returns the folder in which a file lies.
fn parent_folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn temporary_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent_folder(path).join(format!(".{name}.{}{TEMPORARY_ENDING}", run_id()))
}

/// Returns the name of the file for which a temporary file was made; `None` for any other name.
fn file_of_temporary(name: &str) -> Option<&str> {
    let (file, id) = name
        .strip_prefix('.')?
        .strip_suffix(TEMPORARY_ENDING)?
        .rsplit_once('.')?;
    is_run_id(id).then_some(file)
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
    fn temporary_file_of_a_killed_write_is_removed_by_the_next_one_and_no_other_file_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.service");
        let named = |name: &str| dir.path().join(name);
        let left = named(".a.service.0123456789.tmp");
        std::fs::write(&left, b"ha").unwrap();
        let others = [
            ".b.service.0123456789.tmp",
            ".a.service.tmp",
            "a.service.0123456789.tmp",
        ]
        .map(named);
        for other in &others {
            std::fs::write(other, b"x").unwrap();
        }
        let (file, being_written) = create_temporary(&path).unwrap();
        assert_eq!(
            leftover_temporary_files(&FolderListings::default(), &path),
            std::slice::from_ref(&left)
        );
        write_file(&path, b"whole").unwrap();
        assert!(!left.exists());
        assert!(being_written.exists() && others.iter().all(|other| other.exists()));
        drop(file);
        write_file(&path, b"whole").unwrap();
        assert!(!being_written.exists());
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
