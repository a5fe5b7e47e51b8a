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

use super::gate::Gate;
use super::running::{RunMode, StartedGateway};
use super::switch_record::{SwitchEntry, SwitchJournal, SwitchOutcome};
use crate::apply::{self, HostLock};
use crate::archive::{self, StagingDir};
use crate::engine::ReleaseStore;
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::msg;
use crate::instance::InstanceContext;
use crate::plan::{Change, Plan};
use crate::service::{self, InstallOptions};
use crate::snapshot::{self, Snapshot, SnapshotInputs, SnapshotLock, SnapshotReason};
use crate::time::{file_stamp, millis};
use crate::{stop_record, survey};

/// Room that is reserved besides that of the unpacked files, for journals and whatever the old gateway writes at its start.
const RESERVED_BYTES: u64 = 1024 * 1024;

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
    /// `true` if the new gateway may log errors that the old one did not.
    pub(crate) accepts_errors: bool,
}

impl<'a> Switch<'a> {
    /// Returns the switches of an instance whose releases are in `store`.
    pub(crate) fn new(context: InstanceContext<'a>, store: &'a ReleaseStore, state_home: &'a Path) -> Self {
        Self {
            context,
            state_home,
            store,
            accepts_errors: false,
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
        let gate = Gate::new(self.context, self.store, &journal, self.accepts_errors);
        let reserved = self.reserve()?;
        journal.write(self.store, instance)?;
        let attempted = self.attempt(&mut journal, change, &gate, events);
        let end = |downtime: Option<Duration>| {
            let ended = journal.clone();
            ended.end(self.store, instance, SwitchOutcome::Done, downtime.map(millis))
        };
        match attempted.and_then(end) {
            Ok(entry) => Ok(entry),
            Err(error) => {
                drop(reserved);
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

    /// Reserves the room beside the state that it takes to put everything back: the new release may fill the disk.
    fn reserve(&self) -> Result<Option<StagingDir>> {
        let instance = self.context.instance;
        if !instance.state_dir.is_dir() {
            return Ok(None);
        }
        let inputs = self.inputs();
        let size = inputs.target(instance, &self.context.env.home).size()?;
        let lock = self.lock()?;
        archive::remove_leftover_staging_dirs(&lock, &instance.state_dir);
        let stamp = format!("{}-room", file_stamp(&inputs.now));
        let staging = StagingDir::for_restore(&lock, &instance.state_dir, &stamp)?;
        apply::reserve_room(&staging.path().join("room"), size + RESERVED_BYTES)?;
        Ok(Some(staging))
    }

    /// Makes the switch. Returns the time in which the gateway did not answer, where it ran.
    fn attempt(
        &self,
        journal: &mut SwitchJournal,
        change: &SwitchChange,
        gate: &Gate<'_>,
        events: &mut dyn FnMut(SwitchEvent),
    ) -> Result<Option<Duration>> {
        let instance = self.context.instance;
        let (ran, since) = (RunMode::before(journal), Instant::now());
        if journal.was_running {
            events(SwitchEvent::Stopping);
            ran.stop(self.context)?;
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
        let started = self.context.host.now();
        self.start(ran)?.wait_healthy(self.context, journal.to.engine)?;
        let downtime = since.elapsed();
        events(SwitchEvent::Watching);
        gate.watch(started)?;
        Ok(Some(downtime))
    }

    /// Puts back what was there before a switch, and starts the old gateway where it ran.
    fn undo(&self, journal: SwitchJournal, outcome: SwitchOutcome) -> Result<SwitchEntry> {
        archive::remove_leftover_staging_dirs(&self.lock()?, &self.context.instance.state_dir);
        self.put_files_back(&journal)?;
        if journal.was_running {
            let mut started = self.start(RunMode::before(&journal))?;
            started.wait_healthy(self.context, journal.from.engine)?;
        }
        journal.end(self.store, self.context.instance, outcome, None)
    }

    /// Puts config, state and record back as they were before a switch. No gateway may run meanwhile.
    fn put_files_back(&self, journal: &SwitchJournal) -> Result<()> {
        let Some(id) = &journal.before else { return Ok(()) };
        RunMode::before(journal).stop(self.context)?;
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

    /// Starts the gateway as it ran before, a service with the files that its engine needs.
    fn start(&self, mode: RunMode) -> Result<StartedGateway> {
        stop_record::remove(self.context.instance);
        if mode == RunMode::Background {
            return StartedGateway::background(self.context);
        }
        let options = InstallOptions::default();
        let port = service::preview(self.context, options)?.port;
        let _lock = self.lock()?;
        StartedGateway::service(self.context, port, options)
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
}
