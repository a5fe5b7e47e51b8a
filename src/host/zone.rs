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

/// End of the folder of the system's time zones, behind which the name of a zone starts.
const ZONE_FOLDER: &str = "zoneinfo/";

/// Returns the name of the system's time zone, such as `Europe/Istanbul`: that of `TZ`, else that to which the link
/// `/etc/localtime` leads; `None` where neither tells one.
pub(super) fn name(variable: Option<&str>) -> Option<String> {
    let linked = || {
        let target = std::fs::read_link("/etc/localtime").ok()?;
        let target = target.to_str()?;
        let (_, name) = target.rsplit_once(ZONE_FOLDER)?;
        Some(name.to_owned())
    };
    let name = match variable {
        Some(variable) => variable.trim_start_matches(':').to_owned(),
        None => linked()?,
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '+');
    (!name.is_empty() && !name.starts_with('/') && name.chars().all(is_plain)).then_some(name)
}
