//! The interface of a service manager: what systemd, launchd and the Windows Task Scheduler have in common.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::ManagerError;
use crate::service_files::ServiceSpec;

/// A kind of service manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ManagerKind {
    /// systemd's manager of the user, on Linux.
    Systemd,
    /// launchd, on macOS.
    Launchd,
    /// The Task Scheduler, on Windows.
    Schtasks,
}

impl ManagerKind {
    /// Returns the manager of the system for which this program was built.
    pub(crate) fn of_this_system() -> Self {
        match std::env::consts::OS {
            "macos" => Self::Launchd,
            "windows" => Self::Schtasks,
            _ => Self::Systemd,
        }
    }

    /// Returns the stable name, as `--json` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Launchd => "launchd",
            Self::Schtasks => "schtasks",
        }
    }
}

/// What a service does at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum RunState {
    /// The instance has no service.
    NotInstalled,
    /// The service is installed and does not run.
    Stopped,
    /// The service starts, or waits for its next start.
    Starting,
    /// The service runs as this process; 0 where the manager does not tell the process.
    Running(u32),
    /// The service is about to end.
    Stopping,
    /// The service failed, and the manager does not start it again.
    GaveUp,
    /// The manager's answer says nothing of it.
    #[default]
    Unknown,
}

impl RunState {
    /// Returns the stable name, as `--json` has it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::NotInstalled => "not-installed",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running(_) => "running",
            Self::Stopping => "stopping",
            Self::GaveUp => "gave-up",
            Self::Unknown => "unknown",
        }
    }
}

/// The state of a service as its manager reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServiceState {
    /// Whether the manager knows the service.
    pub(super) loaded: bool,
    /// Whether the manager starts the service at login or boot.
    pub(super) enabled: bool,
    /// What the service does.
    pub(super) run: RunState,
    /// The exit code of the last run; `None` where it is unknown or a signal ended the run.
    pub(super) exit_code: Option<i32>,
    /// The time of the last change of the run state.
    pub(super) since: Option<SystemTime>,
    /// How often the manager started the service again by itself.
    pub(super) restarts: u32,
    /// Whether the service file is newer than what the manager has read of it.
    pub(super) stale: bool,
}

impl ServiceState {
    /// Returns the state of a service that is not installed.
    pub(super) fn not_installed() -> Self {
        Self {
            run: RunState::NotInstalled,
            ..Self::default()
        }
    }
}

/// A service manager and one service of it. Every call ends within a time limit.
pub(super) trait ServiceManager {
    /// Returns the kind of the manager.
    fn kind(&self) -> ManagerKind;
    /// Returns the name that the manager knows the service by.
    fn service_name(&self) -> &str;
    /// Returns the path of the file that defines the service.
    fn file(&self) -> PathBuf;
    /// Returns the paths of all files that belong to the service, that of [`Self::file`] first.
    fn files(&self) -> Vec<PathBuf> {
        vec![self.file()]
    }
    /// Renders the content of each of [`Self::files`], in the same order.
    fn render_files(&self, spec: &ServiceSpec) -> Vec<(PathBuf, Vec<u8>)>;
    /// Returns whether the manager can start a program at a path.
    fn can_start(&self, _program: &Path) -> bool {
        true
    }
    /// Returns whether a process of the service can install the service anew.
    fn can_install_from_within(&self) -> bool {
        true
    }
    /// Returns the commands of an installation, for people to read.
    fn install_commands(&self) -> Vec<String>;
    /// Checks that the manager can be asked, and that it is the one that will read the service's files.
    fn check_reachable(&self) -> Result<(), ManagerError>;
    /// Asks for the state of the service.
    fn query_state(&self) -> Result<ServiceState, ManagerError>;
    /// Checks a service file that lies in another folder, under its own name.
    fn verify_file(&self, staged: &Path) -> Result<(), ManagerError>;
    /// Loads the files of the service, and starts it at every login from now on.
    fn load(&self) -> Result<(), ManagerError>;
    /// Has the service started from the next login on, without the manager.
    fn enable_offline(&self) -> std::io::Result<()>;
    /// Starts the service, also one that gave up, and waits until it is up. From within the service, only asks for
    /// the start.
    fn start(&self) -> Result<(), ManagerError>;
    /// Stops the service; with `wait`, returns once it has ended.
    fn stop(&self, wait: bool) -> Result<(), ManagerError>;
    /// Stops and starts the service; waits as [`Self::start`] does.
    fn restart(&self) -> Result<(), ManagerError>;
    /// Runs the files that were just loaded, and ends what ran before them.
    fn restart_loaded(&self) -> Result<(), ManagerError> {
        self.restart()
    }
    /// Has the service started at no login any more; called before its files are removed.
    fn disable(&self) -> Result<(), ManagerError>;
    /// Has the service started at no login any more, without the manager.
    fn disable_offline(&self) -> std::io::Result<()> {
        Ok(())
    }
    /// Makes the manager forget the service; called after its files were removed.
    fn deregister(&self) -> Result<(), ManagerError> {
        Ok(())
    }
    /// Returns whether this process is part of the service.
    fn contains_this_process(&self) -> bool {
        false
    }
    /// Returns the last lines that the service wrote, the oldest first, where the manager keeps them.
    fn last_log_lines(&self, _count: usize) -> Vec<String> {
        Vec::new()
    }
}
