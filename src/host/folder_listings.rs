//! The contents of folders, each listed once: which of many files exist is then known without a look at each.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::FileType;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::sync;

/// Lists folders, each once. For one moment only: what it remembers may have changed since.
#[derive(Debug, Default)]
pub(crate) struct FolderListings {
    listed: Mutex<HashMap<PathBuf, Arc<Listing>>>,
    /// Whether something exists at the paths that were looked at alone.
    looked_at: Mutex<HashMap<PathBuf, bool>>,
}

/// The entries of a folder.
#[derive(Debug)]
enum Listing {
    /// The names in the folder, each with its kind where the system tells it; none where there is no folder.
    Names(BTreeMap<OsString, Option<FileType>>),
    /// The system refused to list the folder.
    Unreadable,
}

/// An entry of a folder.
#[derive(Clone, Debug)]
pub(crate) struct FolderEntry {
    /// Path of the entry.
    pub(crate) path: PathBuf,
    /// Kind of the entry, where the system tells it. Links are not followed.
    pub(crate) kind: Option<FileType>,
}

impl FolderListings {
    /// Returns the entries of a folder in the order of their names; none where it can't be listed.
    pub(crate) fn entries(&self, folder: &Path) -> Vec<FolderEntry> {
        match &*self.list(folder) {
            Listing::Unreadable => Vec::new(),
            Listing::Names(names) => {
                let entry = |(name, kind): (&OsString, &Option<FileType>)| FolderEntry {
                    path: folder.join(name),
                    kind: *kind,
                };
                names.iter().map(entry).collect()
            }
        }
    }

    /// Returns the folders in a folder whose names begin with a prefix, in the order of their names; none where it can't be
    /// listed. Links are not followed.
    pub(crate) fn folders_with_prefix(&self, folder: &Path, prefix: &OsStr) -> Vec<PathBuf> {
        let listing = self.list(folder);
        let Listing::Names(names) = &*listing else {
            return Vec::new();
        };
        let is_folder = |kind: &Option<FileType>| kind.is_some_and(|kind| kind.is_dir());
        let has_prefix = |name: &OsStr| name.as_encoded_bytes().starts_with(prefix.as_encoded_bytes());
        let from = names.range::<OsStr, _>((Bound::Included(prefix), Bound::Unbounded));
        let found = from.take_while(|(name, _)| has_prefix(name));
        let folders = found.filter(|(_, kind)| is_folder(kind));
        folders.map(|(name, _)| folder.join(name)).collect()
    }

    /// Returns `true` where nothing is at a path, as the listing of its folder says. Where `false` is returned, something may
    /// be there.
    pub(crate) fn is_absent(&self, path: &Path) -> bool {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return false;
        };
        match &*self.list(folder) {
            Listing::Unreadable => false,
            // On other systems a file may be found by a name that is written in another way.
            Listing::Names(names) if cfg!(target_os = "linux") => !names.contains_key(name),
            Listing::Names(names) => names.is_empty(),
        }
    }

    /// Returns whether something exists at a path, links followed.
    pub(crate) fn exists(&self, path: &Path) -> bool {
        !self.is_absent(path) && path.exists()
    }

    /// Returns `true` where nothing is at a path, as [`Self::is_absent`] does, and its folder was listed already or is
    /// known not to exist.
    pub(crate) fn is_listed_as_absent(&self, path: &Path) -> bool {
        let Some(folder) = path.parent() else {
            return false;
        };
        let is_listed = sync::lock(&self.listed).contains_key(folder);
        if is_listed {
            self.is_absent(path)
        } else {
            self.is_listed_as_absent(folder)
        }
    }

    /// Returns whether something exists at a path, links followed. The path is looked at once, and its folder is not listed
    /// for it.
    pub(crate) fn exists_once(&self, path: &Path) -> bool {
        if self.is_listed_as_absent(path) {
            return false;
        }
        let mut looked_at = sync::lock(&self.looked_at);
        *looked_at
            .entry(path.to_path_buf())
            .or_insert_with(|| path.exists())
    }

    fn list(&self, folder: &Path) -> Arc<Listing> {
        if let Some(known) = sync::lock(&self.listed).get(folder) {
            return Arc::clone(known);
        }
        let listing = if self.is_listed_as_absent(folder) {
            Listing::Names(BTreeMap::new())
        } else {
            Listing::read(folder)
        };
        let listing = Arc::new(listing);
        sync::lock(&self.listed).insert(folder.to_path_buf(), Arc::clone(&listing));
        listing
    }
}

impl Listing {
    fn read(folder: &Path) -> Self {
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Self::Names(BTreeMap::new());
            }
            Err(_) => return Self::Unreadable,
        };
        let entry = |entry: io::Result<std::fs::DirEntry>| {
            let entry = entry?;
            Ok((entry.file_name(), entry.file_type().ok()))
        };
        entries
            .map(entry)
            .collect::<io::Result<_>>()
            .map_or(Self::Unreadable, Self::Names)
    }
}

#[cfg(all(test, unix))]
#[expect(
    clippy::disallowed_methods,
    reason = "the test makes folders and links of its own"
)]
mod tests {
    use super::*;

    #[test]
    fn what_the_listing_of_a_folder_lacks_is_absent() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir(root.join("folder")).unwrap();
        std::fs::write(root.join("folder/file"), "").unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("link")).unwrap();
        let folders = FolderListings::default();
        let is_absent = |below: &str| folders.is_absent(&root.join(below));
        for below in ["folder", "folder/file", "link", "folder/"] {
            assert!(!is_absent(below), "{below}");
        }
        for below in ["missing/file", "folder/file/below", "missing/a/b"] {
            assert!(is_absent(below), "{below}");
        }
        assert_eq!(is_absent("folder/missing"), cfg!(target_os = "linux"));
        assert!(folders.exists(&root.join("folder")) && !folders.exists(&root.join("link")));
        let names: Vec<_> = folders
            .entries(root)
            .iter()
            .map(|entry| (entry.path.clone(), entry.kind.unwrap().is_symlink()))
            .collect();
        assert_eq!(names, [(root.join("folder"), false), (root.join("link"), true)]);
        std::fs::create_dir(root.join("folder-2")).unwrap();
        std::fs::create_dir(root.join("elder")).unwrap();
        assert_eq!(
            folders.folders_with_prefix(root, "fold".as_ref()),
            [root.join("folder")]
        );
        let again = FolderListings::default();
        let with_prefix = again.folders_with_prefix(root, "folder".as_ref());
        assert_eq!(with_prefix, [root.join("folder"), root.join("folder-2")]);
        assert_eq!(
            again.folders_with_prefix(root, "link".as_ref()),
            [""; 0].map(PathBuf::from)
        );
        std::fs::write(root.join("later"), "").unwrap();
        assert_eq!(folders.entries(root).len(), 2, "it was listed once");
    }
}
