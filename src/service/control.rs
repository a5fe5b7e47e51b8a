//! Queries, starts and stops the service of an instance. The outcome of an action is read from the manager afterwards,
//! not taken from the exit code of its tool.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::ManagerError;
use super::launchd::Launchd;
use super::manager::{ManagerKind, RunState, ServiceManager, ServiceState, StopCause};
use super::schtasks::Schtasks;
use super::systemd::Systemd;
use crate::error::{Error, ErrorKind, Result};
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::instance::InstanceContext;
use crate::survey;

/// Number of log lines that are shown with the error of a service that did not start.
const FAILURE_LINE_COUNT: usize = 5;

/// The service of an instance as it is installed and as it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceStatus {
    /// The kind of the service manager.
    pub(crate) manager: ManagerKind,
    /// The name that the manager knows the service by: `openclaw-gateway-rescue.service`.
    pub(crate) name: String,
    /// The file that defines the service; `None` where there is none.
    pub(crate) file: Option<PathBuf>,
    /// `true` if the service starts at login or boot.
    pub(crate) enabled: bool,
    /// The state in which the service is.
    pub(crate) state: RunState,
    /// The exit code of the last run, where known.
    pub(crate) exit_code: Option<i32>,
    /// The time of the last change of the state, where known.
    pub(crate) since: Option<SystemTime>,
    /// The cause of the end of the last run.
    pub(crate) stop_cause: StopCause,
    /// Number of times that the manager restarted the service by itself.
    pub(crate) restarts: u32,
}

/// The outcome of an action, such as a start or stop, on a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActionOutcome {
    /// The service was installed and started.
    Installed,
    /// The service was already installed, with the same files, and running.
    AlreadyInstalled,
    /// The service was stopped and its files were removed.
    Uninstalled,
    /// The service was started, or ran already.
    Started,
    /// The service was stopped.
    Stopped,
    /// The service was stopped and started.
    Restarted,
    /// The instance has no service, so nothing was done.
    NotInstalled,
}

impl ActionOutcome {
    /// Returns the stable name of the outcome of an action on a service, as `--json` has it
    /// (docs/openclaw.md#service-results).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::AlreadyInstalled => "already-installed",
            Self::Uninstalled => "uninstalled",
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Restarted => "restarted",
            Self::NotInstalled => "not-loaded",
        }
    }
}

/// The report of an action on a service that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ActionReport {
    /// The outcome of the action.
    pub(crate) outcome: ActionOutcome,
    /// The status of the service after the action.
    pub(crate) status: ServiceStatus,
    /// The notices to show to the user.
    pub(crate) notices: Vec<Msg>,
}

/// The gateway service of one instance, and the service manager that runs it.
pub(super) struct ServiceControl<'a> {
    pub(super) context: InstanceContext<'a>,
    pub(super) manager: Box<dyn ServiceManager + 'a>,
}

impl<'a> ServiceControl<'a> {
    /// Returns the control of an instance's gateway service by the service manager of this system.
    pub(super) fn new(context: InstanceContext<'a>) -> Self {
        let manager: Box<dyn ServiceManager> = match ManagerKind::of_this_system() {
            ManagerKind::Systemd => Box::new(Systemd::new(context)),
            ManagerKind::Launchd => Box::new(Launchd::new(context)),
            ManagerKind::Schtasks => Box::new(Schtasks::new(context)),
        };
        Self { context, manager }
    }

    /// Returns the config with which the installed service file starts a gateway, where that is not the config of this
    /// instance: two instances may have the same profile and differ only by their paths.
    pub(super) fn config_of_another_instance(&self) -> Option<PathBuf> {
        let config = survey::config_of_service(&self.manager.file(), self.context.env)?;
        let resolved = |path: &Path| read::canonicalize_existing(path);
        (resolved(&config) != resolved(&self.context.instance.config_path)).then_some(config)
    }

    /// Fails where the installed service file starts another instance.
    pub(super) fn refuse_another_instance(&self) -> Result<()> {
        match self.config_of_another_instance() {
            Some(config) => Err(Error::failed(msg!(
                "service.other-instance",
                name = self.manager.service_name(),
                config = config.display()
            ))),
            None => Ok(()),
        }
    }

    /// Fails where the installed service file starts a program that is no gateway: the name of the file alone does not
    /// make it a file of OpenClaw's.
    pub(super) fn refuse_other_program(&self) -> Result<()> {
        match survey::other_program_of_service(&self.manager.file(), self.context.env) {
            Some(program) => Err(Error::failed(msg!(
                "service.other-program",
                path = self.manager.file().display(),
                program = program
            ))),
            None => Ok(()),
        }
    }

    /// Describes an error of the service manager for the user.
    pub(super) fn describe(&self, error: &ManagerError) -> Error {
        error.describe(self.context.instance, self.manager.service_name(), None)
    }

    /// Asks the service manager for the state of an instance's service.
    pub(super) fn query_state(&self) -> Result<ServiceState> {
        self.manager.query_state().map_err(|error| self.describe(&error))
    }

    fn query_status(&self) -> Result<ServiceStatus> {
        Ok(self.status_from(self.query_state()?))
    }

    /// Converts the state that a service manager reported to the status of an instance's service.
    pub(super) fn status_from(&self, state: ServiceState) -> ServiceStatus {
        ServiceStatus {
            manager: self.manager.kind(),
            name: self.manager.service_name().to_owned(),
            file: Some(self.manager.file()).filter(|file| file.exists()),
            enabled: state.enabled,
            state: state.run,
            exit_code: state.exit_code,
            since: state.since,
            stop_cause: state.stop_cause,
            restarts: state.restarts,
        }
    }

    /// Returns the run state of an instance's installed service; `None` where none is installed. Fails where the
    /// service belongs to another instance.
    fn installed_state(&self) -> Result<Option<RunState>> {
        let status = self.query_status()?;
        self.refuse_another_instance()?;
        Ok(Some(status.state).filter(|state| *state != RunState::NotInstalled))
    }

    /// Returns the error of a service that did not start, by its exit code and its last log lines.
    fn start_failure(&self, status: &ServiceStatus) -> Error {
        let name = self.manager.service_name();
        let error = match status.exit_code {
            Some(code) => {
                let msg = msg!("service.did-not-start", name = name, code = code);
                match ErrorKind::from_exit_code(code) {
                    Some(ErrorKind::Blocked) => Error::blocked(msg),
                    _ => Error::failed(msg),
                }
            }
            None => Error::failed(msg!("service.did-not-come-up", name = name)),
        };
        let lines = self.manager.last_log_lines(FAILURE_LINE_COUNT);
        let error = if lines.is_empty() {
            error
        } else {
            error.because(anyhow::anyhow!("{}", lines.join("\n  ")))
        };
        error.hint(msg!(
            "service.look",
            command = format!("{} gateway status", self.context.instance.command())
        ))
    }

    /// Reports the start of a service by the state of the service afterwards. `started` is the result of the
    /// manager's tool.
    pub(super) fn verify_running(
        &self,
        started: Result<(), ManagerError>,
        outcome: ActionOutcome,
    ) -> Result<ActionReport> {
        if self.manager.contains_this_process() {
            started.map_err(|error| self.describe(&error))?;
            let notices = vec![msg!("service.from-inside", name = self.manager.service_name())];
            return self.report(outcome, notices);
        }
        let status = self.query_status()?;
        match (started, &status.state) {
            // A manager may answer before the process exists. Where another request came in between (a second
            // restart), the tool fails although the service runs.
            (Ok(()), RunState::Starting) | (Ok(()) | Err(ManagerError::Failed(_)), RunState::Running(_)) => {
                Ok(ActionReport {
                    outcome,
                    status,
                    notices: Vec::new(),
                })
            }
            (Ok(()) | Err(ManagerError::Failed(_)), _) => Err(self.start_failure(&status)),
            (Err(error), _) => Err(self.describe(&error)),
        }
    }

    /// Reports the outcome of an action on a service together with the present status of the service.
    pub(super) fn report(&self, outcome: ActionOutcome, notices: Vec<Msg>) -> Result<ActionReport> {
        Ok(ActionReport {
            outcome,
            status: self.query_status()?,
            notices,
        })
    }
}

/// Returns the status of an instance's service as the service manager reports it. Fails, with the reason, where the
/// manager can't be reached. A service of the same name that starts another instance counts as not installed.
pub(crate) fn status(context: InstanceContext<'_>) -> Result<ServiceStatus> {
    let control = ServiceControl::new(context);
    let status = control.query_status()?;
    Ok(match control.config_of_another_instance() {
        Some(_) => control.status_from(ServiceState::not_installed()),
        None => status,
    })
}

/// Returns the service manager that answers this user; where none does, the reason in a few words.
pub(crate) fn find_manager(context: InstanceContext<'_>) -> Result<ManagerKind, Msg> {
    let control = ServiceControl::new(context);
    let reached = control.manager.check_reachable();
    reached
        .map(|()| control.manager.kind())
        .map_err(|error| error.short_msg())
}

/// Returns the last lines of output of an instance's service, the oldest first, where the service manager keeps them.
pub(crate) fn last_log_lines(context: InstanceContext<'_>, count: usize) -> Vec<String> {
    ServiceControl::new(context).manager.last_log_lines(count)
}

/// Starts the service of an instance, also where the service manager gave up on it. Does nothing where it runs.
pub(crate) fn start(context: InstanceContext<'_>) -> Result<ActionReport> {
    let control = ServiceControl::new(context);
    match control.installed_state()? {
        None => control.report(ActionOutcome::NotInstalled, Vec::new()),
        Some(RunState::Running(_)) => control.report(ActionOutcome::Started, Vec::new()),
        Some(_) => control.verify_running(control.manager.start(), ActionOutcome::Started),
    }
}

/// Stops the service of an instance until the next login or boot.
pub(crate) fn stop(context: InstanceContext<'_>) -> Result<ActionReport> {
    let control = ServiceControl::new(context);
    if control.installed_state()?.is_none() {
        return control.report(ActionOutcome::NotInstalled, Vec::new());
    }
    let is_inside = control.manager.contains_this_process();
    control
        .manager
        .stop(!is_inside)
        .map_err(|error| control.describe(&error))?;
    let notice = is_inside.then(|| msg!("service.from-inside", name = control.manager.service_name()));
    control.report(ActionOutcome::Stopped, notice.into_iter().collect())
}

/// Restarts the service of an instance. The manager stops and starts it, so that this also works where the caller is
/// a child of the service and ends with it.
pub(crate) fn restart(context: InstanceContext<'_>) -> Result<ActionReport> {
    let control = ServiceControl::new(context);
    if control.installed_state()?.is_none() {
        return control.report(ActionOutcome::NotInstalled, Vec::new());
    }
    control.verify_running(control.manager.restart(), ActionOutcome::Restarted)
}
