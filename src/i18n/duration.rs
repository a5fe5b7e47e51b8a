//! Durations as a person reads them.

use std::time::Duration;

use super::{Msg, msg};

/// Returns a duration in its two largest units, as a sentence for the user.
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
    fn duration_is_described_by_its_two_largest_units() {
        let key = |seconds| duration_msg(Duration::from_secs(seconds)).key();
        assert_eq!((key(59), key(60)), ("status.seconds", "status.minutes"));
        assert_eq!((key(3600), key(86400)), ("status.hours", "status.days"));
    }
}
