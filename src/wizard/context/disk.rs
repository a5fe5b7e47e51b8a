//! The state of paths on the disk, as a plan of the wizard gets it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::host::Host;
use crate::host::read::{self, PathResolver};
use crate::plan::disk::{DiskEntry, DiskSnapshot, FolderObstacle, PathState};

/// Reads the state of these paths on the disk for a plan, with their links followed.
pub(crate) fn read_disk(host: &Host, paths: impl IntoIterator<Item = PathBuf>) -> DiskSnapshot {
    let mut links = PathResolver::default();
    let mut obstacles: HashMap<PathBuf, Option<FolderObstacle>> = HashMap::new();
    let entry = |path: PathBuf| {
        let resolved = links.resolve(&path);
        let obstacle = obstacles.entry(resolved.deepest);
        let obstacle = obstacle.or_insert_with_key(|deepest| folder_obstacle(host, deepest));
        let entry = DiskEntry {
            state: path_state(&path),
            resolved: resolved.real,
            obstacle: obstacle.clone(),
        };
        (path, entry)
    };
    paths.into_iter().map(entry).collect()
}

fn path_state(path: &Path) -> PathState {
    match read::bytes(path) {
        Ok(bytes) => PathState::File(bytes),
        Err(read::ReadError::Missing) => PathState::Missing,
        Err(_) if path.is_dir() => PathState::Folder,
        Err(_) if path.exists() => PathState::Unreadable,
        Err(_) => PathState::Unreachable,
    }
}

/// Returns the reason why no folder can be used or created at a path, by the deepest part of it that exists.
fn folder_obstacle(host: &Host, deepest: &Path) -> Option<FolderObstacle> {
    use std::io::ErrorKind::ReadOnlyFilesystem;
    match deepest.metadata() {
        Ok(meta) if meta.is_dir() => match host.folder_write_error(deepest)?.kind() {
            ReadOnlyFilesystem => Some(FolderObstacle::ReadOnly(deepest.to_path_buf())),
            _ => Some(FolderObstacle::Permission(deepest.to_path_buf())),
        },
        Ok(_) => Some(FolderObstacle::File(deepest.to_path_buf())),
        // A link to something that is still to be made.
        Err(_) => None,
    }
}
