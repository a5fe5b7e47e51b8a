//! Performs the steps of a repair on this host.

use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use super::super::steps::RepairStep;
use super::super::stop::StopSignal;
use super::config_restore::{ReplacedConfig, give_back_config, restore_config};
use super::run_steps::RepairOps;
use crate::background;
use crate::error::{Error, Result};
use crate::host::pid;
use crate::i18n::msg;
use crate::instance::InstanceContext;
use crate::probe::{self, Probe, ProbeVerdict};
use crate::record::{Engine, Record};
use crate::releases;
use crate::service::{self, InstallOptions, RunState};

/// Time that a gateway of the native engine has to become well after a step of its repair.
const NATIVE_HEALTH_TIMEOUT: Duration = Duration::from_secs(15);
/// Time that a gateway process has to end when it is asked to, before it is killed: longer than its own drain.
const TERMINATE_GRACE: Duration = Duration::from_secs(6);
/// Time that a gateway process that was found hung has to end when it is asked to, before it is killed: it has heard
/// nothing for several seconds already.
const HUNG_TERMINATE_GRACE: Duration = Duration::from_secs(2);
/// Interval at which a repair checks whether waiting for the gateway still makes sense.
const WAIT_INTERVAL: Duration = Duration::from_secs(1);

/// Runs the steps of a repair on a real gateway, and keeps what is needed to report them.
#[derive(Debug)]
pub(super) struct RepairRunner<'a> {
    target: InstanceContext<'a>,
    stop: &'a StopSignal,
    health_timeout: Duration,
    kept_config: Option<PathBuf>,
    /// The gateway that the last step started as a process of its own.
    process: Option<Child>,
}

impl<'a> RepairRunner<'a> {
    pub(super) fn new(target: InstanceContext<'a>, stop: &'a StopSignal) -> Self {
        let record = Record::read(&target.instance.record_path()).unwrap_or_default();
        Self {
            target,
            stop,
            health_timeout: match record.engine {
                Engine::Native => NATIVE_HEALTH_TIMEOUT,
                Engine::Node => record.engine.start_timeout(),
            },
            kept_config: None,
            process: None,
        }
    }

    /// Returns the file that keeps the config which a gateway's repair replaced and did not put back.
    pub(super) fn into_kept_config(self) -> Option<PathBuf> {
        self.kept_config
    }

    /// Probes a gateway under repair until it is well, its time is over, its process has ended, or its service manager
    /// starts it no more.
    pub(super) fn wait_until_healthy(&mut self) -> Probe {
        let deadline = Instant::now() + self.health_timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // Asked before the probe: a process that has ended meanwhile may have been well.
            let has_ended = self.has_process_ended();
            let probe = probe::wait_until_healthy(self.target, left.min(WAIT_INTERVAL));
            let is_gone = has_ended && probe.verdict == ProbeVerdict::NotRunning;
            let is_over = left <= WAIT_INTERVAL || self.stop.is_set() || is_gone;
            if is_over || !probe.verdict.is_transient() || self.has_manager_given_up() {
                return probe;
            }
        }
    }

    /// Returns whether the gateway was started as a process of its own that has ended: nothing starts it again.
    fn has_process_ended(&mut self) -> bool {
        let process = self.process.as_mut();
        process.is_some_and(|process| process.try_wait().is_ok_and(|exit| exit.is_some()))
    }

    fn has_manager_given_up(&self) -> bool {
        service::status(self.target).is_ok_and(|status| status.state == RunState::GaveUp)
    }

    /// Returns the process id of the gateway under repair, where a process is proved to be that gateway.
    fn gateway_pid(&self) -> Option<u32> {
        probe::find_gateway_process(self.target)
    }

    fn install_service(&self) -> Result<()> {
        let options = InstallOptions {
            force: true,
            ..InstallOptions::default()
        };
        service::install(self.target, options).map(drop)
    }

    /// Ends a process of the gateway that was found hung. Its pid may be another program's by now: only a process that
    /// still is the gateway is ended.
    fn end_hung(&self, process: u32) -> Result<()> {
        if self.gateway_pid() == Some(process) {
            terminate(process, HUNG_TERMINATE_GRACE)?;
        }
        Ok(())
    }

    /// Restarts the gateway: by its service where it has one, else ends what runs of it and starts it.
    fn restart(&mut self) -> Result<()> {
        self.start_after(|runner| {
            runner
                .gateway_pid()
                .map_or(Ok(()), |process| terminate(process, TERMINATE_GRACE))
        })
    }

    /// Starts the gateway: by its service where it has one, else as a process of its own.
    fn start(&mut self) -> Result<()> {
        self.start_after(|_| Ok(()))
    }

    /// Restarts the service of the gateway; where it has none, runs `prepare` and starts the gateway as a process of
    /// its own.
    fn start_after(&mut self, prepare: fn(&Self) -> Result<()>) -> Result<()> {
        self.process = None;
        let service = service::status(self.target).ok();
        if service
            .as_ref()
            .is_some_and(|service| service.state != RunState::NotInstalled)
        {
            return service::restart(self.target).map(drop);
        }
        prepare(self)?;
        self.process = Some(background::start_gateway(self.target, service.is_some())?);
        Ok(())
    }
}

impl RepairOps for RepairRunner<'_> {
    type Undo = ReplacedConfig;

    fn perform(&mut self, step: &RepairStep) -> Result<Option<ReplacedConfig>> {
        match step {
            RepairStep::Start => self.start().map(|()| None),
            RepairStep::Restart { hung } => {
                hung.map_or(Ok(()), |pid| self.end_hung(pid))?;
                self.restart().map(|()| None)
            }
            RepairStep::EndStale(pid) => {
                self.end_hung(*pid)?;
                self.start().map(|()| None)
            }
            RepairStep::RestoreConfig { from, reinstalls } => {
                let replaced = restore_config(self.target, from)?;
                self.kept_config = replaced.as_ref().and_then(|replaced| replaced.kept.clone());
                let started = if *reinstalls {
                    self.install_service()
                } else {
                    self.restart()
                };
                match (started, replaced) {
                    (Ok(()), replaced) => Ok(replaced),
                    (Err(error), None) => Err(error),
                    (Err(error), Some(replaced)) => {
                        self.undo(replaced)?;
                        Err(error)
                    }
                }
            }
            RepairStep::Reinstall => self.install_service().map(|()| None),
            RepairStep::RollBack(_) => {
                let rolled_back = releases::roll_back(self.target)?;
                // A service runs again already.
                if rolled_back.switch.was_running {
                    return Ok(None);
                }
                self.start().map(|()| None)
            }
        }
    }

    fn wait(&mut self) -> ProbeVerdict {
        self.wait_until_healthy().verdict
    }

    fn undo(&mut self, replaced: ReplacedConfig) -> Result<()> {
        give_back_config(self.target, replaced)?;
        self.kept_config = None;
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_set()
    }

    fn wait_limit(&self) -> Duration {
        self.health_timeout
    }
}

/// Ends a gateway process that no longer does its work, and kills it after `grace`.
fn terminate(process: u32, grace: Duration) -> Result<()> {
    pid::terminate(process, grace)
        .map_err(|cause| Error::failed(msg!("rescue.not-ended", pid = process)).because(cause))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::host::Host;
    use crate::host::process::CommandSpec;
    use crate::instance::Instance;
    use crate::profile::ProfileName;

    /// Time after which a wait counts as one without an end.
    const WAIT_LIMIT: Duration = Duration::from_secs(30);

    #[test]
    fn gateway_whose_process_has_ended_is_not_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let host = Host::fixed(&[], [("PATH", "/usr/bin:/bin")]);
        let env = Environment::default();
        let instance = Instance::canonical(home.path(), ProfileName::parse("rescue").unwrap());
        let target = InstanceContext {
            host: &host,
            env: &env,
            instance: &instance,
        };
        let stop = StopSignal::default();
        let mut runner = RepairRunner {
            health_timeout: Duration::from_hours(1),
            process: Some(host.spawn_detached(&CommandSpec::new("true", [""; 0])).unwrap()),
            ..RepairRunner::new(target, &stop)
        };
        std::thread::scope(|scope| {
            let watchdog = scope.spawn(|| stop.sleep(WAIT_LIMIT) && !stop.set());
            runner.wait_until_healthy();
            stop.set();
            assert!(!watchdog.join().unwrap(), "only the watchdog ended the wait");
        });
    }
}
