//! Waiting for the end of a burst of changes, with an upper bound.
//!
//! One saved file is several events of the file system. Acting on each would be wasteful; waiting for
//! silence alone would wait for ever in a folder that is never quiet.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// Waits for a change in watched files and for the end of the burst that it begins: until no further change has come
/// for `quiet`, but no longer than `at_most` after the first one.
pub(crate) async fn next_burst(changed: &Notify, quiet: Duration, at_most: Duration) {
    changed.notified().await;
    let silence = async { while timeout(quiet, changed.notified()).await.is_ok() {} };
    // Whichever of the two ends the wait, there is a change to act on.
    let _ = timeout(at_most, silence).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use tokio::time::{Instant, sleep};

    const QUIET: Duration = Duration::from_millis(75);
    const AT_MOST: Duration = Duration::from_millis(750);

    /// Returns the time from the first of so many changes, 50 ms apart, to the end of the burst.
    async fn duration_of_burst(count: u32) -> Duration {
        let changed = Arc::new(Notify::new());
        let source = changed.clone();
        tokio::spawn(async move {
            for _ in 0..count {
                source.notify_one();
                sleep(Duration::from_millis(50)).await;
            }
        });
        let start = Instant::now();
        next_burst(&changed, QUIET, AT_MOST).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn burst_ends_after_the_quiet_period() {
        assert_eq!(duration_of_burst(1).await.as_millis(), 75);
        assert_eq!(duration_of_burst(4).await.as_millis(), 150 + 75);
    }

    #[tokio::test(start_paused = true)]
    async fn changes_without_a_pause_are_acted_on_at_the_upper_bound() {
        assert_eq!(duration_of_burst(1000).await.as_millis(), 750);
    }
}
