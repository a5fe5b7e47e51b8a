//! Times and durations as numbers of milliseconds, the form that protocols and documents have.

use std::time::{Duration, SystemTime};

/// Converts a time to milliseconds since 1970; 0 for an earlier one.
pub(crate) fn unix_millis(time: SystemTime) -> u64 {
    millis(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// Converts a duration to milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
