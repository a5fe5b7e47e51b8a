//! Staging folders, into which an archive is unpacked before it replaces files, and those that killed runs left.
//!
//! A run unpacks without the host lock, which takes as long as the archive is large. So each staging folder has a lock of
//! its own: one whose lock can be taken was left by a run that was killed.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::apply::{self, HostLock};
use crate::error::{Error, Result};
use crate::host::folder_listings::FolderListings;
use crate::i18n::msg;

/// Start of the name of the staging folder into which the restore of a snapshot unpacks, which lies in the state
/// folder.
pub(super) const RESTORE_PREFIX: &str = ".restore-";
/// Infix between the name of the state folder and the stamp in the name of the staging folder of an instance's
/// import, which lies beside the state folder.
const IMPORT_INFIX: &str = ".import-";
/// Name of the lock file in the staging folder of an import or restore.
const LOCK_FILE: &str = ".lock";

/// The staging folder into which this run unpacks an archive. It is removed with the value, unless a transaction was cut short that still needs it.
#[derive(Debug)]
pub(crate) struct StagingDir {
    path: PathBuf,
    state_home: PathBuf,
    /// The lock of the folder, until the folder is removed.
    lock: Option<File>,
}

impl StagingDir {
    /// Makes the folder into which a restore unpacks a snapshot of an instance. `stamp` makes the name this run's own. Under the host lock
    /// nobody takes the new folder for a leftover.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn for_restore(lock: &HostLock, state: &Path, stamp: &str) -> Result<Self> {
        Self::make(lock, state.join(format!("{RESTORE_PREFIX}{stamp}")))
    }

    /// Makes the folder into which an import unpacks an export that becomes the instance with this state folder. `stamp` makes
    /// the name this run's own. Under the host lock nobody takes the new folder for a leftover.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn for_import(lock: &HostLock, state: &Path, stamp: &str) -> Result<Self> {
        let mut path = state.as_os_str().to_owned();
        path.push(format!("{IMPORT_INFIX}{stamp}"));
        Self::make(lock, path.into())
    }

    fn make(lock: &HostLock, path: PathBuf) -> Result<Self> {
        let lock_path = path.join(LOCK_FILE);
        let busy = || Error::failed(msg!("snapshot.busy", path = lock_path.display()));
        let file = apply::try_lock_file(&lock_path)?.ok_or_else(busy)?;
        Ok(Self {
            path,
            state_home: lock.state_home().to_path_buf(),
            lock: Some(file),
        })
    }

    /// Returns the path of the staging folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for StagingDir {
    fn drop(&mut self) {
        // Windows may keep the name of an open file, and with it the folder, until the file is closed.
        drop(self.lock.take());
        if !apply::has_unfinished_transaction(&self.state_home) {
            apply::remove_staging(&self.path);
        }
    }
}

/// Returns the staging folders of this instance that no restore or import uses: each was left by a run that was killed. After one
/// that was killed in the middle of its commit they hold what is still to be moved, until that is recovered.
pub(crate) fn leftover_staging_dirs(folders: &FolderListings, state: &Path) -> Vec<PathBuf> {
    let mut prefix = state.file_name().map(OsString::from).unwrap_or_default();
    prefix.push(IMPORT_INFIX);
    let imports = state
        .parent()
        .map(|folder| folders.folders_with_prefix(folder, &prefix));
    let mut found = folders.folders_with_prefix(state, RESTORE_PREFIX.as_ref());
    found.extend(imports.into_iter().flatten());
    found.retain(|folder| !is_in_use(folder));
    found.sort();
    found
}

/// Removes the staging folders that killed restores and imports of this instance left. Under the host lock no transaction needs them.
pub(crate) fn remove_leftover_staging_dirs(_lock: &HostLock, state: &Path) {
    for folder in leftover_staging_dirs(&FolderListings::default(), state) {
        apply::remove_staging(&folder);
    }
}

/// Returns whether a run holds the lock of a staging folder.
fn is_in_use(folder: &Path) -> bool {
    apply::is_lock_held(&folder.join(LOCK_FILE))
}
