//! What happens to an instance that is there already.

use crate::answers::Existing;

use super::{Answers, InterviewContext, Question, Reply, Result, Step, choices, msg, not_a_choice};

pub(super) struct ExistingStep;

impl Step for ExistingStep {
    fn id(&self) -> &'static str {
        "existing"
    }

    fn flag(&self, _: &Answers) -> &'static str {
        "existing"
    }

    fn ask(&self, context: &InterviewContext<'_>, _: &Answers) -> Option<Question> {
        if !context.input.exists {
            return None;
        }
        let options = choices([
            (Existing::Keep.name(), msg!("step.existing.keep")),
            (Existing::Change.name(), msg!("step.existing.change")),
            (Existing::ResetConfig.name(), msg!("step.existing.reset-config")),
            (
                Existing::ResetCredentials.name(),
                msg!("step.existing.reset-credentials"),
            ),
            (Existing::ResetFull.name(), msg!("step.existing.reset-full")),
        ]);
        let path = context.input.display_path(&context.input.instance.config_path);
        // Without a person the given flags count, so the default is to change what they name.
        let default = if context.interactive {
            Existing::Keep
        } else {
            Existing::Change
        };
        let profile = &context.input.instance.profile;
        let intro = msg!("step.existing.intro", profile = profile, path = path);
        Some(Question::choice(msg!("step.existing.ask"), options, default.name()).after(intro))
    }

    fn take(&self, reply: Reply, _: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let name = reply.text();
        let all = Existing::ALL.iter().map(|e| e.name());
        answers.existing = Existing::of(name).ok_or_else(|| not_a_choice(self.id(), name, all))?;
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        // A saved reset would move the next run's config aside: a file only ever says keep or change.
        let choice = if answers.existing == Existing::Keep {
            Existing::Keep
        } else {
            Existing::Change
        };
        Some(choice.name().into())
    }
}
