//! The doctor: what is wrong with the instances of this host, and the command that mends it.
//!
//! ```text
//! host ──► Scene (gathered once, reading only) ──► CHECKS (pure) ──► findings ──► plan of fixes ──► apply
//! ```
//!
//! Each check has an id that never changes and a severity, and is one row of a family's table. It looks
//! at the [`Scene`] alone, so that each is a unit test, and none of them asks the system twice.

use std::path::{Path, PathBuf};

use crate::i18n::Msg;
use crate::instance::word;

mod browser;
mod config;
pub mod diff;
mod engine;
mod fix;
mod gateway;
mod isolation;
mod ports;
mod scene;
mod service;
mod state;
#[cfg_attr(unix, path = "doctor/unix.rs")]
#[cfg_attr(windows, path = "doctor/windows.rs")]
mod system;
#[cfg(test)]
mod tests;
mod workspace;

pub use fix::{Fix, Part, parts, reversed, whole};
pub use scene::{Scene, Scope, Subject};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The instance can't run, is not isolated, or a secret lies open.
    Error,
    /// It runs, and something will cost its owner sooner or later.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// The stable name, as `--json` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// One check: a row of a family's table.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Its name for ever: scripts and people refer to it.
    pub id: &'static str,
    /// How bad everything is that it finds.
    pub severity: Severity,
    look: fn(&Scene<'_>, &Subject<'_>) -> Vec<Seen>,
}

impl Check {
    const fn error(id: &'static str, look: fn(&Scene<'_>, &Subject<'_>) -> Vec<Seen>) -> Self {
        Self {
            id,
            severity: Severity::Error,
            look,
        }
    }

    const fn info(id: &'static str, look: fn(&Scene<'_>, &Subject<'_>) -> Vec<Seen>) -> Self {
        Self {
            id,
            severity: Severity::Info,
            look,
        }
    }

    const fn warning(id: &'static str, look: fn(&Scene<'_>, &Subject<'_>) -> Vec<Seen>) -> Self {
        Self {
            id,
            severity: Severity::Warning,
            look,
        }
    }
}

/// What a check saw.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    msg: Msg,
    mend: String,
    fix: Option<Fix>,
}

impl Seen {
    /// Something that a command mends.
    fn new(msg: Msg, mend: impl Into<String>) -> Self {
        Self {
            msg,
            mend: mend.into(),
            fix: None,
        }
    }

    /// Something that `doctor --fix` mends.
    fn fixed(subject: &Subject<'_>, msg: Msg, fix: Fix) -> Self {
        Self {
            msg,
            mend: format!("{} doctor --fix", subject.command),
            fix: Some(fix),
        }
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The check that found it.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The label of the instance.
    pub instance: String,
    /// What was seen.
    pub msg: Msg,
    /// The command that mends it, naming the profile.
    pub mend: String,
    /// What `--fix` does about it.
    pub fix: Option<Fix>,
    /// Why `--fix` leaves it alone where it mends such things elsewhere: it is another instance's, or in the way.
    pub left: Option<Msg>,
}

/// The families of checks.
const FAMILIES: [&[Check]; 9] = [
    isolation::CHECKS,
    ports::CHECKS,
    config::CHECKS,
    gateway::CHECKS,
    state::CHECKS,
    workspace::CHECKS,
    service::CHECKS,
    browser::CHECKS,
    engine::CHECKS,
];

/// Every check, in the order of the families.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    FAMILIES.into_iter().flatten()
}

/// Looks at every wanted instance of the scene: instance by instance, the worst first.
pub fn examine(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for subject in scene.wanted() {
        let from = findings.len();
        for check in checks() {
            let seen = (check.look)(scene, subject);
            findings.extend(seen.into_iter().map(|seen| {
                let refused = seen
                    .fix
                    .as_ref()
                    .and_then(|fix| fix::refusal(scene, subject, fix));
                let left = refused.is_some();
                Finding {
                    id: check.id,
                    severity: check.severity,
                    instance: subject.label.clone(),
                    msg: seen.msg,
                    mend: match &seen.fix {
                        Some(fix) if left => fix::by_hand(subject, fix),
                        _ => seen.mend,
                    },
                    fix: seen.fix.filter(|_| !left),
                    left: refused,
                }
            }));
        }
        findings[from..].sort_by_key(|finding: &Finding| finding.severity);
    }
    findings
}

/// A free name beside a path: `PATH.aside-1`, `PATH.aside-2`, ... Two looks at the same disk give the same.
fn aside(path: &Path) -> PathBuf {
    let named = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".aside-{number}"));
        PathBuf::from(name)
    };
    let mut number = 1;
    while std::fs::symlink_metadata(named(number)).is_ok() {
        number += 1;
    }
    named(number)
}
