//! The part of apply that is specific to Windows. It was run under Wine only. The rights that a
//! profile's folder inherits there are its user's alone already, so no mode is set.

#![expect(clippy::unnecessary_wraps, reason = "on Unix they can fail")]

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::host::read;

/// Share mode of a file that others may read, rename and remove, and not write (Win32 `CreateFile`: `FILE_SHARE_READ`,
/// `FILE_SHARE_DELETE`).
const SHARE_ALL_BUT_WRITE: u32 = 1 | 4;
/// Code of the error that another process has a file open in a way that excludes this one.
const ERROR_SHARING_VIOLATION: i32 = 32;

pub(super) fn foreign_owner(_meta: &Metadata) -> Option<u32> {
    None
}

pub(super) fn may_follow(_link: &Metadata) -> bool {
    true
}

pub(super) fn open_no_follow(path: &Path) -> io::Result<File> {
    File::open(path)
}

pub(super) fn open_append(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).open(path)
}

pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
}

pub(super) fn make_executable(_file: &File) -> io::Result<()> {
    Ok(())
}

pub(super) fn make_readable(_file: &File) -> io::Result<()> {
    Ok(())
}

pub(super) fn make_link(target: &Path, path: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, path)
}

pub(super) fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        if kind.is_dir() {
            sync_tree(&path)?;
        } else if kind.is_file() {
            // A lock of this process is written by nobody else, and holds nothing that must survive.
            if let Some(file) = held_elsewhere_is_none(OpenOptions::new().write(true).open(&path).map(Some))?
            {
                file.sync_all()?;
            }
        }
    }
    Ok(())
}

/// Nothing is allocated in advance here.
pub(super) fn allocate(_file: &File, _bytes: u64) -> io::Result<()> {
    Ok(())
}

/// Opens the file of a process lock, creates it where it is missing, and keeps others from opening it for writing: that is the
/// lock. `None` while another process holds it. A lock on the bytes of the file would keep others from reading who holds it.
pub(super) fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    held_elsewhere_is_none(options.share_mode(SHARE_ALL_BUT_WRITE).open(path).map(Some))
}

/// Returns whether a process holds the lock of a file.
pub(super) fn is_locked(path: &Path) -> bool {
    let mut options = OpenOptions::new();
    let opened = options.read(true).write(true).open(path);
    matches!(held_elsewhere_is_none(opened.map(Some)), Ok(None))
}

/// Converts the error that another process lets nobody open a file for writing to `None`.
fn held_elsewhere_is_none(opened: io::Result<Option<File>>) -> io::Result<Option<File>> {
    match opened {
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION) => Ok(None),
        opened => opened,
    }
}

pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

pub(super) fn inherit_owner_and_strict_mode(_file: &File, _old: &Metadata) -> io::Result<()> {
    Ok(())
}

pub(super) fn copy_owner_and_mode(_file: &File, _old: &Metadata) -> io::Result<()> {
    Ok(())
}

pub(super) fn open_to_others(_meta: &Metadata) -> Option<String> {
    None
}

/// Does nothing, in place of flushing the names in a folder, on Windows: NTFS orders its own metadata, and a folder
/// can't be opened for this.
pub(super) fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns whether two paths lead to one file, links followed: its bytes are then the same, which is what the
/// callers need to know.
pub(super) fn same_file(a: &Path, b: &Path) -> bool {
    read::canonicalize(a).is_ok_and(|a| read::canonicalize(b).is_ok_and(|b| a == b))
}

/// Returns `true` for an open file that is to be still at its path: on Windows it can't be renamed or removed.
pub(super) fn is_at(_file: &File, _path: &Path) -> bool {
    true
}

pub(super) fn same_device(_a: &Metadata, _b: &Metadata) -> bool {
    true
}

/// Returns 0 as the permission bits of any existing file: Windows has none.
pub(super) fn mode_of(path: &Path) -> io::Result<u32> {
    fs::symlink_metadata(path).map(|_| 0)
}

pub(super) fn set_mode(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}
