//! The last question of the wizard: apply the shown plan, change one answer, or leave.

use crate::answers::NamedValue as _;
use crate::error::Result;
use crate::i18n::{Msg, msg};

use super::question::{Choice, Prompter, Question, Reply};
use super::step::StepId;
use super::steps;

/// The decision of a person about the plan that the wizard shows at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReviewDecision {
    /// Carry the plan out.
    Confirm,
    /// Ask this step again, and nothing else.
    Change(StepId),
    /// Go back to the question before.
    Back,
    /// Leave without writing anything.
    Leave,
}

/// Name of the choice that confirms the wizard's plan.
const CONFIRM: &str = "confirm";
/// Name of the choice that leaves the wizard.
const LEAVE: &str = "leave";

/// Asks a person what to do with the wizard's plan: apply it, change an answer, or leave. `asked` are the steps that
/// can be changed, with their questions; Enter changes `suggested`, where something speaks against its answer.
pub(crate) fn review(
    prompter: &mut dyn Prompter,
    asked: &[(StepId, Msg)],
    suggested: Option<StepId>,
) -> Result<ReviewDecision> {
    // Changing the acknowledgement of the risk would only end the wizard. A step that follows another one is changed along
    // with it.
    let is_changeable = |id: StepId| {
        let follows = steps::ALL
            .iter()
            .find(|step| step.id() == id)
            .and_then(|step| step.follows());
        id != StepId::AcceptRisk && !asked.iter().any(|(other, _)| Some(*other) == follows)
    };
    let change = |(id, text): &(StepId, Msg)| {
        Choice::new(id.name(), msg!("onboard.change").with_msg("what", text.clone()))
    };
    let changes = asked.iter().filter(|(id, _)| is_changeable(*id)).map(change);
    let options = std::iter::once(Choice::new(CONFIRM, msg!("onboard.do-it")))
        .chain(changes)
        .chain([Choice::new(LEAVE, msg!("onboard.leave"))])
        .collect();
    let default = suggested.map_or(CONFIRM, StepId::name);
    let question = Question::choice(msg!("onboard.confirm"), options, default);
    let reply = prompter.ask(&question)?;
    Ok(match &reply {
        Reply::Back => ReviewDecision::Back,
        reply => match reply.text() {
            CONFIRM => ReviewDecision::Confirm,
            name => StepId::from_name(name).map_or(ReviewDecision::Leave, ReviewDecision::Change),
        },
    })
}
