//! Durations: parses time limits of flags, and describes durations in sentences.

use std::time::Duration;

use crate::i18n::{Msg, msg};

/// Parses a time limit in milliseconds, as OpenClaw has it, or with a unit (`2s`). The limit is at most an hour.
pub(super) fn parse_time_limit(typed: &str) -> std::result::Result<Duration, String> {
    let plain = typed.parse().map(Duration::from_millis).ok();
    let limit = plain.or_else(|| humantime::parse_duration(typed).ok());
    limit
        .filter(|limit| (Duration::from_millis(1)..=Duration::from_hours(1)).contains(limit))
        .ok_or_else(|| typed.to_owned())
}

/// Returns a duration in its two largest units, as a sentence.
pub(crate) fn duration_msg(time: Duration) -> Msg {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => msg!("status.seconds", seconds = seconds),
        (0, 0, _) => msg!("status.minutes", minutes = minutes, seconds = (seconds % 60)),
        (0, ..) => msg!("status.hours", hours = hours, minutes = minutes),
        _ => msg!("status.days", days = days, hours = hours),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_limit_is_in_milliseconds_or_has_a_unit() {
        assert_eq!(parse_time_limit("1500"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_time_limit("2s"), Ok(Duration::from_secs(2)));
        for wrong in ["", "0", "-1", "soon", "2h", "1.5"] {
            assert!(parse_time_limit(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn duration_is_described_by_its_two_largest_units() {
        let key = |seconds| duration_msg(Duration::from_secs(seconds)).key();
        assert_eq!((key(59), key(60)), ("status.seconds", "status.minutes"));
        assert_eq!((key(3600), key(86400)), ("status.hours", "status.days"));
    }
}
