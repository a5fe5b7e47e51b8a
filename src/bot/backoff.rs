//! The time between two tries of something that fails: longer each time, and never the same for two bots.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause, before its random part.
const LONGEST: Duration = Duration::from_mins(1);

/// The pauses between tries, twice as long each time.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Returns the pause before the next try, made longer by up to a half by a random byte, so that bots that lost their
    /// connection at the same time don't come back at the same time.
    pub(crate) fn next_pause(&mut self, random: u8) -> Duration {
        let pause = FIRST.saturating_mul(1 << self.failures.min(6)).min(LONGEST);
        self.failures += 1;
        pause + pause.mul_f64(f64::from(random) / 512.0)
    }

    /// Begins anew, after a success.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..8).map(|_| backoff.next_pause(0).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        backoff.reset();
        assert_eq!(
            backoff.next_pause(255),
            Duration::from_millis(1498) + Duration::from_nanos(46_875)
        );
    }
}
