//! The lock of an instance, which allows one gateway: the kernel's lock on an open file of the state folder.
//!
//! That the file exists means nothing: a gateway that was killed leaves its text behind and no lock, so the next one
//! starts at once, and `status` can still say what happened. A gateway that ended in order empties the file. It is never removed: two processes could then hold two files of one name.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::apply;
use crate::error::{Error, Result};
use crate::host::{pid, read};
use crate::ports::Port;

/// Maximum time that the start of a gateway waits for an instance's lock that is held: [`read_holder`] takes it for a
/// moment too.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(250);
/// Time between two tries of a gateway to take the lock of its instance.
const RETRY_INTERVAL: Duration = Duration::from_millis(5);
/// Maximum number of bytes that are read of an instance's lock file: more than any gateway writes.
const MAX_LOCK_FILE_BYTES: u64 = 4096;

/// The lock of an instance, held by its gateway for as long as the value lives.
#[derive(Debug)]
pub(crate) struct InstanceLock {
    file: File,
    contents: LockFile,
}

/// The gateway that holds the lock of an instance, or held it when it was killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LockHolder {
    /// Process id of the gateway.
    pub(crate) pid: u32,
    /// Base port of the gateway.
    pub(crate) port: Port,
    /// Profile of the gateway.
    pub(crate) profile: String,
    /// Time at which the gateway started.
    pub(crate) started: SystemTime,
    /// Time at which the gateway began to end; `None` while it serves.
    pub(crate) stopping_since: Option<SystemTime>,
    /// True when the gateway holds the lock now; false when it ended without emptying the file.
    pub(crate) alive: bool,
}

/// The reason why the lock of an instance could not be taken.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another gateway of the instance runs; `None` when it has not written yet who it is.
    Held(Option<LockHolder>),
    /// The lock's file could not be opened or locked.
    Failed(Error),
}

/// The contents of an instance's lock file, as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LockFile {
    pid: u32,
    port: Port,
    profile: String,
    started_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stopping_at: Option<String>,
}

impl LockHolder {
    /// Returns the pid of the process that holds the instance lock at `path`; `None` where nobody does, or the pid is
    /// not proved: it may be another process's here, because the holder runs in another container.
    pub(crate) fn proved_pid(&self, path: &Path) -> Option<u32> {
        // Only Linux tells which files a process has open.
        let has_open = pid::has_open(self.pid, path).unwrap_or(!cfg!(target_os = "linux"));
        (self.alive && has_open).then_some(self.pid)
    }
}

impl InstanceLock {
    /// Takes the lock of an instance for this process and writes into the lock file who holds it.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process holds it for longer than a quarter of a second, [`LockError::Failed`]
    /// when the file can't be opened or locked.
    pub(crate) fn acquire(
        path: &Path,
        profile: &str,
        port: Port,
        started: SystemTime,
    ) -> Result<Self, LockError> {
        let deadline = Instant::now() + ACQUIRE_TIMEOUT;
        let file = loop {
            match apply::try_lock_file(path).map_err(LockError::Failed)? {
                Some(file) => break file,
                None if Instant::now() < deadline => std::thread::sleep(RETRY_INTERVAL),
                None => {
                    let contents = read::open(path).ok().and_then(|file| read_lock_file(&file));
                    return Err(LockError::Held(
                        contents.and_then(|contents| contents.into_holder(true)),
                    ));
                }
            }
        };
        let contents = LockFile {
            pid: std::process::id(),
            port,
            profile: profile.to_owned(),
            started_at: crate::time::format_millis(started),
            stopping_at: None,
        };
        let lock = Self { file, contents };
        lock.write_contents();
        Ok(lock)
    }

    /// Sets the gateway's base port that the lock file of its instance names.
    pub(crate) fn set_port(&mut self, port: Port) {
        self.contents.port = port;
        self.write_contents();
    }

    /// Writes into the lock file of an instance that its gateway is ending, so that others wait for that.
    pub(crate) fn set_stopping(&mut self, since: SystemTime) {
        self.contents.stopping_at = Some(crate::time::format_millis(since));
        self.write_contents();
    }

    /// Writes who holds the lock of an instance into the instance's lock file. A failure (a full disk) is ignored:
    /// the lock holds all the same.
    fn write_contents(&self) {
        let mut file = &self.file;
        let text = serde_json::to_string(&self.contents).unwrap_or_default();
        let _ = file
            .rewind()
            .and_then(|()| file.set_len(0))
            .and_then(|()| file.write_all(format!("{text}\n").as_bytes()));
    }
}

impl Drop for InstanceLock {
    fn drop(&mut self) {
        // Without this, readers would take the gateway for killed; closing the file frees the lock.
        let _ = self.file.set_len(0);
    }
}

impl LockFile {
    /// Returns the process that the lock file of an instance names as its holder; `None` when its time can't be
    /// parsed.
    fn into_holder(self, alive: bool) -> Option<LockHolder> {
        Some(LockHolder {
            pid: self.pid,
            port: self.port,
            profile: self.profile,
            started: humantime::parse_rfc3339(&self.started_at).ok()?,
            stopping_since: (self.stopping_at).and_then(|text| humantime::parse_rfc3339(&text).ok()),
            alive,
        })
    }
}

/// The lock file of an instance as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LockReading {
    /// `true` where there is a lock file: a gateway has run.
    pub(crate) is_file: bool,
    /// The gateway that holds the lock, or held it when it was killed; `None` where none ran or the last one ended in order.
    pub(crate) holder: Option<LockHolder>,
}

/// Reads the lock file of an instance. Never keeps a gateway from starting.
pub(crate) fn read(path: &Path) -> LockReading {
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file());
    let holder = if is_file { holder_in(path) } else { None };
    LockReading { is_file, holder }
}

/// Returns the gateway that holds the lock of an instance, or held it when it was killed; `None` where none ran or the
/// last one ended in order. Never keeps a gateway from starting.
pub(crate) fn read_holder(path: &Path) -> Option<LockHolder> {
    read(path).holder
}

/// Returns the gateway that a lock file names.
fn holder_in(path: &Path) -> Option<LockHolder> {
    let file = read::open(path).ok()?;
    let contents = read_lock_file(&file)?;
    // Whoever looks may hold the file for a moment; a gateway that starts meanwhile tries again.
    contents.into_holder(apply::is_lock_held(path))
}

/// Returns the contents of an instance's lock file; `None` when it is empty or can't be parsed.
fn read_lock_file(mut file: &File) -> Option<LockFile> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(MAX_LOCK_FILE_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn acquire(path: &Path) -> Result<InstanceLock, LockError> {
        InstanceLock::acquire(path, "rescue", Port::known(19789), SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn a_held_lock_refuses_a_second_holder_and_names_the_first() {
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
            stopping_since: None,
            alive: true,
        };
        assert_eq!(read_holder(&path), Some(expected.clone()));
        match acquire(&path) {
            Err(LockError::Held(found)) => assert_eq!(found, Some(expected)),
            other => panic!("{other:?}"),
        }
        lock.set_stopping(SystemTime::UNIX_EPOCH);
        assert_eq!(
            read_holder(&path).unwrap().stopping_since,
            Some(SystemTime::UNIX_EPOCH)
        );
        drop(lock);
        assert_eq!(read_holder(&path), None, "it ended in order");
        acquire(&path).unwrap();
    }

    #[test]
    fn the_file_of_a_killed_holder_is_read_and_blocks_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.lock");
        let text = r#"{"pid":1,"port":19789,"profile":"rescue","startedAt":"2026-11-22T10:00:00.000Z"}"#;
        #[expect(clippy::disallowed_methods, reason = "the test builds its own world")]
        std::fs::write(&path, text).unwrap();
        let found = read_holder(&path).unwrap();
        assert_eq!((found.pid, found.alive), (1, false));
        acquire(&path).unwrap();
    }

    #[test]
    fn reading_the_holder_keeps_nobody_from_the_lock() {
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
    fn a_link_in_place_of_the_lock_file_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.lock");
        #[expect(clippy::disallowed_methods, reason = "the test makes the link")]
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &path).unwrap();
        assert!(matches!(acquire(&path), Err(LockError::Failed(_))));
        assert_eq!(read_holder(&path), None);
        assert!(!dir.path().join("elsewhere").exists());
    }
}
