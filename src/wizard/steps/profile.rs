//! The profile's name, asked where nobody chose one.

use crate::profile::ProfileName;

use super::{Answers, InterviewContext, Question, Reply, Result, Step, msg};

pub(super) struct Profile;

/// The name that is proposed beside a default instance: the page's own example.
const SECOND: &str = "rescue";

impl Step for Profile {
    fn id(&self) -> &'static str {
        "profile"
    }

    fn ask(&self, context: &InterviewContext<'_>, _: &Answers) -> Option<Question> {
        if context.input.instance.chosen || !context.interactive {
            return None;
        }
        let taken = |name: &str| {
            context
                .survey
                .instances
                .iter()
                .any(|i| i.profile.as_ref().is_some_and(|p| p.as_str() == name))
        };
        let (proposed, intro) = match (taken("default"), taken(SECOND)) {
            (false, _) => ("default", msg!("step.profile.first")),
            (true, false) => (SECOND, msg!("step.profile.second")),
            (true, true) => ("default", msg!("step.profile.more")),
        };
        Some(Question::text(msg!("step.profile.ask"), Some(proposed.to_owned())).after(intro))
    }

    fn take(&self, reply: Reply, context: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let typed = reply.text();
        let name = ProfileName::parse(typed).map_err(|e| e.refuse(typed))?;
        context.choose_profile(&name)?;
        answers.profile = Some(name);
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.profile.as_ref()?.as_str().into())
    }
}
