//! The interview: goes through the table of steps and fills in the answers.
//!
//! Each question takes its reply from the preset answers (flags, answers file), else from a person, else from its
//! default; all three go through the rule of the step. A person can go back at every question: a new pass starts
//! with the earlier replies, so that whatever depends on a changed answer is judged again and nothing else is
//! lost. Nothing is written here: a wizard that is left at any question has changed nothing.

mod ask;
pub(crate) mod command;
pub(crate) mod context;
pub(crate) mod help;
pub(crate) mod history;
pub(crate) mod online;
pub(crate) mod preflight;
pub(crate) mod preset;
pub(crate) mod question;
pub(crate) mod review;
pub(crate) mod step;
pub(crate) mod steps;
pub(crate) mod terminal;
pub(crate) mod verification;
pub(crate) mod waiting;

use crate::answers::{Answers, Existing, Flow};
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::{Lang, Msg, msg};

use ask::{Asked, accept_reply, ask_until_valid};
pub(crate) use context::InterviewContext;
pub(crate) use history::AnswerHistory;
pub(crate) use online::OnlineChecks;
pub(crate) use preset::PresetAnswers;
pub(crate) use question::{Prompter, Question, Reply};
pub(crate) use review::ReviewRow;
pub(crate) use step::{ConfigRepair, QuickFlow, Rejection, StepId, WizardStep};
use verification::{Outcome, show_verification};

/// The source of answers to the wizard's questions that have no preset answer.
pub(crate) enum AnswerSource<'a, 'h> {
    /// A person, and what they replied before.
    Person(&'a mut dyn Prompter, &'a mut AnswerHistory<'h>),
    /// The defaults, as `--non-interactive` asks for.
    Defaults,
    /// No source: the open questions are only listed.
    Nobody,
}

impl AnswerSource<'_, '_> {
    /// Returns `true` if a person's own answer to a step of the wizard counts, and not that of a flag.
    fn overrides_preset(&self, step: StepId) -> bool {
        match self {
            Self::Person(_, history) => history.overrides_preset(step),
            Self::Defaults | Self::Nobody => false,
        }
    }
}

/// The result of the wizard's interview: the answers, or how it ended without them.
#[derive(Debug)]
pub(crate) struct Interview {
    /// The answers.
    pub(crate) answers: Answers,
    /// The steps that a person answered, in order.
    pub(crate) asked: Vec<StepId>,
    /// The answers that the person can change at the review, in the order of the steps.
    pub(crate) changeable: Vec<ReviewRow>,
    /// `true` if the person edits an existing config, of which only the chosen values are asked for.
    pub(crate) is_edit: bool,
    /// A notice for each preset answer that was not used.
    pub(crate) unused: Vec<Msg>,
    /// A notice for each answer that was verified with a server, where no person saw it.
    pub(crate) verified: Vec<Msg>,
}

/// The end of the wizard's interview.
#[derive(Debug)]
pub(crate) enum InterviewEnd {
    /// Every question is answered.
    Answered(Box<Interview>),
    /// The person wants the broken config of the chosen instance repaired before the interview goes on.
    Repair(ConfigRepair),
    /// The person wants to go on in another language.
    Language(Lang),
}

/// The way in which one pass through the wizard's table of steps ended.
enum PassResult {
    /// Every question is answered.
    Complete(Box<Interview>),
    /// The person went back to this step, or out where there is none before.
    Back(Option<StepId>),
    /// The person wants the broken config repaired first.
    Repair(ConfigRepair),
    /// The person wants another language.
    Language(Lang),
}

/// Asks every question of the wizard that the context leaves open, and returns the answers.
///
/// # Errors
/// Where a reply is not accepted and nobody can be asked again, where questions stay open, and where the person
/// leaves.
pub(crate) fn interview(
    context: &mut InterviewContext<'_>,
    preset: &PresetAnswers,
    mut source: AnswerSource<'_, '_>,
) -> Result<InterviewEnd> {
    let start = context.input.instance.clone();
    loop {
        match run_pass(context, preset, &mut source)? {
            PassResult::Complete(interview) => return Ok(InterviewEnd::Answered(interview)),
            PassResult::Repair(repair) => return Ok(InterviewEnd::Repair(repair)),
            PassResult::Language(lang) => return Ok(InterviewEnd::Language(lang)),
            PassResult::Back(to) => {
                context.choose_instance(start.clone())?;
                if let AnswerSource::Person(prompter, history) = &mut source {
                    match to {
                        Some(step) => history.ask_from(step),
                        None => offer_to_leave(*prompter)?,
                    }
                }
            }
        }
    }
}

/// Asks the person whether to leave the wizard, where they went back from its first question.
fn offer_to_leave(prompter: &mut dyn Prompter) -> Result<()> {
    let question = Question::yes_no(Msg::new("onboard.leave-ask"), Some(false));
    match prompter.ask(&question)? {
        Reply::Yes(true) => Err(Error::failed(Msg::new("onboard.left")).with_reason(ErrorReason::Cancelled)),
        _ => Ok(()),
    }
}

/// Runs one pass through the wizard's table of steps.
fn run_pass(
    context: &mut InterviewContext<'_>,
    preset: &PresetAnswers,
    source: &mut AnswerSource<'_, '_>,
) -> Result<PassResult> {
    let mut pass = Pass::new(preset);
    for step in steps::ALL {
        let preset_reply = preset.reply(*step, &pass.answers);
        let Some(mut question) = step.question(context, &pass.answers) else {
            // Whoever accepts a risk that is not there says nothing wrong.
            let unused = preset_reply.filter(|_| step.id() != StepId::AcceptRisk);
            pass.unused.extend(unused.map(|(_, source)| source));
            continue;
        };
        match preset_reply {
            Some((reply, given)) if source.overrides_preset(step.id()) => {
                pass.used.push(given);
                question = question.with_preset_default(&reply);
            }
            Some((reply, given)) => {
                let row = ReviewRow::new(step.id(), &question, &reply);
                pass.changeable.push(row.with_origin(Some(given.clone())));
                pass.accept_preset(*step, reply, given, context)?;
                pass.verify_given(*step, context, source)?;
                continue;
            }
            None if step.is_idle(context, &pass.answers) => continue,
            None => {}
        }
        match pass.answer(*step, question, preset, context, source)? {
            Asked::Answered => {}
            Asked::Back => return Ok(PassResult::Back(pass.asked.last().copied())),
            Asked::Repair(repair) => return Ok(PassResult::Repair(repair)),
            Asked::Language(lang) => return Ok(PassResult::Language(lang)),
        }
    }
    pass.finish(context, source)
}

/// The state of one pass through the wizard's table of steps.
struct Pass {
    answers: Answers,
    /// The steps that a person answered.
    asked: Vec<StepId>,
    /// The answers that a person gave, or may give at the review.
    changeable: Vec<ReviewRow>,
    /// What gave the preset answers that were used: flags, and keys of an answers file.
    used: Vec<Msg>,
    /// What gave preset answers to questions that were not asked.
    unused: Vec<Msg>,
    /// The flags that would answer the questions without an answer.
    open: Vec<&'static str>,
    /// Results of the servers that were asked about answers that nobody typed.
    verified: Vec<Msg>,
}

impl Pass {
    fn new(preset: &PresetAnswers) -> Self {
        Self {
            answers: Answers {
                bootstrap: preset.bootstrap,
                mode: preset.mode,
                ..Answers::default()
            },
            asked: Vec::new(),
            changeable: Vec::new(),
            used: Vec::new(),
            unused: Vec::new(),
            open: Vec::new(),
            verified: Vec::new(),
        }
    }

    /// Stores the answer to a wizard's step that a flag or a file gave. An error names this source.
    fn accept_preset(
        &mut self,
        step: &dyn WizardStep,
        reply: Reply,
        source: Msg,
        context: &mut InterviewContext<'_>,
    ) -> Result<()> {
        self.used.push(source.clone());
        let accepted = step.accept(reply, context, &mut self.answers);
        accepted.map_err(|rejection| {
            let error = rejection.into_error();
            error.hint(msg!("answers.from").with_msg("source", source))
        })
    }

    /// Answers a question of the wizard that has no preset answer.
    fn answer(
        &mut self,
        step: &dyn WizardStep,
        question: Question,
        preset: &PresetAnswers,
        context: &mut InterviewContext<'_>,
        source: &mut AnswerSource<'_, '_>,
    ) -> Result<Asked> {
        let default = question.default_reply();
        let is_open = match source {
            AnswerSource::Person(prompter, history) => {
                let place = self.place_in_flow(step, context);
                let is_silent = self.is_silent(step, place, &question, history, context);
                if !is_silent || default.is_none() {
                    let number = self.asked.len() + 1;
                    let left = self.count_expected(step, preset, history, context);
                    let question = question.numbered(number, number + left);
                    return self.ask(step, question, *prompter, history, context);
                }
                let is_proposed = place == QuickFlow::Reviewed;
                let is_shown = is_proposed || self.edits(step, context) || question.keeps_secret();
                let shown = default.as_ref().filter(|_| is_shown);
                let row = shown.map(|default| ReviewRow::new(step.id(), &question, default));
                // Whoever edits a config sees its present values.
                let is_present = question.keeps_config || self.edits(step, context);
                let origin = (!is_present).then(|| msg!("onboard.row-proposed"));
                self.changeable.extend(row.map(|row| row.with_origin(origin)));
                false
            }
            AnswerSource::Defaults => default.is_none(),
            AnswerSource::Nobody => self.place_in_flow(step, context) != QuickFlow::LeftOut,
        };
        if is_open {
            self.open.push(step.flag(&self.answers));
        }
        // With nobody to ask, the questions that the default leads to are listed too.
        if let Some(default) = default {
            accept_reply(step, &question, default, context, &mut self.answers)
                .map_err(Rejection::into_error)?;
            self.verify_given(step, context, source)?;
        }
        Ok(Asked::Answered)
    }

    /// Verifies the answer to a wizard's step that nobody typed, once in a run. A person sees the outcome and may change the
    /// answer; without one a refused answer is an error.
    fn verify_given(
        &mut self,
        step: &dyn WizardStep,
        context: &InterviewContext<'_>,
        source: &mut AnswerSource<'_, '_>,
    ) -> Result<()> {
        let name = step.id().name();
        let Some(online) = context.online.filter(|online| !online.is_verified(name)) else {
            return Ok(());
        };
        let Some(verification) = step.verify(context, &self.answers) else {
            return Ok(());
        };
        online.note_verified(name);
        match source {
            AnswerSource::Person(prompter, _) => show_verification(*prompter, verification),
            AnswerSource::Defaults | AnswerSource::Nobody => match verification.finish() {
                Outcome::Refused(refusal) => Err(Error::failed(refusal).hint(msg!("verify.without-check"))),
                outcome => {
                    self.verified.push(outcome.msg());
                    Ok(())
                }
            },
        }
    }

    /// Returns how many questions of the wizard a person is asked after that of a step, as far as it is known.
    fn count_expected(
        &self,
        step: &dyn WizardStep,
        preset: &PresetAnswers,
        history: &AnswerHistory<'_>,
        context: &InterviewContext<'_>,
    ) -> usize {
        let later = steps::ALL.iter().filter(|later| later.id() > step.id());
        let is_asked = |later: &&&dyn WizardStep| {
            let is_left_out = self.place_in_flow(**later, context) != QuickFlow::Asked;
            // Whether an existing config is edited is known once that was asked.
            let is_untouched =
                step.id() >= StepId::Existing && self.edits(**later, context) && !history.concerns(**later);
            !(is_left_out || is_untouched)
                && preset.reply(**later, &self.answers).is_none()
                && later.is_expected(context, &self.answers)
        };
        later.filter(is_asked).count()
    }

    /// Asks a person a question of the wizard, and stores their answer for the review.
    fn ask(
        &mut self,
        step: &dyn WizardStep,
        question: Question,
        prompter: &mut dyn Prompter,
        history: &mut AnswerHistory<'_>,
        context: &mut InterviewContext<'_>,
    ) -> Result<Asked> {
        let question = if self.asked.is_empty() {
            question.with_cancel()
        } else {
            question
        };
        let question = question
            .offering_language()
            .explained(step, context, &self.answers);
        let asked = ask_until_valid(step, &question, prompter, history, context, &mut self.answers)?;
        if matches!(asked, Asked::Answered) {
            self.asked.push(step.id());
            let answer = history.answer(step.id(), &question);
            let row = answer.map(|reply| ReviewRow::new(step.id(), &question, &reply));
            self.changeable.extend(row);
        }
        Ok(asked)
    }

    /// Returns what the flow that the wizard's person chose does with a step.
    fn place_in_flow(&self, step: &dyn WizardStep, context: &InterviewContext<'_>) -> QuickFlow {
        if self.answers.flow == Flow::Advanced {
            return QuickFlow::Asked;
        }
        match step.in_quick_flow(context, &self.answers) {
            QuickFlow::Asked if context.proposes_all => QuickFlow::Reviewed,
            place => place,
        }
    }

    /// Returns `true` if the wizard's person edits an existing config, and this step is one of its values.
    fn edits(&self, step: &dyn WizardStep, context: &InterviewContext<'_>) -> bool {
        let is_value = step.id() > StepId::Existing;
        is_value && self.answers.existing == Existing::Change && context.input.exists
    }

    /// Returns `true` if a person is not asked a question of the wizard that has a default: the quick flow leaves it out, it
    /// is about a value of the config that nobody edits, or about a secret that is there, or whatever is proposed is shown at
    /// the review.
    fn is_silent(
        &self,
        step: &dyn WizardStep,
        place: QuickFlow,
        question: &Question,
        history: &AnswerHistory<'_>,
        context: &InterviewContext<'_>,
    ) -> bool {
        if history.asks_only(step.id()) {
            return false;
        }
        let is_answered = history.has_reply(step.id());
        let is_left_out = place == QuickFlow::LeftOut;
        if self.edits(step, context) {
            return !is_answered && (is_left_out || question.keeps_secret() || !history.concerns(step));
        }
        let is_reviewed = place == QuickFlow::Reviewed;
        is_left_out || ((is_reviewed || question.keeps_secret()) && !is_answered)
    }

    /// Ends a pass through the wizard's steps: open questions are an error unless a person was asked.
    fn finish(mut self, context: &InterviewContext<'_>, source: &AnswerSource<'_, '_>) -> Result<PassResult> {
        match source {
            AnswerSource::Nobody => Err(nobody_to_ask(context, &self.open)),
            AnswerSource::Defaults if !self.open.is_empty() => {
                Err(Error::usage(msg!("answers.open", flags = flag_list(&self.open))))
            }
            AnswerSource::Person(..) | AnswerSource::Defaults => {
                self.unused.retain(|source| !self.used.contains(source));
                // Whoever keeps or edits a config sees every value of it at the review.
                if context.keeps_existing(&self.answers) {
                    self.changeable.retain(|row| row.id != StepId::Flow);
                }
                let unused = self.unused.into_iter();
                let unused = unused.map(|source| msg!("answers.unused").with_msg("source", source));
                Ok(PassResult::Complete(Box::new(Interview {
                    is_edit: context.interactive
                        && context.keeps_existing(&self.answers)
                        && !self.answers.keep_config(),
                    answers: self.answers,
                    asked: self.asked,
                    changeable: self.changeable,
                    unused: unused.collect(),
                    verified: self.verified,
                })))
            }
        }
    }
}

/// Returns the error for a run of the wizard that may ask nobody; it lists the flags of the open questions.
fn nobody_to_ask(context: &InterviewContext<'_>, open: &[&str]) -> Error {
    let error = Error::usage(Msg::new("answers.nobody"));
    let error = if open.is_empty() {
        error
    } else {
        error.hint(msg!("answers.open", flags = flag_list(open)))
    };
    let command = context.input.instance.command();
    error.hint(msg!("answers.non-interactive", command = command))
}

/// Joins the names of command-line flags for a sentence: `--workspace, --channel`.
fn flag_list(names: &[&str]) -> String {
    let flags = names.iter().map(|name| format!("--{name}"));
    flags.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
