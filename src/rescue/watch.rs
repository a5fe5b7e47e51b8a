//! Watches other gateways and repairs them, for the command line and as a task of a rescue gateway alike. When to
//! repair is decided in [`state`], which is pure.

use std::time::{Duration, Instant, SystemTime};

use super::diagnose::{self, Cause};
use super::repair::{self, RepairJob, RepairOrigin};
use super::{evidence, open_drill, resolve_target, steps};
use crate::boot;
use crate::i18n::Msg;
use crate::instance::InstanceContext;
use crate::moves::AwayPhase;
use crate::probe::{self, Probe, ProbeVerdict};
use crate::record::Engine;
use crate::releases::SwitchPhase;
use crate::service::{self, RunState, ServiceStatus, StopCause};
use crate::stop_record;
use crate::survey::{self, Survey};

mod context;
mod event;
mod hearing;
mod remote;
mod state;
mod target;
mod versions;

pub(crate) use context::WatchContext;
pub use event::WatchEvent;
use hearing::{Hearing, HearingAction};
pub(crate) use state::WatchPolicy;
use state::{WatchAction, WatchState};
pub use target::WatchTarget;
use versions::SeenVersions;

/// Time that a watched gateway has to answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// What a watcher knows of one gateway.
#[derive(Debug, Default)]
struct WatchedGateway {
    state: WatchState,
    /// Whether its channels work, while it is well.
    hearing: Hearing,
    /// The time at which the gateway was last found well.
    last_healthy: Option<SystemTime>,
}

/// Watches these gateways until the watcher is told to stop. Each one of a remote host has a thread of its own.
pub(crate) fn run(
    context: &WatchContext<'_>,
    targets: &[WatchTarget],
    on_event: &(dyn Fn(&WatchTarget, WatchEvent) + Sync),
) {
    std::thread::scope(|scope| {
        for target in targets {
            if let Some(host) = &target.host {
                let report = move |event| on_event(target, event);
                scope.spawn(move || remote::watch(context, &target.profile, host, &report));
            }
        }
        let here: Vec<_> = targets.iter().filter(|target| target.host.is_none()).collect();
        if !here.is_empty() {
            watch_here(context, &here, on_event);
        }
    });
}

/// Watches gateways of this host until the watcher is told to stop. The host is surveyed once in each round, and again after
/// a repair, which takes its time.
fn watch_here(
    context: &WatchContext<'_>,
    targets: &[&WatchTarget],
    on_event: &dyn Fn(&WatchTarget, WatchEvent),
) {
    let start = Instant::now();
    let InstanceContext { host, env, instance } = context.rescuer;
    let mut versions = SeenVersions::read(&instance.state_dir);
    let mut watched: Vec<_> = targets
        .iter()
        .map(|target| (*target, WatchedGateway::default()))
        .collect();
    loop {
        let mut survey = survey::survey_host(host, env);
        for (name, gateway) in &mut watched {
            let target = match resolve_target(env, &survey, instance, &name.profile) {
                Ok(target) => target,
                Err(error) => {
                    if gateway.state != WatchState::Absent {
                        gateway.state = WatchState::Absent;
                        on_event(name, WatchEvent::Absent(error.msg));
                    }
                    continue;
                }
            };
            let target = context.rescuer.with_instance(&target);
            if is_under_drill(target) {
                continue;
            }
            let mut report = |event| on_event(name, event);
            let was_repaired = watch_target(
                context,
                target,
                &survey,
                gateway,
                start,
                &mut versions,
                &mut report,
            );
            if was_repaired {
                survey = survey::survey_host(host, env);
            }
        }
        if !context.stop.sleep(context.policy.interval) {
            return;
        }
    }
}

/// Probes one watched gateway, and reports its state or repairs it where that is due. Returns whether it was
/// repaired.
fn watch_target(
    context: &WatchContext<'_>,
    target: InstanceContext<'_>,
    survey: &Survey,
    gateway: &mut WatchedGateway,
    start: Instant,
    versions: &mut SeenVersions,
    on_event: &mut dyn FnMut(WatchEvent),
) -> bool {
    let WatchedGateway {
        state,
        hearing,
        last_healthy,
    } = gateway;
    let is_first_probe = matches!(state, WatchState::Unknown | WatchState::Absent);
    let mut probe = probe::probe_surveyed(target, survey, Instant::now() + PROBE_TIMEOUT);
    if probe.is_healthy() {
        *last_healthy = Some(target.host.now());
        note_healthy(target, &probe, versions, on_event);
    } else if is_under_drill(target) || is_left_to_another(target) {
        return false;
    } else {
        let service = service::status(target).ok();
        if let Some(service) = &service {
            service.refine_verdict(&mut probe, target.host.now());
        }
        if is_stopped_by_user(target, &probe, service.as_ref(), *last_healthy) {
            if *state != WatchState::Stopped {
                *state = WatchState::Stopped;
                on_event(WatchEvent::Stopped);
            }
            return false;
        }
        if probe.verdict.is_in_transition() {
            return false;
        }
    }
    match state.update(start.elapsed(), &probe.verdict, context.policy.patience) {
        WatchAction::Wait if is_first_probe => on_event(WatchEvent::Watching),
        WatchAction::Wait => {
            return watch_channels(context, target, &probe, hearing, start.elapsed(), on_event);
        }
        WatchAction::ReportRecovered => on_event(WatchEvent::Recovered),
        WatchAction::ReportLost => {
            let causes = diagnose::diagnose(&evidence::collect(target));
            on_event(WatchEvent::Lost(causes.first().map(Cause::msg)));
        }
        WatchAction::Repair if (context.is_paused)() => {}
        WatchAction::Repair => {
            let is_healthy = repair_and_report(context, target, on_event);
            state.update_after_repair(start.elapsed(), is_healthy, context.policy.rest);
            return true;
        }
    }
    false
}

/// Repairs a watched gateway and reports it, before and after. Returns whether the gateway is well.
fn repair_and_report(
    context: &WatchContext<'_>,
    target: InstanceContext<'_>,
    on_event: &mut dyn FnMut(WatchEvent),
) -> bool {
    on_event(WatchEvent::Repairing);
    let repaired = repair_target(context, target);
    let is_healthy = repaired.is_ok();
    on_event(match repaired {
        Ok(()) => WatchEvent::Repaired,
        Err(why) => WatchEvent::InVain(why),
    });
    is_healthy
}

/// Returns whether a gateway is down for a drill: nothing is said or done about that. The config of a drill that was cut
/// short is put back; what is down then is down.
fn is_under_drill(target: InstanceContext<'_>) -> bool {
    let InstanceContext { host, env, instance } = target;
    // Where it can't be put back, the repair that follows fails with the reason.
    let _ = open_drill::recover_left_drill(host, env);
    open_drill::is_open_drill(host, env, instance.profile.as_str())
}

/// Notes what is known of a gateway that is well: its version, and the config of OpenClaw from npm, which does not save it as
/// the last good one.
fn note_healthy(
    target: InstanceContext<'_>,
    probe: &Probe,
    versions: &mut SeenVersions,
    on_event: &mut dyn FnMut(WatchEvent),
) {
    if let Some((from, to)) = versions.note(&target.instance.profile, probe) {
        on_event(WatchEvent::Upgraded { from, to });
    }
    if probe.engine == Engine::Node {
        boot::save_config_of_healthy_start(target, probe.started);
    }
}

/// Looks once how a gateway is, as a watcher that has not seen it before. Returns the probe, and what there is to tell; `None`
/// where the gateway is about to start or to end, or down for a drill.
pub(crate) fn look(target: InstanceContext<'_>, survey: &Survey) -> (Probe, Option<WatchEvent>) {
    let mut probe = probe::probe_surveyed(target, survey, Instant::now() + PROBE_TIMEOUT);
    if matches!(
        probe.verdict,
        ProbeVerdict::Healthy | ProbeVerdict::TooManyAttempts
    ) {
        return (probe, Some(WatchEvent::Recovered));
    }
    let service = service::status(target).ok();
    if let Some(service) = &service {
        service.refine_verdict(&mut probe, target.host.now());
    }
    let event = if is_under_drill(target) || is_left_to_another(target) {
        None
    } else if is_stopped_by_user(target, &probe, service.as_ref(), None) {
        Some(WatchEvent::Stopped)
    } else if probe.verdict.is_in_transition() {
        None
    } else {
        let causes = diagnose::diagnose(&evidence::collect(target));
        Some(WatchEvent::Lost(causes.first().map(Cause::msg)))
    };
    (probe, event)
}

/// Looks whether the channels of a gateway that is well work, and reports or restarts it where they have not for long.
/// Returns whether it was restarted.
fn watch_channels(
    context: &WatchContext<'_>,
    target: InstanceContext<'_>,
    probe: &Probe,
    hearing: &mut Hearing,
    now: Duration,
    on_event: &mut dyn FnMut(WatchEvent),
) -> bool {
    if !probe.is_healthy() {
        *hearing = Hearing::default();
        return false;
    }
    let cause = diagnose::cause_of_deafness(probe);
    let why = || cause.as_ref().map(Cause::msg);
    let may_restart = !(context.is_paused)();
    match hearing.update(now, cause.is_some(), context.policy.patience, may_restart) {
        HearingAction::Wait => {}
        HearingAction::ReportLost => on_event(WatchEvent::Lost(why())),
        HearingAction::ReportRecovered => on_event(WatchEvent::Recovered),
        HearingAction::ReportRepaired => on_event(WatchEvent::Repaired),
        HearingAction::ReportInVain => on_event(WatchEvent::InVain(why())),
        HearingAction::Restart => {
            on_event(WatchEvent::Repairing);
            // Whether it helped is seen when the channels had time to connect.
            if let Err(why) = repair_target(context, target) {
                hearing.give_up();
                on_event(WatchEvent::InVain(why));
            }
            return true;
        }
    }
    false
}

/// Returns whether a watched gateway does not run because a user stopped it: by `gateway stop` or Ctrl-C, which are
/// recorded, or through its service manager. A gateway of the native engine never ends in order by itself. OpenClaw
/// from npm may, to be restarted by its manager: only where that tells that it ended the run is it stopped. What was well
/// after its service had stopped was started some other way, and has ended by itself since. A switch to another release or a
/// move to another host that was cut short is no user.
fn is_stopped_by_user(
    target: InstanceContext<'_>,
    probe: &Probe,
    service: Option<&ServiceStatus>,
    last_healthy: Option<SystemTime>,
) -> bool {
    let is_stopped_service = |service: &ServiceStatus| {
        service.state == RunState::Stopped
            && service.since.is_some_and(|since| !is_before(since, last_healthy))
            && (service.stop_cause == StopCause::Requested
                || (service.exit_code == Some(0) && probe.engine == Engine::Native))
            && probe.verdict == ProbeVerdict::NotRunning
    };
    let is_stopped = stop_record::is_in_force(target.instance, probe.proved_pid)
        || service.is_some_and(is_stopped_service);
    is_stopped && !is_cut_short(target)
}

/// Returns whether a gateway is down for a switch to another release or for a move to another host, which start it themselves,
/// or has moved.
fn is_left_to_another(target: InstanceContext<'_>) -> bool {
    SwitchPhase::of(target) == SwitchPhase::UnderWay || AwayPhase::of(target) == AwayPhase::Away
}

/// Returns whether a switch to another release or a move to another host was cut short and has stopped a gateway that ran.
fn is_cut_short(target: InstanceContext<'_>) -> bool {
    SwitchPhase::of(target) == SwitchPhase::CutShort || AwayPhase::of(target) == AwayPhase::CutShort
}

/// Returns whether a service stopped before this time. Managers tell the time of the stop in whole seconds, cut off.
fn is_before(stopped: SystemTime, time: Option<SystemTime>) -> bool {
    const PRECISION: Duration = Duration::from_secs(1);
    time.is_some_and(|time| stopped + PRECISION <= time)
}

/// Repairs a watched gateway, unless it was repaired too often lately. Fails with the reason why the gateway is not
/// well, or was not repaired, where it is known.
fn repair_target(context: &WatchContext<'_>, target: InstanceContext<'_>) -> Result<(), Option<Msg>> {
    let evidence = evidence::collect(target);
    let causes = diagnose::diagnose(&evidence);
    let Some(first) = causes.first().map(Cause::msg) else {
        return if evidence.is_well() { Ok(()) } else { Err(None) };
    };
    let steps = steps::plan_steps(&evidence, &causes);
    if steps.is_empty() {
        return Err(Some(first));
    }
    let job = RepairJob {
        target,
        rescuer: context.rescuer.instance,
        origin: RepairOrigin::Watcher,
        is_forced: false,
        stop: context.stop,
    };
    match repair::run_repair(&job, &evidence, &causes, &steps, &mut |_| {}) {
        Ok(report) if report.is_healthy => Ok(()),
        Ok(_) => Err(Some(first)),
        Err(error) => Err(Some(error.msg)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_of_a_service_counts_until_its_gateway_was_well_again() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        assert!(!is_before(at(10_000), None));
        assert!(
            !is_before(at(10_000), Some(at(10_900))),
            "the stop was at 10.95 s"
        );
        assert!(!is_before(at(20_000), Some(at(10_000))));
        assert!(is_before(at(10_000), Some(at(11_000))));
    }
}
