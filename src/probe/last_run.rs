//! Determines how the last run of a gateway ended, by its lock and the last line of its log.

use std::time::SystemTime;

use crate::instance::Instance;
use crate::lock::LockHolder;
use crate::logs::{self, LogLine};

/// The way in which the last run of a gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunEnd {
    /// The gateway stopped on request.
    Orderly,
    /// The gateway was killed, or crashed: its lock still names it.
    Killed,
    /// The files do not tell how the run ended.
    Unknown,
}

impl RunEnd {
    /// Returns the stable name of the way in which the last run of a gateway ended, as `--json` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Orderly => "stopped",
            Self::Killed => "killed",
            Self::Unknown => "unknown",
        }
    }
}

/// The last run of a gateway: how it ended, and its pid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastRun {
    /// The way in which the run ended.
    pub(crate) end: RunEnd,
    /// The pid of the run, where the lock names it.
    pub(crate) pid: Option<u32>,
    /// The time of the last log line, else of the start of the run.
    pub(crate) last_seen: Option<SystemTime>,
    /// The last line of the log.
    pub(crate) line: Option<LogLine>,
}

/// Reads the last run of an instance's gateway; `None` where it never ran. `dead_holder` is the process that the lock
/// file names and that has ended.
pub(super) fn read(
    instance: &Instance,
    dead_holder: Option<&LockHolder>,
    has_lock_file: bool,
) -> Option<LastRun> {
    let line = logs::last_lines(&instance.logs(), 1).pop();
    from_traces(dead_holder, has_lock_file, line)
}

/// Determines how the last run of a gateway ended from its traces: the lock file and the log. A lock file names its
/// gateway while that runs, and a gateway that stops on request empties it.
pub(super) fn from_traces(
    dead_holder: Option<&LockHolder>,
    has_lock_file: bool,
    line: Option<LogLine>,
) -> Option<LastRun> {
    let end = match (dead_holder, has_lock_file, &line) {
        (Some(_), ..) => RunEnd::Killed,
        (None, true, _) => RunEnd::Orderly,
        (None, false, Some(_)) => RunEnd::Unknown,
        (None, false, None) => return None,
    };
    let last_logged = line
        .as_ref()
        .and_then(|line| humantime::parse_rfc3339_weak(&line.time).ok());
    Some(LastRun {
        end,
        pid: dead_holder.map(|holder| holder.pid),
        last_seen: last_logged.or(dead_holder.map(|holder| holder.started)),
        line,
    })
}
