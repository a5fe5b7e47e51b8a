//! The watcher of the folders that hold the files of a config.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::Notify;

use crate::i18n::{Msg, msg};

/// Watches the folders of config files and notifies about every change in them.
pub(super) struct FolderWatcher {
    /// `None` where the system can't watch folders, or has refused one.
    watcher: Option<notify::RecommendedWatcher>,
    /// `true` where a folder is missing: nothing reports when it is created.
    has_missing_folder: bool,
}

impl FolderWatcher {
    /// Creates a watcher of config folders that watches nothing yet; `changed` is notified about changes.
    pub(super) fn new(changed: &Arc<Notify>) -> Self {
        let changed = changed.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading is not a change. An error may have swallowed one.
            if event.map_or(true, |event| !event.kind.is_access()) {
                changed.notify_one();
            }
        });
        Self {
            watcher: watcher.ok(),
            has_missing_folder: false,
        }
    }

    /// Returns whether the operating system reports every change of the watched config files.
    pub(super) fn reports_all_changes(&self) -> bool {
        self.watcher.is_some() && !self.has_missing_folder
    }

    /// Watches the folders that hold the given config files too. Call it again after each change: the system drops a
    /// folder that is deleted, and it has to be added again once it is back. Returns a warning where a folder can't
    /// be watched; nothing is watched from then on.
    pub(super) fn watch_folders_of(&mut self, files: &BTreeSet<PathBuf>) -> Option<Msg> {
        let watcher = self.watcher.as_mut()?;
        let folders: BTreeSet<_> = files.iter().filter_map(|file| file.parent()).collect();
        self.has_missing_folder = false;
        for folder in folders {
            if !folder.is_dir() {
                self.has_missing_folder = true;
                continue;
            }
            if let Err(cause) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                self.watcher = None;
                return Some(msg!("gateway.unwatched", path = folder.display(), cause = cause));
            }
        }
        None
    }
}
