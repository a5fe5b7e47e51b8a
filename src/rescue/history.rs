//! What was done to whom, and when: so that a person can see it, and so that a gateway that can't be
//! mended is not repaired for ever. Shared by all rescuers of this user on this host.
//!
//! One JSON line each, in this program's own words only: nothing of a target's config or log is in it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::apply;
use crate::error::Result;
use crate::host::read;

/// The file in the rescuers' folder.
const FILE: &str = "history.jsonl";
/// As many entries are kept.
const KEPT: usize = 200;
/// At most so many repairs of one target ...
pub const LIMIT: usize = 3;
/// ... within this time.
pub const WINDOW: Duration = Duration::from_mins(15);

/// What came of a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It began; if this still stands there later, it was cut short.
    Begun,
    /// The target answers healthy.
    Healthy,
    /// All steps were tried in vain.
    InVain,
}

/// One repair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When it began, in milliseconds since 1970.
    pub at: u64,
    /// The profile that repaired.
    pub rescuer: String,
    /// The profile that was repaired.
    pub target: String,
    /// Whether a watching gateway did it by itself.
    pub watched: bool,
    /// Why: the causes' names, the most probable first.
    pub causes: Vec<String>,
    /// What was done: (step, what came of it).
    pub steps: Vec<(String, String)>,
    /// What came of it.
    pub outcome: Outcome,
}

/// The history of this folder.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    /// The entries, the oldest first.
    pub entries: Vec<Entry>,
}

impl History {
    /// Reads it. Lines that are not understood (of a later version, cut short) are left out.
    pub fn read(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let text = read::text(&path).unwrap_or_default();
        let entries = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        Self {
            entries: entries.collect(),
            path,
        }
    }

    /// How long it takes until the target may be repaired again; nothing where it may be now.
    pub fn rest(&self, target: &str, now: SystemTime) -> Option<Duration> {
        let now = millis(now);
        let window = u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX);
        let recent: Vec<_> = (self.entries.iter())
            .filter(|entry| entry.target == target && !entry.steps.is_empty())
            .map(|entry| entry.at)
            // What lies in the future was written before a clock was set back: it does not count.
            .filter(|at| *at <= now && now - at < window)
            .collect();
        let oldest = recent
            .len()
            .checked_sub(LIMIT)
            .and_then(|from| recent.get(from))?;
        Some(Duration::from_millis(oldest + window - now))
    }

    /// Adds an entry, or puts the last one's new state in its place (same time, same target).
    pub fn put(&mut self, entry: Entry) -> Result<()> {
        let same = |old: &Entry| old.at == entry.at && old.target == entry.target;
        match self.entries.iter_mut().rfind(|old| same(old)) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
        let surplus = self.entries.len().saturating_sub(KEPT);
        self.entries.drain(..surplus);
        let lines = self
            .entries
            .iter()
            .map(|entry| serde_json::to_string(entry).unwrap_or_default() + "\n");
        apply::write_file(&self.path, lines.collect::<String>().as_bytes())
    }
}

/// A time as the history has it.
pub fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: u64, target: &str) -> Entry {
        Entry {
            at,
            rescuer: "rescue".to_owned(),
            target: target.to_owned(),
            watched: false,
            causes: vec!["config".to_owned()],
            steps: vec![("restore-config".to_owned(), "helped".to_owned())],
            outcome: Outcome::Begun,
        }
    }

    fn at(minutes: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_mins(minutes)
    }

    #[test]
    fn three_repairs_in_a_quarter_of_an_hour_are_enough() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::read(dir.path());
        for minute in [0, 5, 9] {
            assert_eq!(history.rest("main", at(minute)), None);
            history.put(entry(millis(at(minute)), "main")).unwrap();
        }
        assert_eq!(history.rest("main", at(10)), Some(Duration::from_mins(5)));
        assert_eq!(history.rest("work", at(10)), None);
        assert_eq!(history.rest("main", at(15)), None);
        assert_eq!(History::read(dir.path()).entries, history.entries);
    }

    #[test]
    fn an_entry_is_brought_up_to_date_and_the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::read(dir.path());
        for number in 0..=KEPT as u64 {
            history.put(entry(number, "main")).unwrap();
        }
        let mut done = entry(KEPT as u64, "main");
        done.outcome = Outcome::Healthy;
        history.put(done).unwrap();
        let read = History::read(dir.path()).entries;
        assert_eq!((read.len(), read[0].at), (KEPT, 1));
        assert_eq!(read.last().unwrap().outcome, Outcome::Healthy);
    }
}
