//! Times: their form in texts, protocols and documents, for every time that a clock or a file may have.
//!
//! A clock may be wrong by centuries, and the time of a file is whatever somebody has set. `humantime` can't format a time
//! before 1970 or after 9999, so that times are formatted here only (`clippy.toml`).

use std::time::{Duration, SystemTime};

/// Duration of 400 years of the Gregorian calendar, after which its days repeat.
const CALENDAR_CYCLE: Duration = Duration::from_hours(146_097 * 24);
/// Number of years in [`CALENDAR_CYCLE`].
const CYCLE_YEARS: u32 = 400;
/// Number of calendar cycles before 1970 that can be formatted: back to the year 370.
const CYCLES_BEFORE_1970: u32 = 4;
/// Milliseconds from 1970 to the last one of the year 9999.
const MAX_UNIX_MILLIS: u64 = 253_402_300_799_999;
/// Number of digits of a year in a formatted time.
const YEAR_DIGITS: usize = 4;

/// Converts a time to milliseconds since 1970; 0 for an earlier time.
pub(crate) fn unix_millis(time: SystemTime) -> u64 {
    millis(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// Converts milliseconds since 1970 to a time, at most the end of the year 9999.
pub(crate) fn from_unix_millis(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.min(MAX_UNIX_MILLIS))
}

/// Converts a duration to whole milliseconds; `u64::MAX` for a longer one.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Formats a time in UTC by RFC 3339, with seconds: `2026-11-22T19:22:45Z`. A time before the year 370 or after 9999 is
/// formatted as the first or the last of these years.
pub(crate) fn format_seconds(time: SystemTime) -> String {
    format_with(time, humantime_seconds)
}

/// Formats a time in UTC for a person, as [`format_seconds`] does for a document: `2026-11-22 19:22:45 UTC`.
pub(crate) fn format_for_person(time: SystemTime) -> String {
    format_seconds(time).replace('T', " ").replace('Z', " UTC")
}

/// Formats the time of a stamp that [`file_stamp`] made for a person; `None` for any other text.
pub(crate) fn stamp_for_person(stamp: &str) -> Option<String> {
    let (day, rest) = stamp.split_once('T')?;
    let all_digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    let clock = rest.strip_suffix('Z')?.get(..6)?;
    if day.len() != 8 || !all_digits(day) || !all_digits(clock) {
        return None;
    }
    let (year, month, day) = (&day[..4], &day[4..6], &day[6..]);
    let (hour, minute, second) = (&clock[..2], &clock[2..4], &clock[4..]);
    Some(format!("{year}-{month}-{day} {hour}:{minute}:{second} UTC"))
}

/// Formats a time as [`format_seconds`] does, with milliseconds: `2026-11-22T19:22:45.123Z`.
pub(crate) fn format_millis(time: SystemTime) -> String {
    format_with(time, humantime_millis)
}

/// Formats the day of a time in UTC: `2026-11-22`.
pub(crate) fn format_day(time: SystemTime) -> String {
    let mut text = format_seconds(time);
    text.truncate("2026-11-22".len());
    text
}

/// Turns a formatted time into a stamp for the name of a file or folder: `2026-11-22T19:22:45.123Z` becomes
/// `20261122T192245123Z`.
pub(crate) fn file_stamp(time: &str) -> String {
    time.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Returns whether a time can be written in a `Date` header of HTTP: from 1970 to 9999.
pub(crate) fn is_http_date(time: SystemTime) -> bool {
    time >= SystemTime::UNIX_EPOCH && time <= from_unix_millis(MAX_UNIX_MILLIS)
}

#[expect(clippy::disallowed_methods, reason = "the time is from 1970 to 9999 here")]
fn humantime_seconds(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

#[expect(clippy::disallowed_methods, reason = "the time is from 1970 to 9999 here")]
fn humantime_millis(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

/// Formats any time by a function that can format those from 1970 to 9999: an earlier one as the same day of a later
/// calendar cycle, whose year is then put right.
fn format_with(time: SystemTime, format: impl Fn(SystemTime) -> String) -> String {
    let mut cycles = 0;
    let mut shifted = time.min(from_unix_millis(MAX_UNIX_MILLIS));
    while shifted < SystemTime::UNIX_EPOCH && cycles < CYCLES_BEFORE_1970 {
        shifted += CALENDAR_CYCLE;
        cycles += 1;
    }
    let text = format(shifted.max(SystemTime::UNIX_EPOCH));
    match text.split_at_checked(YEAR_DIGITS) {
        Some((year, rest)) if cycles > 0 => {
            let year = year.parse().unwrap_or(0_u32).saturating_sub(cycles * CYCLE_YEARS);
            format!("{year:04}{rest}")
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a time by its seconds since 1970, which may be negative.
    fn at(seconds: i64) -> SystemTime {
        let distance = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 {
            SystemTime::UNIX_EPOCH - distance
        } else {
            SystemTime::UNIX_EPOCH + distance
        }
    }

    #[test]
    fn times_before_1970_and_after_9999_are_formatted() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            // 1900 was no leap year.
            (-2_203_891_201, "1900-02-28T23:59:59Z"),
            (-2_203_891_200, "1900-03-01T00:00:00Z"),
            (-12_219_292_800, "1582-10-15T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(format_seconds(at(seconds)), expected);
        }
        let instant = SystemTime::UNIX_EPOCH - Duration::from_millis(1);
        assert_eq!(format_millis(instant), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn time_for_a_person_is_that_of_the_stamp() {
        let time = format_millis(at(1_700_000_000));
        assert_eq!(format_for_person(at(1_700_000_000)), "2023-11-14 22:13:20 UTC");
        assert_eq!(
            stamp_for_person(&file_stamp(&time)).as_deref(),
            Some("2023-11-14 22:13:20 UTC")
        );
        for other in [
            "",
            "notes",
            "20261122",
            "2026T1Z",
            "20261122Tabcdefghi",
            "2026112éTT000000Z",
        ] {
            assert_eq!(stamp_for_person(other), None, "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_first_and_the_last_time_of_the_system_are_formatted() {
        for seconds in [i64::MIN + 1, i64::MAX] {
            for text in [format_seconds(at(seconds)), format_millis(at(seconds))] {
                assert!(text.starts_with("0370-") || text.starts_with("9999-"), "{text}");
            }
            assert!(!is_http_date(at(seconds)));
        }
        assert!(is_http_date(at(0)) && is_http_date(at(253_402_300_799)));
        assert_eq!(format_seconds(from_unix_millis(u64::MAX)), "9999-12-31T23:59:59Z");
    }
}
