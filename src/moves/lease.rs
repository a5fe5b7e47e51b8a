//! The lease under which a moved gateway runs on the other host until it is there to stay.
//!
//! The receiving host issues numbered ticks, and the sending one answers each. A lease lasts [`LEASE_TIMEOUT`] from the moment at
//! which the last answered tick was *issued*: an answer that lay in a buffer of a cut connection prolongs nothing. The sending
//! host has seen every tick that it answered, so it knows a moment after which no lease is held, without another word.

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

/// Time from a tick that was answered to the end of the lease.
const LEASE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two ticks.
pub(super) const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// Time after the last answered tick at which the gateway on the other host has ended for certain: the lease, and what its end
/// takes on a busy host.
pub(crate) const LEASE_END_TIMEOUT: Duration = Duration::from_secs(15);

/// A moment by two clocks: the monotonic one stands still while a host sleeps, and the other one may be set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) monotonic: Instant,
    pub(super) wall: SystemTime,
}

impl Moment {
    /// Returns the present moment.
    pub(super) fn now() -> Self {
        Self {
            monotonic: Instant::now(),
            wall: crate::host::now(),
        }
    }

    /// Returns the time that has passed until a later moment, by the clock by which it is longer.
    fn longest_until(self, later: Self) -> Duration {
        let by_wall = later.wall.duration_since(self.wall).unwrap_or_default();
        later
            .monotonic
            .saturating_duration_since(self.monotonic)
            .max(by_wall)
    }
}

/// The lease of a provisional gateway, on the host that runs it.
#[derive(Debug, Default)]
pub(super) struct Lease {
    /// The ticks that may still be answered, with the moments at which they were issued.
    issued: VecDeque<(u64, Moment)>,
    /// The number of the next tick.
    next: u64,
    /// The moment at which the last answered tick was issued.
    confirmed: Option<Moment>,
}

impl Lease {
    /// Issues a tick, and returns its number.
    pub(super) fn issue(&mut self, now: Moment) -> u64 {
        let number = self.next;
        self.next += 1;
        self.issued.push_back((number, now));
        self.issued
            .retain(|(_, issued)| issued.longest_until(now) < LEASE_TIMEOUT);
        number
    }

    /// Prolongs the lease by the answer to a tick. A number that was not issued, or long ago, prolongs nothing.
    pub(super) fn confirm(&mut self, number: u64) {
        while let Some((issued, moment)) = self
            .issued
            .front()
            .copied()
            .filter(|(issued, _)| *issued <= number)
        {
            self.issued.pop_front();
            if issued == number {
                self.confirmed = Some(moment);
            }
        }
    }

    /// Returns whether the lease is held.
    pub(super) fn is_held(&self, now: Moment) -> bool {
        self.confirmed
            .is_some_and(|confirmed| confirmed.longest_until(now) < LEASE_TIMEOUT)
    }
}

/// What the sending host knows of the lease: when it answered last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LeaseAnswers {
    last: Option<Instant>,
}

impl LeaseAnswers {
    /// Notes that a tick is about to be answered.
    pub(super) fn note(&mut self, now: Instant) {
        self.last = Some(now);
    }

    /// Returns the time from `now` after which the other host can't hold a lease any more.
    pub(crate) fn remaining(self, now: Instant) -> Duration {
        self.last.map_or(Duration::ZERO, |last| {
            LEASE_END_TIMEOUT.saturating_sub(now.saturating_duration_since(last))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(moment: Moment, monotonic: u64, wall: u64) -> Moment {
        Moment {
            monotonic: moment.monotonic + Duration::from_secs(monotonic),
            wall: moment.wall + Duration::from_secs(wall),
        }
    }

    #[test]
    fn lease_lasts_from_the_issue_of_the_tick_and_not_from_its_answer() {
        let start = Moment::now();
        let mut lease = Lease::default();
        assert!(!lease.is_held(start), "nothing was answered");
        let first = lease.issue(start);
        let second = lease.issue(later(start, 1, 1));
        lease.confirm(first);
        assert!(lease.is_held(later(start, 9, 9)));
        assert!(!lease.is_held(later(start, 10, 10)));
        // The second answer lay in a buffer for 9 seconds.
        lease.confirm(second);
        assert!(lease.is_held(later(start, 10, 10)));
        assert!(!lease.is_held(later(start, 11, 11)));
        lease.confirm(first);
        lease.confirm(99);
        assert!(!lease.is_held(later(start, 11, 11)), "neither is an answer");
    }

    #[test]
    fn tick_that_is_answered_too_late_prolongs_nothing() {
        let start = Moment::now();
        let mut lease = Lease::default();
        let old = lease.issue(start);
        let _ = lease.issue(later(start, 30, 30));
        lease.confirm(old);
        assert!(!lease.is_held(later(start, 30, 30)));
    }

    #[test]
    fn lease_ends_while_the_host_sleeps_and_by_either_clock() {
        let start = Moment::now();
        let mut lease = Lease::default();
        let tick = lease.issue(start);
        lease.confirm(tick);
        assert!(!lease.is_held(later(start, 1, 60)), "it slept");
        assert!(!lease.is_held(later(start, 60, 1)), "its clock was set");
    }

    #[test]
    fn sender_waits_longer_than_any_lease_and_not_at_all_where_it_answered_nothing() {
        let now = Instant::now();
        assert_eq!(LeaseAnswers::default().remaining(now), Duration::ZERO);
        let mut answers = LeaseAnswers::default();
        answers.note(now);
        assert!(answers.remaining(now) > LEASE_TIMEOUT);
        assert_eq!(answers.remaining(now + LEASE_END_TIMEOUT), Duration::ZERO);
    }
}
