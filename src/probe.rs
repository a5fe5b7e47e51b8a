//! The probe of one instance's gateway: whether it runs, whether it is this instance's, whether it is well.
//!
//! Every command that needs to know (`status`, the wait after a start, `doctor`, `rescue`) uses this module, so that
//! no two answers of this program disagree. The gateway is located by what listens on the host and whose process
//! that is ([`location`]); it is identified by its liveness answer, for which nothing secret is shown
//! ([`identity`]); and its health comes from a session ([`ask`]), in which the token is shown only to a process that
//! is known as this instance's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::environment::Environment;
use crate::host::pid;
use crate::instance::{self, Instance, InstanceContext};
use crate::lock;
use crate::ports::Port;
use crate::profile::ProfileName;
use crate::settings::Proof;
use crate::survey::{self, Survey, Surveyed};

mod ask;
mod files;
mod identity;
mod last_run;
mod location;
mod messages;
mod report;
#[cfg(test)]
mod tests;

use files::GatewayFiles;
use location::GatewayLocation;

pub(crate) use last_run::{LastRun, RunEnd};
pub(crate) use report::{Probe, ProbeVerdict};

/// Time between two probes of a gateway that starts.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Surveys the host and probes the gateway of an instance, on the port that it really uses. Takes at most `limit`,
/// or as long as the survey takes.
pub(crate) fn probe_gateway(context: InstanceContext<'_>, limit: Duration) -> Probe {
    probe_for_client(context, limit).0
}

/// Surveys the host and probes the gateway of an instance; also returns the credentials that the gateway accepts,
/// for a caller that goes on to send requests to it.
pub(crate) fn probe_for_client(context: InstanceContext<'_>, limit: Duration) -> (Probe, Proof) {
    let deadline = Instant::now() + limit;
    let survey = survey::take(context.host, context.env);
    run(context, &survey, deadline, false)
}

/// Probes the gateway of an instance by a survey that was just taken. Ends by `deadline`.
pub(crate) fn probe_surveyed(context: InstanceContext<'_>, survey: &Survey, deadline: Instant) -> Probe {
    run(context, survey, deadline, false).0
}

/// Probes the gateway of an instance by a survey that was just taken, and also asks it for its `status`. Ends by
/// `deadline`.
pub(crate) fn probe_in_detail(context: InstanceContext<'_>, survey: &Survey, deadline: Instant) -> Probe {
    run(context, survey, deadline, true).0
}

/// Returns the instance that a survey found, with nothing inherited from the environment. One without a profile is
/// named after its state folder, as its paths in an environment would have it.
pub(crate) fn instance_of(env: &Environment, surveyed: &Surveyed) -> Instance {
    let by_folder = || instance::owner_of_state(&env.home, &surveyed.state_dir);
    let profile = surveyed.profile.clone().or_else(by_folder);
    let profile = profile.unwrap_or_else(ProfileName::default_profile);
    Instance {
        state_dir: surveyed.state_dir.clone(),
        config_path: surveyed.config_path.clone(),
        ..Instance::canonical(&env.home, profile)
    }
}

/// Probes the gateway of an instance until it is well, at most for `limit`, and returns the last probe. Ends early
/// where waiting can't help: another program holds the port, or the token is refused.
pub(crate) fn wait_until_healthy(context: InstanceContext<'_>, limit: Duration) -> Probe {
    wait_until_healthy_while(context, limit, || true)
}

/// Probes the gateway of an instance until it is well, for as long as `may_come_up` returns true and at most for
/// `limit`, and returns the last probe. Ends early where waiting can't help: another program holds the port, or the
/// token is refused.
pub(crate) fn wait_until_healthy_while(
    context: InstanceContext<'_>,
    limit: Duration,
    mut may_come_up: impl FnMut() -> bool,
) -> Probe {
    let deadline = Instant::now() + limit;
    let mut survey = survey::take(context.host, context.env);
    loop {
        let probe = run(
            context,
            &survey,
            deadline.max(Instant::now() + POLL_INTERVAL),
            false,
        )
        .0;
        let is_over = !probe.verdict.is_transient() || Instant::now() + POLL_INTERVAL >= deadline;
        if is_over || !may_come_up() {
            return probe;
        }
        std::thread::sleep(POLL_INTERVAL);
        // Only sockets change while a gateway starts; its config and the other instances are not read again.
        survey.refresh_listeners(context.env);
    }
}

fn run(context: InstanceContext<'_>, survey: &Survey, deadline: Instant, in_detail: bool) -> (Probe, Proof) {
    let instance = context.instance;
    let surveyed = survey
        .position(&instance.config_path)
        .map(|index| &survey.instances[index]);
    let files = GatewayFiles::read(context, surveyed);
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
        ..Probe::default()
    };
    let label = surveyed.map(|surveyed| surveyed.label.as_str());
    let holder = lock::read_holder(&instance.lock_path());
    let alive = holder.as_ref().filter(|holder| holder.alive);
    let lock_owner = alive.map(|holder| (holder.pid, holder.port));
    let process_owner = |process| pid::process_owner(process, &instance.state_dir);
    let location = location::locate(
        survey,
        label,
        lock_owner,
        files.port,
        files.bind_address,
        process_owner,
    );
    if let (Some(holder), GatewayLocation::Nowhere) = (alive, &location) {
        // The process lives and does not listen: it starts, or it ends.
        probe.pid = Some(holder.pid);
        probe.started = Some(holder.started);
        probe.verdict = ProbeVerdict::Slow;
    }
    ask::ask(&mut probe, location, context, &files, deadline, in_detail);
    if !probe.is_running() {
        probe.last_run = last_run::read(instance, holder.as_ref().filter(|holder| !holder.alive));
    }
    let auth = files.auth.unwrap_or_else(|error| {
        probe.auth_error = Some(Arc::new(error));
        Proof::None
    });
    (probe, auth)
}
