//! Reading of the folders that are archived: what can't be read is an error, and never skipped.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::i18n::msg;

/// Returns the paths in a folder that is to be archived, in order. A folder that does not exist has none.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|cause| unreadable(folder, cause))?,
    };
    let paths = entries.map(|entry| Ok(entry.map_err(|cause| unreadable(folder, cause))?.path()));
    let mut paths: Vec<_> = paths.collect::<Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// Returns the metadata of a path, links followed; `None` where it does not exist.
pub(super) fn metadata(path: &Path) -> Result<Option<Metadata>> {
    existing(path, std::fs::metadata(path))
}

/// Returns the metadata of a path, a link's own; `None` where it does not exist.
pub(super) fn link_metadata(path: &Path) -> Result<Option<Metadata>> {
    existing(path, std::fs::symlink_metadata(path))
}

/// Returns the metadata of a path unless it does not exist; any other failure is an error.
fn existing(path: &Path, metadata: io::Result<Metadata>) -> Result<Option<Metadata>> {
    match metadata {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(unreadable(path, cause)),
    }
}

/// Returns whether the owner of a file may execute it.
#[cfg(unix)]
pub(super) fn is_executable(meta: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    meta.permissions().mode() & 0o100 != 0
}

/// Returns whether the owner of a file may execute it: Windows keeps no such bit.
#[cfg(windows)]
pub(super) fn is_executable(_meta: &Metadata) -> bool {
    false
}

/// Returns the error about a file that can't be packed, without which the archive would not be whole.
pub(super) fn unreadable(path: &Path, cause: io::Error) -> Error {
    Error::failed(msg!("archive.source-unreadable", path = path.display()))
        .because(cause)
        .hint(msg!("archive.make-readable"))
}
