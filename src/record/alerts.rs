//! The table `[rescue.alerts]` of an `instance.toml`: when the owners of a bot are told what became of the gateways that it
//! watches, and where else that is told.

use serde::{Deserialize, Deserializer};

use crate::secret::Secret;

/// Number of minutes in an hour.
const MINUTES_PER_HOUR: u16 = 60;

/// The table `[rescue.alerts]` of an `instance.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct AlertsTable {
    /// The hours in which nothing is sent.
    pub(crate) quiet: Option<QuietHours>,
    /// The interval at which the owners are told how the gateways were, though nothing happened.
    pub(crate) word: WordInterval,
    /// The URL that alerts are posted to as JSON. Whoever knows the URL of a webhook may post there, so that it is kept
    /// as a secret.
    #[serde(deserialize_with = "secret")]
    pub(crate) webhook: Option<Secret>,
    /// The topic of ntfy that the webhook publishes to.
    pub(crate) topic: Option<String>,
}

/// The interval at which the owners of a bot are told how the watched gateways were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WordInterval {
    /// Never.
    #[default]
    Off,
    /// Each day.
    Daily,
    /// Each week.
    Weekly,
}

/// The hours of a day, in local time, in which nothing is sent. They may go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct QuietHours {
    /// The first minute of the day that is quiet.
    from: u16,
    /// The first minute of the day that is quiet no more.
    to: u16,
}

/// The reason why a text is no range of hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected two different times of the day such as \"23:00-07:00\"")]
pub(crate) struct QuietHoursError;

impl QuietHours {
    /// Returns whether a minute of the day, 0 to 1439, is quiet.
    pub(crate) fn contains(self, minute: u16) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

impl TryFrom<String> for QuietHours {
    type Error = QuietHoursError;

    fn try_from(text: String) -> Result<Self, QuietHoursError> {
        let (from, to) = text.split_once(['-', '–']).ok_or(QuietHoursError)?;
        let [from, to] = [from, to].map(|text| minute_of_day(text.trim()));
        match (from, to) {
            (Some(from), Some(to)) if from != to => Ok(Self { from, to }),
            _ => Err(QuietHoursError),
        }
    }
}

/// Reads a time of the day such as `07:30` as the number of minutes since midnight.
fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str, limit: u16| {
        let is_number = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
        let number: u16 = text.parse().ok()?;
        (is_number && number < limit).then_some(number)
    };
    Some(number(hour, 24)? * MINUTES_PER_HOUR + number(minute, MINUTES_PER_HOUR)?)
}

/// Reads a text that is a secret; a blank one is none.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let text = text.trim();
    Ok((!text.is_empty()).then(|| Secret::new(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(text: &str) -> Result<QuietHours, QuietHoursError> {
        text.to_owned().try_into()
    }

    #[test]
    fn quiet_hours_may_go_over_midnight() {
        let night = hours("23:00-07:30").unwrap();
        let quiet = |hour: u16, minute: u16| night.contains(hour * 60 + minute);
        assert!(quiet(23, 0) && quiet(0, 0) && quiet(7, 29));
        assert!(!quiet(7, 30) && !quiet(22, 59));
        let noon = hours(" 12:00 – 13:00 ").unwrap();
        assert!(noon.contains(12 * 60) && !noon.contains(13 * 60) && !noon.contains(0));
    }

    #[test]
    fn text_that_is_no_range_of_hours_is_an_error() {
        for text in [
            "",
            "23:00",
            "23-7",
            "24:00-07:00",
            "23:60-07:00",
            "07:00-07:00",
            "+1:00-02:00",
            "001:00-02:00",
        ] {
            assert_eq!(hours(text), Err(QuietHoursError), "{text}");
        }
    }

    #[test]
    fn url_of_a_webhook_is_shown_nowhere() {
        let table: AlertsTable =
            toml::from_str("webhook = 'https://ntfy.sh/x?auth=hunter2'\nword = 'weekly'").unwrap();
        assert!(!format!("{table:?}").contains("hunter2"));
        assert_eq!(table.webhook.unwrap().expose(), "https://ntfy.sh/x?auth=hunter2");
        assert_eq!(table.word, WordInterval::Weekly);
        let blank: AlertsTable = toml::from_str("webhook = ' '").unwrap();
        assert_eq!(blank, AlertsTable::default());
    }
}
