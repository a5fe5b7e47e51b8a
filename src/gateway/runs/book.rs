//! The book of runs: which of them are at work, and how the last ones ended, so that a repeated request is not obeyed twice
//! and somebody can wait for the end of one.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;

use crate::agent::{RunEnd, RunInfo};
use crate::i18n::Lang;
use crate::sync::lock;

/// Maximum number of ended runs that are remembered.
const MAX_ENDED: usize = 256;

/// The runs of a gateway that are at work, and the last ones that ended.
#[derive(Debug, Default)]
pub(crate) struct RunBook {
    contents: Mutex<Contents>,
    /// Changes whenever a run ends.
    ends: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Contents {
    runs: HashMap<String, RunEntry>,
    /// The ids of the runs that ended, the oldest first.
    ended: VecDeque<String>,
    lang: Option<Lang>,
}

#[derive(Debug)]
struct RunEntry {
    session: String,
    source: RunSource,
    started: u64,
    outcome: Option<RunOutcome>,
}

/// The way by which a run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunSource {
    /// The method `chat.send`.
    Chat,
    /// The method `agent`.
    Agent,
    /// A message over a channel, or any other way.
    Elsewhere,
}

/// The state of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RunState {
    /// The run is at work, or waits for its turn.
    Running,
    /// The run has ended.
    Ended(RunOutcome),
}

/// The end of a run, as somebody who waits for it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RunOutcome {
    /// The reason why it failed.
    pub(crate) error: Option<String>,
    /// `true` where somebody stopped it.
    pub(crate) is_aborted: bool,
    /// The time at which it began, in milliseconds since 1970.
    pub(crate) started: u64,
    /// The time at which it ended, in milliseconds since 1970.
    pub(crate) ended: u64,
}

impl RunOutcome {
    /// Returns what somebody who waits is told of an end.
    pub(super) fn of(end: &RunEnd, ended: u64, lang: Lang) -> Self {
        Self {
            error: match end {
                RunEnd::Failed(why) => Some(why.render(lang)),
                _ => None,
            },
            is_aborted: *end == RunEnd::Aborted,
            started: 0,
            ended,
        }
    }
}

impl RunBook {
    /// Begins a run in the session with this key, unless there was one with this id; then its state is returned.
    pub(crate) fn begin(&self, id: &str, session: &str, source: RunSource, now: u64) -> Option<RunState> {
        let mut contents = lock(&self.contents);
        if let Some(entry) = contents.runs.get(id) {
            return Some(entry.state());
        }
        let entry = RunEntry {
            session: session.to_owned(),
            source,
            started: now,
            outcome: None,
        };
        contents.runs.insert(id.to_owned(), entry);
        None
    }

    /// Forgets a run that could not begin.
    pub(crate) fn forget(&self, id: &str) {
        lock(&self.contents).runs.remove(id);
        self.ends.send_modify(|count| *count += 1);
    }

    /// Ends a run, which need not have been begun here.
    pub(super) fn end(&self, run: &RunInfo, outcome: RunOutcome) {
        let started = run.started;
        self.end_by_id(&run.id, &run.session_key, RunOutcome { started, ..outcome });
    }

    /// Ends a run without an agent.
    pub(crate) fn end_by_id(&self, id: &str, session: &str, outcome: RunOutcome) {
        let mut contents = lock(&self.contents);
        let entry = contents.runs.entry(id.to_owned()).or_insert_with(|| RunEntry {
            session: session.to_owned(),
            source: RunSource::Elsewhere,
            started: outcome.started,
            outcome: None,
        });
        if entry.outcome.is_some() {
            return;
        }
        let started = entry.started;
        entry.outcome = Some(RunOutcome { started, ..outcome });
        contents.ended.push_back(id.to_owned());
        if contents.ended.len() > MAX_ENDED
            && let Some(oldest) = contents.ended.pop_front()
        {
            contents.runs.remove(&oldest);
        }
        drop(contents);
        self.ends.send_modify(|count| *count += 1);
    }

    /// Returns the state of a run; `None` for one that is not known.
    pub(crate) fn state(&self, id: &str) -> Option<RunState> {
        lock(&self.contents).runs.get(id).map(RunEntry::state)
    }

    /// Returns whether a run is at work.
    pub(crate) fn is_running(&self, id: &str) -> bool {
        self.state(id) == Some(RunState::Running)
    }

    /// Returns the way by which a run began.
    pub(super) fn source(&self, id: &str) -> RunSource {
        let contents = lock(&self.contents);
        contents
            .runs
            .get(id)
            .map_or(RunSource::Elsewhere, |entry| entry.source)
    }

    /// Returns the key of the session in which a run is at work.
    pub(crate) fn session_of(&self, id: &str) -> Option<String> {
        let contents = lock(&self.contents);
        let entry = contents.runs.get(id).filter(|entry| entry.outcome.is_none());
        entry.map(|entry| entry.session.clone())
    }

    /// Returns the ids of the runs that are at work in a session.
    pub(crate) fn active_in(&self, session: &str) -> Vec<String> {
        let contents = lock(&self.contents);
        let is_active =
            |(_, entry): &(&String, &RunEntry)| entry.session == session && entry.outcome.is_none();
        let mut active: Vec<_> = contents.runs.iter().filter(is_active).collect();
        active.sort_by_key(|(_, entry)| entry.started);
        active.into_iter().map(|(id, _)| id.clone()).collect()
    }

    /// Waits for the end of a run, which may begin later; `None` where it takes longer than `limit`.
    pub(crate) async fn wait(&self, id: &str, limit: Duration) -> Option<RunOutcome> {
        let mut ends = self.ends.subscribe();
        let ended = async {
            loop {
                ends.mark_unchanged();
                if let Some(RunState::Ended(outcome)) = self.state(id) {
                    return Some(outcome);
                }
                ends.changed().await.ok()?;
            }
        };
        tokio::time::timeout(limit, ended).await.ok().flatten()
    }

    /// Returns the language of an answer: that of the word which was used, else the one that was used last, else the
    /// given one.
    pub(crate) fn language(&self, used: Option<Lang>, default: Lang) -> Lang {
        let mut contents = lock(&self.contents);
        contents.lang = used.or(contents.lang);
        contents.lang.unwrap_or(default)
    }
}

impl RunEntry {
    fn state(&self) -> RunState {
        self.outcome.clone().map_or(RunState::Running, RunState::Ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn run_is_begun_once_and_its_end_is_waited_for() {
        let book = RunBook::default();
        assert_eq!(book.begin("a", "agent:main:main", RunSource::Chat, 1), None);
        assert_eq!(
            book.begin("a", "agent:main:main", RunSource::Chat, 2),
            Some(RunState::Running)
        );
        assert_eq!(book.active_in("agent:main:main"), ["a"]);
        let outcome = RunOutcome {
            ended: 9,
            ..RunOutcome::default()
        };
        let (waited, ()) = tokio::join!(book.wait("a", Duration::MAX), async {
            book.end_by_id("a", "agent:main:main", outcome);
        });
        assert_eq!(waited.map(|end| (end.started, end.ended)), Some((1, 9)));
        assert!(book.active_in("agent:main:main").is_empty());
        assert_eq!(book.wait("other", Duration::ZERO).await, None);
    }
}
