//! The host lock: one writer at a time on this host, from the last probe of ports to the commit.
//!
//! The lock is the kernel's, on an open file. That the file exists means nothing, so a holder that was killed
//! leaves nothing to clean up, and no lock is ever broken by force. The file is never removed: two processes
//! could then hold two files of one name.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::io_failure::{During as _, Operation};
use super::resolve::{LastLink, PathKind, resolve};
use super::system;
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::msg;

/// Name of the file in the program's state home whose lock lets one process write at a time.
const LOCK_FILE: &str = "lock";
/// Time between two tries to acquire the lock of the state home: short beside the time that a transaction takes.
const RETRY_INTERVAL: Duration = Duration::from_millis(7);
/// Maximum number of bytes that are read of the state home's lock file: more than any process id has digits.
const MAX_PID_BYTES: u64 = 32;

/// The exclusive lock of the program's state home, without which no transaction may run; held for as long as the
/// value lives. Only its holder writes on this host.
#[derive(Debug)]
pub struct HostLock {
    file: File,
    state_home: PathBuf,
}

impl HostLock {
    /// Maximum time that a command waits for the lock of the state home while another command holds it.
    pub const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

    /// Acquires the exclusive lock of a state home, and waits for it for a bounded time. The folder (0700) and the
    /// file (0600) are made where they are missing.
    ///
    /// # Errors
    /// `apply.lock-held`, with the pid of the holder, when another process holds the lock for longer than `wait`;
    /// `apply.lock-not-a-file` when something else has the file's name.
    pub fn acquire(state_home: &Path, wait: Duration) -> Result<Self> {
        make_folders(state_home)?;
        refuse_foreign_owner(state_home)?;
        let path = state_home.join(LOCK_FILE);
        let deadline = Instant::now() + wait;
        loop {
            let file = wait_for_regular_lock_file(&path, deadline)?;
            let file = file.ok_or_else(|| lock_held_error(&path, wait))?;
            // Somebody may have removed the file while we waited: then this lock keeps nobody out.
            if system::is_at(&file, &path) {
                let lock = Self {
                    file,
                    state_home: state_home.to_path_buf(),
                };
                write_holder(&lock.file);
                return Ok(lock);
            }
        }
    }

    /// Returns the path of the state home that this lock protects.
    pub fn state_home(&self) -> &Path {
        &self.state_home
    }
}

impl Drop for HostLock {
    fn drop(&mut self) {
        // Only the message of a waiter would be wrong without this; closing the file frees the lock.
        let _ = self.file.set_len(0);
    }
}

/// Returns whether a process holds the lock of a state home. Only reads.
pub(super) fn is_locked(state_home: &Path) -> bool {
    is_lock_held(&state_home.join(LOCK_FILE))
}

/// Returns whether a process holds the lock of a file that [`try_lock_file`] takes. Only reads.
pub(crate) fn is_lock_held(path: &Path) -> bool {
    system::is_locked(path)
}

/// Takes the lock of a file for as long as the returned value lives, without waiting; `None` while another process holds it.
/// The file (0600) and its folders (0700) are made where they are missing; a link in its place is not followed. Who holds the
/// lock may write into the file, and others may read that.
///
/// # Errors
/// When something else has the file's name, or the system refuses.
pub(crate) fn try_lock_file(path: &Path) -> Result<Option<File>> {
    make_folders(path.parent().unwrap_or(Path::new(".")))?;
    open_regular_file(path, system::try_lock)
}

/// Takes the lock of a file, as [`try_lock_file`] does, and waits for it for a bounded time.
///
/// # Errors
/// When another process holds it for longer, something else has the file's name, or the system refuses.
pub(crate) fn wait_for_lock_file(path: &Path, wait: Duration) -> Result<File> {
    make_folders(path.parent().unwrap_or(Path::new(".")))?;
    wait_for_regular_lock_file(path, Instant::now() + wait)?.ok_or_else(|| lock_held_error(path, wait))
}

/// Takes the lock of a file in a folder that exists, and waits for it until `deadline`; `None` where another process holds it
/// then.
fn wait_for_regular_lock_file(path: &Path, deadline: Instant) -> Result<Option<File>> {
    loop {
        match open_regular_file(path, system::try_lock)? {
            None if Instant::now() < deadline => std::thread::sleep(RETRY_INTERVAL),
            taken => return Ok(taken),
        }
    }
}

/// Makes a file that holds room on its disk, of this size, until it is removed. Its folder exists. A file system that can't
/// allocate in advance holds none.
pub(crate) fn reserve_room(path: &Path, bytes: u64) -> Result<()> {
    if let Some(file) = open_regular_file(path, |path| system::open_lock(path).map(Some))? {
        system::allocate(&file, bytes).during(Operation::Write, path)?;
    }
    Ok(())
}

/// Opens a file by `open`, and refuses what is no regular file of this user.
fn open_regular_file(
    path: &Path,
    open: impl FnOnce(&Path) -> io::Result<Option<File>>,
) -> Result<Option<File>> {
    let not_a_file = || {
        Error::blocked(msg!("apply.lock-not-a-file", path = path.display()))
            .hint(msg!("apply.move-away", path = path.display()))
    };
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => return Err(not_a_file()),
        _ => {}
    }
    let Some(file) = open(path).during(Operation::Lock, path)? else {
        return Ok(None);
    };
    // It may have been swapped since it was checked.
    match file.metadata() {
        Ok(meta) if meta.is_file() => match system::foreign_owner(&meta) {
            Some(owner) => Err(foreign_owner_error(path, owner)),
            None => Ok(Some(file)),
        },
        _ => Err(not_a_file()),
    }
}

/// Writes the pid of this process into the file of a lock that it holds, for the message to others. On a full disk that message
/// lacks the number; the lock holds all the same.
pub(crate) fn write_holder(mut file: &File) {
    let text = format!("{}\n", std::process::id());
    let _ = file
        .rewind()
        .and_then(|()| file.set_len(0))
        .and_then(|()| file.write_all(text.as_bytes()));
}

/// Reads the pid of the process that holds a lock from its file; `None` where it is not known.
pub(crate) fn read_holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    let file = read::open(path).ok()?;
    file.take(MAX_PID_BYTES).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Refuses a folder that belongs to another user. What lies in it would be obeyed, or hidden from its owner.
pub(super) fn refuse_foreign_owner(folder: &Path) -> Result<()> {
    let meta = fs::metadata(folder).during(Operation::Inspect, folder)?;
    match system::foreign_owner(&meta) {
        Some(owner) => Err(foreign_owner_error(folder, owner)),
        None => Ok(()),
    }
}

/// Returns the error about a file or folder in the state home that belongs to another user than its content must.
pub(super) fn foreign_owner_error(path: &Path, owner: u32) -> Error {
    Error::blocked(msg!("apply.foreign-owner", path = path.display(), owner = owner))
        .hint(msg!("apply.run-as-owner"))
}

/// Returns the error about the lock of the state home that another process still holds after `wait`.
fn lock_held_error(path: &Path, wait: Duration) -> Error {
    let pid = read_holder(path);
    let seconds = wait.as_secs_f32().round();
    let msg = match pid {
        Some(pid) => msg!(
            "apply.lock-held",
            path = path.display(),
            pid = pid,
            seconds = seconds
        ),
        None => msg!(
            "apply.lock-held-unknown",
            path = path.display(),
            seconds = seconds
        ),
    };
    Error::failed(msg).hint(msg!("apply.wait-and-run-again"))
}

/// Creates a folder (0700) and those above it that are missing.
pub(crate) fn make_folders(path: &Path) -> Result<()> {
    let resolved = resolve(path, LastLink::Follow).during(Operation::Inspect, path)?;
    match resolved.kind {
        PathKind::Folder => return Ok(()),
        PathKind::Missing => {}
        _ => {
            return Err(Error::blocked(msg!("apply.not-a-folder", path = path.display()))
                .hint(msg!("apply.move-away", path = path.display())));
        }
    }
    for folder in resolved.missing_folders(&resolved.real) {
        match system::make_folder(folder) {
            // Another run starts at the same time.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.during(Operation::MakeFolder, folder)?,
        }
    }
    Ok(())
}
