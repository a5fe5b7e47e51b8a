//! Taking an instance away: its folder is moved aside, its registry entry goes, its workspace stays
//! unless the user says otherwise. Nothing is deleted.

use std::path::{Path, PathBuf};

use crate::registry::Registry;
use crate::survey::Surveyed;

use super::reset::beside;
use super::{Change, Content, FileKind, FileWrite, Plan};

/// The plan. `entries` are the paths in the state folder, `stamp` makes the new name unique.
pub fn remove(
    found: &Surveyed,
    entries: &[PathBuf],
    registry: &Registry,
    workspace_too: bool,
    stamp: &str,
) -> Plan {
    let state = &found.state_dir;
    let aside = beside(state, stamp);
    let kept = |entry: &Path| !workspace_too && found.workspaces.iter().any(|w| w.starts_with(entry));
    let mut changes = Vec::new();
    if entries.iter().any(|entry| kept(entry)) {
        changes.push(Change::MakeDir { path: aside.clone() });
        for entry in entries.iter().filter(|entry| !kept(entry)) {
            let to = aside.join(entry.file_name().unwrap_or_default());
            changes.push(Change::MoveAside {
                path: entry.clone(),
                to,
            });
        }
    } else if !entries.is_empty() {
        changes.push(Change::MoveAside {
            path: state.clone(),
            to: aside,
        });
    }
    let outside = |path: &&PathBuf| !path.starts_with(state);
    if outside(&&found.config_path) && found.config_path.exists() {
        let to = beside(&found.config_path, stamp);
        changes.push(Change::MoveAside {
            path: found.config_path.clone(),
            to,
        });
    }
    for workspace in found
        .workspaces
        .iter()
        .filter(outside)
        .filter(|w| workspace_too && w.exists())
    {
        changes.push(Change::MoveAside {
            path: workspace.clone(),
            to: beside(workspace, stamp),
        });
    }
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
