//! Resolution of paths: links are followed one by one, up to the first name that does not exist.
//!
//! `canonicalize` can't answer this for files that are yet to be made, nor for a plan that renames a folder and
//! makes a new one of the same name: such names count as missing here.

use std::collections::{HashSet, VecDeque};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::system;

/// Maximum number of symbolic links in one file path that are followed, as on Linux.
const MAX_LINKS: usize = 40;

/// A file path with its symbolic links resolved, and the kind of file that is there.
#[derive(Debug)]
pub(super) struct ResolvedPath {
    /// The path without links. Its last parts may not exist.
    pub(super) real: PathBuf,
    /// The deepest folder on the way that exists: `real` itself where that is a folder.
    pub(super) anchor: PathBuf,
    /// Kind of the file at the path.
    pub(super) kind: PathKind,
}

/// The kind of file at a path.
#[derive(Debug)]
pub(super) enum PathKind {
    Missing,
    Folder,
    File(Metadata),
    /// A link that was not to be followed.
    Link,
    /// A FIFO, socket or device.
    Other,
}

/// The treatment of a symbolic link that is the last part of a path: followed or kept when the path is resolved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LastLink {
    Follow,
    Keep,
}

impl ResolvedPath {
    /// Returns the folders below an existing one that have to be made so that `folder` exists, outermost first.
    pub(super) fn missing_folders<'f>(&self, folder: &'f Path) -> Vec<&'f Path> {
        let mut missing: Vec<_> = folder
            .ancestors()
            .take_while(|folder| *folder != self.anchor)
            .collect();
        missing.reverse();
        missing
    }
}

/// Resolves the symbolic links of an absolute path, and finds out what kind of file is there.
///
/// # Errors
/// When a part of the path is no folder, there are too many links, a link is another user's and this process is root's,
/// or the system refuses a look.
pub(super) fn resolve(path: &Path, last: LastLink) -> io::Result<ResolvedPath> {
    LinkResolver::default().resolve(path, last)
}

/// Resolves the paths of one pass over a plan: a folder is looked at once, and names that the plan renames are gone.
#[derive(Debug, Default)]
pub(super) struct LinkResolver {
    /// Folders without links that were met.
    known: HashSet<PathBuf>,
    /// Names that count as missing.
    gone: Vec<PathBuf>,
}

impl LinkResolver {
    /// Creates a resolver to which these names, which are without links, count as missing.
    pub(super) fn without(gone: Vec<PathBuf>) -> Self {
        let known = HashSet::new();
        Self { known, gone }
    }

    /// Makes a name, which is without links, count as missing from now on.
    pub(super) fn add_gone(&mut self, real: PathBuf) {
        self.gone.push(real);
    }

    /// Resolves the symbolic links of an absolute path, as [`resolve`] does.
    ///
    /// # Errors
    /// As [`resolve`].
    pub(super) fn resolve(&mut self, path: &Path, last: LastLink) -> io::Result<ResolvedPath> {
        let mut ahead: VecDeque<PathBuf> = path_components(path).collect();
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
            if self.known.contains(&next) && !self.gone.contains(&next) {
                real = next;
                continue;
            }
            let Some(meta) = self.metadata_unless_gone(&next)? else {
                let anchor = real;
                let real = ahead.into_iter().fold(next, |path, part| path.join(part));
                let kind = PathKind::Missing;
                return Ok(ResolvedPath { real, anchor, kind });
            };
            if meta.is_symlink() && (last == LastLink::Follow || !ahead.is_empty()) {
                links += 1;
                if links > MAX_LINKS {
                    return Err(invalid_input("too many levels of symbolic links"));
                }
                let target = read_link(&next, &meta)?;
                if target.is_absolute() {
                    real = PathBuf::new();
                }
                for part in path_components(&target).collect::<Vec<_>>().into_iter().rev() {
                    ahead.push_front(part);
                }
            } else if meta.is_dir() {
                self.known.insert(next.clone());
                real = next;
            } else if ahead.is_empty() {
                let (anchor, real, kind) = (real, next, kind_of_other(meta));
                return Ok(ResolvedPath { real, anchor, kind });
            } else {
                return Err(io::ErrorKind::NotADirectory.into());
            }
        }
        Ok(ResolvedPath {
            anchor: real.clone(),
            real,
            kind: PathKind::Folder,
        })
    }

    /// Returns the metadata of a path, links not followed; `None` when it does not exist or counts as missing.
    fn metadata_unless_gone(&self, path: &Path) -> io::Result<Option<Metadata>> {
        if self.gone.iter().any(|gone| gone == path) {
            return Ok(None);
        }
        match fs::symlink_metadata(path) {
            Ok(meta) => Ok(Some(meta)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }
}

fn invalid_input(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

/// Returns the path to which a symbolic link leads.
///
/// # Errors
/// When the link is another user's and this process is root's, or the system refuses a look.
fn read_link(link: &Path, meta: &Metadata) -> io::Result<PathBuf> {
    if system::may_follow(meta) {
        return fs::read_link(link);
    }
    let message = "a symbolic link of another user, which root does not follow";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
}

/// Returns the kind of a file that is no folder.
fn kind_of_other(meta: Metadata) -> PathKind {
    if meta.is_file() {
        PathKind::File(meta)
    } else if meta.is_symlink() {
        PathKind::Link
    } else {
        PathKind::Other
    }
}

/// Returns the components of a file path, without `.`.
fn path_components(path: &Path) -> impl Iterator<Item = PathBuf> {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| PathBuf::from(part.as_os_str()))
}
