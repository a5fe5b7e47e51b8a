//! What stands at the paths that a plan may touch: read once, before the plan, so that planning itself
//! touches nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::document::EditError;
use crate::error::Error;
use crate::host::read;
use crate::i18n::msg;

/// What stands at each path.
#[derive(Clone, Debug, Default)]
pub struct Ground(BTreeMap<PathBuf, Standing>);

/// What stands at one path, links followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Nothing,
    /// A folder.
    Folder,
    /// A file with these bytes.
    File(Vec<u8>),
    /// Something that can't be read as a file: too large, no permission, a device.
    Else,
}

impl Ground {
    /// Reads what stands at these paths.
    pub fn read(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(
            paths
                .into_iter()
                .map(|path| (path.clone(), standing(&path)))
                .collect(),
        )
    }

    /// Only what stands at these paths.
    #[must_use]
    pub fn only(&self, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(
            paths
                .into_iter()
                .filter_map(|path| self.0.get_key_value(&path))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
        )
    }

    /// What stands at a path; nothing is known to stand at one that was not asked for.
    pub fn at(&self, path: &Path) -> &Standing {
        self.0.get(path).unwrap_or(&Standing::Nothing)
    }

    /// Whether anything stands there.
    pub fn has(&self, path: &Path) -> bool {
        *self.at(path) != Standing::Nothing
    }

    /// The bytes of the file that stands there.
    pub fn bytes(&self, path: &Path) -> Option<&[u8]> {
        match self.at(path) {
            Standing::File(bytes) => Some(bytes),
            _ => None,
        }
    }
}

fn standing(path: &Path) -> Standing {
    if path.is_dir() {
        return Standing::Folder;
    }
    match read::bytes(path) {
        Ok(bytes) => Standing::File(bytes),
        Err(read::ReadError::Missing) => Standing::Nothing,
        Err(_) => Standing::Else,
    }
}

/// The file stands and can be read, but not be edited without losing something of it.
pub(super) fn not_editable(path: &Path, why: EditError) -> Error {
    Error::blocked(msg!("plan.not-editable", path = path.display())).because(why)
}

/// Something that is no file stands where a file must go.
pub(super) fn in_the_way(path: &Path) -> Error {
    Error::blocked(msg!("plan.in-the-way", path = path.display())).hint(msg!("plan.move-it"))
}
