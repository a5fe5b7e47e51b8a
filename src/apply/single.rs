//! One file that a running gateway keeps for itself (paired devices, records of starts): replaced whole,
//! durably, without the journal that several files need, and without the host's lock.

use std::io::Write as _;
use std::path::Path;

use super::fault::{During as _, Operation};
use super::file_ops::{remove, remove_if_present};
use super::run_id::run_id;
use super::{lock, system};
use crate::error::Result;

/// Writes a file of an instance's state: temporary file in the same folder, fsync, rename, fsync of the
/// folder; 0600 before it has content. Missing folders are made, 0700. Who else writes this file is the
/// caller's care (the gateway's lock).
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    lock::make_folders(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", run_id()));
    let written = (|| {
        let mut file = system::create(&temporary)?;
        if let Ok(old) = std::fs::metadata(path) {
            system::succeed(&file, &old)?;
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

/// Removes a file. One that is gone already is no error.
pub fn remove_file(path: &Path) -> Result<()> {
    Ok(remove(path)?)
}

/// Writes a new file of a folder that is being made, from a stream: 0600, its missing folders 0700. Where it
/// is to be found in the end is a plan's matter. Fails where the name is taken.
pub fn stage_file(path: &Path, from: &mut dyn std::io::Read) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    lock::make_folders(folder)?;
    let written = (|| {
        let mut file = system::create(path)?;
        std::io::copy(from, &mut file)?;
        file.sync_all()
    })();
    Ok(written.during(Operation::Write, path)?)
}

/// Removes a folder that [`stage_file`] made, with what is left in it.
pub fn remove_staging(folder: &Path) {
    // What can't be removed is a leftover beside whole files; the next look shows it.
    let _ = std::fs::remove_dir_all(folder);
}

/// Writes a new file whole, from a writer: it has its name only once all of it is durable. 0600. Fails where
/// the name is taken, and leaves nothing then.
pub fn create_file<T>(
    path: &Path,
    write: impl FnOnce(&mut std::fs::File) -> std::io::Result<T>,
) -> Result<T> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    lock::make_folders(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", run_id()));
    let written = (|| {
        let mut file = system::create(&temporary)?;
        let made = write(&mut file)?;
        file.sync_all()?;
        // Unlike a rename, a second name never replaces what somebody put there meanwhile.
        std::fs::hard_link(&temporary, path)?;
        system::sync_folder(folder)?;
        Ok(made)
    })();
    let _ = remove_if_present(&temporary);
    Ok(written.during(Operation::Write, path)?)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_replaced_whole_and_only_its_owner_can_read_it() {
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
    fn a_folder_in_its_place_is_an_error_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::create_dir(&path).unwrap();
        assert!(write_file(&path, b"x").is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
