//! The decision of a watcher when to repair: a short outage is waited out, a long one is not. Pure.

use std::time::Duration;

use crate::probe::ProbeVerdict;
use crate::record;

/// The intervals of a gateway's watcher: how often it probes, and how long it waits before and after a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WatchPolicy {
    /// Time between two probes of a watched gateway.
    pub(crate) interval: Duration,
    /// Time that a gateway may be unwell before it is repaired: a restart, an upgrade, a slow moment.
    pub(crate) patience: Duration,
    /// Time that a gateway is left alone after a repair that did not help.
    pub(crate) rest: Duration,
}

impl WatchPolicy {
    /// Reads the intervals of a gateway's watcher from the rescuer's `instance.toml`, in seconds: a missing value is
    /// 10, 30 and 300; a value out of bounds is brought to the nearest bound, so that no watcher spins and none
    /// sleeps for ever.
    pub(crate) fn from_record(record: &record::RescueTable) -> Self {
        let seconds = |value: Option<u64>, default: u64, min: u64, max: u64| {
            Duration::from_secs(value.unwrap_or(default).clamp(min, max))
        };
        Self {
            interval: seconds(record.interval, 10, 1, 3600),
            patience: seconds(record.patience, 30, 0, 3600),
            rest: seconds(record.rest, 300, 10, 86_400),
        }
    }
}

/// The state of the watcher of one gateway: what it knows of the gateway from its probes. Times run from the
/// watcher's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum WatchState {
    /// The gateway was not probed yet.
    #[default]
    Unknown,
    /// There is no such profile, or none that can be watched.
    Absent,
    /// The gateway was well.
    Well,
    /// The gateway is not well since this time.
    Unwell(Duration),
    /// The gateway was repaired in vain, and is left alone until this time.
    Resting(Duration),
    /// A user stopped the gateway, which is left alone until somebody starts it.
    Stopped,
}

/// The action that a gateway's watcher takes after a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WatchAction {
    /// Nothing.
    Wait,
    /// Report that the gateway recovered by itself.
    ReportRecovered,
    /// Report that the gateway is not well any more.
    ReportLost,
    /// Repair the gateway.
    Repair,
}

impl WatchState {
    /// Updates what the watcher knows of a gateway by the result of a probe, and returns what to do next.
    pub(super) fn update(
        &mut self,
        now: Duration,
        verdict: &ProbeVerdict,
        patience: Duration,
    ) -> WatchAction {
        // A gateway that is busy with somebody's guesses runs, and a restart would not help it.
        if matches!(verdict, ProbeVerdict::Healthy | ProbeVerdict::TooManyAttempts) {
            let before = std::mem::replace(self, Self::Well);
            return match before {
                Self::Unwell(_) | Self::Resting(_) | Self::Stopped => WatchAction::ReportRecovered,
                Self::Unknown | Self::Absent | Self::Well => WatchAction::Wait,
            };
        }
        match *self {
            Self::Unknown | Self::Absent | Self::Well | Self::Stopped => {
                *self = Self::Unwell(now);
                WatchAction::ReportLost
            }
            Self::Unwell(since) if now.saturating_sub(since) >= patience => WatchAction::Repair,
            Self::Resting(until) if now >= until => WatchAction::Repair,
            Self::Unwell(_) | Self::Resting(_) => WatchAction::Wait,
        }
    }

    /// Updates what the watcher knows of a gateway by the result of a repair.
    pub(super) fn update_after_repair(&mut self, now: Duration, is_healthy: bool, rest: Duration) {
        *self = if is_healthy {
            Self::Well
        } else {
            Self::Resting(now + rest)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const PATIENCE: Duration = Duration::from_secs(30);
    const REST: Duration = Duration::from_mins(5);

    #[test]
    fn policy_has_default_values_and_bounds() {
        let from_record = |interval, patience, rest| {
            WatchPolicy::from_record(&record::RescueTable {
                interval,
                patience,
                rest,
                ..record::RescueTable::default()
            })
        };
        let policy = |interval, patience, rest| WatchPolicy {
            interval: seconds(interval),
            patience: seconds(patience),
            rest: seconds(rest),
        };
        assert_eq!(from_record(None, None, None), policy(10, 30, 300));
        assert_eq!(from_record(Some(0), Some(0), Some(0)), policy(1, 0, 10));
        let max = Some(u64::MAX);
        assert_eq!(from_record(max, max, max), policy(3600, 3600, 86_400));
        assert_eq!(from_record(Some(2), Some(3), Some(60)), policy(2, 3, 60));
    }

    #[test]
    fn short_outage_is_waited_out() {
        let mut state = WatchState::default();
        let mut update = |at, verdict| state.update(seconds(at), &verdict, PATIENCE);
        assert_eq!(update(0, ProbeVerdict::Healthy), WatchAction::Wait);
        assert_eq!(update(10, ProbeVerdict::NotRunning), WatchAction::ReportLost);
        assert_eq!(update(39, ProbeVerdict::Slow), WatchAction::Wait);
        assert_eq!(update(40, ProbeVerdict::Healthy), WatchAction::ReportRecovered);
        assert_eq!(update(50, ProbeVerdict::Healthy), WatchAction::Wait);
    }

    #[test]
    fn long_outage_is_repaired_and_a_repair_in_vain_is_followed_by_rest() {
        let mut state = WatchState::default();
        let update =
            |state: &mut WatchState, at| state.update(seconds(at), &ProbeVerdict::NotRunning, PATIENCE);
        assert_eq!(update(&mut state, 0), WatchAction::ReportLost);
        assert_eq!(update(&mut state, 30), WatchAction::Repair);
        state.update_after_repair(seconds(45), false, REST);
        assert_eq!(update(&mut state, 60), WatchAction::Wait);
        assert_eq!(update(&mut state, 345), WatchAction::Repair);
        state.update_after_repair(seconds(350), true, REST);
        assert_eq!(update(&mut state, 360), WatchAction::ReportLost);
    }
}
