//! The steps of a transaction: making, repeating and undoing each one. Each of these may run twice: a step that is
//! already made is left alone.

use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::file_ops::{exists, free_path, remove, rename};
use super::io_failure::{During as _, IoFailure, Operation};
use super::journal::{CommitStep, StageStep};
use super::system;
use crate::host::read;

/// The content of a file that a transaction writes before its commit.
pub(super) struct StagedContent<'a> {
    pub(super) bytes: &'a [u8],
    /// Metadata of the file that the staged one will replace.
    pub(super) replaces: Option<Metadata>,
}

impl StageStep {
    /// Returns the path of the file or folder that this step of a transaction makes.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder { path }
            | Self::File { path }
            | Self::Keep { path, .. }
            | Self::Backup { path, .. } => path,
        }
    }

    /// Returns the temporary file that a step of a transaction makes; `None` for a step that makes a folder.
    pub(super) fn temporary_file(&self) -> Option<&Path> {
        match self {
            Self::Folder { .. } => None,
            Self::File { path } | Self::Keep { path, .. } | Self::Backup { path, .. } => Some(path),
        }
    }

    /// Carries out this step of a transaction on the disk. Returns the file that is still to be made durable, where
    /// there is one.
    pub(super) fn make(&self, content: Option<&StagedContent<'_>>) -> Result<Option<File>, IoFailure> {
        match self {
            Self::Folder { path } => make_folder(path).map(|()| None),
            Self::File { path } => write_staged(path, content)
                .during(Operation::Write, path)
                .map(Some),
            Self::Keep { of, path } => link_or_copy(of, path).during(Operation::Keep, of),
            Self::Backup { of, path } => private_link_or_copy(of, path).during(Operation::Keep, of),
        }
    }

    /// Undoes this step of a transaction on the disk, whether it was carried out or not.
    pub(super) fn undo(&self) -> Result<(), IoFailure> {
        match self {
            Self::Folder { path } => remove_empty_folder(path),
            _ => remove(self.path()),
        }
    }

    /// Removes the second name of a file that this step of a transaction kept for an undo. A staged file has its
    /// final name by then.
    pub(super) fn tidy(&self) -> Result<(), IoFailure> {
        match self {
            Self::Keep { path, .. } => remove(path),
            _ => Ok(()),
        }
    }
}

impl CommitStep {
    /// Returns the path by which error messages name this step of a transaction.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder { path } | Self::Mode { path, .. } => path,
            Self::Place { to, .. } => to,
            Self::Move { from, .. } => from,
        }
    }

    /// Makes a commit step of a transaction on the disk for the first time.
    pub(super) fn make(&self) -> Result<(), IoFailure> {
        match self {
            Self::Folder { path } => make_folder(path),
            Self::Place { from, to, .. } => replace(from, to),
            Self::Move { from, to } => rename_to_free_name(from, to),
            Self::Mode { path, to, .. } => system::set_mode(path, *to).during(Operation::Write, path),
        }
    }

    /// Returns the old and the new name of a commit step of a transaction that renames.
    pub(super) fn rename(&self) -> Option<(&Path, &Path)> {
        match self {
            Self::Place { from, to, .. } | Self::Move { from, to } => Some((from, to)),
            Self::Folder { .. } | Self::Mode { .. } => None,
        }
    }

    /// Returns the temporary files that a step of a transaction renames, or that an undo of it renames.
    pub(super) fn temporary_files(&self) -> impl Iterator<Item = &Path> {
        let (from, old) = match self {
            Self::Place { from, old, .. } => (Some(from.as_path()), old.as_deref()),
            Self::Folder { .. } | Self::Move { .. } | Self::Mode { .. } => (None, None),
        };
        from.into_iter().chain(old)
    }

    /// Returns the path that exists after this step of a transaction was made.
    pub(super) fn target(&self) -> &Path {
        match self {
            Self::Folder { path } | Self::Mode { path, .. } => path,
            Self::Place { to, .. } | Self::Move { to, .. } => to,
        }
    }

    /// Makes a step of a transaction's commit that was cut short. `was_made` tells that it or a later step was made:
    /// then it is only made again where a power cut has lost it.
    pub(super) fn repeat(&self, was_made: bool) -> Result<(), IoFailure> {
        match self {
            Self::Place { from, .. } if was_made && !exists(from) => Ok(()),
            Self::Move { from, to } if was_made && (exists(to) || !exists(from)) => Ok(()),
            Self::Mode { path, .. } if !exists(path) => Ok(()),
            _ => self.make(),
        }
    }

    /// Undoes this commit step of a transaction on the disk. `was_made` tells that it or a later step was made.
    /// Returns `false` where nothing was to be undone.
    pub(super) fn undo(&self, was_made: bool) -> Result<bool, IoFailure> {
        match self {
            Self::Folder { path } if exists(path) => remove_empty_folder(path)?,
            Self::Place {
                old: Some(old), to, ..
            } if exists(old) => {
                let is_new = !system::same_file(old, to);
                replace(old, to)?;
                return Ok(is_new);
            }
            // Back to its temporary name: what the staging wrote is removed with the staging.
            Self::Place { old: None, from, to } if exists(to) && !exists(from) => move_back(to, from)?,
            Self::Move { from, to } if was_made && exists(to) => move_back(to, from)?,
            Self::Mode { path, from, to } if system::mode_of(path).is_ok_and(|now| now == *to) => {
                system::set_mode(path, *from).during(Operation::Write, path)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Renames a file or a folder back to its old name, to undo a step of a transaction. What has that name since is kept
/// beside it, and a folder on the way that was removed is made again.
fn move_back(from: &Path, to: &Path) -> Result<(), IoFailure> {
    if exists(to) {
        move_out_of_the_way(to)?;
    }
    if let Some(folder) = to.parent() {
        make_missing_folders(folder)?;
    }
    rename_to_free_name(from, to)
}

/// Renames a file or folder that somebody put in the way of a transaction to a free name beside it, and returns the
/// name.
pub(super) fn move_out_of_the_way(path: &Path) -> Result<PathBuf, IoFailure> {
    let kept = kept_name(path);
    rename_to_free_name(path, &kept)?;
    Ok(kept)
}

/// Gives a regular file that a transaction will replace a second name beside it, and returns the name. The file stays
/// in its place until then: a config is never missing.
pub(super) fn keep_copy(path: &Path) -> Result<PathBuf, IoFailure> {
    let kept = kept_name(path);
    if let Some(copy) = link_or_copy(path, &kept).during(Operation::Keep, path)? {
        copy.sync_all().during(Operation::Sync, &kept)?;
    }
    Ok(kept)
}

/// Returns a free name beside a path, for a file that a transaction keeps: `NAME.kept`, `NAME.kept.1` and so on.
fn kept_name(path: &Path) -> PathBuf {
    free_path(|number| {
        let mut name = path.as_os_str().to_owned();
        name.push(".kept");
        if number > 0 {
            name.push(format!(".{number}"));
        }
        name.into()
    })
}

/// Creates a folder, and those above it, where they are missing.
fn make_missing_folders(path: &Path) -> Result<(), IoFailure> {
    let mut missing: Vec<_> = path.ancestors().take_while(|folder| !exists(folder)).collect();
    missing.reverse();
    missing.into_iter().try_for_each(make_folder)
}

fn make_folder(path: &Path) -> Result<(), IoFailure> {
    match system::make_folder(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.during(Operation::MakeFolder, path),
    }
}

/// Removes a folder unless somebody has put something into it.
fn remove_empty_folder(path: &Path) -> Result<(), IoFailure> {
    use io::ErrorKind::{DirectoryNotEmpty, NotFound};
    match fs::remove_dir(path) {
        Err(e) if matches!(e.kind(), NotFound | DirectoryNotEmpty) => Ok(()),
        removed => removed.during(Operation::Remove, path),
    }
}

/// Creates a temporary file of a transaction and writes its content.
fn write_staged(path: &Path, content: Option<&StagedContent<'_>>) -> io::Result<File> {
    let mut file = system::create(path)?;
    if let Some(content) = content {
        file.write_all(content.bytes)?;
        if let Some(old) = &content.replaces {
            system::inherit_owner_and_strict_mode(&file, old)?;
        }
    }
    Ok(file)
}

/// Gives a file a second name; where the file system has no hard links, a copy with the same owner and mode.
fn link_or_copy(of: &Path, path: &Path) -> io::Result<Option<File>> {
    if fs::hard_link(of, path).is_ok() {
        return Ok(None);
    }
    let (file, meta) = copy_private(of, path)?;
    system::copy_owner_and_mode(&file, &meta)?;
    Ok(Some(file))
}

/// Gives a file a second name where nobody else can read it; else makes a private copy, so that the file itself
/// stays untouched until the commit.
fn private_link_or_copy(of: &Path, path: &Path) -> io::Result<Option<File>> {
    let is_private = system::open_to_others(&fs::symlink_metadata(of)?).is_none();
    if is_private && fs::hard_link(of, path).is_ok() {
        return Ok(None);
    }
    let (file, meta) = copy_private(of, path)?;
    system::inherit_owner_and_strict_mode(&file, &meta)?;
    Ok(Some(file))
}

/// Copies a file to a new private one. Returns the copy, and the metadata of the original.
fn copy_private(of: &Path, path: &Path) -> io::Result<(File, Metadata)> {
    let mut source = read::open(of)?;
    let mut file = system::create(path)?;
    io::copy(&mut source, &mut file)?;
    Ok((file, source.metadata()?))
}

/// Renames a file over another, which it replaces. Between two names of one file a rename does nothing, by POSIX, and
/// would leave the first: that one is removed.
fn replace(from: &Path, to: &Path) -> Result<(), IoFailure> {
    if system::same_file(from, to) {
        remove(from)
    } else {
        rename(from, to)
    }
}

/// Renames a file or folder to a name that is free: a rename would put one file over another without a word.
fn rename_to_free_name(from: &Path, to: &Path) -> Result<(), IoFailure> {
    if exists(to) {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists)).during(Operation::Move, to);
    }
    fs::rename(from, to).during(Operation::Move, from)
}

/// Returns whether two paths are names of one file, or of two regular files with the same content.
pub(super) fn same_content(a: &Path, b: &Path) -> bool {
    system::same_file(a, b) || matches!((read::bytes(a), read::bytes(b)), (Ok(a), Ok(b)) if a == b)
}
