//! Times: as they are typed, and as they are shown.

use std::time::Duration;

use crate::i18n::{Msg, msg};

/// A time limit as OpenClaw has it, in milliseconds, or with a unit (`2s`); at most an hour.
pub(super) fn milliseconds(typed: &str) -> std::result::Result<Duration, String> {
    let plain = typed.parse().map(Duration::from_millis).ok();
    let limit = plain.or_else(|| humantime::parse_duration(typed).ok());
    limit
        .filter(|limit| (Duration::from_millis(1)..=Duration::from_hours(1)).contains(limit))
        .ok_or_else(|| typed.to_owned())
}

/// A time in its two largest units.
pub(crate) fn duration(time: Duration) -> Msg {
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
    fn a_limit_is_in_milliseconds_or_has_a_unit() {
        assert_eq!(milliseconds("1500"), Ok(Duration::from_millis(1500)));
        assert_eq!(milliseconds("2s"), Ok(Duration::from_secs(2)));
        for wrong in ["", "0", "-1", "soon", "2h", "1.5"] {
            assert!(milliseconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_has_its_two_largest_units() {
        let key = |seconds| duration(Duration::from_secs(seconds)).key();
        assert_eq!((key(59), key(60)), ("status.seconds", "status.minutes"));
        assert_eq!((key(3600), key(86400)), ("status.hours", "status.days"));
    }
}
