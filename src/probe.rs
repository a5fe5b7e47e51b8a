//! Probes the gateway of one instance: whether it runs, belongs to the instance, and is healthy.
//!
//! All commands that need this (`status`, the wait after a start, `doctor`, `rescue`) use this module, so that their
//! answers agree. A gateway is located by the listeners of the host and the owners of their processes ([`location`]),
//! and identified by its answer to a liveness request, which contains no secret ([`identity`]). Its health is queried in
//! a session ([`session`]), in which the token is sent only to a process that is known to belong to the instance.

use std::borrow::Cow;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::host::{Host, pid};
use crate::instance::{self, Instance, InstanceContext};
use crate::lock;
use crate::ports::{ListeningProcess, Port, Span};
use crate::profile::ProfileName;
use crate::settings::ClientAuth;
use crate::survey::{self, Survey, SurveyedInstance};

mod files;
mod identity;
mod last_run;
mod location;
mod messages;
mod phase;
mod report;
mod session;
#[cfg(test)]
mod tests;

use files::GatewayFiles;
use location::GatewayLocation;

pub(crate) use last_run::{LastRun, RunEnd};
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

/// Probes the gateways of all instances of a survey, each on a thread of its own. Returns by `deadline`, with the probes in
/// the order of the instances.
pub(crate) fn probe_all(host: &Host, env: &Environment, survey: &Survey, deadline: Instant) -> Vec<Probe> {
    let probe = |found: &SurveyedInstance| {
        let instance = &instance_of(env, found);
        probe_surveyed(InstanceContext { host, env, instance }, survey, deadline)
    };
    thread::scope(|scope| {
        let all = survey.instances.iter();
        let threads: Vec<_> = all.map(|found| scope.spawn(move || probe(found))).collect();
        let probes = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default());
        probes.collect()
    })
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

/// Returns the pid of the process that listens as the gateway of the instance with this label in a survey.
fn listening_gateway(survey: &Survey, label: &str) -> Option<u32> {
    let mut owners = survey.listeners.iter().filter_map(|listener| listener.process());
    let is_own = |owner: &&ListeningProcess| owner.is_gateway && owner.instance.as_deref() == Some(label);
    owners.find(is_own).map(|owner| owner.pid)
}

/// Probes the gateway of an instance by a survey of the host, with its `status` where `in_detail`. Also returns the
/// credentials for the gateway.
fn run(
    context: InstanceContext<'_>,
    survey: &Survey,
    deadline: Instant,
    in_detail: bool,
) -> (Probe, ClientAuth) {
    let instance = context.instance;
    let surveyed = survey
        .position(&instance.config_path)
        .map(|index| &survey.instances[index]);
    let files = GatewayFiles::read(context, surveyed);
    let survey = &*match files.port {
        Some(port) => survey.with_owners(Span::one(port)),
        None => Cow::Borrowed(survey),
    };
    let listeners = survey.listeners.iter().filter(|l| Some(l.port) == files.port);
    let mut probe = Probe {
        port: files.port,
        configured_port: files.port,
        port_source: files.port_source,
        url: format!("ws://127.0.0.1:{}", files.port.map_or(0, Port::get)),
        listeners: listeners.cloned().collect(),
        config: files.config.clone(),
        config_findings: files.config_findings.clone(),
        engine: files.engine,
        remote_url: files.remote_url.clone(),
        ..Probe::default()
    };
    let label = surveyed.map(|surveyed| surveyed.label.as_str());
    let holder = lock::read_holder(&instance.lock_path());
    let alive = holder.as_ref().filter(|holder| holder.alive);
    let lock_pid = alive.and_then(|holder| holder.proved_pid(&instance.lock_path()));
    let lock_owner = lock_pid.zip(alive.map(|holder| holder.port));
    let process_owner = |process| pid::process_owner(process, &instance.state_dir);
    let location = location::locate(
        survey,
        label,
        lock_owner,
        files.port,
        files.bind_address,
        process_owner,
    );
    probe.proved_pid = lock_pid.or_else(|| listening_gateway(survey, label?));
    probe.is_out_of_reach = alive.is_some() && probe.proved_pid.is_none();
    if location == GatewayLocation::Nowhere {
        probe.set_silent_holder(context, alive, lock_pid);
    }
    session::query(&mut probe, location, context, &files, deadline, in_detail);
    if !probe.is_running() {
        probe.last_run = last_run::read(instance, holder.as_ref().filter(|holder| !holder.alive));
    }
    let auth = files.auth.unwrap_or_else(|error| {
        probe.auth_error = Some(Arc::new(error));
        ClientAuth::None
    });
    (probe, auth)
}
