//! Where a path really lies: links followed one by one, up to the first name that does not exist.
//!
//! `canonicalize` can't answer this for files that are yet to be made, nor for a plan that moves a
//! folder aside and makes a new one of the same name: such names count as missing here.

use std::collections::VecDeque;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

/// As many links as Linux follows in one path.
const MAX_LINKS: usize = 40;

/// What a path leads to.
#[derive(Debug)]
pub(super) struct Place {
    /// The path without links. Its last parts may not exist.
    pub(super) real: PathBuf,
    /// The deepest folder on the way that exists: `real` itself where that is a folder.
    pub(super) anchor: PathBuf,
    /// What is there.
    pub(super) found: Found,
}

/// What is at a place.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    Folder,
    File(Metadata),
    /// A link that was not to be followed.
    Link,
    /// A FIFO, socket or device.
    Other,
}

/// Whether a link in the last part of a path is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LastLink {
    Follow,
    Keep,
}

/// Walks an absolute path. The names in `gone`, which are without links, count as missing.
pub(super) fn locate(path: &Path, last: LastLink, gone: &[PathBuf]) -> io::Result<Place> {
    let mut ahead: VecDeque<PathBuf> = parts(path).collect();
    let mut real = PathBuf::new();
    let mut links = 0;
    while let Some(part) = ahead.pop_front() {
        match part.components().next() {
            Some(Component::ParentDir) => {
                real.pop();
                continue;
            }
            Some(Component::Normal(_)) => {}
            _ => {
                real.push(part);
                continue;
            }
        }
        let next = real.join(&part);
        let Some(meta) = look(&next, gone)? else {
            let anchor = real;
            let real = ahead.into_iter().fold(next, |path, part| path.join(part));
            return Ok(Place {
                real,
                anchor,
                found: Found::Nothing,
            });
        };
        if meta.is_symlink() && (last == LastLink::Follow || !ahead.is_empty()) {
            links += 1;
            if links > MAX_LINKS {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "too many levels of symbolic links",
                ));
            }
            let target = fs::read_link(&next)?;
            if target.is_absolute() {
                real = PathBuf::new();
            }
            for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                ahead.push_front(part);
            }
        } else if meta.is_dir() {
            real = next;
        } else if ahead.is_empty() {
            let found = match () {
                () if meta.is_file() => Found::File(meta),
                () if meta.is_symlink() => Found::Link,
                () => Found::Other,
            };
            return Ok(Place {
                real: next,
                anchor: real,
                found,
            });
        } else {
            return Err(io::ErrorKind::NotADirectory.into());
        }
    }
    Ok(Place {
        anchor: real.clone(),
        real,
        found: Found::Folder,
    })
}

fn parts(path: &Path) -> impl Iterator<Item = PathBuf> {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| PathBuf::from(part.as_os_str()))
}

fn look(path: &Path, gone: &[PathBuf]) -> io::Result<Option<Metadata>> {
    if gone.iter().any(|gone| gone == path) {
        return Ok(None);
    }
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}
