//! The last question: the plan has been shown; carry it out, change one answer, or leave.

use crate::error::Result;
use crate::i18n::{Msg, msg};

use super::step::Choice;
use super::{Prompter, Question, Reply};

/// What a person says to the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Carry it out.
    Confirmed,
    /// Ask this step again, and nothing else.
    Change(&'static str),
    /// Go back to the question before.
    Back,
    /// Leave; nothing was written.
    Left,
}

const CONFIRM: &str = "confirm";
const LEAVE: &str = "leave";

/// Asks what to do with the plan. `asked` are the steps that were answered, with their questions.
pub fn review(prompter: &mut dyn Prompter, asked: &[(&'static str, Msg)]) -> Result<Verdict> {
    let change = |(id, text): &(&'static str, Msg)| {
        Choice::new(id, msg!("onboard.change").with_msg("what", text.clone()))
    };
    // The risk was acknowledged: there is nothing to change about that but to leave. What follows from
    // another answer (a typed port) is changed along with it.
    let is_own = |id: &str| {
        id != "accept-risk"
            && !asked
                .iter()
                .any(|(other, _)| *other != id && id.starts_with(other))
    };
    let changes = asked.iter().filter(|(id, _)| is_own(id)).map(change);
    let options = std::iter::once(Choice::new(CONFIRM, msg!("onboard.do-it")))
        .chain(changes)
        .chain([Choice::new(LEAVE, msg!("onboard.leave"))])
        .collect();
    let question = Question::choice(msg!("onboard.confirm"), options, CONFIRM);
    let reply = prompter.ask(&question)?;
    Ok(match &reply {
        Reply::Back => Verdict::Back,
        reply => match reply.text() {
            CONFIRM => Verdict::Confirmed,
            id => asked
                .iter()
                .find(|(step, _)| *step == id)
                .map_or(Verdict::Left, |(step, _)| Verdict::Change(step)),
        },
    })
}
