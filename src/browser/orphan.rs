//! Browsers that outlived the gateway that started them, and the locks that they left in their folders.
//!
//! The folder of a browser profile holds `process.json`: the process that was started for it, and its start time. A
//! process id alone proves nothing, because the system may have given it to another process; the id with the start
//! time does, and so does the folder in the process's command line. Where a gateway was killed before it wrote that
//! file, the lock that Chromium itself makes in its folder names the process. A lock is removed only where its
//! process is dead or was started by this program.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use super::port_owner::{debugging_port, uses_folder};
use super::{BrowserError, Result};
use crate::apply;
use crate::host::{self, pid, ports, read};
use crate::i18n::msg;
use crate::ports::Port;

/// Name of the file `process.json` in the folder of a browser profile, which identifies the browser process.
const PROCESS_FILE: &str = "process.json";
/// Name of the lock that Chromium keeps in its user-data folder while it runs: a symbolic link to `HOST-PID`.
const SINGLETON_LOCK: &str = "SingletonLock";
/// Names of Chromium's lock in a user-data folder and of the files that Chromium makes along with it.
const SINGLETON_FILES: [&str; 3] = [SINGLETON_LOCK, "SingletonCookie", "SingletonSocket"];
/// Time that a browser is given to exit after SIGTERM, before it is killed (docs/openclaw.md#browser-stop).
pub(super) const STOP_TIMEOUT: Duration = Duration::from_millis(2500);
/// Time without a change of a user-data folder after which a lock of another host counts as left behind.
const FOREIGN_LOCK_IDLE_TIME: Duration = Duration::from_mins(1);
/// Interval at which a browser that was asked to exit is checked.
pub(super) const STOP_POLL_INTERVAL: Duration = Duration::from_millis(20);

/// The content of `process.json` in the folder of a browser profile: the browser process that a gateway started.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct ProcessFile {
    /// The process id.
    pid: u32,
    /// The start time of the process, where the system tells it ([`pid::start_time`]).
    started: Option<u64>,
    /// The host name, in the form in which Chromium's lock has it.
    machine: Option<String>,
    /// The debugging port.
    port: Port,
}

impl ProcessFile {
    /// Creates the content of `process.json` for a browser process that was just started.
    pub(super) fn for_process(pid: u32, port: Port) -> Self {
        Self {
            pid,
            started: pid::start_time(pid),
            machine: host::hostname(),
            port,
        }
    }

    /// Reads `process.json`, which identifies the browser process, in the folder of a browser profile. `None` where
    /// it is missing or not readable.
    fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&read::bytes(&folder.join(PROCESS_FILE)).ok()?).ok()
    }

    /// Writes `process.json`, which identifies the browser process, into the folder of a browser profile.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let text = json!({
            "pid": self.pid, "started": self.started, "machine": self.machine, "port": self.port,
        });
        Ok(apply::write_file(
            &folder.join(PROCESS_FILE),
            text.to_string().as_bytes(),
        )?)
    }

    /// Tells whether exactly the browser process that `process.json` names still runs on the user-data folder. An
    /// exiting process has no command line any more but keeps its port for a moment: it counts as running.
    fn is_alive(&self, user_data: &Path) -> bool {
        match (self.started, pid::start_time(self.pid)) {
            (Some(recorded), Some(current)) => {
                let arguments = command_line(self.pid);
                recorded == current && (arguments.is_empty() || uses_folder(&arguments, user_data))
            }
            (Some(_), None) => false,
            (None, _) => pid::is_alive(self.pid) && uses_folder(&command_line(self.pid), user_data),
        }
    }
}

/// Removes the `process.json` of a browser profile after the browser has exited.
pub(super) fn remove_process_file(folder: &Path) {
    // A file that stays names a dead process, which a later reader notices.
    let _ = apply::remove_file(&folder.join(PROCESS_FILE));
}

/// Returns the command line of a process by its pid. Empty where this user may not read it, or while the process
/// exits.
fn command_line(pid: u32) -> Vec<String> {
    ports::arguments_and_env(pid, "OPENCLAW_").0
}

/// Reads the host name and the process id from Chromium's lock in a user-data folder.
fn read_lock(user_data: &Path) -> Option<(String, u32)> {
    let target = std::fs::read_link(user_data.join(SINGLETON_LOCK)).ok()?;
    let (machine, pid) = target.to_str()?.rsplit_once('-')?;
    Some((machine.to_owned(), pid.parse().ok()?))
}

/// A running browser that was started by a gateway which no longer runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OrphanedBrowser {
    /// The process id.
    pub(crate) pid: u32,
    /// The debugging port, where the process file or the command line names it.
    pub(crate) port: Option<Port>,
}

/// Finds the browser that runs on the folder of a browser profile: the one that `process.json` names, else the one
/// that holds Chromium's lock.
pub(super) fn find_on_folder(folder: &Path) -> Option<OrphanedBrowser> {
    let user_data = user_data_folder(folder);
    if let Some(file) = ProcessFile::read(folder).filter(|file| file.is_alive(&user_data)) {
        let (pid, port) = (file.pid, Some(file.port));
        return Some(OrphanedBrowser { pid, port });
    }
    // The name of the host may have changed since; a process here that uses the folder is proof enough.
    let (_, pid) = read_lock(&user_data)?;
    let arguments = command_line(pid);
    let port = debugging_port(&arguments);
    uses_folder(&arguments, &user_data).then_some(OrphanedBrowser { pid, port })
}

/// Tells whether the host name in Chromium's lock of a user-data folder is that of this host.
fn is_this_host(machine: &str) -> bool {
    host::hostname().is_some_and(|name| name == machine)
}

/// Asks every browser of an instance that outlived an earlier gateway to exit, without waiting. `browsers` is the
/// folder that holds the folders of all browser profiles.
pub(super) fn request_end_of_all(browsers: &Path) {
    let folders = std::fs::read_dir(browsers).into_iter().flatten().flatten();
    for orphan in folders.filter_map(|entry| find_on_folder(&entry.path())) {
        tracing::warn!(pid = orphan.pid, "stopping a browser of an earlier run");
        pid::request_end(orphan.pid);
    }
}

/// Returns the user-data folder within the folder of a browser profile.
pub(super) fn user_data_folder(folder: &Path) -> PathBuf {
    folder.join("user-data")
}

/// Prepares the folder of a browser profile for a start of the browser: stops an orphaned browser and removes
/// Chromium's lock. Blocks for as long as that takes, a few seconds at most.
///
/// # Errors
/// 409 where a living process that was not started by this program holds the lock.
pub(super) fn clear_folder(folder: &Path) -> Result<()> {
    let user_data = user_data_folder(folder);
    // Twice: the browser of the process file and the one that holds the lock may be two.
    for _ in 0..2 {
        if let Some(orphan) = find_on_folder(folder) {
            stop_process(orphan.pid);
        }
    }
    let Some((machine, pid)) = read_lock(&user_data) else {
        return Ok(());
    };
    // An exiting process has no command line any more, but keeps the lock for a moment.
    let deadline = Instant::now() + ports::SOCKET_RELEASE_TIMEOUT;
    let is_exiting = || pid::is_alive(pid) && command_line(pid).is_empty();
    while is_exiting() && Instant::now() < deadline {
        std::thread::sleep(STOP_POLL_INTERVAL);
    }
    let is_local = is_this_host(&machine);
    let is_recorded = ProcessFile::read(folder)
        .is_some_and(|file| file.pid == pid && file.machine.as_ref() == Some(&machine));
    let lock_path = user_data.join(SINGLETON_LOCK);
    let hint = msg!("browser.remove-lock", path = lock_path.display());
    if !is_local && !is_recorded && is_used_elsewhere(&user_data) {
        let used = msg!(
            "browser.folder-elsewhere",
            path = user_data.display(),
            pid = pid,
            machine = machine,
            seconds = FOREIGN_LOCK_IDLE_TIME.as_secs()
        );
        return Err(BrowserError::conflict(used).hint(hint));
    }
    if is_local && pid::is_alive(pid) && !is_recorded {
        let name = pid::process_name(pid).unwrap_or_else(|| "?".to_owned());
        let used = msg!(
            "browser.folder-locked",
            path = user_data.display(),
            name = name,
            pid = pid,
            machine = machine
        );
        return Err(BrowserError::conflict(used).hint(hint));
    }
    for file in SINGLETON_FILES {
        // A file that cannot be removed keeps Chromium from starting, which Chromium then reports itself.
        let _ = apply::remove_file(&user_data.join(file));
    }
    Ok(())
}

/// Tells whether a browser on another host may use a user-data folder whose lock names that host.
///
/// The gateway that asks holds the lock of the instance, so that no other gateway started a browser there, and the lock of a
/// container that was made anew names a host that is gone for ever. A browser that does run writes into its folder.
fn is_used_elsewhere(user_data: &Path) -> bool {
    let entries = std::fs::read_dir(user_data).into_iter().flatten().flatten();
    let is_lock = |path: &PathBuf| SINGLETON_FILES.iter().any(|name| path.ends_with(name));
    let paths = entries.map(|entry| entry.path()).filter(|path| !is_lock(path));
    let now = host::now();
    paths.chain([user_data.to_owned()]).any(|path| {
        let changed = std::fs::symlink_metadata(path).and_then(|meta| meta.modified());
        // A time in the future is that of another clock.
        changed.is_ok_and(|at| now.duration_since(at).unwrap_or_default() < FOREIGN_LOCK_IDLE_TIME)
    })
}

/// Stops a browser process: SIGTERM, then SIGKILL after [`STOP_TIMEOUT`]. What is left of its process group is
/// killed too: a helper that goes on writing would disturb the next browser on the folder.
pub(super) fn stop_process(pid: u32) {
    let start = pid::start_time(pid);
    pid::request_end(pid);
    let deadline = Instant::now() + STOP_TIMEOUT;
    while pid::is_alive(pid) && pid::start_time(pid) == start {
        if Instant::now() >= deadline {
            pid::kill(pid);
        }
        if Instant::now() >= deadline + STOP_TIMEOUT {
            break;
        }
        std::thread::sleep(STOP_POLL_INTERVAL);
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

    /// A temporary folder of a browser profile, for tests.
    struct TestFolder(tempfile::TempDir);

    impl TestFolder {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(user_data_folder(dir.path())).unwrap();
            Self(dir)
        }

        /// Makes the lock that Chromium would make in a test's user-data folder.
        fn lock(&self, machine: &str, pid: u32) {
            let lock = user_data_folder(self.0.path()).join(SINGLETON_LOCK);
            symlink(format!("{machine}-{pid}"), lock).unwrap();
        }

        fn is_locked(&self) -> bool {
            read_lock(&user_data_folder(self.0.path())).is_some()
        }

        fn clear(&self) -> Result<()> {
            clear_folder(self.0.path())
        }
    }

    fn hostname() -> String {
        host::hostname().unwrap()
    }

    #[test]
    fn lock_of_a_dead_process_is_removed_and_lock_of_a_living_one_is_kept() {
        let folder = TestFolder::new();
        folder.lock(&hostname(), u32::MAX >> 8);
        folder.clear().unwrap();
        assert!(!folder.is_locked());
        folder.lock(&hostname(), std::process::id());
        assert_eq!(folder.clear().unwrap_err().status, 409);
        assert!(folder.is_locked());
    }

    #[test]
    fn lock_of_a_host_that_is_gone_is_removed_once_the_folder_is_idle() {
        let folder = TestFolder::new();
        let user_data = user_data_folder(folder.0.path());
        std::fs::write(user_data.join("Local State"), "{}").unwrap();
        folder.lock("gone-container", 32);
        let used = folder.clear().unwrap_err();
        assert_eq!(
            (used.status, used.error.code()),
            (409, "browser.folder-elsewhere")
        );
        let idle = host::now() - FOREIGN_LOCK_IDLE_TIME;
        let set_idle = |path: &Path| std::fs::File::open(path).unwrap().set_modified(idle).unwrap();
        set_idle(&user_data.join("Local State"));
        set_idle(&user_data);
        folder.clear().unwrap();
        assert!(!folder.is_locked());
    }

    #[test]
    fn lock_of_another_host_is_removed_at_once_where_the_process_file_has_it() {
        let folder = TestFolder::new();
        folder.lock("old-name", 7);
        assert!(folder.clear().is_err());
        let file = ProcessFile {
            pid: 7,
            started: Some(1),
            machine: Some("old-name".to_owned()),
            port: Port::known(1),
        };
        file.write(folder.0.path()).unwrap();
        folder.clear().unwrap();
        assert!(!folder.is_locked());
    }

    #[test]
    fn orphaned_browser_is_stopped_and_a_reused_pid_is_not_taken_for_it() {
        let folder = TestFolder::new();
        let user_data = user_data_folder(folder.0.path());
        let flag = format!("--user-data-dir={}", user_data.display());
        let host = Host::fixed(&[], [("PATH", "/usr/bin:/bin")]);
        let spec = CommandSpec::new("/bin/sh", ["-c", "sleep 600; true", "sh", &flag]);
        let mut orphan = host.spawn_group(&spec).unwrap();
        let mut later = ProcessFile::for_process(orphan.pid(), Port::known(1));
        later.started = later.started.map(|start| start + 1);
        assert!(!later.is_alive(&user_data));
        ProcessFile::for_process(orphan.pid(), Port::known(1))
            .write(folder.0.path())
            .unwrap();
        folder.clear().unwrap();
        // The process is gone for others before its parent has reaped it.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while orphan.poll_exit().is_none() {
            assert!(std::time::Instant::now() < deadline, "the process still runs");
            std::thread::yield_now();
        }
    }
}
