//! How each step is made, made again, and taken back. Every one of these may run twice: what is
//! already as it should be is left alone.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::fault::{During as _, IoFailure, Operation};
use super::file_ops::{exists, remove, rename};
use super::journal::{Commit, Stage};
use super::script::Staged;
use super::system;
use crate::host::read;

impl Stage {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder { path }
            | Self::File { path }
            | Self::Keep { path, .. }
            | Self::Backup { path, .. } => path,
        }
    }

    /// Makes the step. Returns the file that is to be made durable, where there is one.
    pub(super) fn make(&self, content: Option<&Staged<'_>>) -> Result<Option<File>, IoFailure> {
        match self {
            Self::Folder { path } => make_folder(path).map(|()| None),
            Self::File { path } => write(path, content).during(Operation::Write, path).map(Some),
            Self::Keep { of, path } => second_name(of, path).during(Operation::Keep, of),
            Self::Backup { of, path } => backup(of, path).during(Operation::Keep, of),
        }
    }

    /// Takes the step back, whether it was made or not.
    pub(super) fn take_back(&self) -> Result<(), IoFailure> {
        match self {
            Self::Folder { path } => remove_folder(path),
            _ => remove(self.path()),
        }
    }
}

impl Commit {
    /// The path that the user knows.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Folder { path } | Self::Mode { path, .. } => path,
            Self::Place { to, .. } => to,
            Self::Move { from, .. } => from,
        }
    }

    /// Makes the step for the first time.
    pub(super) fn make(&self) -> Result<(), IoFailure> {
        match self {
            Self::Folder { path } => make_folder(path),
            Self::Place { from, to, .. } => replace(from, to),
            Self::Move { from, to } => move_aside(from, to),
            Self::Mode { path, to, .. } => system::set_mode(path, *to).during(Operation::Write, path),
        }
    }

    /// Makes the step unless it was made before: its old name is gone then, or its new one taken.
    pub(super) fn make_again(&self) -> Result<(), IoFailure> {
        match self {
            Self::Place { from, .. } if !exists(from) => Ok(()),
            Self::Move { from, to } if exists(to) || !exists(from) => Ok(()),
            Self::Mode { path, .. } if !exists(path) => Ok(()),
            _ => self.make(),
        }
    }

    /// Takes the step back; `false` where it was not made, or was taken back before.
    pub(super) fn take_back(&self) -> Result<bool, IoFailure> {
        match self {
            Self::Folder { path } if exists(path) => remove_folder(path)?,
            Self::Place {
                old: Some(old), to, ..
            } if exists(old) => {
                let made = !system::same_file(old, to);
                replace(old, to)?;
                return Ok(made);
            }
            // Back to its temporary name: what the stage wrote is removed with the stage.
            Self::Place { old: None, from, to } if exists(to) && !exists(from) => rename(to, from)?,
            Self::Move { from, to } if exists(to) && !exists(from) => move_aside(to, from)?,
            Self::Mode { path, from, to } if system::mode_of(path).is_ok_and(|now| now == *to) => {
                system::set_mode(path, *from).during(Operation::Write, path)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// The files that somebody put, since the run was killed, where its commit is still going to put its own.
pub(super) fn intruders(commit: &[Commit]) -> Vec<&Path> {
    let leaving: Vec<_> = commit
        .iter()
        .filter_map(|step| match step {
            Commit::Move { from, to } if exists(from) && !exists(to) => Some(from),
            _ => None,
        })
        .collect();
    let found = commit.iter().filter_map(|step| match step {
        Commit::Place { from, to, old } if exists(from) && exists(to) => {
            let known = old
                .as_ref()
                .is_some_and(|old| system::same_file(old, to) || same_bytes(old, to));
            (!known).then_some(to.as_path())
        }
        _ => None,
    });
    found
        .filter(|path| !leaving.iter().any(|folder| path.starts_with(folder)))
        .collect()
}

fn make_folder(path: &Path) -> Result<(), IoFailure> {
    match system::make_folder(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.during(Operation::MakeFolder, path),
    }
}

/// Removes a folder that nobody has put anything into.
fn remove_folder(path: &Path) -> Result<(), IoFailure> {
    match fs::remove_dir(path) {
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty
            ) =>
        {
            Ok(())
        }
        removed => removed.during(Operation::Remove, path),
    }
}

fn write(path: &Path, content: Option<&Staged<'_>>) -> io::Result<File> {
    let mut file = system::create(path)?;
    if let Some(staged) = content {
        file.write_all(staged.bytes)?;
        if let Some(old) = &staged.replaces {
            system::succeed(&file, old)?;
        }
    }
    Ok(file)
}

/// A hard link; a copy with the same owner and mode where the file system has none.
fn second_name(of: &Path, path: &Path) -> io::Result<Option<File>> {
    if fs::hard_link(of, path).is_ok() {
        return Ok(None);
    }
    let (file, meta) = copy(of, path)?;
    system::impersonate(&file, &meta)?;
    Ok(Some(file))
}

/// A second name is enough where nobody else can read the file; else a private copy, so that the file
/// itself stays untouched until the commit.
fn backup(of: &Path, path: &Path) -> io::Result<Option<File>> {
    let private = system::open_to_others(&fs::symlink_metadata(of)?).is_none();
    if private && fs::hard_link(of, path).is_ok() {
        return Ok(None);
    }
    let (file, meta) = copy(of, path)?;
    system::succeed(&file, &meta)?;
    Ok(Some(file))
}

fn copy(of: &Path, path: &Path) -> io::Result<(File, fs::Metadata)> {
    let mut source = File::open(of)?;
    let mut file = system::create(path)?;
    io::copy(&mut source, &mut file)?;
    Ok((file, source.metadata()?))
}

/// A rename between two names of one file does nothing, by POSIX, and would leave the first.
fn replace(from: &Path, to: &Path) -> Result<(), IoFailure> {
    if system::same_file(from, to) {
        remove(from)
    } else {
        rename(from, to)
    }
}

/// A rename would put one file over another without a word.
fn move_aside(from: &Path, to: &Path) -> Result<(), IoFailure> {
    if exists(to) {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists)).during(Operation::Move, to);
    }
    fs::rename(from, to).during(Operation::Move, from)
}

/// Keeps what somebody put in the way under a free name beside it, and says which.
pub(super) fn keep_intruder(path: &Path) -> Result<PathBuf, IoFailure> {
    let mut name = path.as_os_str().to_owned();
    name.push(".kept");
    let mut free = PathBuf::from(&name);
    let mut number = 1;
    while exists(&free) {
        let mut next = name.clone();
        next.push(format!(".{number}"));
        free = PathBuf::from(next);
        number += 1;
    }
    if let Some(copy) = second_name(path, &free).during(Operation::Keep, path)? {
        copy.sync_all().during(Operation::Sync, &free)?;
    }
    Ok(free)
}

/// Whether two regular files hold the same.
fn same_bytes(a: &Path, b: &Path) -> bool {
    matches!((read::bytes(a), read::bytes(b)), (Ok(a), Ok(b)) if a == b)
}
