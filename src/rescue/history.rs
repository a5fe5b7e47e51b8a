//! The history of repairs: which gateway was repaired when and how, so that a person can see it, and so that a
//! gateway that can't be mended is not repaired for ever. Whatever else an owner let a bot change is in it too. All rescuers of this user on this host share it.
//!
//! One JSON line for each repair, in this program's own words only: nothing of a target's config or log is in it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::record::{CauseKind, Recorded, StepKind, StepResultKind};
use crate::apply;
use crate::error::Result;
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::time::{millis, unix_millis};

/// Name of the file that keeps the history of gateway repairs, in the rescuers' folder.
const HISTORY_FILE: &str = "history.jsonl";
/// Maximum number of repairs that the history of gateway repairs keeps.
const MAX_ENTRIES: usize = 200;
/// Maximum number of repairs of one gateway within [`REPAIR_WINDOW`], unless they are forced.
pub(crate) const MAX_REPAIRS: usize = 3;
/// Time within which the repairs of one gateway are counted.
const REPAIR_WINDOW: Duration = Duration::from_mins(15);

/// The outcome of a gateway's repair, as the history of repairs keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RepairOutcome {
    /// The repair began; if the history still says so later, it was cut short.
    Begun,
    /// The target answered that it is well.
    Healthy,
    /// All steps were tried in vain.
    InVain,
    /// The change was made.
    Done,
    /// The change could not be made.
    Failed,
}

/// One repair of a gateway, as the history of repairs keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryEntry {
    /// The time of its beginning, in milliseconds since 1970.
    pub(crate) at: u64,
    /// The profile that repaired.
    pub(crate) rescuer: String,
    /// The profile that was repaired.
    pub(crate) target: String,
    /// `true` if a watching gateway repaired by itself.
    pub(crate) watched: bool,
    /// The causes, the most probable first.
    pub(crate) causes: Vec<Recorded<CauseKind>>,
    /// The steps, in order, each with its result.
    pub(crate) steps: Vec<(Recorded<StepKind>, Recorded<StepResultKind>)>,
    /// The outcome of the whole repair.
    pub(crate) outcome: RepairOutcome,
    /// The person who asked for it from a chat; `None` where it was asked for on the host, or by nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<RequestedBy>,
    /// `true` if it was a drill: the config was broken on purpose.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) drill: bool,
}

/// A person who asked for a repair, or for another change, from a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RequestedBy {
    /// The name of the channel, such as `telegram`.
    pub(crate) channel: String,
    /// The person's name and id in the channel.
    pub(crate) person: String,
}

impl RepairOutcome {
    /// Returns the words for the outcome of a repair, or of another change, in the list of past ones.
    pub(crate) fn msg(self) -> Msg {
        match self {
            Self::Begun => msg!("rescue.outcome-begun"),
            Self::Healthy => msg!("rescue.outcome-healthy"),
            Self::InVain => msg!("rescue.outcome-in-vain"),
            Self::Done => msg!("rescue.outcome-done"),
            Self::Failed => msg!("rescue.outcome-failed"),
        }
    }
}

/// The history of the gateway repairs that this user's rescuers made, kept as a file in one folder.
#[derive(Debug)]
pub(crate) struct History {
    path: PathBuf,
    /// The entries, the oldest first.
    pub(crate) entries: Vec<HistoryEntry>,
    /// The lines that can't be parsed (of a later release, cut short): they are kept as they are.
    unknown_lines: Vec<Vec<u8>>,
}

impl History {
    /// Reads the history of gateway repairs from a folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let path = folder.join(HISTORY_FILE);
        let bytes = read::bytes(&path).unwrap_or_default();
        let lines = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.trim_ascii().is_empty());
        let mut history = Self {
            path,
            entries: Vec::new(),
            unknown_lines: Vec::new(),
        };
        for line in lines {
            match serde_json::from_slice(line) {
                Ok(entry) => history.entries.push(entry),
                Err(_) => history.unknown_lines.push(line.to_vec()),
            }
        }
        history
    }

    /// Returns the time until a gateway may be repaired again; `None` where it may be repaired now.
    pub(crate) fn time_until_next_repair(&self, target: &str, now: SystemTime) -> Option<Duration> {
        let now = unix_millis(now);
        let window = millis(REPAIR_WINDOW);
        let recent: Vec<_> = (self.entries.iter())
            // What an owner asked for without a cause is no repair, and a drill is none.
            .filter(|entry| entry.target == target && !entry.steps.is_empty() && !entry.causes.is_empty())
            .filter(|entry| !entry.drill)
            .map(|entry| entry.at)
            // An entry of the future was written before a clock was set back: it does not count.
            .filter(|at| *at <= now && now - at < window)
            .collect();
        let first_counted = recent
            .len()
            .checked_sub(MAX_REPAIRS)
            .and_then(|index| recent.get(index))?;
        Some(Duration::from_millis(first_counted + window - now))
    }

    /// Adds a repair to the history of gateway repairs, or replaces the last entry of the same time and gateway.
    pub(crate) fn insert_or_replace(&mut self, entry: HistoryEntry) -> Result<()> {
        let is_same = |old: &HistoryEntry| old.at == entry.at && old.target == entry.target;
        match self.entries.iter_mut().rfind(|old| is_same(old)) {
            Some(old) => *old = entry,
            None => self.entries.push(entry),
        }
        let surplus = self.entries.len().saturating_sub(MAX_ENTRIES);
        self.entries.drain(..surplus);
        let surplus = self.unknown_lines.len().saturating_sub(MAX_ENTRIES);
        self.unknown_lines.drain(..surplus);
        let known = self
            .entries
            .iter()
            .map(|entry| serde_json::to_vec(entry).unwrap_or_default());
        let lines: Vec<Vec<u8>> = self.unknown_lines.iter().cloned().chain(known).collect();
        let mut bytes = lines.join(&b'\n');
        bytes.push(b'\n');
        apply::write_file(&self.path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: u64, target: &str) -> HistoryEntry {
        HistoryEntry {
            at,
            rescuer: "rescue".to_owned(),
            target: target.to_owned(),
            watched: false,
            causes: vec![Recorded::Known(CauseKind::Config)],
            steps: vec![(
                Recorded::Known(StepKind::RestoreConfig),
                Recorded::Known(StepResultKind::Helped),
            )],
            outcome: RepairOutcome::Begun,
            by: None,
            drill: false,
        }
    }

    fn minute(minutes: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_mins(minutes)
    }

    #[test]
    fn target_is_repaired_at_most_three_times_in_a_quarter_of_an_hour() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::read(dir.path());
        for number in [0, 5, 9] {
            assert_eq!(history.time_until_next_repair("main", minute(number)), None);
            history
                .insert_or_replace(entry(unix_millis(minute(number)), "main"))
                .unwrap();
        }
        assert_eq!(
            history.time_until_next_repair("main", minute(10)),
            Some(Duration::from_mins(5))
        );
        assert_eq!(history.time_until_next_repair("work", minute(10)), None);
        assert_eq!(history.time_until_next_repair("main", minute(15)), None);
        assert_eq!(History::read(dir.path()).entries, history.entries);
    }

    #[test]
    fn entry_of_the_same_repair_is_replaced_and_the_oldest_are_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::read(dir.path());
        for number in 0..=MAX_ENTRIES as u64 {
            history.insert_or_replace(entry(number, "main")).unwrap();
        }
        let mut done = entry(MAX_ENTRIES as u64, "main");
        done.outcome = RepairOutcome::Healthy;
        history.insert_or_replace(done).unwrap();
        let read = History::read(dir.path()).entries;
        assert_eq!((read.len(), read[0].at), (MAX_ENTRIES, 1));
        assert_eq!(read.last().unwrap().outcome, RepairOutcome::Healthy);
    }

    #[test]
    fn lines_that_can_not_be_parsed_stay_in_the_history_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(HISTORY_FILE);
        apply::write_file(&path, b"{ \"at\": 1, \"later\n\xff\n").unwrap();
        let mut history = History::read(dir.path());
        history.insert_or_replace(entry(2, "main")).unwrap();
        let bytes = read::bytes(&path).unwrap();
        assert!(bytes.starts_with(b"{ \"at\": 1, \"later\n\xff\n{\"at\":2,"));
        assert_eq!(History::read(dir.path()).entries.len(), 1);
    }

    #[test]
    fn history_file_keeps_its_format_and_what_a_later_release_wrote() {
        let dir = tempfile::tempdir().unwrap();
        let line = concat!(
            r#"{"at":1,"rescuer":"rescue","target":"main","watched":true,"causes":["hung","new-cause"],"#,
            r#""steps":[["end-stale","helped"],["new-step","planned"]],"outcome":"healthy"}"#
        );
        apply::write_file(&dir.path().join(HISTORY_FILE), line.as_bytes()).unwrap();
        let mut history = History::read(dir.path());
        history.insert_or_replace(entry(2, "main")).unwrap();
        let text = read::text(&dir.path().join(HISTORY_FILE)).unwrap();
        assert_eq!(text.lines().next(), Some(line));
    }

    #[test]
    fn drill_does_not_count_as_a_repair() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::read(dir.path());
        for number in 1..=5 {
            let mut drill = entry(unix_millis(minute(number)), "main");
            drill.drill = true;
            history.insert_or_replace(drill).unwrap();
        }
        assert_eq!(history.time_until_next_repair("main", minute(6)), None);
        assert_eq!(History::read(dir.path()).entries, history.entries);
    }

    #[test]
    fn change_that_an_owner_asked_for_is_kept_with_the_person_and_is_no_repair() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::read(dir.path());
        for number in 1..=5 {
            let mut asked = entry(unix_millis(minute(number)), "main");
            asked.causes.clear();
            asked.by = Some(RequestedBy {
                channel: "telegram".to_owned(),
                person: "Ali (42)".to_owned(),
            });
            history.insert_or_replace(asked).unwrap();
        }
        assert_eq!(history.time_until_next_repair("main", minute(6)), None);
        assert_eq!(History::read(dir.path()).entries, history.entries);
    }
}
