//! The pauses that an owner has asked for: of the repairs that a watcher makes by itself, and of the alerts. They are kept
//! on disk, so that a restart of the bot ends none.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::command::Pause;
use crate::apply;
use crate::error::Result;
use crate::host::read;
use crate::sync::lock;
use crate::time::{millis, unix_millis};

/// Something that can be paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pausable {
    /// The repairs that a watcher makes by itself.
    Repairs,
    /// The alerts.
    Alerts,
}

/// The pauses of one bot, kept as a file in the state folder of its instance.
#[derive(Debug)]
pub(crate) struct Pauses {
    state_dir: PathBuf,
    until: Mutex<Until>,
}

/// The ends of the pauses in milliseconds since 1970; `u64::MAX` for a pause that somebody has to end.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Until {
    repairs: Option<u64>,
    alerts: Option<u64>,
}

impl Until {
    fn of(&mut self, what: Pausable) -> &mut Option<u64> {
        match what {
            Pausable::Repairs => &mut self.repairs,
            Pausable::Alerts => &mut self.alerts,
        }
    }
}

impl Pauses {
    /// Reads the pauses of the bot of the instance with this state folder.
    pub(crate) fn read(state_dir: &Path) -> Self {
        let text = read::text(&path(state_dir)).unwrap_or_default();
        Self {
            state_dir: state_dir.to_owned(),
            until: Mutex::new(serde_json::from_str(&text).unwrap_or_default()),
        }
    }

    /// Returns whether something is paused.
    pub(crate) fn is_paused(&self, what: Pausable, now: SystemTime) -> bool {
        self.until(what).is_some_and(|until| unix_millis(now) < until)
    }

    /// Returns the end of a pause in milliseconds since 1970, `u64::MAX` where somebody has to end it; `None` where there
    /// is none. It may be over.
    pub(crate) fn until(&self, what: Pausable) -> Option<u64> {
        *lock(&self.until).of(what)
    }

    /// Begins or ends a pause.
    ///
    /// # Errors
    /// When it can't be written down. It holds until the bot ends all the same.
    pub(crate) fn set(&self, what: Pausable, pause: Pause, now: SystemTime) -> Result<()> {
        let until = match pause {
            Pause::End => None,
            Pause::For(time) => Some(unix_millis(now).saturating_add(millis(time))),
            Pause::UntilEnded => Some(u64::MAX),
        };
        let all = {
            let mut all = lock(&self.until);
            *all.of(what) = until;
            *all
        };
        let text = serde_json::to_string(&all).unwrap_or_default();
        apply::write_state_file(&self.state_dir, &path(&self.state_dir), text.as_bytes())
    }
}

/// Returns the path of the file that keeps the pauses.
fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("bot").join("pauses.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn pause_ends_by_time_or_by_word_and_outlives_the_bot() {
        let dir = tempfile::tempdir().unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let pauses = Pauses::read(dir.path());
        assert!(!pauses.is_paused(Pausable::Alerts, at(0)));
        pauses
            .set(Pausable::Alerts, Pause::For(Duration::from_mins(1)), at(0))
            .unwrap();
        pauses.set(Pausable::Repairs, Pause::UntilEnded, at(0)).unwrap();
        let pauses = Pauses::read(dir.path());
        assert!(pauses.is_paused(Pausable::Alerts, at(59)) && !pauses.is_paused(Pausable::Alerts, at(60)));
        assert!(pauses.is_paused(Pausable::Repairs, at(1_000_000)));
        pauses.set(Pausable::Repairs, Pause::End, at(1)).unwrap();
        assert!(!Pauses::read(dir.path()).is_paused(Pausable::Repairs, at(1)));
    }
}
