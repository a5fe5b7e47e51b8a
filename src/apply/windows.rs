//! The part of apply that is specific to Windows. It is not tested: this project is built on Linux. The rights that a
//! profile's folder inherits there are its user's alone already, so no mode is set.

#![expect(clippy::unnecessary_wraps, reason = "on Unix they can fail")]

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

pub(super) fn foreign_owner(_meta: &Metadata) -> Option<u32> {
    None
}

pub(super) fn may_follow(_link: &Metadata) -> bool {
    true
}

pub(super) fn open_no_follow(path: &Path) -> io::Result<File> {
    File::open(path)
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
            OpenOptions::new().write(true).open(&path)?.sync_all()?;
        }
    }
    Ok(())
}

/// Nothing is allocated in advance here.
pub(super) fn allocate(_file: &File, _bytes: u64) -> io::Result<()> {
    Ok(())
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
    fs::canonicalize(a).is_ok_and(|a| fs::canonicalize(b).is_ok_and(|b| a == b))
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
