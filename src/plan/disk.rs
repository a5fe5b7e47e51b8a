//! A snapshot of the paths that a plan may touch. It is read once, before the plan, so that planning itself
//! asks the disk nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::document::EditError;
use crate::error::Error;
use crate::i18n::{Msg, msg};

/// The state of the paths that were read from the disk for a plan.
#[derive(Clone, Debug, Default)]
pub(crate) struct DiskSnapshot(BTreeMap<PathBuf, DiskEntry>);

/// The state of a path in a [`DiskSnapshot`], and the path with its links followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiskEntry {
    /// The state of what the path leads to.
    pub(crate) state: PathState,
    /// The path with its symbolic links followed, as far as it exists.
    pub(crate) resolved: PathBuf,
    /// The reason why no folder can be used or created at the path.
    pub(crate) obstacle: Option<FolderObstacle>,
}

/// The reason why no folder can be created, or written to, at a path of a plan, with the file or folder on the way to
/// it that is the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FolderObstacle {
    /// A file is where a folder has to be.
    File(PathBuf),
    /// The user may not write in this folder.
    Permission(PathBuf),
    /// The file system of this folder can't be written to.
    ReadOnly(PathBuf),
}

impl FolderObstacle {
    /// Returns the sentence about why no folder can be used at a path of a plan; `shown` names a path on the screen.
    pub(crate) fn msg(&self, shown: impl Fn(&Path) -> String) -> Msg {
        match self {
            Self::File(path) => msg!("isolation.obstacle-file", path = shown(path)),
            Self::Permission(path) => msg!("isolation.obstacle-permission", path = shown(path)),
            Self::ReadOnly(path) => msg!("isolation.obstacle-read-only", path = shown(path)),
        }
    }
}

/// The state of a path on the disk as a plan sees it, with symbolic links followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PathState {
    /// The path does not exist.
    Missing,
    /// A folder.
    Folder,
    /// A file with these bytes.
    File(Vec<u8>),
    /// Something that exists and cannot be read as a file: a device, a file that is too large or forbidden.
    Unreadable,
    /// The path cannot be examined: one of its parents is a file, or forbids it.
    Unreachable,
}

impl FromIterator<(PathBuf, DiskEntry)> for DiskSnapshot {
    fn from_iter<I: IntoIterator<Item = (PathBuf, DiskEntry)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl DiskSnapshot {
    /// Returns a disk snapshot of only those of these paths that this one knows.
    #[must_use]
    pub(crate) fn only(&self, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        paths
            .into_iter()
            .filter_map(|path| self.0.get_key_value(&path))
            .map(|(path, entry)| (path.clone(), entry.clone()))
            .collect()
    }

    /// Returns the state of a path in a disk snapshot; a path that was not read counts as missing.
    pub(crate) fn state(&self, path: &Path) -> &PathState {
        self.0.get(path).map_or(&PathState::Missing, |entry| &entry.state)
    }

    /// Returns a path from a disk snapshot with its links followed; a path that was not read is returned as it is.
    pub(crate) fn resolved<'a>(&'a self, path: &'a Path) -> &'a Path {
        self.0.get(path).map_or(path, |entry| &entry.resolved)
    }

    /// Returns the reason why no folder can be used or created at a path, as the disk was read for a plan.
    pub(crate) fn obstacle(&self, path: &Path) -> Option<&FolderObstacle> {
        self.0.get(path)?.obstacle.as_ref()
    }

    /// Returns `true` if a file or folder is at a path, as the disk was read for a plan.
    pub(crate) fn exists(&self, path: &Path) -> bool {
        *self.state(path) != PathState::Missing
    }

    /// Returns the bytes of the file at a path as they were read for a plan, or `None` where there is no readable
    /// file.
    pub(crate) fn bytes(&self, path: &Path) -> Option<&[u8]> {
        match self.state(path) {
            PathState::File(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Returns the error for a file that was read for a plan but cannot be edited without losing some of its text.
pub(super) fn not_editable(path: &Path, why: EditError) -> Error {
    Error::blocked(msg!("plan.not-editable", path = path.display())).because(why)
}

/// Returns the error for a path where a plan has to write a file but something that is no file exists.
pub(super) fn in_the_way(path: &Path) -> Error {
    Error::blocked(msg!("plan.in-the-way", path = path.display())).hint(msg!("plan.move-it"))
}
