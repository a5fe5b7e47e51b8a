//! What became of a gateway that does not run: its lock, still signed by a process that is gone, and the
//! last line that it wrote.

use std::time::SystemTime;

use crate::instance::Instance;
use crate::lock::LockHolder;
use crate::logs::{self, LogLine};

/// How the last run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It stopped as it was told to.
    InOrder,
    /// It was killed, or crashed: it could say nothing any more.
    Killed,
    /// Nothing tells.
    Unknown,
}

impl End {
    /// The stable name, as `--json` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::InOrder => "stopped",
            Self::Killed => "killed",
            Self::Unknown => "unknown",
        }
    }
}

/// The last run of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// How it ended.
    pub end: End,
    /// Its process, where the lock names it.
    pub pid: Option<u32>,
    /// When it wrote its last line, or started where it wrote none.
    pub last_seen: Option<SystemTime>,
    /// Its last line.
    pub line: Option<LogLine>,
}

/// What the files of an instance tell of its last run; `None` where it never ran. `holder` is what its
/// lock says.
pub(super) fn of(instance: &Instance, holder: Option<&LockHolder>) -> Option<Past> {
    judge(
        holder,
        instance.lock_path().is_file(),
        logs::last_lines(&instance.logs(), 1).pop(),
    )
}

/// A lock is signed for as long as its gateway runs, and emptied by a gateway that ends in order.
pub(super) fn judge(holder: Option<&LockHolder>, locked_once: bool, line: Option<LogLine>) -> Option<Past> {
    let end = match (holder, locked_once, &line) {
        (Some(_), ..) => End::Killed,
        (None, true, _) => End::InOrder,
        (None, false, Some(_)) => End::Unknown,
        (None, false, None) => return None,
    };
    let written = line
        .as_ref()
        .and_then(|line| humantime::parse_rfc3339_weak(&line.time).ok());
    Some(Past {
        end,
        pid: holder.map(|holder| holder.pid),
        last_seen: written.or(holder.map(|holder| holder.started)),
        line,
    })
}
