//! Installs releases of OpenClaw from npm, each in a folder of its own below the program's state home, and removes them.
//!
//! A release belongs to no instance: several may run it, and none changes with another's (docs/design.md#engines).
//! npm gets an environment of its own ([`npm`]) and no word of the user's settings. It first names every package that it
//! would install, with its hash ([`lockfile`]); a package without one is refused, so that nothing comes from a place that
//! the registry does not answer for. The release is put together in a staging folder, tried, and takes its name by one
//! rename, so that a folder with a version's name is whole.

use std::fs::File;
use std::path::Path;

use crate::apply;
use crate::engine::ReleaseStore;
use crate::error::{Error, Result};
use crate::i18n::msg;

mod choice;
mod config_check;
mod gate;
mod install;
mod lockfile;
mod npm;
mod overrides;
mod registry_query;
mod rehearsal;
mod rollback;
mod room;
mod running;
mod staging;
mod switch;
mod switch_record;

pub(crate) use choice::EngineChoice;
pub(crate) use install::{InstallEvent, InstallRequest, Installed, install};
pub(crate) use npm::Npm;
pub(crate) use registry_query::{Published, published, resolve_version};
pub(crate) use rehearsal::{Rehearsal, Rehearsed};
pub(crate) use rollback::{RecentUpgrade, Rollback, recent_upgrade, roll_back};
pub(crate) use room::{UpgradeFolders, check_room, room_parts};
pub(crate) use running::RunMode;
pub(crate) use switch::{Switch, SwitchChange, SwitchEvent};
pub(crate) use switch_record::{
    SwitchEntry, SwitchJournal, SwitchKind, SwitchOutcome, SwitchPhase, history, last_upgrade,
};

/// Name of the lock in the folder of the releases.
const LOCK_FILE: &str = "lock";

/// The right to install and remove releases, for as long as the value lives. An installation takes minutes, and nobody else
/// on the host has to wait for that.
#[derive(Debug)]
pub(crate) struct StoreLock {
    file: File,
}

impl StoreLock {
    /// Locks the folder of the releases, and removes what killed installations left in it.
    ///
    /// # Errors
    /// When another process installs or removes one, or the system refuses.
    pub(crate) fn acquire(store: &ReleaseStore) -> Result<Self> {
        let path = store.folder.join(LOCK_FILE);
        let Some(file) = apply::try_lock_file(&path)? else {
            // Right after it was locked, or on a full disk, the file does not say it.
            let holder = apply::read_lock_holder(&path).map_or_else(|| "?".to_owned(), |pid| pid.to_string());
            let busy = msg!("engine.busy", path = path.display(), pid = holder);
            return Err(Error::failed(busy).hint(msg!("apply.wait-and-run-again")));
        };
        apply::write_lock_holder(&file);
        staging::remove_leftovers(&store.folder);
        Ok(Self { file })
    }

    /// Returns whether a process installs, removes or switches releases now.
    pub(crate) fn is_held(store: &ReleaseStore) -> bool {
        apply::is_lock_held(&store.folder.join(LOCK_FILE))
    }
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        // Only the message to others would be wrong without this; closing the file frees the lock.
        let _ = self.file.set_len(0);
    }
}

/// Removes an installed release. The folder loses its name first, so that no half of a release is ever found.
///
/// # Errors
/// When the system refuses.
pub(crate) fn remove(_lock: &StoreLock, store: &ReleaseStore, folder: &Path, stamp: &str) -> Result<()> {
    let doomed = store.folder.join(format!("{}{stamp}", staging::STAGING_PREFIX));
    apply::move_staged(&mut apply::StagedFolders::default(), folder, &doomed)?;
    apply::remove_staging(&doomed);
    Ok(())
}
