//! What became of a gateway that does not run: its lock, still signed by a process that is gone, and the
//! last line that it wrote.

use std::time::SystemTime;

use serde_json::Value;

use crate::host::read;
use crate::instance::Instance;
use crate::logs::{self, Line};

/// How the last run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It said that it stopped.
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
    pub line: Option<Line>,
}

/// What the files of an instance tell of its last run; `None` where it never ran.
pub(super) fn of(instance: &Instance) -> Option<Past> {
    let lock = read::text(&instance.lock_path()).ok();
    let line = logs::last(&instance.logs(), 1).pop();
    judge(lock.as_deref(), line)
}

/// The words with which a gateway ends in order, as its log has them.
const LAST_WORDS: [&str; 2] = ["stopped", "stopping"];

/// A lock is signed for as long as its gateway runs, and emptied by a gateway that ends in order.
fn judge(lock: Option<&str>, line: Option<Line>) -> Option<Past> {
    let sign: Option<Value> = lock.and_then(|lock| serde_json::from_str(lock).ok());
    let pid = sign
        .as_ref()
        .and_then(|sign| u32::try_from(sign["pid"].as_u64()?).ok());
    let said_so = line.as_ref().is_some_and(|line| {
        let message = line.message.to_lowercase();
        LAST_WORDS.iter().any(|word| message.contains(word))
    });
    let end = match (pid, lock, &line) {
        (Some(_), ..) if !said_so => End::Killed,
        (Some(_), ..) => End::InOrder,
        (None, Some(lock), _) if lock.trim().is_empty() => End::InOrder,
        (None, _, Some(_)) if said_so => End::InOrder,
        (None, _, Some(_)) => End::Unknown,
        (None, _, None) => return None,
    };
    let time = |text: &str| humantime::parse_rfc3339_weak(text).ok();
    let started = sign.as_ref().and_then(|sign| time(sign["startedAt"].as_str()?));
    Some(Past {
        end,
        pid,
        last_seen: line.as_ref().and_then(|line| time(&line.time)).or(started),
        line,
    })
}
