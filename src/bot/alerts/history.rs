//! The search of the history of repairs for the change behind an event of a watcher. A watcher sees only that a gateway is well again: that an
//! owner repaired it from a chat, or somebody on the host, is in the history.

use std::time::Duration;

use super::incident::{Author, Happening, PastChange};
use crate::rescue::history::{History, HistoryEntry, RepairOutcome};
use crate::rescue::record::{Recorded, StepKind};
use crate::time::millis;

/// Time that a stop may take, for OpenClaw from npm.
const LONGEST_STOP: Duration = Duration::from_mins(6);

/// The change behind an event, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// This change.
    Change(PastChange),
    /// None that the history has.
    Nothing,
    /// A repair that is still being made.
    Unfinished,
}

/// Returns the change behind an event of a gateway at a time, in milliseconds since 1970. `since` is the time at which its
/// outage began, and `lag` the longest time from a change to the watcher's event about it.
pub(crate) fn behind(
    history: &History,
    profile: &str,
    what: Happening,
    at: u64,
    since: u64,
    lag: Duration,
) -> Behind {
    let earliest = match what {
        Happening::Repaired | Happening::Recovered | Happening::Watching => since.saturating_sub(millis(lag)),
        Happening::InVain => since,
        Happening::Stopped => at.saturating_sub(millis(lag + LONGEST_STOP)),
        Happening::Lost | Happening::Repairing | Happening::Absent | Happening::Upgraded => {
            return Behind::Nothing;
        }
    };
    let is_stop = what == Happening::Stopped;
    let of_event = |entry: &&HistoryEntry| {
        let stops = entry
            .steps
            .iter()
            .any(|(step, _)| *step == Recorded::Known(StepKind::Stop));
        let changes_nothing = |step: &Recorded<StepKind>| {
            matches!(step, Recorded::Known(StepKind::Snapshot | StepKind::SetConfig))
        };
        let acts = entry.steps.iter().any(|(step, _)| !changes_nothing(step));
        entry.target == profile && entry.at >= earliest && acts && stops == is_stop && !entry.drill
    };
    let Some(entry) = history.entries.iter().rfind(of_event) else {
        return Behind::Nothing;
    };
    let is_repair = what.is_good();
    match entry.outcome {
        RepairOutcome::Begun if is_repair => Behind::Unfinished,
        RepairOutcome::InVain | RepairOutcome::Failed if is_repair => Behind::Nothing,
        _ => Behind::Change(PastChange {
            by: match (&entry.by, entry.watched) {
                (Some(by), _) => Author::Chat(by.clone()),
                (None, true) => Author::Watcher,
                (None, false) => Author::Host,
            },
            steps: entry.steps.clone(),
        }),
    }
}
