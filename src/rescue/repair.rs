//! Repairs a target: performs one step, waits whether the gateway becomes well, then performs the next.
//!
//! A step that made things worse is undone, and so is a config that was restored in vain: what its owner wrote is
//! not replaced for nothing. Files change in one transaction each (`apply`), so that a repair that is killed leaves
//! the old state or the new one.

use std::path::PathBuf;
use std::time::Duration;

use super::diagnose::Cause;
use super::evidence::Evidence;
use super::history::{History, HistoryEntry, RepairOutcome, RequestedBy};
use super::open_drill::recover_drill;
use super::record::{Recorded, StepResultKind};
use super::shared_dir;
use super::steps::RepairStep;
use super::stop::StopSignal;
use crate::apply::HostLock;
use crate::boot;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::instance::{Instance, InstanceContext};
use crate::probe::{self, Probe, ProbeVerdict};
use crate::time::unix_millis;

mod config_restore;
mod run_steps;
mod runner;

use run_steps::{RepairOps as _, run_steps};
use runner::RepairRunner;

pub(crate) use run_steps::{RepairEvent, StepOutcome, StepResult};

/// Time limit of one probe of a gateway under repair.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Who wants a repair of a gateway.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RepairOrigin<'a> {
    /// Somebody on the host.
    Host,
    /// Somebody on another host of the user, or a watcher there; with the name of that host.
    OtherHost(&'a str),
    /// A watching gateway, by itself.
    Watcher,
    /// A person in a chat.
    Chat(&'a RequestedBy),
    /// A drill: the config was broken on purpose.
    Drill,
}

/// A repair of a gateway that is to be carried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RepairJob<'a> {
    /// The instance that is repaired.
    pub(crate) target: InstanceContext<'a>,
    /// The instance that repairs.
    pub(crate) rescuer: &'a Instance,
    /// Who wants the repair.
    pub(crate) origin: RepairOrigin<'a>,
    /// `true` if the gateway is repaired however often it was repaired lately.
    pub(crate) is_forced: bool,
    /// Set once the rescuer itself is told to end.
    pub(crate) stop: &'a StopSignal,
}

/// The result of a gateway's repair: what was tried, and how the gateway is afterwards.
#[derive(Clone, Debug)]
pub(crate) struct RepairReport {
    /// The steps that were tried, in order.
    pub(crate) results: Vec<StepResult>,
    /// `true` if the gateway is well after the repair.
    pub(crate) is_healthy: bool,
    /// The copy of the config that was replaced.
    pub(crate) kept_config: Option<PathBuf>,
}

impl RepairJob<'_> {
    /// Fails where a gateway was repaired too often lately, unless the repair is forced.
    pub(crate) fn check_limit(&self) -> Result<()> {
        let InstanceContext { host, env, instance } = self.target;
        let history = History::read(&shared_dir(host, env));
        let target = &instance.profile;
        match history.time_until_next_repair(target.as_str(), host.now()) {
            Some(left) if !self.is_forced => {
                // Whole minutes, rounded up: "0 minutes" would be no answer.
                let minutes = left.as_secs().div_ceil(60);
                Err(
                    Error::failed(msg!("rescue.too-many", profile = target, minutes = minutes))
                        .hint(msg!("rescue.force"))
                        .hint(msg!("rescue.see-history", command = self.rescuer.command())),
                )
            }
            _ => Ok(()),
        }
    }

    /// Returns the entry in the history of repairs for a gateway's repair that begins now.
    fn begin_entry(&self, causes: &[Cause], steps: &[RepairStep]) -> HistoryEntry {
        let planned = |step: &RepairStep| {
            (
                Recorded::Known(step.kind()),
                Recorded::Known(StepResultKind::Planned),
            )
        };
        HistoryEntry {
            at: unix_millis(self.target.host.now()),
            rescuer: match self.origin {
                RepairOrigin::OtherHost(name) => name.to_owned(),
                _ => self.rescuer.profile.to_string(),
            },
            target: self.target.instance.profile.to_string(),
            watched: matches!(self.origin, RepairOrigin::Watcher),
            causes: causes.iter().map(|cause| Recorded::Known(cause.kind())).collect(),
            steps: steps.iter().map(planned).collect(),
            outcome: RepairOutcome::Begun,
            by: match self.origin {
                RepairOrigin::Chat(by) => Some(by.clone()),
                RepairOrigin::Host
                | RepairOrigin::OtherHost(_)
                | RepairOrigin::Watcher
                | RepairOrigin::Drill => None,
            },
            drill: matches!(self.origin, RepairOrigin::Drill),
        }
    }
}

/// Carries out a gateway's repair and writes it to the history of repairs, before and after: one that is cut short
/// counts too. A target that is well by now is left alone.
pub(crate) fn run_repair(
    job: &RepairJob<'_>,
    evidence: &Evidence,
    causes: &[Cause],
    steps: &[RepairStep],
    on_event: &mut dyn FnMut(RepairEvent<'_>),
) -> Result<RepairReport> {
    let folder = shared_dir(job.target.host, job.target.env);
    // One repair at a time on this host; two rescuers would undo each other's steps.
    let lock = HostLock::acquire(&folder, HostLock::WAIT_TIMEOUT)?;
    recover_drill(&lock, job.target.host, job.target.env)?;
    // The other rescuer may have mended it, or somebody who answered a question meanwhile.
    let probe = probe::probe_gateway(job.target, PROBE_TIMEOUT);
    if probe.is_healthy() && probe.deaf_accounts().is_empty() {
        return Ok(RepairReport {
            results: Vec::new(),
            is_healthy: true,
            kept_config: None,
        });
    }
    // The other rescuer may also have tried in vain.
    job.check_limit()?;
    run_recorded(job, causes, steps, &evidence.probe.verdict, on_event)
}

/// Carries out steps that a person asked for although nothing may be wrong with the gateway, and writes them to the
/// history of repairs, before and after.
pub(crate) fn run_requested(
    job: &RepairJob<'_>,
    steps: &[RepairStep],
    on_event: &mut dyn FnMut(RepairEvent<'_>),
) -> Result<RepairReport> {
    let folder = shared_dir(job.target.host, job.target.env);
    let lock = HostLock::acquire(&folder, HostLock::WAIT_TIMEOUT)?;
    recover_drill(&lock, job.target.host, job.target.env)?;
    let before = probe::probe_gateway(job.target, PROBE_TIMEOUT).verdict;
    run_recorded(job, &[], steps, &before, on_event)
}

/// Restarts the gateway of a job as a repair does: by its service where it has one, else as a process of its own. Returns the
/// probe once it is well, or its time is over.
pub(super) fn restart_until_healthy(job: &RepairJob<'_>) -> Probe {
    let mut runner = RepairRunner::new(job.target, job.stop);
    // The probe tells what became of it.
    let _ = runner.perform(&RepairStep::Restart { hung: None });
    runner.wait_until_healthy()
}

/// Returns the time that the gateway of a job has to become well after a step.
pub(super) fn health_timeout(job: &RepairJob<'_>) -> Duration {
    RepairRunner::new(job.target, job.stop).wait_limit()
}

/// Waits until the gateway of a job is well, or its time is over. Returns the last probe.
pub(super) fn wait_until_healthy(job: &RepairJob<'_>) -> Probe {
    RepairRunner::new(job.target, job.stop).wait_until_healthy()
}

/// Carries out steps and writes them to the history of repairs, before and after: what is cut short is in it too. The
/// caller holds the lock of the rescuers.
pub(super) fn run_recorded(
    job: &RepairJob<'_>,
    causes: &[Cause],
    steps: &[RepairStep],
    before: &ProbeVerdict,
    on_event: &mut dyn FnMut(RepairEvent<'_>),
) -> Result<RepairReport> {
    let mut history = History::read(&shared_dir(job.target.host, job.target.env));
    let mut entry = job.begin_entry(causes, steps);
    history.insert_or_replace(entry.clone())?;
    let mut runner = RepairRunner::new(job.target, job.stop);
    let results = run_steps(steps, before, &mut runner, on_event);
    let is_healthy = results
        .last()
        .is_some_and(|last| last.outcome == StepOutcome::Helped);
    entry.steps = (results.iter())
        .map(|result| {
            (
                Recorded::Known(result.step.kind()),
                Recorded::Known(result.outcome.kind()),
            )
        })
        .collect();
    entry.outcome = if is_healthy {
        RepairOutcome::Healthy
    } else if job.stop.is_set() {
        RepairOutcome::Begun
    } else {
        RepairOutcome::InVain
    };
    history.insert_or_replace(entry)?;
    if is_healthy {
        boot::save_last_good_of_node_engine(job.target);
    }
    Ok(RepairReport {
        results,
        is_healthy,
        kept_config: runner.into_kept_config(),
    })
}
