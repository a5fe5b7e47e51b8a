//! When alerts may be sent, and when a word about the time since the last one is due. Pure.

use std::time::Duration;

use crate::record::{QuietHours, RescueTable, WordInterval};
use crate::rescue::watch::WatchPolicy;
use crate::time::millis;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Seconds of a minute.
const MINUTE: i64 = 60;
/// The time of the day at which the word is sent, in seconds since midnight: at nine.
const WORD_TIME: i64 = 9 * 3600;
/// Number of days from a Monday to the first of January 1970, which was a Thursday.
const DAYS_AFTER_MONDAY: i64 = 3;

/// The settings of a bot's alerts in the record of its instance.
#[derive(Clone, Debug)]
pub(crate) struct AlertPolicy {
    quiet: Option<QuietHours>,
    word: WordInterval,
    /// Time that an outage may last before it is told, in milliseconds: as long as it may last before a repair.
    pub(crate) patience: u64,
    /// Longest time from a change in a gateway to the watcher's event about it.
    pub(crate) lag: Duration,
}

impl AlertPolicy {
    /// Reads the policy from the record of the bot's instance.
    pub(crate) fn from_record(record: &RescueTable) -> Self {
        let watch = WatchPolicy::from_record(record);
        Self {
            quiet: record.alerts.quiet,
            word: record.alerts.word,
            patience: millis(watch.patience),
            lag: watch.interval + Duration::from_secs(5),
        }
    }

    /// Returns whether a local time, in seconds since 1970, lies in the quiet hours.
    pub(crate) fn is_quiet(&self, local: i64) -> bool {
        let minute = u16::try_from(local.rem_euclid(DAY) / MINUTE).unwrap_or_default();
        self.quiet.is_some_and(|quiet| quiet.contains(minute))
    }

    /// Returns the day, counted from 1970, for which a word was due last at a local time in seconds since 1970; `None` where
    /// none is wanted.
    pub(crate) fn word_day(&self, local: i64) -> Option<i64> {
        let day = (local - WORD_TIME).div_euclid(DAY);
        match self.word {
            WordInterval::Off => None,
            WordInterval::Daily => Some(day),
            WordInterval::Weekly => Some(day - (day + DAYS_AFTER_MONDAY).rem_euclid(7)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::AlertsTable;

    fn policy(word: WordInterval) -> AlertPolicy {
        AlertPolicy::from_record(&RescueTable {
            interval: Some(1),
            patience: Some(0),
            alerts: AlertsTable {
                quiet: Some("23:00-07:00".to_owned().try_into().unwrap()),
                word,
                ..AlertsTable::default()
            },
            ..RescueTable::default()
        })
    }

    #[test]
    fn quiet_hours_are_those_of_the_local_time() {
        let policy = policy(WordInterval::Off);
        assert!(policy.is_quiet(23 * 3600) && policy.is_quiet(20_000 * DAY + 7 * 3600 - 1));
        assert!(!policy.is_quiet(7 * 3600) && !policy.is_quiet(20_000 * DAY + 23 * 3600 - 1));
        assert!(policy.is_quiet(-1), "before 1970");
    }

    #[test]
    fn word_is_due_at_nine_each_day_or_each_monday() {
        let at = |day: i64, hour: i64| day * DAY + hour * 3600;
        let daily = policy(WordInterval::Daily);
        assert_eq!(daily.word_day(at(20_000, 8)), Some(19_999));
        assert_eq!(daily.word_day(at(20_000, 9)), Some(20_000));
        // 5 January 1970 was a Monday.
        let weekly = policy(WordInterval::Weekly);
        assert_eq!(weekly.word_day(at(4, 9)), Some(4));
        assert_eq!(weekly.word_day(at(11, 8)), Some(4));
        assert_eq!(weekly.word_day(at(11, 9)), Some(11));
        assert_eq!(policy(WordInterval::Off).word_day(at(4, 9)), None);
    }
}
