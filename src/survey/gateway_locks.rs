//! The lock files of gateways, by which a process proves that it is the gateway of an instance.
//!
//! A gateway of this program holds `gateway.lock` of its state folder open for as long as it lives. OpenClaw from npm
//! holds a file that names its config (docs/openclaw.md#gateway-lock), in a folder of the system for temporary files or
//! in its state folder. Either file also names its process. Both facts together are the proof: a file that is only open
//! may be read by a backup program that listens somewhere, and a number in a file may be of another container.

use std::cell::LazyCell;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use serde::Deserialize;

use super::instance::SurveyedInstance;
use crate::host::pid::{self, FileId};
use crate::host::{self, read};
use crate::instance::LOCK_FILE;
use crate::sync::map_concurrently;

/// Start of the name of each folder in which OpenClaw keeps the lock files of its gateways; the user's number
/// follows.
const OPENCLAW_LOCK_DIR_PREFIX: &str = "openclaw-";

/// The lock files of the gateways of the instances that a survey found, as they were read once.
pub(super) struct GatewayLocks<'a> {
    instances: &'a [SurveyedInstance],
    /// Lock files of this program's gateways by their identity, each with the index of its instance and the process that
    /// it names.
    native: HashMap<FileId, (usize, u32)>,
    /// Files that may be locks of OpenClaw's gateways, as they were listed once.
    openclaw: Vec<PathBuf>,
}

/// The values of a gateway's lock file that identify the gateway.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LockContent {
    pid: u32,
    /// Path of the config, which only the locks of OpenClaw from npm contain.
    config_path: Option<PathBuf>,
    /// Time at which the file was made, which only the locks of OpenClaw from npm contain.
    created_at: Option<String>,
}

/// A process that is proved, by the lock file of OpenClaw from npm which it has open, to be an instance's gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenclawLockHolder {
    /// Process id of the gateway.
    pub(crate) pid: u32,
    /// Time at which the gateway took its lock, which it does some seconds after its start.
    pub(crate) started: Option<SystemTime>,
}

/// Finds the process that holds the lock of OpenClaw from npm for the instance with this config, whether it listens or
/// not: a gateway that is starting or ending does not.
pub(crate) fn find_openclaw_lock_holder(state_dir: &Path, config_path: &Path) -> Option<OpenclawLockHolder> {
    SharedLocks::default().find_holder(state_dir, config_path)
}

/// The locks of OpenClaw's gateways in the folder for temporary files, which all instances have in common. They are read
/// once, for a look at several instances at one moment.
#[derive(Debug, Default)]
pub(crate) struct SharedLocks(OnceLock<Vec<HeldLock>>);

/// A lock of OpenClaw that a process holds.
#[derive(Debug)]
struct HeldLock {
    /// The config of the gateway, links followed.
    real_config: PathBuf,
    holder: OpenclawLockHolder,
}

impl SharedLocks {
    /// Finds the process that holds the lock of OpenClaw for an instance, as [`find_openclaw_lock_holder`] does.
    pub(crate) fn find_holder(&self, state_dir: &Path, config_path: &Path) -> Option<OpenclawLockHolder> {
        let own = held_locks_in(&state_dir.join("tmp"));
        let shared = self.0.get_or_init(|| held_locks_in(&host::temp_dir()));
        let config = LazyCell::new(|| read::canonicalize_existing(config_path));
        let mut locks = own.iter().chain(shared);
        let held = locks.find(|lock| lock.real_config == *config)?;
        Some(held.holder)
    }
}

/// Returns the locks of OpenClaw in a folder that processes hold. Files that ended gateways left are none.
fn held_locks_in(folder: &Path) -> Vec<HeldLock> {
    let held = |file: &PathBuf| {
        let content = LockContent::read(file)?;
        // Only Linux tells which files a process has open.
        let is_open = pid::has_open(content.pid, file).unwrap_or(!cfg!(target_os = "linux"));
        let config = content.config_path.filter(|_| is_open)?;
        let created = content.created_at.as_deref();
        Some(HeldLock {
            real_config: read::canonicalize_existing(&config),
            holder: OpenclawLockHolder {
                pid: content.pid,
                started: created.and_then(|text| humantime::parse_rfc3339(text).ok()),
            },
        })
    };
    openclaw_locks_in(folder).iter().filter_map(held).collect()
}

impl LockContent {
    /// Reads the lock file of a gateway; `None` where it can't be parsed.
    fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&read::bytes(file).ok()?).ok()
    }

    /// Reads the lock file of a gateway, with the identity of the file; `None` where it can't be parsed.
    fn read_with_id(file: &Path) -> Option<(FileId, Self)> {
        let content = Self::read(file)?;
        Some((pid::file_id(file)?, content))
    }
}

impl<'a> GatewayLocks<'a> {
    /// Reads the lock files of this program's gateways, and lists those of OpenClaw, which are read when a process is asked
    /// about.
    pub(super) fn read(instances: &'a [SurveyedInstance]) -> Self {
        let look = |instance: &SurveyedInstance| {
            let native = LockContent::read_with_id(&instance.state_dir.join(LOCK_FILE));
            (native, openclaw_locks_of(instance))
        };
        let mut locks = Self {
            instances,
            native: HashMap::new(),
            openclaw: Vec::new(),
        };
        let found = map_concurrently(instances, look);
        for (index, (native, openclaw)) in found.into_iter().enumerate() {
            locks
                .native
                .extend(native.map(|(id, content)| (id, (index, content.pid))));
            locks.openclaw.extend(openclaw);
        }
        if !instances.is_empty() {
            locks.openclaw.extend(openclaw_locks_in(&host::temp_dir()));
        }
        locks
    }

    /// Returns the processes that the lock files of these instances name. They may have ended, or be of another container.
    pub(super) fn named_pids(&self) -> BTreeSet<u32> {
        let native = self.native.values().map(|(_, pid)| *pid);
        let openclaw = self.openclaw.iter().filter_map(|file| {
            let content = LockContent::read(file)?;
            self.instance_of_config(&content.config_path?)?;
            Some(content.pid)
        });
        native.chain(openclaw).collect()
    }

    /// Returns the index of the instance whose gateway the process with this pid is.
    pub(super) fn instance_of(&self, pid: u32) -> Option<usize> {
        let Some(open) = pid::open_files(pid, is_lock_name) else {
            return self.instance_by_content(pid);
        };
        let mut files = open.iter();
        files.find_map(|file| {
            let native = self.native.get(&file.id).filter(|(_, named)| *named == pid);
            let native = native.map(|(index, _)| *index);
            native.or_else(|| self.instance_of_openclaw_lock(&file.path, pid))
        })
    }

    /// Returns the index of the instance whose gateway lock file names this process, where the system does not tell
    /// which files a process has open.
    fn instance_by_content(&self, pid: u32) -> Option<usize> {
        let native = self.native.values().find(|(_, named)| *named == pid);
        native.map(|(index, _)| *index).or_else(|| {
            let own = self.instances.iter().flat_map(openclaw_locks_of);
            let mut files = own.chain(openclaw_locks_in(&host::temp_dir()));
            files.find_map(|file| self.instance_of_openclaw_lock(&file, pid))
        })
    }

    /// Returns the index of the instance that a lock file of OpenClaw names, where it also names this process.
    fn instance_of_openclaw_lock(&self, file: &Path, pid: u32) -> Option<usize> {
        let content = LockContent::read(file).filter(|content| content.pid == pid)?;
        self.instance_of_config(&content.config_path?)
    }

    /// Returns the index of the instance with this config, links followed.
    pub(super) fn instance_of_config(&self, config: &Path) -> Option<usize> {
        let real = read::canonicalize_existing(config);
        self.instances
            .iter()
            .position(|instance| instance.real_config == real)
    }
}

/// Returns whether a file may be the lock file of a gateway, by its name: `gateway.lock`, `gateway.5f0c1d2e.lock`.
fn is_lock_name(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"gateway.") && name.ends_with(b".lock")
}

/// Returns the files in an instance's state folder that may be locks of OpenClaw's gateways.
fn openclaw_locks_of(instance: &SurveyedInstance) -> Vec<PathBuf> {
    openclaw_locks_in(&instance.state_dir.join("tmp"))
}

/// Returns the files in a folder that may be locks of OpenClaw's gateways.
fn openclaw_locks_in(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_lock_dir = |name: &OsStr| {
        name.as_encoded_bytes()
            .starts_with(OPENCLAW_LOCK_DIR_PREFIX.as_bytes())
    };
    entries(folder)
        .filter(|entry| is_lock_dir(&entry.file_name()))
        .flat_map(|folder| entries(&folder.path()))
        .filter(|entry| is_lock_name(&entry.file_name()))
        .map(|entry| entry.path())
        .collect()
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "the tests hold lock files open")]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::survey::tests::Home;

    #[test]
    fn open_lock_file_proves_a_gateway_and_its_mere_content_does_not() {
        let home = Home::new();
        home.write(".openclaw/openclaw.json", "{gateway: {port: 20789}}");
        let config = home.write(".openclaw-rescue/openclaw.json", "{gateway: {port: 21789}}");
        let survey = home.survey();
        let own_pid = std::process::id();
        let label = || {
            let index = GatewayLocks::read(&survey.instances).instance_of(own_pid)?;
            Some(survey.instances[index].label.clone())
        };
        let native = home.write(".openclaw/gateway.lock", format!("{{\"pid\": {own_pid}}}"));
        let content = |pid: u32| serde_json::json!({"pid": pid, "configPath": config}).to_string();
        let of_openclaw = home.write("tmp/openclaw-0/gateway.5f0c1d2e.lock", content(own_pid));
        assert_eq!(label(), None, "nobody has them open");
        let held = File::open(&native).unwrap();
        assert_eq!(label().as_deref(), Some("default"));
        home.write(".openclaw/gateway.lock", format!("{{\"pid\": {}}}", own_pid + 1));
        assert_eq!(label(), None, "it is open and names another process");
        drop(held);
        let held = File::open(&of_openclaw).unwrap();
        assert_eq!(label().as_deref(), Some("rescue"));
        std::fs::remove_file(&of_openclaw).unwrap();
        assert_eq!(
            label().as_deref(),
            Some("rescue"),
            "it was removed while it is held"
        );
        assert_eq!(
            find_openclaw_lock_holder(&home.path(".openclaw-rescue"), &config),
            None,
            "it is looked for in the folders of OpenClaw only"
        );
        drop(held);
        let _held = File::open(home.write("tmp/openclaw-0/gateway.5f0c1d2e.lock", content(own_pid + 1)));
        assert_eq!(label(), None, "it is the lock of another process");
    }

    #[test]
    fn holder_of_the_lock_of_openclaw_is_found_although_it_does_not_listen() {
        let home = Home::new();
        let state = home.path(".openclaw-rescue");
        let config = home.write(".openclaw-rescue/openclaw.json", "{}");
        let own_pid = std::process::id();
        let created = "2026-11-28T23:21:31.636Z";
        let text =
            serde_json::json!({"pid": own_pid, "configPath": config, "createdAt": created}).to_string();
        // OpenClaw 2026.9.6 pads the file with blanks and tabs.
        let lock = home.write(
            ".openclaw-rescue/tmp/openclaw-0/gateway.5f0c1d2e.lock",
            text + " \t \n",
        );
        assert_eq!(
            find_openclaw_lock_holder(&state, &config),
            None,
            "nobody has it open"
        );
        let _held = File::open(&lock).unwrap();
        let holder = find_openclaw_lock_holder(&state, &config).unwrap();
        assert_eq!(holder.pid, own_pid);
        assert_eq!(holder.started, humantime::parse_rfc3339(created).ok());
        let other = home.write(".openclaw/openclaw.json", "{}");
        assert_eq!(
            find_openclaw_lock_holder(&state, &other),
            None,
            "it is of another config"
        );
    }

    #[test]
    fn lock_files_of_openclaw_are_listed() {
        let home = Home::new();
        let lock = home.write("tmp/openclaw-0/gateway.5f0c1d2e.lock", "{}");
        home.write("tmp/openclaw-0/gateway.5f0c1d2e.lock.sqlite", "");
        home.write("tmp/other/gateway.5f0c1d2e.lock", "{}");
        assert_eq!(openclaw_locks_in(&home.path("tmp")), [lock]);
    }
}
