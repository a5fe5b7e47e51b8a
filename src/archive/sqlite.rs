//! SQLite databases that another process may be writing, read so that the copy is one state of the database.
//!
//! SQLite guards a database by locks on byte ranges, which any process can take too. A shared lock on the database file
//! keeps every writer from changing it. With a write-ahead log the file changes only when the log is copied into it (a
//! checkpoint), for which SQLite takes a lock in the `-shm` file; the log itself only grows, or begins anew once all of
//! it is in the database, and each of its frames carries a checksum: a reader of the copy ends at the last whole
//! transaction. No writer waits for us in that mode. Source: SQLite's file format and `os_unix.c`, `wal.c`.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};

use super::database_lock::{Access, ByteRange, DatabaseFile};
use crate::host::read;

/// First bytes of every SQLite database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Offset of the version that a reader must know. It is 2 with a write-ahead log.
const READ_VERSION_OFFSET: usize = 19;
/// Number of bytes of the part of the header that is looked at.
const HEADER_BYTES: usize = 20;
/// Endings of the names of the files that belong to a database.
pub(super) const COMPANION_ENDINGS: [&str; 3] = ["-wal", "-shm", "-journal"];
/// Largest log or journal that is packed, in bytes. SQLite copies its log into the database every 4 MB.
const MAX_LOG_BYTES: u64 = 256 * 1024 * 1024;
/// Number of bytes of the header of a write-ahead log.
const LOG_HEADER_BYTES: u64 = 32;
/// Maximum number of times that a log is read which begins anew meanwhile.
const MAX_LOG_READS: u32 = 8;

/// The bytes of a database that is being opened: no other process can open it while they are locked.
const PENDING: ByteRange = ByteRange::new(0x4000_0000, 1);
/// The byte that a writer locks before it changes anything.
const RESERVED: ByteRange = ByteRange::new(0x4000_0001, 1);
/// The bytes that every reader locks, and a writer alone.
const SHARED: ByteRange = ByteRange::new(0x4000_0002, 510);
/// The byte of the `-shm` file that is locked during a checkpoint.
const CHECKPOINT: ByteRange = ByteRange::new(121, 1);

/// Returns whether a file is a SQLite database, by its content.
///
/// # Errors
/// When the file can't be opened or read.
pub(super) fn is_database(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    read::open(path)?
        .take(MAGIC.len() as u64)
        .read_to_end(&mut start)?;
    Ok(start == MAGIC)
}

/// Returns the path of a file that belongs to a database.
pub(super) fn companion(database: &Path, ending: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// A database whose file no process changes while this value lives.
pub(super) struct LockedDatabase {
    path: PathBuf,
    file: DatabaseFile,
    /// The file by whose lock checkpoints are kept out; `None` without a write-ahead log, or where nobody can write.
    _checkpoint_guard: Option<DatabaseFile>,
}

impl LockedDatabase {
    /// Locks a database against changes of its file.
    ///
    /// # Errors
    /// With [`io::ErrorKind::WouldBlock`] when another process keeps the database for itself for seconds; else what the
    /// system says.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut file = DatabaseFile::open(path, Access::Read)?;
        file.lock_shared(PENDING)?;
        file.lock_shared(SHARED)?;
        file.unlock(PENDING)?;
        let guard = if has_log(file.file())? {
            lock_out_checkpoints(path)
        } else {
            Ok(None)
        };
        Ok(Self {
            path: path.to_path_buf(),
            file,
            _checkpoint_guard: match guard {
                Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => None,
                guard => guard?,
            },
        })
    }

    /// Returns the file of the database, from its beginning, and its size.
    ///
    /// # Errors
    /// When the system can't read the file.
    pub(super) fn content(&mut self) -> io::Result<(&mut File, u64)> {
        let file = self.file.file();
        file.rewind()?;
        let size = file.metadata()?.len();
        Ok((file, size))
    }

    /// Returns the log or journal without which the file is not whole, with the ending of its name. The file does not
    /// change while this value lives: what is in the log is newer than the file, or in it already.
    ///
    /// # Errors
    /// When it can't be read, or is too large.
    pub(super) fn log(&mut self) -> io::Result<Option<(&'static str, Vec<u8>)>> {
        let ending = if has_log(self.file.file())? {
            "-wal"
        } else if self.file.is_locked_by_another(RESERVED)? {
            // A writer at work: it has changed nothing yet, and can't while the file is locked.
            return Ok(None);
        } else {
            // Left by a writer that was killed: whoever opens the copy undoes its changes.
            "-journal"
        };
        let mut file = match read::open(&companion(&self.path, ending)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let bytes = read_log(&mut file)?;
        Ok((!bytes.is_empty()).then_some((ending, bytes)))
    }
}

/// Keeps checkpoints out, by the lock that they take. Where no process has the log open there is no file for that lock;
/// then the database is kept from being opened.
fn lock_out_checkpoints(path: &Path) -> io::Result<Option<DatabaseFile>> {
    let shared_memory = companion(path, "-shm");
    if !shared_memory.exists() {
        let opener = DatabaseFile::open(path, Access::Exclusive)?;
        opener.lock_exclusive(PENDING)?;
        if !shared_memory.exists() {
            return Ok(Some(opener));
        }
    }
    let memory = DatabaseFile::open(&shared_memory, Access::Exclusive)?;
    memory.lock_exclusive(CHECKPOINT)?;
    Ok(Some(memory))
}

/// Reads a log or journal. A log that begins anew meanwhile is read again: the old frames before the new ones would take
/// the database back. Each beginning has a header of its own, which SQLite writes first.
fn read_log(file: &mut File) -> io::Result<Vec<u8>> {
    for _ in 0..MAX_LOG_READS {
        // No further than it reaches now: a reader must not chase a writer.
        let size = file.metadata()?.len();
        let mut bytes = Vec::new();
        file.rewind()?;
        file.take(size.min(MAX_LOG_BYTES + 1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_LOG_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut header = Vec::new();
        file.rewind()?;
        file.take(LOG_HEADER_BYTES).read_to_end(&mut header)?;
        if bytes.starts_with(&header) {
            return Ok(bytes);
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

/// Returns whether a database has a write-ahead log.
fn has_log(file: &mut File) -> io::Result<bool> {
    let mut header = Vec::new();
    file.rewind()?;
    file.take(HEADER_BYTES as u64).read_to_end(&mut header)?;
    Ok(header.get(READ_VERSION_OFFSET) == Some(&2))
}
