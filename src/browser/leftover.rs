//! What an earlier run left: a browser that outlived its gateway, and the lock in its folder.
//!
//! Beside each user-data folder stands `process.json`: which process was started for it, and when. A
//! number alone proves nothing, it may be another's by now; number and start, or the folder in its
//! command line, do. Where a gateway was killed before it could write that down, the lock that the browser
//! made itself tells. A lock is taken away only where its process is dead or one of ours.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use super::prove::{port_in, uses};
use super::{Fault, Result};
use crate::apply;
use crate::host::{self, pid, ports, read};
use crate::i18n::msg;
use crate::ports::Port;

/// The record's name beside the user-data folder.
const FILE: &str = "process.json";
/// What Chromium keeps in its folder for as long as it runs.
const LOCK: &str = "SingletonLock";
const LOCK_FILES: [&str; 3] = [LOCK, "SingletonCookie", "SingletonSocket"];
/// How long an old browser may take to end when asked to.
const PATIENCE: Duration = Duration::from_millis(2500);
/// How often it is looked at meanwhile.
const PAUSE: Duration = Duration::from_millis(20);

/// A browser that was started for a folder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Started {
    /// Its process.
    pub pid: u32,
    /// When that started, where the system tells ([`pid::start_time`]).
    pub started: Option<u64>,
    /// The machine's name, as the lock has it.
    pub machine: Option<String>,
    /// Its debugging port.
    pub port: Port,
}

impl Started {
    /// The record of a process that was just started.
    pub fn now(pid: u32, port: Port) -> Self {
        Self {
            pid,
            started: pid::start_time(pid),
            machine: host::hostname(),
            port,
        }
    }

    /// What stands in a browser profile's folder.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&read::bytes(&folder.join(FILE)).ok()?).ok()
    }

    /// Writes it down.
    ///
    /// # Errors
    /// Where the folder can't be written to.
    pub fn keep(&self, folder: &Path) -> Result<()> {
        let text = json!({
            "pid": self.pid, "started": self.started, "machine": self.machine, "port": self.port,
        });
        Ok(apply::write_file(
            &folder.join(FILE),
            text.to_string().as_bytes(),
        )?)
    }

    /// Whether this very process still runs on that folder. One that is just ending has no words any
    /// more, and its port for a moment yet: it counts as running.
    pub fn is_alive(&self, user_data: &Path) -> bool {
        match (self.started, pid::start_time(self.pid)) {
            (Some(then), Some(now)) => {
                let (words, _) = ports::arguments_and_env(self.pid, "OPENCLAW_");
                then == now && (words.is_empty() || uses(&words, user_data))
            }
            (Some(_), None) => false,
            (None, _) => pid::is_alive(self.pid) && is_on(self.pid, user_data),
        }
    }
}

/// Takes the record away: the browser ended in order.
pub fn forget(folder: &Path) {
    // One that stays is found to be of a dead process later.
    let _ = apply::remove_file(&folder.join(FILE));
}

fn is_on(pid: u32, user_data: &Path) -> bool {
    let (words, _) = ports::arguments_and_env(pid, "OPENCLAW_");
    uses(&words, user_data)
}

/// The lock of a user-data folder: the machine's name and the process.
fn lock_of(user_data: &Path) -> Option<(String, u32)> {
    let target = std::fs::read_link(user_data.join(LOCK)).ok()?;
    let (machine, pid) = target.to_str()?.rsplit_once('-')?;
    Some((machine.to_owned(), pid.parse().ok()?))
}

/// A browser that runs although no gateway has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Its process.
    pub pid: u32,
    /// Its debugging port, where record or command line tells.
    pub port: Option<Port>,
}

/// The browser that runs on a browser profile's folder: the recorded one, else the one that has the lock.
pub fn running(folder: &Path) -> Option<Orphan> {
    let user_data = user_data(folder);
    if let Some(old) = Started::read(folder).filter(|old| old.is_alive(&user_data)) {
        let (pid, port) = (old.pid, Some(old.port));
        return Some(Orphan { pid, port });
    }
    let (machine, pid) = lock_of(&user_data)?;
    let (words, _) = ports::arguments_and_env(pid, "OPENCLAW_");
    let ours = host::hostname().is_some_and(|here| here == machine) && uses(&words, &user_data);
    let port = port_in(&words);
    ours.then_some(Orphan { pid, port })
}

/// Asks every browser that outlived an earlier gateway of this instance to end. `browsers` is the folder
/// of all browser profiles; nothing is waited for.
pub fn sweep(browsers: &Path) {
    let folders = std::fs::read_dir(browsers).into_iter().flatten().flatten();
    for old in folders.filter_map(|entry| running(&entry.path())) {
        tracing::warn!(pid = old.pid, "stopping a browser of an earlier run");
        pid::request_end(old.pid);
    }
}

/// The user-data folder of a browser profile's folder.
pub fn user_data(folder: &Path) -> PathBuf {
    folder.join("user-data")
}

/// Makes a folder fit to be started on: an old browser of ours on it is ended, its lock taken away.
/// Blocks for as long as that takes, a few seconds at most.
///
/// # Errors
/// 409 where a living process that is not ours has the lock.
pub fn clear(folder: &Path) -> Result<()> {
    let user_data = user_data(folder);
    // The recorded one may not be the one that has the lock.
    for _ in 0..2 {
        if let Some(old) = running(folder) {
            end(old.pid);
        }
    }
    let Some((machine, pid)) = lock_of(&user_data) else {
        return Ok(());
    };
    // One that is just ending has no words any more, and the lock for a moment yet.
    let deadline = Instant::now() + ports::SOCKET_RELEASE_TIMEOUT;
    let is_ending = || pid::is_alive(pid) && ports::arguments_and_env(pid, "OPENCLAW_").0.is_empty();
    while is_ending() && Instant::now() < deadline {
        std::thread::sleep(PAUSE);
    }
    let here = host::hostname().is_some_and(|name| name == machine);
    let recorded =
        Started::read(folder).is_some_and(|old| old.pid == pid && old.machine.as_ref() == Some(&machine));
    if (!here || pid::is_alive(pid)) && !recorded {
        let name = pid::process_name(pid).filter(|_| here);
        return Err(Fault::conflict(msg!(
            "browser.folder-locked",
            path = user_data.display(),
            name = name.unwrap_or_else(|| "?".to_owned()),
            pid = pid,
            machine = machine
        ))
        .hint(msg!("browser.remove-lock", path = user_data.join(LOCK).display())));
    }
    for file in LOCK_FILES {
        // What can't be removed keeps Chromium from starting, and it says so itself.
        let _ = apply::remove_file(&user_data.join(file));
    }
    Ok(())
}

/// Ends an old browser: asked first, then killed. What it left running goes with it: a helper that writes
/// on would meet the next browser in the folder.
pub fn end(pid: u32) {
    let start = pid::start_time(pid);
    pid::request_end(pid);
    let deadline = Instant::now() + PATIENCE;
    while pid::is_alive(pid) && pid::start_time(pid) == start {
        if Instant::now() >= deadline {
            pid::kill(pid);
        }
        if Instant::now() >= deadline + PATIENCE {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    pid::kill_group(pid);
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "the tests make their own files")]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::host::process::CommandSpec;
    use std::os::unix::fs::symlink;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(user_data(dir.path())).unwrap();
            Self(dir)
        }

        fn lock(&self, machine: &str, pid: u32) {
            symlink(format!("{machine}-{pid}"), user_data(self.0.path()).join(LOCK)).unwrap();
        }

        fn is_locked(&self) -> bool {
            lock_of(&user_data(self.0.path())).is_some()
        }

        fn cleared(&self) -> Result<()> {
            clear(self.0.path())
        }
    }

    fn here() -> String {
        host::hostname().unwrap()
    }

    #[test]
    fn the_lock_of_a_dead_process_goes_and_that_of_a_living_stranger_stays() {
        let folder = Folder::new();
        folder.lock(&here(), u32::MAX >> 8);
        folder.cleared().unwrap();
        assert!(!folder.is_locked());
        folder.lock(&here(), std::process::id());
        assert_eq!(folder.cleared().unwrap_err().status, 409);
        assert!(folder.is_locked());
    }

    #[test]
    fn a_lock_of_another_machine_goes_only_where_it_is_our_own() {
        let folder = Folder::new();
        folder.lock("old-name", 7);
        assert!(folder.cleared().is_err());
        let own = Started {
            pid: 7,
            started: Some(1),
            machine: Some("old-name".to_owned()),
            port: Port::known(1),
        };
        own.keep(folder.0.path()).unwrap();
        folder.cleared().unwrap();
        assert!(!folder.is_locked());
    }

    #[test]
    fn a_browser_that_outlived_its_gateway_is_ended_and_a_reused_number_is_not() {
        let folder = Folder::new();
        let flag = format!("--user-data-dir={}", user_data(folder.0.path()).display());
        let host = Host::fixed(&[], [("PATH", "/usr/bin:/bin")]);
        let call = CommandSpec::new("/bin/sh", ["-c", "sleep 600; true", "sh", &flag]);
        let mut old = host.spawn_group(&call).unwrap();
        let mut other = Started::now(old.pid(), Port::known(1));
        other.started = other.started.map(|start| start + 1);
        assert!(!other.is_alive(&user_data(folder.0.path())));
        Started::now(old.pid(), Port::known(1))
            .keep(folder.0.path())
            .unwrap();
        folder.cleared().unwrap();
        // It is gone for everybody else before its parent is told.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while old.poll_exit().is_none() {
            assert!(std::time::Instant::now() < deadline, "it lives on");
            std::thread::yield_now();
        }
    }
}
