//! Removing an instance: its state folder is moved aside and its registry entry goes. Its workspace stays
//! unless the user wants it moved too. Nothing is deleted.

use std::path::{Path, PathBuf};

use crate::registry::Registry;
use crate::survey::SurveyedInstance;

use super::reset::aside_sibling;
use super::{Change, Content, FileKind, FileWrite, Plan};

/// The paths of an instance that exist, read before its removal is planned.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExistingPaths {
    /// The entries of the state folder; `None` where there is no such folder.
    pub(crate) state_entries: Option<Vec<PathBuf>>,
    /// The config and the workspaces that lie outside the state folder.
    pub(crate) outside: Vec<PathBuf>,
}

impl ExistingPaths {
    /// Returns the paths outside the state folder that an instance to be removed may have: the caller keeps those
    /// that exist.
    pub(crate) fn outside_candidates(found: &SurveyedInstance) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&found.config_path)
            .chain(&found.workspaces)
            .filter(|path| !path.starts_with(&found.state_dir))
    }
}

/// Plans the removal of an instance. `stamp` makes the new names unique.
pub(crate) fn remove(
    found: &SurveyedInstance,
    existing: &ExistingPaths,
    registry: &Registry,
    moves_workspace: bool,
    stamp: &str,
) -> Plan {
    let entries = existing.state_entries.as_deref();
    let mut changes = entries
        .map(|entries| move_state(found, entries, moves_workspace, stamp))
        .unwrap_or_default();
    let outside = existing.outside.iter();
    changes.extend(
        outside
            .filter(|path| moves_workspace || **path == found.config_path)
            .map(|path| move_aside(path, aside_sibling(path, stamp))),
    );
    if registry
        .entries
        .iter()
        .any(|entry| entry.config == found.config_path)
    {
        changes.push(Change::Write(FileWrite {
            path: registry.path.clone(),
            content: Content::plain(registry.without(&[&found.config_path])),
            before: registry.before.clone(),
            backup: false,
            kind: FileKind::Registry,
        }));
    }
    Plan {
        changes,
        ..Plan::default()
    }
}

/// Plans to move the state folder of a removed instance aside; entry by entry where a workspace in it has to stay.
fn move_state(
    found: &SurveyedInstance,
    entries: &[PathBuf],
    moves_workspace: bool,
    stamp: &str,
) -> Vec<Change> {
    let aside = aside_sibling(&found.state_dir, stamp);
    let stays = |entry: &Path| !moves_workspace && found.workspaces.iter().any(|w| w.starts_with(entry));
    if !entries.iter().any(|entry| stays(entry)) {
        return vec![move_aside(&found.state_dir, aside)];
    }
    let moved = entries.iter().filter(|entry| !stays(entry));
    let moved: Vec<_> = moved
        .map(|entry| move_aside(entry, aside.join(entry.file_name().unwrap_or_default())))
        .collect();
    if moved.is_empty() {
        return moved;
    }
    std::iter::once(Change::MakeDir { path: aside })
        .chain(moved)
        .collect()
}

/// Returns the planned change that moves a path of a removed instance aside.
fn move_aside(path: &Path, to: PathBuf) -> Change {
    Change::Rename {
        path: path.to_path_buf(),
        to,
    }
}
