//! Conversion of times and durations to numbers of milliseconds, the form of protocols and documents.

use std::time::{Duration, SystemTime};

/// Converts a time to milliseconds since 1970; 0 for an earlier time.
pub(crate) fn unix_millis(time: SystemTime) -> u64 {
    millis(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// Converts a duration to whole milliseconds; `u64::MAX` for a longer one.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
