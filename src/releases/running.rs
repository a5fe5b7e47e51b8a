//! The gateway of an instance around a switch: how it runs, its stop, and its start in the same way.

use std::process::Child;

use serde::{Deserialize, Serialize};

use super::switch_record::SwitchJournal;
use crate::background;
use crate::error::{Error, Result};
use crate::host::pid;
use crate::i18n::msg;
use crate::instance::{Instance, InstanceContext};
use crate::ports::Port;
use crate::probe::{self, Probe};
use crate::record::Engine;
use crate::service::{self, InstallOptions, RunState};
use crate::stop_record;

/// The way in which the gateway of an instance runs, as far as this program can stop it and start it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RunMode {
    /// It does not run.
    Stopped,
    /// The service manager runs it.
    Service,
    /// This program started it in the background.
    Background,
}

impl RunMode {
    /// Finds out how the gateway of an instance runs.
    ///
    /// # Errors
    /// Where it runs otherwise, as in a terminal: this program could stop it, and not start it again as it was.
    pub(crate) fn of(context: InstanceContext<'_>) -> Result<Self> {
        let is_running = |status: service::ServiceStatus| {
            matches!(
                status.state,
                RunState::Running(_) | RunState::Starting | RunState::GaveUp
            )
        };
        if service::status(context).is_ok_and(is_running) {
            return Ok(Self::Service);
        }
        match probe::find_gateway_process(context) {
            None => Ok(Self::Stopped),
            Some(pid) if background::is_started_here(pid) => Ok(Self::Background),
            Some(pid) => Err(no_service(context, pid)),
        }
    }

    /// Returns how the gateway ran before a switch.
    pub(super) fn before(journal: &SwitchJournal) -> Self {
        match (journal.was_running, journal.in_background) {
            (false, _) => Self::Stopped,
            (true, false) => Self::Service,
            (true, true) => Self::Background,
        }
    }

    /// Stops the gateway, where it runs. Watchers are told that this was on purpose.
    pub(crate) fn stop(self, context: InstanceContext<'_>) -> Result<()> {
        if self == Self::Stopped {
            return Ok(());
        }
        let running = probe::find_gateway_process(context);
        if self == Self::Background
            && let Some(pid) = running.filter(|pid| !background::is_started_here(*pid))
        {
            return Err(no_service(context, pid));
        }
        stop_record::write(context.instance, running, context.host.now());
        match (self, running) {
            (Self::Service, _) => service::stop(context).map(drop),
            (Self::Background, Some(process)) => pid::terminate(process, Engine::Node.stop_timeout())
                .map_err(|cause| Error::failed(msg!("gateway.force-failed", pid = process)).because(cause)),
            _ => Ok(()),
        }
    }
}

fn no_service(context: InstanceContext<'_>, pid: u32) -> Error {
    let instance = context.instance;
    Error::blocked(msg!("engine.no-service", profile = instance.profile, pid = pid))
        .hint(msg!("engine.make-service", command = instance.command()))
        .hint(msg!("engine.or-background", command = instance.command()))
}

/// A gateway that was started for a switch.
#[derive(Debug)]
pub(super) struct StartedGateway {
    /// The port that its service file sets.
    port: Option<Port>,
    /// The process, where this program started it in the background.
    process: Option<Child>,
}

impl StartedGateway {
    /// Starts a service whose files were just written, which run the gateway on a port.
    pub(super) fn service(context: InstanceContext<'_>, port: Port, options: InstallOptions) -> Result<Self> {
        service::install(context, options)?;
        Ok(Self {
            port: Some(port),
            process: None,
        })
    }

    /// Starts the gateway of an instance in the background, where it does not run.
    pub(super) fn background(context: InstanceContext<'_>) -> Result<Self> {
        let runs = probe::find_gateway_process(context).is_some();
        let process = (!runs).then(|| background::start_gateway(context, false));
        Ok(Self {
            port: None,
            process: process.transpose()?,
        })
    }

    /// Waits until the gateway is healthy, as long as its engine may take.
    ///
    /// # Errors
    /// Where it is not, with the last lines of its service.
    pub(super) fn wait_healthy(&mut self, context: InstanceContext<'_>, engine: Engine) -> Result<()> {
        let target = Instance {
            env_port: self.port.or(context.instance.env_port),
            ..context.instance.clone()
        };
        let is_service = self.port.is_some();
        let may_start = || match &mut self.process {
            Some(process) => process.try_wait().is_ok_and(|exit| exit.is_none()),
            None if is_service => !service::status(context)
                .is_ok_and(|status| matches!(status.state, RunState::GaveUp | RunState::Stopped)),
            None => true,
        };
        let at = context.with_instance(&target);
        let probe = probe::wait_until_healthy_while(at, engine.start_timeout(), may_start);
        if probe.is_healthy() {
            Ok(())
        } else {
            Err(unhealthy(context, &probe))
        }
    }
}

/// Returns the error about a gateway that is not healthy with the engine that it was switched to.
pub(super) fn unhealthy(context: InstanceContext<'_>, probe: &Probe) -> Error {
    let error = Error::unhealthy(msg!(
        "engine.not-healthy",
        profile = context.instance.profile,
        state = probe.verdict.name()
    ));
    let lines = service::last_log_lines(context, 5);
    if lines.is_empty() {
        error
    } else {
        error.because(anyhow::anyhow!("{}", lines.join("\n  ")))
    }
}
