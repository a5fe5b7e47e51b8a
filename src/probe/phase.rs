//! A gateway that is starting or ending and does not listen: what its lock tells about that.

use std::time::{Duration, SystemTime};

use super::report::{Probe, ProbeVerdict};
use crate::instance::InstanceContext;
use crate::lock::LockHolder;
use crate::record::Engine;
use crate::survey::SharedLocks;

impl Probe {
    /// Sets the verdict of a probe on a gateway that holds a lock and listens nowhere: it is starting or ending, runs
    /// in another container, or hangs. `holder` holds the lock of the native engine, and `pid` is its proved process;
    /// `shared_locks` are those of OpenClaw in the folder for temporary files.
    pub(super) fn set_silent_holder(
        &mut self,
        context: InstanceContext<'_>,
        holder: Option<&LockHolder>,
        pid: Option<u32>,
        shared_locks: &SharedLocks,
    ) {
        let InstanceContext { host, instance, .. } = context;
        let now = host.now();
        if let Some(holder) = holder {
            self.pid = pid;
            self.started = Some(holder.started);
            let native = Engine::Native;
            self.verdict = match holder.stopping_since {
                _ if pid.is_none() => ProbeVerdict::Slow,
                Some(since) if is_within(native.stop_timeout(), since, now) => ProbeVerdict::ShuttingDown,
                None if is_within(native.start_timeout(), holder.started, now) => ProbeVerdict::Starting,
                _ => ProbeVerdict::Slow,
            };
            return;
        }
        let found = shared_locks.find_holder(&instance.state_dir, &instance.config_path);
        if let Some(found) = found {
            (self.pid, self.proved_pid) = (Some(found.pid), Some(found.pid));
            self.started = found.started;
            let limit = Engine::Node.start_timeout();
            self.verdict = match found.started {
                Some(started) if is_within(limit, started, now) => ProbeVerdict::Starting,
                _ => ProbeVerdict::Slow,
            };
        }
    }
}

/// Returns whether a time lies at most `limit` before `now`.
fn is_within(limit: Duration, since: SystemTime, now: SystemTime) -> bool {
    now.duration_since(since).is_ok_and(|age| age < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the verdict of a probe on a gateway of the native engine that holds its lock and listens nowhere, which
    /// started and began to end the given number of seconds ago.
    fn verdict_of_holder(started: u64, stopping: Option<u64>) -> ProbeVerdict {
        let host = crate::host::Host::fixed(&[], [("", ""); 0]);
        let ago = |seconds| host.now() - Duration::from_secs(seconds);
        let holder = LockHolder {
            pid: 7,
            port: crate::ports::Port::known(19789),
            profile: "rescue".to_owned(),
            started: ago(started),
            stopping_since: stopping.map(ago),
            alive: true,
        };
        let env = crate::environment::Environment::default();
        let profile = crate::profile::ProfileName::parse("rescue").unwrap();
        let instance = crate::instance::Instance::canonical(std::path::Path::new("/nowhere"), profile);
        let context = InstanceContext {
            host: &host,
            env: &env,
            instance: &instance,
        };
        let mut probe = Probe::default();
        probe.set_silent_holder(context, Some(&holder), Some(7), &SharedLocks::default());
        probe.verdict
    }

    #[test]
    fn holder_of_the_lock_that_does_not_listen_starts_or_ends_for_a_limited_time() {
        assert_eq!(verdict_of_holder(5, None), ProbeVerdict::Starting);
        assert_eq!(verdict_of_holder(60, None), ProbeVerdict::Slow);
        assert_eq!(verdict_of_holder(600, Some(5)), ProbeVerdict::ShuttingDown);
        assert_eq!(verdict_of_holder(600, Some(60)), ProbeVerdict::Slow);
    }
}
