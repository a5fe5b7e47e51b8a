//! Checks of the agents of a native gateway: whether each has a model that it can ask.

use super::check::{Check, Problem};
use super::host_report::{HostReport, InstanceReport, UnusableModel};
use crate::i18n::msg;

/// The doctor's checks of the agents of an instance.
pub(super) const CHECKS: &[Check] = &[
    Check::warning("agent-silent", |report, own| unusable_models(report, own, false)),
    Check::info("agent-fallback", |report, own| unusable_models(report, own, true)),
];

/// Reports the agents whose first model can't be asked: those that answer with another one, or those that don't answer.
fn unusable_models(_: &HostReport<'_>, own: &InstanceReport<'_>, has_other: bool) -> Vec<Problem> {
    let found = own.unusable_models.iter();
    let found = found.filter(|found| found.instead.is_some() == has_other);
    let problem = |found: &UnusableModel| {
        let msg = match &found.instead {
            Some(model) => msg!("doctor.agent-fallback", agent = found.agent, model = model),
            None => msg!("doctor.agent-silent", agent = found.agent),
        };
        Problem::new(
            msg.with_msg("why", found.why.clone()),
            format!("{} config get agents", own.command),
        )
    };
    found.map(problem).collect()
}
