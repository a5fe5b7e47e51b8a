//! One question of the wizard, asked until its rule accepts the reply.

use super::context::InterviewContext;
use super::history::AnswerHistory;
use super::question::{Prompter, Question, QuestionKind, Reply};
use super::step::{ConfigRepair, Rejection, WizardStep};
use super::verification::{Verified, verify_with_person};
use crate::answers::Answers;
use crate::error::Result;
use crate::i18n::Lang;

/// The effect of one question of the wizard on a pass.
pub(super) enum Asked {
    /// The question is answered.
    Answered,
    /// The person goes back to the question before.
    Back,
    /// The person wants the broken config repaired first.
    Repair(ConfigRepair),
    /// The person wants another language.
    Language(Lang),
}

/// Asks a person one question of the wizard until a reply is accepted, or they want something else first.
pub(super) fn ask_until_valid(
    step: &dyn WizardStep,
    question: &Question,
    prompter: &mut dyn Prompter,
    history: &mut AnswerHistory<'_>,
    context: &mut InterviewContext<'_>,
    answers: &mut Answers,
) -> Result<Asked> {
    if let Some(reply) = history.settled_reply(step, question)
        && accept_reply(step, question, reply.clone(), context, answers).is_ok()
    {
        if history.is_to_be_shown(step.id()) {
            prompter.show_answer(question, &reply);
            history.record(step.id(), question, reply);
        }
        return Ok(Asked::Answered);
    }
    let mut shown = history.with_past_default(step.id(), question);
    loop {
        let reply = match step.ask(prompter, &shown, context, answers)? {
            Reply::Back => return Ok(Asked::Back),
            Reply::Language(lang) => {
                history.go_on_at(step.id());
                return Ok(Asked::Language(lang));
            }
            reply => history.complete(step.id(), question, reply),
        };
        match accept_reply(step, question, reply.clone(), context, answers) {
            Ok(()) => {
                if let Some(echo) = step.echo(&reply, context, answers) {
                    prompter.show_echo(&echo);
                }
                let verified = match step.verify(context, answers) {
                    Some(verification) => verify_with_person(prompter, verification)?,
                    None => Verified::Kept,
                };
                let reply = match verified {
                    Verified::AskAgain => continue,
                    Verified::Kept => reply,
                    Verified::Later => {
                        accept_reply(step, question, Reply::Later, context, answers)
                            .map_err(Rejection::into_error)?;
                        Reply::Later
                    }
                };
                history.record(step.id(), question, reply);
                return Ok(Asked::Answered);
            }
            Err(Rejection::Declined(error)) => return Err(error),
            Err(Rejection::Repair(repair, _)) => return Ok(Asked::Repair(repair)),
            Err(Rejection::Invalid(error)) => prompter.show_rejection(&error),
            Err(Rejection::Correctable(error, proposed)) => {
                prompter.show_rejection(&error);
                if let QuestionKind::Text { default } = &mut shown.kind {
                    *default = Some(proposed);
                }
            }
        }
    }
}

/// Checks a reply to a question of the wizard and stores it in the answers. The default reply to a question that the
/// config answers already stores nothing, so that the config stays as it is.
pub(super) fn accept_reply(
    step: &dyn WizardStep,
    question: &Question,
    reply: Reply,
    context: &mut InterviewContext<'_>,
    answers: &mut Answers,
) -> Result<(), Rejection> {
    if question.keeps_config && question.default_reply().as_ref() == Some(&reply) {
        return Ok(());
    }
    step.accept(reply, context, answers)
}
