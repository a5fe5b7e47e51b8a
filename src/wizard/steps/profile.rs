//! The name of the profile, asked for where nobody chose one.

use crate::answers::Answers;
use crate::error::Result;
use crate::i18n::msg;
use crate::profile::{ProfileName, suggest_name};
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Question, Reply};
use crate::wizard::step::{Rejection, StepId, WizardStep};

pub(super) struct Profile;

/// The name that the wizard proposes for a second profile beside a default instance: the example of OpenClaw's
/// documentation.
const SECOND_PROFILE: &str = "rescue";

impl WizardStep for Profile {
    fn id(&self) -> StepId {
        StepId::Profile
    }

    fn question(&self, context: &InterviewContext<'_>, _: &Answers) -> Option<Question> {
        if context.input.instance.is_explicit || !context.interactive {
            return None;
        }
        let exists = |name: &str| {
            let mut profiles = context.survey.instances.iter().filter_map(|i| i.profile.as_ref());
            profiles.any(|profile| profile.as_str() == name)
        };
        let (proposed, intro) = match (exists("default"), exists(SECOND_PROFILE)) {
            (false, _) => ("default", msg!("step.profile.first")),
            (true, false) => (SECOND_PROFILE, msg!("step.profile.second")),
            (true, true) => ("default", msg!("step.profile.more")),
        };
        Some(Question::text(msg!("step.profile.ask"), Some(proposed.to_owned())).with_intro(intro))
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let typed = reply.text();
        let name = ProfileName::parse(typed).map_err(|e| match suggest_name(typed) {
            Some(proposed) => Rejection::Correctable(Box::new(e.to_error(typed)), proposed),
            None => Rejection::Invalid(e.to_error(typed)),
        })?;
        context.choose_profile(&name)?;
        answers.profile = Some(name);
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.profile.as_ref()?.as_str().into())
    }
}
