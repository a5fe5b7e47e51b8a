//! Findings: problems with their check and their instance, as the user sees them.

use super::check::{Obstruction, Severity};
use super::fix::Fix;
use crate::i18n::Msg;

/// A problem of one instance that the doctor found, as the user sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The id of the check.
    pub(crate) id: &'static str,
    /// The severity of the check.
    pub(crate) severity: Severity,
    /// The way in which the problem keeps other checks from finding more.
    pub(super) obstruction: Obstruction,
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
            .any(|old| old.instance == new.instance && old.obstruction.hides(new.obstruction))
    };
    after
        .iter()
        .any(|new| new.severity == Severity::Error && !is_known(new) && !was_hidden(new))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::msg;

    fn error(id: &'static str, obstruction: Obstruction) -> Finding {
        Finding {
            id,
            severity: Severity::Error,
            obstruction,
            instance: "rescue".to_owned(),
            msg: msg!("doctor.error"),
            remedy: String::new(),
            fix: None,
            fix_refused: None,
        }
    }

    #[test]
    fn error_that_an_earlier_one_hid_is_not_new() {
        let broken = error("broken", Obstruction::ConfigBroken);
        let missing = error("missing", Obstruction::ConfigMissing);
        let registered = error("registered", Obstruction::OnlyRegistered);
        let refused = error("refused", Obstruction::StartRefused);
        let next_refusal = error("refused-too", Obstruction::StartRefused);
        let other = error("other", Obstruction::None);
        let becomes_worse = |before: &Finding, after: &Finding| {
            is_worse(std::slice::from_ref(before), std::slice::from_ref(after))
        };
        assert!(!becomes_worse(&broken, &other));
        assert!(!becomes_worse(&missing, &refused));
        assert!(becomes_worse(&missing, &broken));
        assert!(!becomes_worse(&registered, &missing));
        assert!(becomes_worse(&registered, &refused));
        assert!(!becomes_worse(&refused, &next_refusal));
        assert!(becomes_worse(&other, &refused));
        assert!(!becomes_worse(&other, &other));
    }
}
