//! What is done differently on each system: modes, owners, folders that are fsynced.
//!
//! A umask can only take bits away from the mode given at creation, so nothing here is ever wider
//! than asked, not for an instant; a bit that an odd umask took away is put back afterwards.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown,
};
use std::path::Path;

/// The mode of every file that is written.
const FILE_MODE: u32 = 0o600;
/// The mode of every folder that is made.
const FOLDER_MODE: u32 = 0o700;
/// The bits that let somebody else in.
const OTHERS: u32 = 0o077;

/// Makes one folder, 0700 from its first moment.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(FOLDER_MODE).create(path)?;
    if permissions(&fs::metadata(path)?) & FOLDER_MODE != FOLDER_MODE {
        fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))?;
    }
    Ok(())
}

/// Makes a new file, 0600 before it has any content; fails where the name is taken.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)?;
    restore_bits(&file)?;
    Ok(file)
}

/// Opens the lock file, making it where it is missing. A link in its place is not followed, and a
/// FIFO that was put there since it was looked at does not block.
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
    restore_bits(&file)?;
    Ok(file)
}

fn restore_bits(file: &File) -> io::Result<()> {
    let mode = permissions(&file.metadata()?);
    if mode & FILE_MODE == FILE_MODE {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(mode | FILE_MODE))
}

/// Gives a new file what the file in whose place it comes had: its owner, where this process may
/// say so (root in a container must not take the config away from the gateway's user), and its mode
/// where that is stricter than 0600.
pub(super) fn succeed(file: &File, old: &Metadata) -> io::Result<()> {
    keep_owner(file, old);
    let mode = permissions(old) & FILE_MODE;
    if mode == FILE_MODE {
        Ok(())
    } else {
        file.set_permissions(Permissions::from_mode(mode))
    }
}

/// Makes a copy a full stand-in for the original: its owner and its very mode.
pub(super) fn impersonate(file: &File, old: &Metadata) -> io::Result<()> {
    keep_owner(file, old);
    file.set_permissions(Permissions::from_mode(permissions(old)))
}

fn keep_owner(file: &File, old: &Metadata) {
    let same = file
        .metadata()
        .is_ok_and(|new| new.uid() == old.uid() && new.gid() == old.gid());
    if !same {
        // Only root may give files away. For anybody else the file stays their own, as with any editor.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    }
}

/// Whether others than the owner may do anything with it; then its mode, to be shown.
pub(super) fn open_to_others(meta: &Metadata) -> Option<String> {
    let mode = permissions(meta);
    (mode & OTHERS != 0).then(|| format!("{mode:04o}"))
}

/// The mode of what is at a path.
pub(super) fn mode_of(path: &Path) -> io::Result<u32> {
    fs::symlink_metadata(path).map(|meta| permissions(&meta))
}

/// Gives a file or a folder a mode, durably where it can be opened at all.
pub(super) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    match File::open(path) {
        Ok(file) => file.sync_all(),
        Err(_) => Ok(()),
    }
}

fn permissions(meta: &Metadata) -> u32 {
    meta.permissions().mode() & 0o7777
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Whether two names are one file; links are not followed.
pub(super) fn same_file(a: &Path, b: &Path) -> bool {
    match (fs::symlink_metadata(a), fs::symlink_metadata(b)) {
        (Ok(a), Ok(b)) => identity(&a) == identity(&b),
        _ => false,
    }
}

/// Whether an open file is still the one under this name.
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|named| {
        file.metadata()
            .is_ok_and(|open| identity(&open) == identity(&named))
    })
}

fn identity(meta: &Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

/// Whether two things lie on one file system, so that a rename between their folders can work.
pub(super) fn same_device(a: &Metadata, b: &Metadata) -> bool {
    a.dev() == b.dev()
}
