//! The interface of a service manager: what systemd, launchd and the Windows Task Scheduler have in common.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::ManagerError;
use crate::i18n::{Msg, msg};
use crate::service_files::ServiceSpec;

/// A service manager that this program supports.
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
    /// Returns the service manager of the system for which this program was built.
    pub(crate) fn of_this_system() -> Self {
        match std::env::consts::OS {
            "macos" => Self::Launchd,
            "windows" => Self::Schtasks,
            _ => Self::Systemd,
        }
    }

    /// Returns the name of a service manager as its users know it.
    pub(crate) fn msg(self) -> Msg {
        match self {
            Self::Systemd => msg!("service.systemd"),
            Self::Launchd => msg!("service.launchd"),
            Self::Schtasks => msg!("service.schtasks"),
        }
    }

    /// Returns the stable name of a service manager, as `--json` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Launchd => "launchd",
            Self::Schtasks => "schtasks",
        }
    }
}

/// The run state of a service, such as running or stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum RunState {
    /// The instance has no service.
    NotInstalled,
    /// The service is installed and does not run.
    Stopped,
    /// The service is starting, or waits for its next start.
    Starting,
    /// The service runs; with its pid, or 0 where the manager does not tell it.
    Running(u32),
    /// The service is stopping.
    Stopping,
    /// The service failed, and the manager does not restart it.
    GaveUp,
    /// The service is masked (`systemctl mask`), so that nothing can start it.
    Masked,
    /// The answer of the manager does not contain the state.
    #[default]
    Unknown,
}

impl RunState {
    /// Returns the stable name of the state of a service, as `--json` has it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::NotInstalled => "not-installed",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running(_) => "running",
            Self::Stopping => "stopping",
            Self::GaveUp => "gave-up",
            Self::Masked => "masked",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the state of a service by its name in JSON documents; a name that this release does not know is an unknown state.
    pub(crate) fn from_name(name: &str) -> Self {
        let states = [
            Self::NotInstalled,
            Self::Stopped,
            Self::Starting,
            Self::Running(0),
            Self::Stopping,
            Self::GaveUp,
            Self::Masked,
        ];
        states
            .into_iter()
            .find(|state| state.name() == name)
            .unwrap_or_default()
    }
}

/// The cause of the end of a service's last run, as far as its manager tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// The manager ended the run in order, because somebody asked it to stop the service.
    Requested,
    /// The service has not run, its process ended, or the manager does not tell.
    #[default]
    Unknown,
}

/// The state of a service as its manager reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ServiceState {
    /// `true` if the manager has loaded the service.
    pub(super) loaded: bool,
    /// `true` if the manager starts the service at login or boot.
    pub(super) enabled: bool,
    /// The state in which the service is.
    pub(super) run: RunState,
    /// The exit code of the last run; `None` where it is unknown or a signal ended the run.
    pub(super) exit_code: Option<i32>,
    /// The time of the last change of the run state.
    pub(super) since: Option<SystemTime>,
    /// The cause of the end of the last run.
    pub(super) stop_cause: StopCause,
    /// Number of times that the manager restarted the service by itself.
    pub(super) restarts: u32,
    /// `true` if the service file has changed since the manager read it.
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

/// The operations of a service manager on one service. Every call ends within a time limit.
pub(super) trait ServiceManager {
    /// Returns the kind of a service manager: systemd, launchd or the Task Scheduler.
    fn kind(&self) -> ManagerKind;
    /// Returns the name by which the service manager knows a gateway's service.
    fn service_name(&self) -> &str;
    /// Returns the path of the file that defines a gateway's service for the service manager.
    fn file(&self) -> PathBuf;
    /// Returns the paths of all files that belong to a gateway's service, that of [`Self::file`] first.
    fn files(&self) -> Vec<PathBuf> {
        std::iter::once(self.file()).chain(self.timer_files()).collect()
    }
    /// Returns the paths of the files that belong to the timer of a service, whether or not it has one.
    fn timer_files(&self) -> Vec<PathBuf>;
    /// Returns the name by which the service manager knows the timer of a service.
    fn timer_name(&self) -> &str;
    /// Returns whether the timer of a service runs; `None` where the service manager does not tell.
    fn is_timer_active(&self) -> Option<bool>;
    /// Ends the timer of a service, and its start at login. Called before its files are removed.
    fn end_timer(&self) -> Result<(), ManagerError>;
    /// Renders the content of each of a service's [`Self::files`] in the same order, those of its timer only where it has one.
    fn render_files(&self, spec: &ServiceSpec) -> Vec<(PathBuf, Vec<u8>)>;
    /// Returns the lines of an installed service file that a user added by hand and that the `new` file lacks; empty
    /// where the form of the file does not tell them.
    fn added_lines(&self, _old: &str, _new: &str) -> Vec<String> {
        Vec::new()
    }
    /// Returns the command with which a user adds lines to a service for good; `None` where there is none.
    fn edit_command(&self) -> Option<String> {
        None
    }
    /// Returns whether the service manager can start a program at a path.
    fn can_start(&self, _program: &Path) -> bool {
        true
    }
    /// Returns whether a process of a gateway's service can install that service again.
    fn can_install_from_within(&self) -> bool {
        true
    }
    /// Returns the commands that install a service, to be shown to the user.
    fn install_commands(&self) -> Vec<String>;
    /// Checks that the service manager can be reached, and that it reads service files from the home folder of the
    /// instance.
    fn check_reachable(&self) -> Result<(), ManagerError>;
    /// Returns the state of a service as the service manager reports it.
    fn query_state(&self) -> Result<ServiceState, ManagerError>;
    /// Verifies a service file that was written to another folder under its final name.
    fn verify_file(&self, staged: &Path) -> Result<(), ManagerError>;
    /// Loads the files of a service into the service manager, and enables its start at every login.
    fn load(&self) -> Result<(), ManagerError>;
    /// Enables the start of a service at login without calling its service manager.
    fn enable_offline(&self) -> std::io::Result<()>;
    /// Starts a service, also where the service manager gave up on it, and waits until it is up. Does not wait where
    /// this process is part of the service.
    fn start(&self) -> Result<(), ManagerError>;
    /// Stops a service through its service manager; with `wait`, waits until it has ended.
    fn stop(&self, wait: bool) -> Result<(), ManagerError>;
    /// Restarts a service through its service manager; waits as [`Self::start`] does.
    fn restart(&self) -> Result<(), ManagerError>;
    /// Runs a service from the files that were just loaded, in place of a run from older files.
    fn restart_loaded(&self) -> Result<(), ManagerError> {
        self.restart()
    }
    /// Disables the start of a service at login through its service manager. Called before its files are removed.
    fn disable(&self) -> Result<(), ManagerError>;
    /// Disables the start of a service at login without calling its service manager.
    fn disable_offline(&self) -> std::io::Result<()> {
        Ok(())
    }
    /// Unloads a service from its service manager. Called after its files were removed.
    fn deregister(&self) -> Result<(), ManagerError> {
        Ok(())
    }
    /// Returns whether this process is part of the service of the instance.
    fn contains_this_process(&self) -> bool {
        false
    }
    /// Returns the last lines of output of a service, the oldest first, where the service manager keeps them.
    fn last_log_lines(&self, _count: usize) -> Vec<String> {
        Vec::new()
    }
}
