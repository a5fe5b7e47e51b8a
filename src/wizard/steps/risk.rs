//! The risk acknowledgement: an agent acts with the user's rights.

use super::{Answers, Error, InterviewContext, Msg, Question, Reply, Result, Step, msg, yes_no};

pub(super) struct AcceptRisk;

impl Step for AcceptRisk {
    fn id(&self) -> &'static str {
        "accept-risk"
    }

    fn ask(&self, _: &InterviewContext<'_>, _: &Answers) -> Option<Question> {
        // No default: somebody has to say it.
        Some(Question::yes_no(msg!("step.accept-risk.ask"), None).after(Msg::new("step.accept-risk.intro")))
    }

    fn take(&self, reply: Reply, _: &mut InterviewContext<'_>, _: &mut Answers) -> Result<()> {
        if yes_no(self.id(), &reply)? {
            Ok(())
        } else {
            Err(Error::failed(Msg::new("step.accept-risk.declined")))
        }
    }

    fn saved(&self, _: &Answers) -> Option<toml::Value> {
        Some(true.into())
    }
}
