//! The outcome of a command that reports the state of one gateway.

use crate::probe::Probe;
use crate::ui::ReportOutcome;

/// Returns the outcome of a command that reports the state of one gateway.
pub(in crate::cli) fn probe_outcome(probe: &Probe) -> ReportOutcome {
    // The name of the problem does not depend on the profile.
    let code = probe.msg("").key();
    let kind = probe.verdict.class().error_kind();
    kind.map_or(ReportOutcome::Fine, |kind| ReportOutcome::Problem(kind, code))
}
