//! Switches an instance to another release, with its config and state, and its service, as one transaction.
//!
//! ```text
//! journal ──► gateway stops ──► snapshot ──► files, one apply ──► gateway starts ──► gate ──► history
//!                                   │                                  │
//!                                   └── before it nothing is changed   └── fails: the snapshot is put back, the old one starts
//! ```
//!
//! A kill leaves the journal. The next command about the engine, or the next start of the gateway, puts everything back.

use std::path::Path;
use std::time::{Duration, Instant};

use super::choice::EngineChoice;
use super::switch_record::{SwitchEntry, SwitchJournal, SwitchOutcome};
use crate::apply::{self, HostLock};
use crate::archive::{self, StagingDir};
use crate::engine::ReleaseStore;
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::msg;
use crate::instance::{Instance, InstanceContext};
use crate::plan::{Change, Plan};
use crate::ports::Port;
use crate::probe::{self, Probe};
use crate::record::Engine;
use crate::service::{self, InstallOptions, RunState};
use crate::snapshot::{self, Snapshot, SnapshotInputs, SnapshotLock, SnapshotReason};
use crate::time::{file_stamp, millis};
use crate::{stop_record, survey};

/// Time that the new gateway is watched once it is healthy, before the switch is final.
const GATE_TIME: Duration = Duration::from_secs(5);
/// Maximum time from a healthy answer until the accounts of channels that were connected before are so again.
const CHANNELS_TIMEOUT: Duration = Duration::from_mins(1);
/// Time between two looks at the new gateway.
const GATE_INTERVAL: Duration = Duration::from_millis(500);
/// Time limit of one look at a gateway with its channels.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// A step of a switch that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SwitchEvent {
    /// The gateway is stopped.
    Stopping,
    /// A snapshot of what is there is made.
    Saving,
    /// The gateway is started with the new engine.
    Starting,
    /// The new gateway answers and is watched.
    Watching,
    /// Everything is put back.
    Undoing,
}

/// The change of the files of an instance that a switch makes.
#[derive(Clone, Debug)]
pub(crate) enum SwitchChange {
    /// These changes of config and record.
    Files(Vec<Change>),
    /// Config, state and record become those of this snapshot.
    Restore(Snapshot),
}

/// A switch of an instance to another engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Switch<'a> {
    /// The instance.
    pub(crate) context: InstanceContext<'a>,
    /// The state home of the program.
    pub(crate) state_home: &'a Path,
    /// The folder of the releases.
    pub(crate) store: &'a ReleaseStore,
}

impl Switch<'_> {
    /// Returns whether the gateway of the instance runs as a service.
    ///
    /// # Errors
    /// Where it runs otherwise: this program could stop it, and not start it again as it was.
    pub(crate) fn runs_as_service(&self) -> Result<bool> {
        let is_running = |status: service::ServiceStatus| {
            matches!(
                status.state,
                RunState::Running(_) | RunState::Starting | RunState::GaveUp
            )
        };
        if service::status(self.context).is_ok_and(is_running) {
            return Ok(true);
        }
        match probe::find_gateway_process(self.context) {
            None => Ok(false),
            Some(pid) => {
                let instance = self.context.instance;
                Err(
                    Error::blocked(msg!("engine.no-service", profile = instance.profile, pid = pid))
                        .hint(msg!("engine.make-service", command = instance.command())),
                )
            }
        }
    }

    /// Switches. Where that fails, everything is put back and the old gateway runs again.
    ///
    /// # Errors
    /// Why it failed, with a hint that says what became of the instance.
    pub(crate) fn run(
        &self,
        mut journal: SwitchJournal,
        change: &SwitchChange,
        events: &mut dyn FnMut(SwitchEvent),
    ) -> Result<SwitchEntry> {
        let instance = self.context.instance;
        let connected = journal.was_running.then(|| connected_accounts(&self.probe()));
        journal.write(self.store, instance)?;
        match self.attempt(&mut journal, change, &connected.unwrap_or_default(), events) {
            Ok(downtime) => journal.end(self.store, instance, SwitchOutcome::Done, downtime.map(millis)),
            Err(error) => {
                events(SwitchEvent::Undoing);
                let from = journal.from.name();
                match self.undo(journal, SwitchOutcome::Undone) {
                    Ok(_) => Err(error.hint(msg!("engine.put-back", engine = from))),
                    Err(cause) => {
                        let hint = msg!("engine.not-put-back", command = instance.command());
                        Err(error.hint(hint.with_msg("why", cause.msg)))
                    }
                }
            }
        }
    }

    /// Makes the switch. Returns the time in which the gateway did not answer, where it ran.
    fn attempt(
        &self,
        journal: &mut SwitchJournal,
        change: &SwitchChange,
        connected: &[String],
        events: &mut dyn FnMut(SwitchEvent),
    ) -> Result<Option<Duration>> {
        let instance = self.context.instance;
        let since = Instant::now();
        if journal.was_running {
            events(SwitchEvent::Stopping);
            self.stop()?;
        }
        events(SwitchEvent::Saving);
        let inputs = self.inputs();
        let lock = SnapshotLock::acquire(&inputs.folder)?;
        let needed = match change {
            SwitchChange::Restore(snapshot) => Some(snapshot.id.as_str()),
            SwitchChange::Files(_) => None,
        };
        let target = inputs.target(instance, &self.context.env.home);
        journal.before = match target.create(&lock, SnapshotReason::BeforeUpgrade, needed) {
            Ok(made) => Some(made.snapshot.id),
            Err(error) if error.has_reason(ErrorReason::NothingToSnapshot) => None,
            Err(error) => return Err(error),
        };
        journal.write(self.store, instance)?;
        drop(lock);
        match change {
            SwitchChange::Files(changes) => {
                let plan = Plan {
                    changes: changes.clone(),
                    ..Plan::default()
                };
                apply::apply(&self.lock()?, &plan, &inputs.others, &mut |_| {})?;
            }
            SwitchChange::Restore(snapshot) => self.restore(snapshot)?,
        }
        if !journal.was_running {
            return Ok(None);
        }
        events(SwitchEvent::Starting);
        let port = self.start()?;
        self.wait_healthy(port, journal.to.engine)?;
        let downtime = since.elapsed();
        events(SwitchEvent::Watching);
        self.watch(&journal.to, connected)?;
        Ok(Some(downtime))
    }

    /// Puts back what was there before a switch, and starts the old gateway where it ran.
    fn undo(&self, journal: SwitchJournal, outcome: SwitchOutcome) -> Result<SwitchEntry> {
        self.put_files_back(&journal)?;
        if journal.was_running {
            let port = self.start()?;
            self.wait_healthy(port, journal.from.engine)?;
        }
        journal.end(self.store, self.context.instance, outcome, None)
    }

    /// Puts config, state and record back as they were before a switch. No gateway may run meanwhile.
    fn put_files_back(&self, journal: &SwitchJournal) -> Result<()> {
        let Some(id) = &journal.before else { return Ok(()) };
        if journal.was_running {
            self.stop()?;
        }
        let folder = self.inputs().folder;
        let before = snapshot::list(&folder)?
            .into_iter()
            .find(|snapshot| snapshot.id == *id);
        let before = before.ok_or_else(|| Error::failed(msg!("snapshot.unknown", id = id)))?;
        self.restore(&before)
    }

    /// Puts back what a switch that was killed has left, and starts the old gateway where it ran. Returns what was put back;
    /// `None` where no switch was cut short. The caller holds the lock of the store, so that none is under way.
    ///
    /// # Errors
    /// Where that fails; the next try begins anew.
    pub(crate) fn recover(&self) -> Result<Option<SwitchEntry>> {
        match SwitchJournal::read(self.store, self.context.instance) {
            Some(journal) => self.undo(journal, SwitchOutcome::CutShort).map(Some),
            None => Ok(None),
        }
    }

    /// Puts the files back that a switch that was killed has left, for a gateway that is about to start. Returns what was put
    /// back; `None` where no switch was cut short.
    ///
    /// # Errors
    /// Where that fails; the next try begins anew.
    pub(crate) fn recover_files(&self) -> Result<Option<SwitchEntry>> {
        let instance = self.context.instance;
        let Some(mut journal) = SwitchJournal::read(self.store, instance) else {
            return Ok(None);
        };
        // The gateway that starts is the service.
        journal.was_running = false;
        self.put_files_back(&journal)?;
        journal
            .end(self.store, instance, SwitchOutcome::CutShort, None)
            .map(Some)
    }

    fn inputs(&self) -> SnapshotInputs {
        let survey = survey::survey_host(self.context.host, self.context.env);
        SnapshotInputs::new(self.context, &survey, self.state_home)
    }

    /// Acquires the host-wide lock, and first recovers the transaction of a run that was interrupted.
    fn lock(&self) -> Result<HostLock> {
        let lock = HostLock::acquire(self.state_home, HostLock::WAIT_TIMEOUT)?;
        apply::recover(&lock)?;
        Ok(lock)
    }

    /// Stops the service of the gateway. Watchers are told that this was on purpose.
    fn stop(&self) -> Result<()> {
        let running = probe::find_gateway_process(self.context);
        stop_record::write(self.context.instance, running, self.context.host.now());
        service::stop(self.context).map(drop)
    }

    /// Starts the service of the gateway, with the files that its engine needs. Returns the port.
    fn start(&self) -> Result<Port> {
        stop_record::remove(self.context.instance);
        let options = InstallOptions::default();
        let port = service::preview(self.context, options)?.port;
        let _lock = self.lock()?;
        service::install(self.context, options)?;
        Ok(port)
    }

    /// Replaces config, state and record by those of a snapshot.
    fn restore(&self, chosen: &Snapshot) -> Result<()> {
        let instance = self.context.instance;
        let inputs = self.inputs();
        let target = inputs.target(instance, &self.context.env.home);
        let lock = self.lock()?;
        archive::remove_leftover_staging_dirs(&lock, &instance.state_dir);
        let manifest = target.verify(chosen)?;
        let staging = StagingDir::for_restore(&lock, &instance.state_dir, &file_stamp(&inputs.now))?;
        archive::unpack(&chosen.path, &manifest, staging.path())?;
        let plan = target.restore_plan(&manifest, staging.path())?;
        apply::apply(&lock, &plan, &inputs.others, &mut |_| {}).map(drop)
    }

    fn probe(&self) -> Probe {
        let survey = survey::survey_host(self.context.host, self.context.env);
        probe::probe_in_detail(self.context, &survey, Instant::now() + PROBE_TIMEOUT)
    }

    /// Waits until the gateway is healthy, as long as its engine may take.
    fn wait_healthy(&self, port: Port, engine: Engine) -> Result<()> {
        let instance = self.context.instance;
        let target = Instance {
            env_port: Some(port),
            ..instance.clone()
        };
        let may_start = || {
            let status = service::status(self.context);
            !status.is_ok_and(|status| matches!(status.state, RunState::GaveUp | RunState::Stopped))
        };
        let at = self.context.with_instance(&target);
        let probe = probe::wait_until_healthy_while(at, engine.start_timeout(), may_start);
        if probe.is_healthy() {
            return Ok(());
        }
        Err(self.unhealthy(&probe))
    }

    fn unhealthy(&self, probe: &Probe) -> Error {
        let profile = &self.context.instance.profile;
        let error = Error::unhealthy(msg!(
            "engine.not-healthy",
            profile = profile,
            state = probe.verdict.name()
        ));
        let lines = service::last_log_lines(self.context, 5);
        if lines.is_empty() {
            error
        } else {
            error.because(anyhow::anyhow!("{}", lines.join("\n  ")))
        }
    }

    /// Watches the new gateway: it stays healthy in one process, is the release that was to run, and every account of a
    /// channel that was connected before is so again.
    fn watch(&self, to: &EngineChoice, connected: &[String]) -> Result<()> {
        let since = Instant::now();
        let mut first_pid = None;
        loop {
            let probe = self.probe();
            if !probe.is_healthy() || (first_pid.is_some() && probe.pid != first_pid) {
                return Err(self.unhealthy(&probe));
            }
            first_pid = first_pid.or(probe.pid);
            if let (Some(version), Some(runs)) = (&to.release, &probe.version)
                && probe.engine == Engine::Node
                && version.as_str() != runs
            {
                return Err(Error::unhealthy(msg!(
                    "engine.other-version",
                    version = version,
                    runs = runs
                )));
            }
            let now = connected_accounts(&probe);
            let lost: Vec<_> = connected
                .iter()
                .filter(|account| !now.contains(account))
                .cloned()
                .collect();
            if lost.is_empty() && since.elapsed() >= GATE_TIME {
                return Ok(());
            }
            if !lost.is_empty() && since.elapsed() >= CHANNELS_TIMEOUT {
                return Err(Error::unhealthy(msg!(
                    "engine.channels-lost",
                    accounts = lost.join(", ")
                )));
            }
            std::thread::sleep(GATE_INTERVAL);
        }
    }
}

/// Returns the accounts of channels that are connected, by channel and account.
fn connected_accounts(probe: &Probe) -> Vec<String> {
    let accounts = probe.channel_accounts();
    let connected = accounts.iter().filter(|account| account.is_connected());
    connected
        .map(|account| format!("{}/{}", account.channel, account.account_id))
        .collect()
}
