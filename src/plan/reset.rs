//! Starting over: what was there is moved aside, within its own instance, and never deleted.
//!
//! Only paths of the chosen instance are named here, so that starting one profile over leaves every other
//! one alone (docs/openclaw.md#leak-reset: OpenClaw moved the default's config away instead).

use std::path::{Path, PathBuf};

use crate::answers::Existing;
use crate::instance::Instance;

use super::Change;
use super::ground::Ground;
use super::restore::named_beside;

/// The folder in the state folder that keeps what was moved aside.
const ASIDE: &str = "aside";

/// What a scope names, of which some may not be there.
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

/// The changes that move aside what a scope names. `stamp` makes the folder's name new.
pub(super) fn changes(instance: &Instance, ground: &Ground, paths: &[PathBuf], stamp: &str) -> Vec<Change> {
    let aside = instance.state_dir.join(ASIDE).join(stamp);
    let mut changes = Vec::new();
    for path in paths.iter().filter(|path| ground.has(path)) {
        let to = match path.strip_prefix(&instance.state_dir) {
            Ok(below) => aside.join(below),
            // A workspace or config elsewhere stays on its own file system.
            Err(_) => beside(path, stamp),
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
        changes.push(Change::MoveAside {
            path: path.clone(),
            to,
        });
    }
    changes
}

/// A name beside a path, which no survey takes for an instance: `~/.openclaw-rescue.aside-STAMP`.
pub(super) fn beside(path: &Path, stamp: &str) -> PathBuf {
    named_beside(path, ASIDE, stamp)
}
