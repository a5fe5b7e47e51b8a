//! The last question of the wizard: apply the shown plan, change one answer, or leave.

use crate::answers::NamedValue as _;
use crate::error::Result;
use crate::i18n::{Lang, Msg, msg};

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
    /// Show everything in another language.
    Language(Lang),
}

/// Name of the choice that confirms the wizard's plan.
const CONFIRM: &str = "confirm";
/// Name of the choice that leaves the wizard.
const LEAVE: &str = "leave";

/// An answer of the wizard that can be changed at the review: the step, its question and the present answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReviewRow {
    /// The step of the wizard.
    pub(crate) id: StepId,
    /// The question of the step.
    text: Msg,
    /// The present answer; `None` where the question was not asked.
    answer: Option<Msg>,
}

impl ReviewRow {
    /// Creates the row of the wizard's review for a question and its reply.
    pub(super) fn new(id: StepId, question: &Question, reply: &Reply) -> Self {
        Self {
            id,
            text: question.text.clone(),
            answer: Some(question.shown_reply(reply)),
        }
    }

    /// Creates the row of the wizard's review for a question that was not asked.
    pub(crate) fn unasked(id: StepId, text: Msg) -> Self {
        Self {
            id,
            text,
            answer: None,
        }
    }

    /// Returns the choice of the wizard's review that changes the answer.
    fn choice(&self) -> Choice {
        let label = match &self.answer {
            Some(answer) => msg!("onboard.change-answer").with_msg("answer", answer.clone()),
            None => msg!("onboard.change"),
        };
        Choice::new(self.id.name(), label.with_msg("what", self.text.clone()))
    }
}

/// Asks a person what to do with the wizard's plan: apply it, change an answer, or leave. Enter changes `suggested`, where
/// something speaks against its answer. A plan that changes nothing is not there to be applied: then the person chooses
/// what to change, if anything.
pub(crate) fn review(
    prompter: &mut dyn Prompter,
    rows: &[ReviewRow],
    suggested: Option<StepId>,
    changes_nothing: bool,
) -> Result<ReviewDecision> {
    // Changing the acknowledgement of the risk would only end the wizard. A step that follows another one is changed along
    // with it.
    let is_changeable = |row: &&ReviewRow| {
        let follows = steps::ALL
            .iter()
            .find(|step| step.id() == row.id)
            .and_then(|step| step.follows());
        row.id != StepId::AcceptRisk && !rows.iter().any(|other| Some(other.id) == follows)
    };
    let changes = rows.iter().filter(is_changeable).map(ReviewRow::choice);
    let question = if changes_nothing {
        let done = Choice::new(CONFIRM, msg!("onboard.nothing-to-change"));
        let options: Vec<_> = changes.chain([done]).collect();
        // The first value of the config, and not whether it is edited.
        let first = rows.iter().map(|row| row.id).find(|id| *id > StepId::Existing);
        let first = suggested.or(first).map_or("", StepId::name);
        Question::choice(msg!("onboard.what-to-change"), options, first)
    } else {
        let options = std::iter::once(Choice::new(CONFIRM, msg!("onboard.do-it")))
            .chain(changes)
            .chain([Choice::new(LEAVE, msg!("onboard.leave"))])
            .collect();
        let default = suggested.map_or(CONFIRM, StepId::name);
        Question::choice(msg!("onboard.confirm"), options, default)
    };
    let reply = prompter.ask(&question.offering_language())?;
    Ok(match &reply {
        Reply::Back => ReviewDecision::Back,
        Reply::Language(lang) => ReviewDecision::Language(*lang),
        reply => match reply.text() {
            CONFIRM => ReviewDecision::Confirm,
            name => StepId::from_name(name).map_or(ReviewDecision::Leave, ReviewDecision::Change),
        },
    })
}
