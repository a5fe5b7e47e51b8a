//! The budget of an instance's agents: the tokens that all of them may use in a day, so that a runaway costs a bounded amount.
//!
//! The count of a day is a file of the instance, since a gateway that is started anew has not used less.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::apply;
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::sync::lock;
use crate::time::format_day;

/// Tokens that may be used in a day where the record of the instance sets no other number.
const USUAL_TOKENS_PER_DAY: u64 = 2_000_000;

/// The budget of an instance's agents.
#[derive(Debug)]
pub(super) struct Budget {
    state_dir: PathBuf,
    tokens_per_day: u64,
    /// `None` until it is read.
    used: Mutex<Option<Used>>,
}

/// The tokens that were used on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    /// The day in UTC, as in `2026-11-30`.
    day: String,
    tokens: u64,
}

impl Budget {
    /// Creates the budget of the instance with this state folder. `tokens_per_day` is the number of the instance's record.
    pub(super) fn new(state_dir: &Path, tokens_per_day: Option<u64>) -> Self {
        Self {
            state_dir: state_dir.to_owned(),
            tokens_per_day: tokens_per_day.unwrap_or(USUAL_TOKENS_PER_DAY),
            used: Mutex::default(),
        }
    }

    /// Returns the sentence that says why no model is asked any more today; `None` where one may be. Waits for the disk.
    pub(super) fn spent(&self, now: SystemTime) -> Option<Msg> {
        let tokens = self.today(&mut lock(&self.used), now).tokens;
        (tokens >= self.tokens_per_day).then(|| {
            msg!(
                "agent.budget-spent",
                tokens = self.tokens_per_day,
                path = self.state_dir.join("instance.toml").display()
            )
        })
    }

    /// Counts tokens that were used. Waits for the disk. A count that can't be written down is kept until the gateway ends.
    pub(super) fn spend(&self, tokens: u64, now: SystemTime) {
        let mut used = lock(&self.used);
        let today = self.today(&mut used, now);
        today.tokens = today.tokens.saturating_add(tokens);
        let text = serde_json::to_string(today).unwrap_or_default();
        let _ = apply::write_state_file(&self.state_dir, &path(&self.state_dir), text.as_bytes());
    }

    /// Returns the count of the day, which is read once and begins anew with each day.
    fn today<'a>(&self, used: &'a mut Option<Used>, now: SystemTime) -> &'a mut Used {
        let read = || serde_json::from_str(&read::text(&path(&self.state_dir)).ok()?).ok();
        let used = used.get_or_insert_with(|| read().unwrap_or_default());
        let today = format_day(now);
        if used.day != today {
            *used = Used {
                day: today,
                tokens: 0,
            };
        }
        used
    }
}

/// Returns the path of the file with the tokens of a day.
fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("bot").join("tokens.json")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn budget_is_spent_until_the_day_ends_and_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (noon, tomorrow) = (Duration::from_hours(12), Duration::from_hours(36));
        let [noon, tomorrow] = [noon, tomorrow].map(|after| SystemTime::UNIX_EPOCH + after);
        let budget = Budget::new(folder.path(), Some(100));
        budget.spend(99, noon);
        assert_eq!(budget.spent(noon), None);
        budget.spend(1, noon);
        assert!(budget.spent(noon).is_some());
        let again = Budget::new(folder.path(), Some(100));
        assert!(again.spent(noon).is_some(), "it is written down");
        assert_eq!(again.spent(tomorrow), None);
        again.spend(1, tomorrow);
        assert_eq!(again.spent(tomorrow), None, "the count begins anew");
    }
}
