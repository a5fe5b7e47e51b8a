//! One gateway per instance: the kernel's lock on an open file of the state folder.
//!
//! That the file exists means nothing: a gateway that was killed leaves its words behind and no lock, so
//! the next one starts at once, and `status` can still say what happened to it. One that ended in order
//! empties the file. It is never removed: two processes could then hold two files of one name.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::apply;
use crate::error::{Error, Result};
use crate::host::pid;
use crate::i18n::msg;
use crate::ports::Port;

/// How long a start waits for a lock that somebody holds: [`read_holder`] may be looking at it just now.
const PATIENCE: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_millis(5);
/// More than any words that a gateway writes.
const MAX_BYTES: u64 = 4096;

/// The right to be this instance's gateway, for as long as it lives.
#[derive(Debug)]
pub struct InstanceLock {
    file: File,
    path: PathBuf,
    sign: LockFile,
}

/// Who holds a lock, or held it when it died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockHolder {
    /// Its process.
    pub pid: u32,
    /// Its base port.
    pub port: Port,
    /// Its profile.
    pub profile: String,
    /// When it started.
    pub started: SystemTime,
    /// Whether it holds the lock now; `false` means that it ended without a word.
    pub alive: bool,
}

/// Why a lock was not to be had.
#[derive(Debug)]
pub enum LockError {
    /// Another gateway of this instance runs; it has not told yet which where this is `None`.
    Held(Option<LockHolder>),
    /// The system is in the way.
    Failed(Error),
}

/// What stands in the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LockFile {
    pid: u32,
    port: Port,
    profile: String,
    started_at: String,
}

impl LockHolder {
    /// Returns the pid of the process that holds the lock at `path`; `None` where nobody does, or the pid is not proved:
    /// it may be another process's here, because the holder runs in another container.
    pub fn proved_pid(&self, path: &Path) -> Option<u32> {
        // Only Linux tells which files a process has open.
        let has_open = pid::has_open(self.pid, path).unwrap_or(!cfg!(target_os = "linux"));
        (self.alive && has_open).then_some(self.pid)
    }
}

impl InstanceLock {
    /// Takes the lock for this process, or says who has it.
    pub fn acquire(path: &Path, profile: &str, port: Port, started: SystemTime) -> Result<Self, LockError> {
        let file = apply::open_lock_file(path).map_err(LockError::Failed)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Held(read(&file).and_then(|sign| sign.holder(true))));
                }
                Err(TryLockError::Error(cause)) => {
                    let error = Error::failed(msg!("gateway.lock-failed", path = path.display()));
                    return Err(LockError::Failed(error.because(cause)));
                }
            }
        }
        let sign = LockFile {
            pid: std::process::id(),
            port,
            profile: profile.to_owned(),
            started_at: humantime::format_rfc3339_millis(started).to_string(),
        };
        let path = path.to_path_buf();
        let lock = Self { file, path, sign };
        lock.write();
        Ok(lock)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// From now on it says this port.
    pub fn set_port(&mut self, port: Port) {
        self.sign.port = port;
        self.write();
    }

    /// On a full disk the words are missing; the lock holds all the same.
    fn write(&self) {
        let mut file = &self.file;
        let text = serde_json::to_string(&self.sign).unwrap_or_default();
        let _ = file
            .rewind()
            .and_then(|()| file.set_len(0))
            .and_then(|()| file.write_all(format!("{text}\n").as_bytes()));
    }
}

impl Drop for InstanceLock {
    fn drop(&mut self) {
        // Only what is said of it would be wrong without this; closing the file frees the lock.
        let _ = self.file.set_len(0);
    }
}

impl LockFile {
    fn holder(self, alive: bool) -> Option<LockHolder> {
        Some(LockHolder {
            pid: self.pid,
            port: self.port,
            profile: self.profile,
            started: humantime::parse_rfc3339(&self.started_at).ok()?,
            alive,
        })
    }
}

/// Whose lock this is: the gateway that holds it, or the one that died with it. `None` where none ran or
/// the last one ended in order. Keeps nobody from starting.
pub fn read_holder(path: &Path) -> Option<LockHolder> {
    if !std::fs::symlink_metadata(path).ok()?.is_file() {
        return None;
    }
    let file = File::open(path).ok()?;
    let sign = read(&file)?;
    // A shared look that ends with this function; a gateway that starts meanwhile tries again.
    let alive = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    sign.holder(alive)
}

fn read(mut file: &File) -> Option<LockFile> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn acquire(path: &Path) -> Result<InstanceLock, LockError> {
        InstanceLock::acquire(path, "rescue", Port::known(19789), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn one_holds_it_and_the_next_learns_who() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/gateway.lock");
        assert_eq!(read_holder(&path), None);
        let mut lock = acquire(&path).unwrap();
        lock.set_port(Port::known(20789));
        let expected = LockHolder {
            pid: std::process::id(),
            port: Port::known(20789),
            profile: "rescue".to_owned(),
            started: SystemTime::UNIX_EPOCH,
            alive: true,
        };
        assert_eq!(read_holder(&path), Some(expected.clone()));
        match acquire(&path) {
            Err(LockError::Held(found)) => assert_eq!(found, Some(expected)),
            other => panic!("{other:?}"),
        }
        drop(lock);
        assert_eq!(read_holder(&path), None, "it ended in order");
        acquire(&path).unwrap();
    }

    #[test]
    fn what_a_dead_holder_left_is_told_and_in_nobodys_way() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.lock");
        let words = r#"{"pid":1,"port":19789,"profile":"rescue","startedAt":"2026-11-22T10:00:00.000Z"}"#;
        #[expect(clippy::disallowed_methods, reason = "the test builds its own world")]
        std::fs::write(&path, words).unwrap();
        let found = read_holder(&path).unwrap();
        assert_eq!((found.pid, found.alive), (1, false));
        acquire(&path).unwrap();
    }

    #[test]
    fn who_only_looks_keeps_nobody_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.lock");
        drop(acquire(&path).unwrap());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..200).for_each(|_| drop(read_holder(&path))));
            }
            for _ in 0..20 {
                drop(acquire(&path).unwrap());
            }
        });
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.lock");
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &path).unwrap();
        assert!(matches!(acquire(&path), Err(LockError::Failed(_))));
        assert_eq!(read_holder(&path), None);
        assert!(!dir.path().join("elsewhere").exists());
    }
}
