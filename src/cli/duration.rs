//! Parses the time limits of flags.

use std::time::Duration;

/// Parses a time limit of the command line in milliseconds, as OpenClaw has it, or with a unit (`2s`). The limit is
/// at most an hour.
pub(super) fn parse_time_limit(typed: &str) -> std::result::Result<Duration, String> {
    let plain = typed.parse().map(Duration::from_millis).ok();
    let limit = plain.or_else(|| humantime::parse_duration(typed).ok());
    limit
        .filter(|limit| (Duration::from_millis(1)..=Duration::from_hours(1)).contains(limit))
        .ok_or_else(|| typed.to_owned())
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
}
