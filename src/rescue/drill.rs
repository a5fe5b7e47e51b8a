//! A fire drill: breaks the config of a gateway that is well, lets the ordinary repair bring it back, and takes the time.
//!
//! ```text
//! check ──► lock ──► config kept, then broken ──► gateway restarted ──► diagnose, repair ──► own config back ──► well
//! ```
//!
//! Whatever comes of the repair, the original config is back at the end, byte for byte, and the gateway was restarted with it
//! where it was not well. A drill that is killed leaves a record, and the next command puts the config back
//! ([`super::open_drill`]). A watcher says and does nothing about a gateway during its drill.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::diagnose::{self, Cause};
use super::evidence::{self, Evidence};
use super::open_drill::{self, OpenDrill};
use super::repair::{self, RepairEvent, RepairJob, RepairReport};
use super::shared_dir;
use super::steps::{self, RepairStep};
use super::stop::StopSignal;
use crate::apply::HostLock;
use crate::boot;
use crate::error::{Error, Result};
use crate::host::{pid, read};
use crate::i18n::msg;
use crate::instance::InstanceContext;
use crate::probe;
use crate::record::{Engine, Record};
use crate::service::{self, RunState};
use crate::survey;

/// Time limit of one probe of the gateway of a drill.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// Time that a gateway which has just started has to save its config as the last good one.
const SAVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Time between two looks whether the gateway of a drill is down.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Progress of a drill, to be shown while it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum DrillEvent<'a> {
    /// The config is broken, and the gateway is being restarted.
    Broken,
    /// The gateway is down, for these causes.
    Down(&'a [Cause]),
    /// The repair goes on.
    Repair(RepairEvent<'a>),
    /// The original config is back, and the gateway is waited for.
    GivenBack,
}

/// The result of a drill.
#[derive(Debug)]
pub(crate) struct DrillReport {
    /// The causes that the diagnosis found.
    pub(crate) causes: Vec<Cause>,
    /// The repair; `None` where nothing was to be repaired, or it could not be begun.
    pub(crate) repair: Option<RepairReport>,
    /// The reason why the drill was given up before its repair was over.
    pub(crate) failure: Option<Error>,
    /// The time from the broken config to the gateway that was well again, or was given up.
    pub(crate) took: Duration,
    /// `true` if the config has the bytes that it had before.
    pub(crate) is_config_back: bool,
    /// The file to which a config was moved that somebody has written during the drill.
    pub(crate) aside: Option<PathBuf>,
    /// `true` if the gateway is well at the end.
    pub(crate) is_healthy: bool,
}

impl DrillReport {
    /// Returns whether the rescuer has brought the gateway back.
    pub(crate) fn is_rescued(&self) -> bool {
        self.repair.as_ref().is_some_and(|repair| repair.is_healthy)
    }

    /// Returns whether the drill has shown that the rescuer works, and all is as it was before.
    pub(crate) fn is_success(&self) -> bool {
        self.is_rescued() && self.is_config_back && self.is_healthy
    }
}

/// Checks whether a drill of a gateway can do no harm: it is well, an earlier config could be put back, and this program can
/// restart it.
///
/// # Errors
/// With the reason why there is no drill now.
pub(crate) fn check_target(job: &RepairJob<'_>) -> Result<()> {
    let InstanceContext { host, env, instance } = job.target;
    let target = &instance.profile;
    let evidence = evidence::collect(job.target);
    let command = job.rescuer.command();
    if !evidence.is_well() || evidence.config_refusal.is_some() {
        return Err(
            Error::failed(msg!("rescue.drill-unwell", profile = target)).hint(msg!(
                "rescue.drill-diagnose",
                command = command,
                profile = target
            )),
        );
    }
    boot::save_config_of_healthy_start(job.target, evidence.probe.started);
    if !has_earlier_config_soon(job) {
        return Err(Error::failed(msg!("rescue.drill-no-earlier", profile = target)));
    }
    let systems = survey::find_system_units(host, env, &instance.config_path);
    if !can_restart(&evidence) || !systems.is_empty() {
        return Err(Error::failed(msg!("rescue.drill-foreign", profile = target))
            .hint(msg!("rescue.drill-install", command = instance.command())));
    }
    Ok(())
}

/// Returns whether there is an earlier config that could be put back. A gateway that has just started saves its config once it
/// has served for a moment, which is waited for.
fn has_earlier_config_soon(job: &RepairJob<'_>) -> bool {
    let deadline = Instant::now() + SAVE_TIMEOUT;
    loop {
        if evidence::has_earlier_config(job.target) {
            return true;
        }
        if Instant::now() >= deadline || !job.stop.sleep(LOOK_INTERVAL) {
            return false;
        }
    }
}

/// Returns whether this program can restart a gateway without taking it from whoever runs it: it is a service of the user's
/// manager, or a process in the background.
fn can_restart(evidence: &Evidence) -> bool {
    let process = evidence.probe.proved_pid;
    match evidence.service.as_ref().map(|service| &service.state) {
        Some(RunState::Running(_)) => true,
        None | Some(RunState::NotInstalled) => {
            process.is_some_and(|process| process != 1 && !pid::has_terminal_output(process))
        }
        Some(_) => false,
    }
}

/// Carries a drill out. The original config is back when it returns, and the gateway was restarted with it where it was not well.
///
/// # Errors
/// Where another repair is under way, the gateway must not be drilled, or its config can't be kept or put back.
pub(crate) fn run_drill(
    job: &RepairJob<'_>,
    on_event: &mut dyn FnMut(DrillEvent<'_>),
) -> Result<DrillReport> {
    let InstanceContext { host, env, instance } = job.target;
    let lock = HostLock::acquire(&shared_dir(host, env), Duration::ZERO)
        .map_err(|error| Error::failed(msg!("rescue.drill-busy")).hint(error.msg))?;
    open_drill::recover_drill(&lock, host, env)?;
    check_target(job)?;
    let own = read::bytes(&instance.config_path).ok();
    let drill = OpenDrill::begin(job.target, &job.rescuer.profile)?;
    let began = Instant::now();
    let mut causes = Vec::new();
    let repaired = break_and_repair(job, &drill, &mut causes, on_event);
    let took = began.elapsed();
    let aside = drill.give_back()?;
    on_event(DrillEvent::GivenBack);
    let is_config_back = read::bytes(&instance.config_path).ok() == own;
    // Whoever ends the drill early gets a gateway that is well all the same.
    let stop = StopSignal::default();
    let to_the_end = RepairJob { stop: &stop, ..*job };
    let may_be_well =
        matches!(&repaired, Ok(repair) if repair.as_ref().is_none_or(|repair| repair.is_healthy));
    let mut probe = probe::probe_gateway(job.target, PROBE_TIMEOUT);
    if may_be_well && !probe.is_healthy() {
        probe = repair::wait_until_healthy(&to_the_end);
    }
    if !probe.is_healthy() {
        probe = repair::restart_until_healthy(&to_the_end);
    }
    if probe.is_healthy() {
        boot::save_last_good_of_node_engine(job.target);
    }
    drill.close()?;
    let (repair, failure) = match repaired {
        Ok(repair) => (repair, None),
        Err(error) => (None, Some(error)),
    };
    Ok(DrillReport {
        causes,
        repair,
        failure,
        took,
        is_config_back,
        aside,
        is_healthy: probe.is_healthy(),
    })
}

/// Breaks the config of a drill's target, restarts the gateway, and repairs it. Returns `None` where the gateway was well all
/// the same.
fn break_and_repair(
    job: &RepairJob<'_>,
    drill: &OpenDrill<'_>,
    causes: &mut Vec<Cause>,
    on_event: &mut dyn FnMut(DrillEvent<'_>),
) -> Result<Option<RepairReport>> {
    drill.break_config()?;
    on_event(DrillEvent::Broken);
    take_down(job)?;
    let Some((evidence, steps)) = wait_until_down(job, causes) else {
        return Ok(None);
    };
    on_event(DrillEvent::Down(causes));
    let mut on_repair = |event: RepairEvent<'_>| on_event(DrillEvent::Repair(event));
    let before = &evidence.probe.verdict;
    repair::run_recorded(job, causes, &steps, before, &mut on_repair).map(Some)
}

/// Restarts the service of a drill's gateway, which does not come up; where it has none, ends the process.
fn take_down(job: &RepairJob<'_>) -> Result<()> {
    let service = service::status(job.target).ok();
    let has_service = service.is_some_and(|service| service.state != RunState::NotInstalled);
    if has_service {
        // That it does not come up is what is wanted.
        let _ = service::restart(job.target);
        return Ok(());
    }
    let Some(process) = probe::find_gateway_process(job.target) else {
        return Ok(());
    };
    let engine =
        Record::read(&job.target.instance.record_path()).map_or(Engine::Native, |record| record.engine);
    pid::terminate(process, engine.stop_timeout())
        .map_err(|cause| Error::failed(msg!("rescue.not-ended", pid = process)).because(cause))
}

/// Waits until the gateway of a drill is down and steps are planned by which it may come back. Returns `None` where it is
/// well all the same when its time is over, or the drill is to end.
fn wait_until_down(job: &RepairJob<'_>, causes: &mut Vec<Cause>) -> Option<(Evidence, Vec<RepairStep>)> {
    let limit = repair::health_timeout(job);
    let deadline = Instant::now() + limit;
    loop {
        let evidence = evidence::collect(job.target);
        *causes = diagnose::diagnose(&evidence);
        let steps = steps::plan_steps(&evidence, causes);
        let is_down = !evidence.probe.is_healthy();
        if is_down && !steps.is_empty() {
            return Some((evidence, steps));
        }
        if Instant::now() >= deadline {
            return is_down.then_some((evidence, steps));
        }
        if !job.stop.sleep(LOOK_INTERVAL) {
            return None;
        }
    }
}
