//! Locks on byte ranges of files, as SQLite takes them, on Unix: this process waits for SQLite's, and SQLite for these.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

/// Maximum time that another process may keep a lock before the database counts as in use. Transactions of a gateway
/// take milliseconds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two tries to take a lock.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// A range of bytes that is locked.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByteRange {
    start: libc::off_t,
    len: libc::off_t,
}

impl ByteRange {
    pub(super) const fn new(start: libc::off_t, len: libc::off_t) -> Self {
        Self { start, len }
    }
}

/// The access with which a file of a database is opened. The system gives an exclusive lock only to a process that could write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// To be read, and locked together with other readers.
    Read,
    /// To be locked alone. Nothing is ever written.
    Exclusive,
}

/// An open file of a database. Its locks end with it.
#[derive(Debug)]
pub(super) struct DatabaseFile(File);

impl DatabaseFile {
    /// Opens a file of a database.
    #[expect(
        clippy::disallowed_methods,
        reason = "opened for its locks only: nothing is written"
    )]
    pub(super) fn open(path: &Path, access: Access) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(access == Access::Exclusive);
        options.open(path).map(Self)
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.0
    }

    /// Locks bytes together with other readers.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when a writer keeps them for seconds.
    pub(super) fn lock_shared(&self, range: ByteRange) -> io::Result<()> {
        self.lock_within(libc::F_RDLCK, range, LOCK_TIMEOUT)
    }

    /// Locks bytes alone.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when another process keeps them for seconds.
    pub(super) fn lock_exclusive(&self, range: ByteRange) -> io::Result<()> {
        self.lock_within(libc::F_WRLCK, range, LOCK_TIMEOUT)
    }

    /// Unlocks bytes.
    pub(super) fn unlock(&self, range: ByteRange) -> io::Result<()> {
        self.set_lock(libc::F_UNLCK, range)
    }

    /// Returns whether another process has locked bytes alone.
    pub(super) fn is_locked_by_another(&self, range: ByteRange) -> io::Result<bool> {
        match self.lock_within(libc::F_RDLCK, range, Duration::ZERO) {
            Ok(()) => self.unlock(range).map(|()| false),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn lock_within(
        &self,
        kind: impl Into<libc::c_int>,
        range: ByteRange,
        timeout: Duration,
    ) -> io::Result<()> {
        let kind = kind.into();
        let deadline = Instant::now() + timeout;
        loop {
            match self.set_lock(kind, range) {
                Err(error) if is_held(&error) && Instant::now() < deadline => {
                    std::thread::sleep(RETRY_INTERVAL);
                }
                Err(error) if is_held(&error) => return Err(io::ErrorKind::WouldBlock.into()),
                locked => return locked,
            }
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the system's constants are small, and its type for them is 16 bits wide"
    )]
    fn set_lock(&self, kind: impl Into<libc::c_int>, range: ByteRange) -> io::Result<()> {
        let lock = libc::flock {
            l_type: kind.into() as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: range.start,
            l_len: range.len,
            l_pid: 0,
        };
        // Locks of the open file where there are such: the older kind ends when any file of the same path is closed.
        #[cfg(target_os = "linux")]
        let argument = FcntlArg::F_OFD_SETLK(&lock);
        #[cfg(not(target_os = "linux"))]
        let argument = FcntlArg::F_SETLK(&lock);
        fcntl(self.0.as_fd(), argument).map(drop).map_err(io::Error::from)
    }
}

/// Returns whether another process holds the lock. POSIX allows both answers.
fn is_held(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES))
}
