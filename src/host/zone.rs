//! The time zone of the system.

use std::time::SystemTime;

use ::time::{OffsetDateTime, UtcOffset};

/// Returns the seconds by which the local time is ahead of UTC at a time, summer time included; 0 where the system does not
/// tell.
pub(super) fn utc_offset(at: SystemTime) -> i64 {
    let since_1970 = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since_1970.as_secs()).unwrap_or_default();
    let offset = OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|time| UtcOffset::local_offset_at(time).ok());
    offset.map_or(0, |offset| i64::from(offset.whole_seconds()))
}
