//! The instance that the gateway of a rescue bot watches, and brings back when it is down.

use crate::answers::{Answers, Flow};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::profile::ProfileName;
use crate::record::Engine;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Choice, Question, Reply};
use crate::wizard::step::{Rejection, StepId, WizardStep};

pub(super) struct Watch;

/// The name of the wizard's choice to watch no gateway; no profile has such a name.
const NONE_CHOICE: &str = "no one";

impl WizardStep for Watch {
    fn id(&self) -> StepId {
        StepId::Watch
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        // Only this program watches, and what is watched already is not asked for again.
        let is_watching = !context.input.watched.is_empty() && context.keeps_existing(answers);
        if answers.engine != Some(Engine::Native) || is_watching {
            return None;
        }
        let others: Vec<_> = others(context).collect();
        let first = others.first()?;
        let none = Choice::new(NONE_CHOICE, msg!("step.watch.none"));
        let options = others
            .iter()
            .map(|profile| Choice::new(profile.as_str(), msg!("step.watch.profile", profile = profile)))
            .chain([none])
            .collect();
        // Nothing is watched unasked, without a person or where a config is edited: a watcher restarts and repairs.
        let is_bot = context.is_rescue_bot();
        let is_suggested = context.interactive && is_bot && !context.keeps_existing(answers);
        let default = if is_suggested { first.as_str() } else { NONE_CHOICE };
        let question = Question::choice(msg!("step.watch.ask"), options, default);
        let is_asked = is_bot || !context.interactive || answers.flow == Flow::Advanced;
        is_asked.then(|| question.with_intro(msg!("step.watch.intro")))
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let typed = reply.text();
        if typed == NONE_CHOICE {
            answers.watch = None;
            return Ok(());
        }
        let found = others(context).find(|profile| profile.as_str() == typed);
        let profile = found.ok_or_else(|| unknown_profile(typed, context))?;
        answers.watch = Some(profile.clone());
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.watch.as_ref()?.as_str().into())
    }
}

/// Returns the profiles of the other instances, which the gateway may watch: `default` first, then as people read them.
fn others<'a>(context: &InterviewContext<'a>) -> impl Iterator<Item = &'a ProfileName> + use<'a> {
    let mut found: Vec<_> = context.input.others.iter().map(|other| other.found).collect();
    found.sort_by_cached_key(|found| found.reading_order());
    found.into_iter().filter_map(|found| found.profile.as_ref())
}

/// Returns the error for a profile to watch of which the host has no other instance.
fn unknown_profile(typed: &str, context: &InterviewContext<'_>) -> Error {
    let names: Vec<_> = others(context).map(ProfileName::as_str).collect();
    let error = Error::usage(msg!("step.watch.unknown", profile = typed.escape_debug()));
    if names.is_empty() {
        error
    } else {
        error.hint(msg!("answers.choices", names = names.join(", ")))
    }
}
