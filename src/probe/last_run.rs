//! The last run of a gateway that does not run: how it ended, by its lock and by the last line of its log.

use std::time::SystemTime;

use crate::instance::Instance;
use crate::lock::LockHolder;
use crate::logs::{self, LogLine};

/// How the last run of a gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunEnd {
    /// The gateway stopped when it was told to.
    Orderly,
    /// The gateway was killed, or crashed: it left its lock signed.
    Killed,
    /// The files do not tell.
    Unknown,
}

impl RunEnd {
    /// Returns the stable name, as `--json` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Orderly => "stopped",
            Self::Killed => "killed",
            Self::Unknown => "unknown",
        }
    }
}

/// The last run of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastRun {
    /// How the run ended.
    pub(crate) end: RunEnd,
    /// The process of the run, where the lock names it.
    pub(crate) pid: Option<u32>,
    /// The time of the last log line, else of the start.
    pub(crate) last_seen: Option<SystemTime>,
    /// The last log line.
    pub(crate) line: Option<LogLine>,
}

/// Reads the last run of an instance's gateway; `None` where it never ran. `dead_holder` is the process that signed
/// the lock and is gone.
pub(super) fn read(instance: &Instance, dead_holder: Option<&LockHolder>) -> Option<LastRun> {
    let has_lock_file = instance.lock_path().is_file();
    let line = logs::last_lines(&instance.logs(), 1).pop();
    judge(dead_holder, has_lock_file, line)
}

/// Judges the last run. A lock is signed for as long as its gateway runs, and emptied by a gateway that ends in
/// order.
pub(super) fn judge(
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
    let written = line
        .as_ref()
        .and_then(|line| humantime::parse_rfc3339_weak(&line.time).ok());
    Some(LastRun {
        end,
        pid: dead_holder.map(|holder| holder.pid),
        last_seen: written.or(dead_holder.map(|holder| holder.started)),
        line,
    })
}
