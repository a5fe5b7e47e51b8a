//! One writer at a time on this host: held from the last probe of ports to the commit.
//!
//! The lock is the kernel's, on an open file. That the file exists means nothing, so a holder that
//! was killed leaves nothing to clean up, and no lock is ever broken by force. The file is never
//! removed: two processes could then hold two files of one name.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::fault::{During as _, Operation};
use super::place::{Found, LastLink, locate};
use super::system;
use crate::error::{Error, Result};
use crate::i18n::msg;

/// The lock's file in the state home.
const FILE: &str = "lock";
/// How long a waiter sleeps between two tries: short beside the time that an apply takes.
const PAUSE: Duration = Duration::from_millis(7);

/// The right to write, for as long as it lives.
#[derive(Debug)]
pub struct HostLock {
    file: File,
    state_home: PathBuf,
}

impl HostLock {
    /// How long a command waits for another one to finish.
    pub const WAIT_TIMEOUT: Duration = Duration::from_secs(30);

    /// Takes the lock of this state home, making the folder (0700) and the file (0600) where they are
    /// missing. Waits at most `wait` for another process; then the error names that process.
    pub fn acquire(state_home: &Path, wait: Duration) -> Result<Self> {
        make_folders(state_home)?;
        let path = state_home.join(FILE);
        let deadline = Instant::now() + wait;
        loop {
            let file = open(&path)?;
            loop {
                match file.try_lock() {
                    Ok(()) => break,
                    Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(PAUSE),
                    Err(TryLockError::WouldBlock) => return Err(held(&path, file, wait)),
                    Err(TryLockError::Error(cause)) => {
                        return Err(
                            Error::failed(msg!("apply.lock-failed", path = path.display())).because(cause)
                        );
                    }
                }
            }
            // Somebody may have removed the file while we waited: then this lock keeps nobody out.
            if system::is_at(&file, &path) {
                let lock = Self {
                    file,
                    state_home: state_home.to_path_buf(),
                };
                // On a full disk the message of a waiter lacks the number; the lock holds all the same.
                let _ = lock.sign();
                return Ok(lock);
            }
        }
    }

    /// The folder that is locked.
    pub fn state_home(&self) -> &Path {
        &self.state_home
    }

    /// Writes down who holds it, for the message of those who wait.
    fn sign(&self) -> io::Result<()> {
        let mut file = &self.file;
        file.rewind()?;
        file.set_len(0)?;
        file.write_all(format!("{}\n", std::process::id()).as_bytes())
    }
}

impl Drop for HostLock {
    fn drop(&mut self) {
        // Only the message of a waiter would be wrong without this; closing the file frees the lock.
        let _ = self.file.set_len(0);
    }
}

/// Opens a lock's file (0600), making it and the folders above it (0700) where they are missing. A link in
/// its place is not followed.
pub(crate) fn open_in(path: &Path) -> Result<File> {
    make_folders(path.parent().unwrap_or(Path::new(".")))?;
    open(path)
}

fn open(path: &Path) -> Result<File> {
    let not_a_file = || {
        Error::blocked(msg!("apply.lock-not-a-file", path = path.display()))
            .hint(msg!("apply.move-away", path = path.display()))
    };
    match fs::symlink_metadata(path) {
        Ok(meta) if !meta.is_file() => return Err(not_a_file()),
        _ => {}
    }
    let file = system::open_lock(path)
        .map_err(|cause| Error::failed(msg!("apply.lock-failed", path = path.display())).because(cause))?;
    // It may have been swapped since it was looked at.
    if file.metadata().is_ok_and(|meta| meta.is_file()) {
        Ok(file)
    } else {
        Err(not_a_file())
    }
}

fn held(path: &Path, mut file: File, wait: Duration) -> Error {
    let mut text = String::new();
    let read = file
        .rewind()
        .and_then(|()| (&file).take(32).read_to_string(&mut text));
    let pid = read.ok().and_then(|_| text.trim().parse::<u32>().ok());
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

/// Makes a folder and those above it that are missing.
pub(crate) fn make_folders(path: &Path) -> Result<()> {
    let place = locate(path, LastLink::Follow, &[]).during(Operation::Look, path)?;
    match place.found {
        Found::Folder => return Ok(()),
        Found::Nothing => {}
        _ => {
            return Err(Error::blocked(msg!("apply.not-a-folder", path = path.display()))
                .hint(msg!("apply.move-away", path = path.display())));
        }
    }
    let missing: Vec<_> = place
        .real
        .ancestors()
        .take_while(|folder| *folder != place.anchor)
        .collect();
    for folder in missing.into_iter().rev() {
        match system::make_folder(folder) {
            // Another run starts at the same time.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.during(Operation::MakeFolder, folder)?,
        }
    }
    Ok(())
}
