//! Asking for the state of an instance's service, and starting and stopping it. What an action came to is read
//! from the manager afterwards, not taken from the exit code of its tool.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::error::ManagerError;
use super::launchd::Launchd;
use super::manager::{ManagerKind, RunState, ServiceManager, ServiceState};
use super::schtasks::Schtasks;
use super::systemd::Systemd;
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::instance::InstanceContext;
use crate::survey;

/// Number of log lines that explain why a service does not come up.
const FAILURE_LINE_COUNT: usize = 5;
/// Exit code of a gateway that can't run with its config or port until somebody acts.
const EXIT_BLOCKED: i32 = 78;

/// The service of an instance as it is installed and as it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceStatus {
    /// The kind of the manager.
    pub(crate) manager: ManagerKind,
    /// The name that the manager knows the service by: `openclaw-gateway-rescue.service`.
    pub(crate) name: String,
    /// The file that defines the service; `None` where there is none.
    pub(crate) file: Option<PathBuf>,
    /// Whether the service starts by itself at login or boot.
    pub(crate) enabled: bool,
    /// What the service does.
    pub(crate) state: RunState,
    /// The exit code of the last run, where known.
    pub(crate) exit_code: Option<i32>,
    /// The time of the last change of the state, where known.
    pub(crate) since: Option<SystemTime>,
    /// How often the manager started the service again by itself.
    pub(crate) restarts: u32,
}

/// What an action on a service came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActionOutcome {
    /// The service was installed and started.
    Installed,
    /// The service was installed and running before, with the same files.
    AlreadyInstalled,
    /// The service was stopped and its files were removed.
    Uninstalled,
    /// The service was started, or ran already.
    Started,
    /// The service was stopped.
    Stopped,
    /// The service was stopped and started.
    Restarted,
    /// There is no service to act on.
    NotInstalled,
}

impl ActionOutcome {
    /// Returns the stable name, as `--json` has it (docs/openclaw.md#service-results).
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

/// An action on a service that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ActionReport {
    /// What the action came to.
    pub(crate) outcome: ActionOutcome,
    /// The service afterwards.
    pub(crate) status: ServiceStatus,
    /// Further sentences for the user.
    pub(crate) notices: Vec<Msg>,
}

/// The service of one instance, and its manager.
pub(super) struct ServiceControl<'a> {
    pub(super) context: InstanceContext<'a>,
    pub(super) manager: Box<dyn ServiceManager + 'a>,
}

impl<'a> ServiceControl<'a> {
    pub(super) fn new(context: InstanceContext<'a>) -> Self {
        let manager: Box<dyn ServiceManager> = match ManagerKind::of_this_system() {
            ManagerKind::Systemd => Box::new(Systemd::new(context)),
            ManagerKind::Launchd => Box::new(Launchd::new(context)),
            ManagerKind::Schtasks => Box::new(Schtasks::new(context)),
        };
        Self { context, manager }
    }

    /// Returns the config that the installed service file starts, where it is not this instance's: two instances
    /// may have the same profile, the second by its paths alone.
    pub(super) fn config_of_another_instance(&self) -> Option<PathBuf> {
        let config = survey::config_of_service(&self.manager.file(), self.context.env)?;
        let real = |path: &Path| read::canonicalize_existing(path);
        (real(&config) != real(&self.context.instance.config_path)).then_some(config)
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

    /// Describes an error of the manager for the user.
    pub(super) fn describe(&self, error: &ManagerError) -> Error {
        error.describe(self.context.instance, self.manager.service_name(), None)
    }

    /// Asks the manager for the state of the service.
    pub(super) fn query_state(&self) -> Result<ServiceState> {
        self.manager.query_state().map_err(|error| self.describe(&error))
    }

    fn query_status(&self) -> Result<ServiceStatus> {
        Ok(self.status_from(self.query_state()?))
    }

    /// Makes a status of a state that the manager reported.
    pub(super) fn status_from(&self, state: ServiceState) -> ServiceStatus {
        ServiceStatus {
            manager: self.manager.kind(),
            name: self.manager.service_name().to_owned(),
            file: Some(self.manager.file()).filter(|file| file.exists()),
            enabled: state.enabled,
            state: state.run,
            exit_code: state.exit_code,
            since: state.since,
            restarts: state.restarts,
        }
    }

    /// Returns what the installed service does; `None` where there is none. Fails where the service is another
    /// instance's.
    fn installed_state(&self) -> Result<Option<RunState>> {
        let status = self.query_status()?;
        self.refuse_another_instance()?;
        Ok(Some(status.state).filter(|state| *state != RunState::NotInstalled))
    }

    /// Explains why the service did not come up, by its exit code and its last log lines.
    fn start_failure(&self, status: &ServiceStatus) -> Error {
        let name = self.manager.service_name();
        let error = match status.exit_code {
            Some(EXIT_BLOCKED) => {
                Error::blocked(msg!("service.did-not-start", name = name, code = EXIT_BLOCKED))
            }
            Some(code) => Error::failed(msg!("service.did-not-start", name = name, code = code)),
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

    /// Reports a start by what the manager says of the service afterwards. `started` is how the manager's tool
    /// ended.
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
            // A manager that answers before the process is there is believed as far as it goes. One whose work
            // was overtaken by somebody else's (a second restart) complains of it, and the service runs.
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

    /// Reports an action together with the state of the service now.
    pub(super) fn report(&self, outcome: ActionOutcome, notices: Vec<Msg>) -> Result<ActionReport> {
        Ok(ActionReport {
            outcome,
            status: self.query_status()?,
            notices,
        })
    }
}

/// Returns the service of an instance as its manager reports it. Fails where no manager can be asked, with the
/// reason. A service of the same name that starts another instance counts as not installed.
pub(crate) fn status(context: InstanceContext<'_>) -> Result<ServiceStatus> {
    let control = ServiceControl::new(context);
    let status = control.query_status()?;
    Ok(match control.config_of_another_instance() {
        Some(_) => control.status_from(ServiceState::not_installed()),
        None => status,
    })
}

/// Returns the last lines that the service of an instance wrote, the oldest first, where its manager keeps them.
pub(crate) fn last_log_lines(context: InstanceContext<'_>, count: usize) -> Vec<String> {
    ServiceControl::new(context).manager.last_log_lines(count)
}

/// Starts the service of an instance, also one that gave up; leaves one that runs alone.
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

/// Stops and starts the service of an instance. The manager does both, so that a caller that is a child of the
/// service may end with it.
pub(crate) fn restart(context: InstanceContext<'_>) -> Result<ActionReport> {
    let control = ServiceControl::new(context);
    if control.installed_state()?.is_none() {
        return control.report(ActionOutcome::NotInstalled, Vec::new());
    }
    control.verify_running(control.manager.restart(), ActionOutcome::Restarted)
}
