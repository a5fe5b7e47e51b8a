//! Resetting an instance: its old files are moved aside within the instance, and never deleted.
//!
//! Only paths of the chosen instance are planned, so that resetting one profile leaves every other one alone
//! (docs/openclaw.md#leak-reset: OpenClaw moved the default's config away instead).

use std::path::{Path, PathBuf};

use crate::answers::Existing;
use crate::instance::Instance;

use super::Change;
use super::disk::DiskSnapshot;
use super::restore::stamped_sibling;

/// Name of the folder in an instance's state folder that keeps what a reset moved aside.
const ASIDE_FOLDER: &str = "aside";

/// Returns the paths of an instance that a reset of this scope moves aside; some of them may not exist.
pub(super) fn paths(instance: &Instance, workspace: &Path, scope: Existing) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    if scope.is_reset() {
        paths.push(instance.config_path.clone());
    }
    if matches!(scope, Existing::ResetCredentials | Existing::ResetFull) {
        paths.extend([".env", "credentials", "agents"].map(|name| instance.state_dir.join(name)));
    }
    if scope == Existing::ResetFull {
        paths.push(workspace.to_path_buf());
    }
    paths
}

/// Plans a reset: to move these paths of an instance aside, where they exist. `stamp` makes the name of the new
/// folder unique.
pub(super) fn changes(
    instance: &Instance,
    disk: &DiskSnapshot,
    paths: &[PathBuf],
    stamp: &str,
) -> Vec<Change> {
    let aside = instance.state_dir.join(ASIDE_FOLDER).join(stamp);
    let mut changes = Vec::new();
    for path in paths.iter().filter(|path| disk.exists(path)) {
        let to = match path.strip_prefix(&instance.state_dir) {
            Ok(below) => aside.join(below),
            // A workspace or config outside the state folder stays on its own file system.
            Err(_) => aside_sibling(path, stamp),
        };
        if let Some(folder) = to
            .parent()
            .filter(|folder| folder.starts_with(&instance.state_dir))
        {
            let make = Change::MakeDir {
                path: folder.to_path_buf(),
            };
            if !changes.contains(&make) {
                changes.push(make);
            }
        }
        changes.push(Change::Rename {
            path: path.clone(),
            to,
        });
    }
    changes
}

/// Returns the path that a file or folder is moved aside to, in its own folder, by a name that the survey does
/// not take for an instance: `~/.openclaw-rescue.aside-STAMP`.
pub(super) fn aside_sibling(path: &Path, stamp: &str) -> PathBuf {
    stamped_sibling(path, ASIDE_FOLDER, stamp)
}
