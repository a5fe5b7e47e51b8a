//! Findings: problems with their check and their instance, as the user sees them.

use super::check::Severity;
use super::fix::Fix;
use crate::i18n::Msg;

/// A problem of one instance that the doctor found, as the user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The id of the check.
    pub(crate) id: &'static str,
    /// The severity of the check.
    pub(crate) severity: Severity,
    /// The label of the instance.
    pub(crate) instance: String,
    /// The problem.
    pub(crate) msg: Msg,
    /// The command that repairs it, naming the profile.
    pub(crate) remedy: String,
    /// The repair that `--fix` makes; `None` where it makes none.
    pub(crate) fix: Option<Fix>,
    /// The reason why `--fix` does not make its usual repair: it would touch another instance, or a file is in the way.
    pub(crate) fix_refused: Option<Msg>,
}

/// Returns `true` if there is an error after a fix of the doctor that did not exist before and was not hidden by
/// another error.
pub(crate) fn is_worse(before: &[Finding], after: &[Finding]) -> bool {
    let is_known = |new: &Finding| {
        before
            .iter()
            .any(|old| (old.id, &old.instance) == (new.id, &new.instance))
    };
    let was_hidden = |new: &Finding| {
        before
            .iter()
            .any(|old| old.instance == new.instance && hides(old.id, new.id))
    };
    after
        .iter()
        .any(|new| new.severity == Severity::Error && !is_known(new) && !was_hidden(new))
}

/// Returns `true` if one of the doctor's errors hides another: a broken config hides its other problems, a gateway
/// that refuses to start gives one reason at a time, and an instance that is only registered has no config.
fn hides(old: &str, new: &str) -> bool {
    /// Ids of the doctor's checks that report a gateway that refuses to start.
    const REFUSALS: [&str; 4] = ["gateway-mode", "gateway-auth", "gateway-open", "gateway-refuses"];
    match old {
        "config-broken" => true,
        "config-missing" => new != "config-broken",
        "registry-stale" => new == "config-missing",
        old => REFUSALS.contains(&old) && REFUSALS.contains(&new),
    }
}
