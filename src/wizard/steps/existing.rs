//! The decision about a config that exists already: keep, change or reset it.

use crate::answers::{Answers, Existing};
use crate::i18n::msg;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::Question;
use crate::wizard::step::{EnumStep, StepId, enum_question};

pub(super) static STEP: EnumStep<Existing> = EnumStep {
    id: StepId::Existing,
    in_quickstart: true,
    aliases: &[],
    question,
    accept: |existing, _, answers| {
        answers.existing = existing;
        Ok(())
    },
    // A saved reset would move the config of the next run aside: a file says keep or change only.
    saved: |answers| {
        Some(if answers.keep_config() {
            Existing::Keep
        } else {
            Existing::Change
        })
    },
};

fn question(context: &InterviewContext<'_>, _: &Answers) -> Option<Question> {
    if !context.input.exists {
        return None;
    }
    let labels = [
        (Existing::Keep, msg!("step.existing.keep")),
        (Existing::Change, msg!("step.existing.change")),
        (Existing::ResetConfig, msg!("step.existing.reset-config")),
        (
            Existing::ResetCredentials,
            msg!("step.existing.reset-credentials"),
        ),
        (Existing::ResetFull, msg!("step.existing.reset-full")),
    ];
    // Without a person the flags count, so that the default is to change what they name.
    let default = if context.interactive {
        Existing::Keep
    } else {
        Existing::Change
    };
    let instance = &context.input.instance;
    let path = context.input.display_path(&instance.config_path);
    let intro = msg!("step.existing.intro", profile = instance.profile, path = path);
    Some(enum_question(msg!("step.existing.ask"), labels, default.name()).with_intro(intro))
}
