//! Probes the gateway of one instance: whether it runs, belongs to the instance, and is healthy.
//!
//! All commands that need this (`status`, the wait after a start, `doctor`, `rescue`) use this module, so that their
//! answers agree. A gateway is located by the listeners of the host and the owners of their processes ([`location`]),
//! and identified by its answer to a liveness request, which contains no secret ([`identity`]). Its health is queried in
//! a session ([`session`]), in which the token is sent only to a process that is known to belong to the instance.

use std::thread;
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::host::Host;
use crate::instance::{self, Instance, InstanceContext};
use crate::lock;
use crate::profile::ProfileName;
use crate::settings::ClientAuth;
use crate::survey::{self, SharedLocks, Survey, SurveyedInstance};
use crate::sync;

pub(crate) mod channels;
mod files;
mod identity;
mod last_run;
mod located;
mod location;
mod messages;
mod phase;
mod report;
mod session;
#[cfg(test)]
mod tests;

use location::listening_gateway;

pub(crate) use last_run::{LastRun, RunEnd};
pub(crate) use located::LocatedProbe;
pub(crate) use messages::verdict_msg;
pub(crate) use report::{Probe, ProbeVerdict, VerdictClass};

/// Time between two probes of a gateway that is starting.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Surveys the host for an instance and probes its gateway, on the port on which it really listens. Takes at most
/// `limit`, or as long as the survey.
pub(crate) fn probe_gateway(context: InstanceContext<'_>, limit: Duration) -> Probe {
    probe_for_client(context, limit).0
}

/// Surveys the host for an instance and probes its gateway for a command that is to connect to it. Also returns the
/// credentials for the gateway, for a caller that sends requests to it.
pub(crate) fn probe_for_client(context: InstanceContext<'_>, limit: Duration) -> (Probe, ClientAuth) {
    let deadline = Instant::now() + limit;
    let survey = survey::survey_for(context.host, context.env, context.instance);
    run(context, &survey, deadline, false)
}

/// Probes the gateway of an instance by a survey of the host that was just made. Returns by `deadline`.
pub(crate) fn probe_surveyed(context: InstanceContext<'_>, survey: &Survey, deadline: Instant) -> Probe {
    run(context, survey, deadline, false).0
}

/// Probes the gateway of an instance by a survey of the host that was just made, and also queries its `status`.
/// Returns by `deadline`.
pub(crate) fn probe_in_detail(context: InstanceContext<'_>, survey: &Survey, deadline: Instant) -> Probe {
    run(context, survey, deadline, true).0
}

/// Probes the gateways of all instances of a survey, those that are to be queried at the same time. Returns by `deadline`,
/// with the probes in the order of the instances.
pub(crate) fn probe_all(host: &Host, env: &Environment, survey: &Survey, deadline: Instant) -> Vec<Probe> {
    let located = locate_all(host, env, survey);
    let mut probes = vec![Probe::default(); located.len()];
    thread::scope(|scope| {
        let mut asked = Vec::new();
        for (at, (found, located)) in survey.instances.iter().zip(located).enumerate() {
            let must_query = located.must_query();
            let complete = move || {
                let instance = &instance_of(env, found);
                located.complete_briefly(InstanceContext { host, env, instance }, deadline)
            };
            if must_query {
                asked.push((at, scope.spawn(complete)));
            } else {
                probes[at] = complete();
            }
        }
        for (at, thread) in asked {
            probes[at] = thread.join().unwrap_or_default();
        }
    });
    probes
}

/// Reads the files of all instances of a survey that was just made and locates their gateways, in the order of the
/// instances.
pub(crate) fn locate_all(host: &Host, env: &Environment, survey: &Survey) -> Vec<LocatedProbe> {
    let shared_locks = SharedLocks::default();
    let locate = |found: &SurveyedInstance| {
        let instance = &instance_of(env, found);
        let context = InstanceContext { host, env, instance };
        LocatedProbe::new(context, survey, Some(found), &shared_locks)
    };
    sync::map_concurrently(&survey.instances, locate)
}

/// Returns the instance that an entry in a survey of the host describes, without any variable of the environment. An
/// instance without a profile is named after its state folder.
pub(crate) fn instance_of(env: &Environment, surveyed: &SurveyedInstance) -> Instance {
    let by_folder = || instance::owner_of_state(&env.home, &surveyed.state_dir);
    let profile = surveyed.profile.clone().or_else(by_folder);
    let profile = profile.unwrap_or_else(ProfileName::default_profile);
    Instance {
        state_dir: surveyed.state_dir.clone(),
        config_path: surveyed.config_path.clone(),
        ..Instance::canonical(&env.home, profile)
    }
}

/// Probes the gateway of an instance repeatedly until it is healthy, at most for `limit`, and returns the last probe.
/// Returns early where waiting can't help: another program holds the port, or the token is refused.
pub(crate) fn wait_until_healthy(context: InstanceContext<'_>, limit: Duration) -> Probe {
    wait_until_healthy_while(context, limit, || true)
}

/// Probes the gateway of an instance repeatedly until it is healthy, while `may_come_up` returns true and at most for
/// `limit`, and returns the last probe. Returns early where waiting can't help: another program holds the port, or the
/// token is refused.
pub(crate) fn wait_until_healthy_while(
    context: InstanceContext<'_>,
    limit: Duration,
    mut may_come_up: impl FnMut() -> bool,
) -> Probe {
    let deadline = Instant::now() + limit;
    let mut survey = survey::survey_host(context.host, context.env);
    loop {
        let probe = run(
            context,
            &survey,
            deadline.max(Instant::now() + POLL_INTERVAL),
            false,
        )
        .0;
        let is_final = !probe.verdict.is_transient() || Instant::now() + POLL_INTERVAL >= deadline;
        if is_final || !may_come_up() {
            return probe;
        }
        thread::sleep(POLL_INTERVAL);
        // Only sockets change while a gateway starts; its config and the other instances are not read again.
        survey.refresh_listeners();
    }
}

/// A gateway that runs, as the commands see it that must not change its files meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunningGateway {
    /// Process id of the gateway; 0 where it is not known.
    pub(crate) pid: u32,
    /// `true` if the process is proved to be the gateway of the instance, so that `gateway stop` can end it.
    pub(crate) is_proved: bool,
}

/// Finds the gateway of an instance by a survey of the host that was just made, also one that does not listen yet or any
/// more, and one in another container. Returns within `limit`.
pub(crate) fn find_running_gateway(
    context: InstanceContext<'_>,
    survey: &Survey,
    limit: Duration,
) -> Option<RunningGateway> {
    let proved =
        lock_holder_process(context.instance).or_else(|| listening_process(context.instance, survey));
    if let Some(pid) = proved {
        return Some(RunningGateway { pid, is_proved: true });
    }
    let unproved = |pid| RunningGateway {
        pid,
        is_proved: false,
    };
    let holder = lock::read_holder(&context.instance.lock_path()).filter(|holder| holder.alive);
    // The owner of another user's process is not known: the gateway's own answer tells.
    holder.map(|holder| unproved(holder.pid)).or_else(|| {
        let probe = probe_in_detail(context, survey, Instant::now() + limit);
        probe
            .is_running()
            .then(|| unproved(probe.pid.unwrap_or_default()))
    })
}

/// Returns the process that is proved to be the gateway of an instance: it holds the lock, whether it listens or not.
/// Sends no request.
pub(crate) fn find_gateway_process(context: InstanceContext<'_>) -> Option<u32> {
    lock_holder_process(context.instance).or_else(|| {
        let survey = survey::survey_for(context.host, context.env, context.instance);
        listening_process(context.instance, &survey)
    })
}

/// Returns the process that holds the lock of an instance's gateway, of either engine, and is proved to.
fn lock_holder_process(instance: &Instance) -> Option<u32> {
    let path = instance.lock_path();
    let native = lock::read_holder(&path).and_then(|holder| holder.proved_pid(&path));
    native.or_else(|| {
        let holder = survey::find_openclaw_lock_holder(&instance.state_dir, &instance.config_path);
        holder.map(|holder| holder.pid)
    })
}

/// Returns the process that listens as the gateway of an instance in a survey.
fn listening_process(instance: &Instance, survey: &Survey) -> Option<u32> {
    let index = survey.position(&instance.config_path)?;
    listening_gateway(survey, &survey.instances[index].label)
}

/// Probes the gateway of an instance by a survey of the host, with its `status` where `in_detail`. Also returns the
/// credentials for the gateway.
fn run(
    context: InstanceContext<'_>,
    survey: &Survey,
    deadline: Instant,
    in_detail: bool,
) -> (Probe, ClientAuth) {
    let surveyed = survey
        .position(&context.instance.config_path)
        .map(|index| &survey.instances[index]);
    let located = LocatedProbe::new(context, survey, surveyed, &SharedLocks::default());
    located.complete(context, deadline, in_detail)
}
