//! The part of apply that is specific to Unix: modes, owners, fsync of folders.
//!
//! A umask can only take bits away from the mode given at creation, so nothing here is ever wider than asked, not
//! for an instant; a bit that an odd umask took away is put back afterwards.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::Path;

use rustix::process::geteuid;

use crate::host::read;

/// Permission bits (mode) of every file that a transaction writes.
const FILE_MODE: u32 = 0o600;
/// Permission bits (mode) of every folder that a transaction makes, and of executable files.
const FOLDER_MODE: u32 = 0o700;
/// The permission bits of a file or folder that let others than the owner in.
const OTHERS_BITS: u32 = 0o077;

/// Returns the owner of a file where that is another user, whom this process must not trust: neither the effective user
/// nor root.
pub(super) fn foreign_owner(meta: &Metadata) -> Option<u32> {
    let owner = meta.uid();
    (owner != 0 && owner != geteuid().as_raw()).then_some(owner)
}

/// Returns whether a symbolic link may be followed: root follows only its own. Another user's link could lead root's
/// writes to where only root may write.
pub(super) fn may_follow(link: &Metadata) -> bool {
    !geteuid().is_root() || link.uid() == 0
}

/// Opens a file to read it, and does not follow a symbolic link. A link in its place is not followed, and a FIFO does
/// not block.
pub(super) fn open_no_follow(path: &Path) -> io::Result<File> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(path)
}

/// Opens a file to append to it, and to read its end. A link in its place is not followed, and a FIFO does not block.
pub(super) fn open_append(path: &Path) -> io::Result<File> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .custom_flags(flags.cast_signed())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

/// Creates a folder, with mode 0700 from its first moment.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(FOLDER_MODE).create(path)?;
    if permission_bits(&fs::metadata(path)?) & FOLDER_MODE != FOLDER_MODE {
        fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))?;
    }
    Ok(())
}

/// Creates a new file, 0600 before it has any content. Fails where the name is taken.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)?;
    restore_mode_bits(&file)?;
    Ok(file)
}

/// Allocates room for a file on its disk. A file system that can't do so in advance is no error.
#[cfg_attr(
    not(target_os = "linux"),
    expect(clippy::unnecessary_wraps, reason = "only Linux allocates in advance")
)]
pub(super) fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    if let Err(rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT) =
        rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes)
    {
        return Err(io::ErrorKind::StorageFull.into());
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (file, bytes);
    Ok(())
}

/// Opens the file of a process lock, creates it where it is missing, and takes the kernel's lock on it. `None` while another
/// process holds it.
pub(super) fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = open_lock(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(cause)) => Err(cause),
    }
}

/// Returns whether a process holds the lock of a file. Only reads.
pub(super) fn is_locked(path: &Path) -> bool {
    read::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Opens the file of a process lock, and creates it where it is missing. A link in its place is not followed, and a
/// FIFO that was put there since it was checked does not block.
pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .custom_flags(flags.cast_signed())
        .open(path)?;
    restore_mode_bits(&file)?;
    Ok(file)
}

/// Mode of a file that everybody may read.
const READABLE_MODE: u32 = 0o644;

/// Lets the owner of a new file execute it.
pub(super) fn make_executable(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(FOLDER_MODE))
}

/// Lets everybody read a new file.
pub(super) fn make_readable(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(READABLE_MODE))
}

/// Makes a symbolic link.
pub(super) fn make_link(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// Makes everything below a folder durable.
#[cfg(target_os = "linux")]
pub(super) fn sync_tree(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

/// Makes everything below a folder durable.
#[cfg(not(target_os = "linux"))]
pub(super) fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
        if kind.is_dir() {
            sync_tree(&path)?;
        } else if kind.is_file() {
            File::open(&path)?.sync_all()?;
        }
    }
    sync_folder(folder)
}

/// Restores the bits of [`FILE_MODE`] that the umask removed.
fn restore_mode_bits(file: &File) -> io::Result<()> {
    let mode = permission_bits(&file.metadata()?);
    if mode & FILE_MODE == FILE_MODE {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(mode | FILE_MODE))
}

/// Gives a new file the owner of the file that it replaces, where this process may do so (root in a container must
/// not take the config away from the gateway's user), and its mode where that is stricter than 0600.
pub(super) fn inherit_owner_and_strict_mode(file: &File, old: &Metadata) -> io::Result<()> {
    copy_owner(file, old);
    let mode = permission_bits(old) & FILE_MODE;
    if mode == FILE_MODE {
        Ok(())
    } else {
        file.set_permissions(Permissions::from_mode(mode))
    }
}

/// Gives a copy of a file the owner, where this process may do so, and the very mode of the original.
pub(super) fn copy_owner_and_mode(file: &File, old: &Metadata) -> io::Result<()> {
    copy_owner(file, old);
    file.set_permissions(Permissions::from_mode(permission_bits(old)))
}

fn copy_owner(file: &File, old: &Metadata) {
    let is_same = file
        .metadata()
        .is_ok_and(|new| new.uid() == old.uid() && new.gid() == old.gid());
    if !is_same {
        // Only root may give files away. For anybody else the file stays their own, as with any editor.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    }
}

/// Returns the mode, as octal text, of a file that others than the owner may read, write or execute; `None` for a file
/// that is the owner's alone.
pub(super) fn open_to_others(meta: &Metadata) -> Option<String> {
    let mode = permission_bits(meta);
    (mode & OTHERS_BITS != 0).then(|| format!("{mode:04o}"))
}

/// Returns the permission bits (mode) of a file or a folder. A link is not followed.
pub(super) fn mode_of(path: &Path) -> io::Result<u32> {
    fs::symlink_metadata(path).map(|meta| permission_bits(&meta))
}

/// Changes the permission bits (mode) of a file or a folder, durably where it can be opened at all.
pub(super) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    match open_no_follow(path) {
        Ok(file) => file.sync_all(),
        Err(_) => Ok(()),
    }
}

fn permission_bits(meta: &Metadata) -> u32 {
    meta.permissions().mode() & 0o7777
}

/// Flushes the names in a folder to the disk (fsync).
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Returns whether two paths are names of one file. Links are not followed.
pub(super) fn same_file(a: &Path, b: &Path) -> bool {
    match (fs::symlink_metadata(a), fs::symlink_metadata(b)) {
        (Ok(a), Ok(b)) => identity(&a) == identity(&b),
        _ => false,
    }
}

/// Returns whether an open file is still the file at `path`.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|named| {
        file.metadata()
            .is_ok_and(|open| identity(&open) == identity(&named))
    })
}

/// Returns the device and inode numbers, which identify a file.
fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

/// Returns whether two files lie on one file system, so that a rename between their folders can work.
pub(super) fn same_device(a: &Metadata, b: &Metadata) -> bool {
    a.dev() == b.dev()
}
