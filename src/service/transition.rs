//! A gateway that is starting or ending, as its service manager tells.

use std::time::{Duration, SystemTime};

use super::control::ServiceStatus;
use super::manager::RunState;
use crate::probe::{Probe, ProbeVerdict};
use crate::record::Engine;

/// Maximum number of a service's restarts with which its gateway is taken for one that is just starting.
const MAX_STARTING_RESTARTS: u32 = 1;

impl ServiceStatus {
    /// Changes the verdict of a probe to "starting" or "shutting down" where the service manager tells that of the
    /// gateway, and the gateway itself does not answer as it would otherwise.
    pub(crate) fn refine_verdict(&self, probe: &mut Probe, now: SystemTime) {
        let is_young = self
            .since
            .is_some_and(|since| is_within(probe.engine.start_timeout(), since, now));
        let may_start = is_young && self.restarts <= MAX_STARTING_RESTARTS;
        probe.verdict = match (&probe.verdict, &self.state) {
            (
                ProbeVerdict::NotRunning | ProbeVerdict::Slow | ProbeVerdict::Unhealthy(_),
                RunState::Stopping,
            ) => ProbeVerdict::ShuttingDown,
            (ProbeVerdict::NotRunning | ProbeVerdict::Slow, RunState::Starting) if may_start => {
                ProbeVerdict::Starting
            }
            // The manager takes OpenClaw from npm for running from the first moment.
            (ProbeVerdict::NotRunning | ProbeVerdict::Slow, RunState::Running(_))
                if may_start && probe.engine == Engine::Node =>
            {
                ProbeVerdict::Starting
            }
            _ => return,
        };
    }
}

/// Returns whether a time lies at most `limit` before `now`.
fn is_within(limit: Duration, since: SystemTime, now: SystemTime) -> bool {
    now.duration_since(since).is_ok_and(|age| age < limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::{ManagerKind, StopCause};

    /// Returns the verdict of a probe of a node gateway after its service manager was asked, whose service entered a
    /// state the given number of seconds ago.
    fn verdict(before: ProbeVerdict, state: RunState, seconds: u64, restarts: u32) -> ProbeVerdict {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
        let mut probe = Probe {
            verdict: before,
            engine: Engine::Node,
            ..Probe::default()
        };
        let service = ServiceStatus {
            manager: ManagerKind::Systemd,
            name: "openclaw-gateway.service".to_owned(),
            file: None,
            enabled: true,
            state,
            exit_code: None,
            since: Some(now - Duration::from_secs(seconds)),
            stop_cause: StopCause::Unknown,
            restarts,
        };
        service.refine_verdict(&mut probe, now);
        probe.verdict
    }

    #[test]
    fn service_that_started_lately_or_is_stopping_is_in_transition() {
        use ProbeVerdict::{Healthy, NotRunning, ShuttingDown, Slow, Starting, Unhealthy};
        let refused = || Unhealthy("not a gateway".to_owned());
        assert_eq!(verdict(NotRunning, RunState::Running(7), 60, 0), Starting);
        assert_eq!(verdict(NotRunning, RunState::Running(7), 130, 0), NotRunning);
        assert_eq!(
            verdict(NotRunning, RunState::Starting, 1, 5),
            NotRunning,
            "a crash loop"
        );
        assert_eq!(verdict(Slow, RunState::Running(7), 60, 0), Starting);
        assert_eq!(verdict(refused(), RunState::Running(7), 60, 0), refused());
        assert_eq!(verdict(refused(), RunState::Stopping, 300, 0), ShuttingDown);
        assert_eq!(verdict(Healthy, RunState::Stopping, 1, 0), Healthy);
        assert_eq!(verdict(NotRunning, RunState::Stopped, 1, 0), NotRunning);
    }
}
