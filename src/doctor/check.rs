//! A check of the doctor and the problems that it reports.

use super::fix::Fix;
use super::host_report::{HostReport, InstanceReport};
use crate::i18n::Msg;

/// The severity of a finding of the doctor, from the worst to the most harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// The instance can't run, is not isolated, or a secret can be read by others.
    Error,
    /// The instance runs and will cause trouble sooner or later.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// Returns the stable name of a doctor finding's severity, as `--json` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// The way in which a problem of an instance keeps the doctor's other checks from finding theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstruction {
    /// Other checks find all that there is.
    None,
    /// The config can't be read.
    ConfigBroken,
    /// There is no config.
    ConfigMissing,
    /// The instance is registered, and nothing else is left of it.
    OnlyRegistered,
    /// The gateway refuses to start, and gives one reason at a time.
    StartRefused,
}

impl Obstruction {
    /// Returns `true` if a problem that the doctor found may have hidden a problem with the obstruction `other`.
    pub(super) fn hides(self, other: Self) -> bool {
        match self {
            Self::None => false,
            Self::ConfigBroken => true,
            Self::ConfigMissing => other != Self::ConfigBroken,
            Self::OnlyRegistered => other == Self::ConfigMissing,
            Self::StartRefused => other == Self::StartRefused,
        }
    }
}

/// The function of a check of the doctor: looks for problems of one instance in the report on the host. It reads the
/// report and at most file metadata, and changes nothing.
type FindProblems = fn(&HostReport<'_>, &InstanceReport<'_>) -> Vec<Problem>;

/// A check of the doctor: its id, its severity and its function. Each is one row in the table of its family.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The stable name, by which scripts and people refer to the check.
    pub id: &'static str,
    /// The severity of everything that the check finds.
    pub(crate) severity: Severity,
    /// The way in which everything that the check finds keeps other checks from finding more.
    pub(super) obstruction: Obstruction,
    pub(super) find: FindProblems,
}

impl Check {
    const fn new(id: &'static str, severity: Severity, find: FindProblems) -> Self {
        Self {
            id,
            severity,
            obstruction: Obstruction::None,
            find,
        }
    }

    /// Returns the doctor's check with the way in which its findings keep other checks from finding more.
    pub(super) const fn obstructing(self, obstruction: Obstruction) -> Self {
        Self { obstruction, ..self }
    }

    pub(super) const fn error(id: &'static str, find: FindProblems) -> Self {
        Self::new(id, Severity::Error, find)
    }

    pub(super) const fn warning(id: &'static str, find: FindProblems) -> Self {
        Self::new(id, Severity::Warning, find)
    }

    pub(super) const fn info(id: &'static str, find: FindProblems) -> Self {
        Self::new(id, Severity::Info, find)
    }
}

/// A problem that a check of the doctor found, with the command that repairs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) msg: Msg,
    /// The command for the user, naming the profile.
    pub(super) remedy: String,
    /// The repair that `doctor --fix` makes; `None` where it makes none.
    pub(super) fix: Option<Fix>,
}

impl Problem {
    /// Creates a problem that the doctor found and that the user repairs with a command.
    pub(super) fn new(msg: Msg, remedy: impl Into<String>) -> Self {
        Self {
            msg,
            remedy: remedy.into(),
            fix: None,
        }
    }

    /// Creates a problem that the doctor found and that `doctor --fix` repairs.
    pub(super) fn fixable(own: &InstanceReport<'_>, msg: Msg, fix: Fix) -> Self {
        Self {
            msg,
            remedy: format!("{} doctor --fix", own.command),
            fix: Some(fix),
        }
    }
}
