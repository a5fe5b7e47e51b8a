//! The risk acknowledgement: an agent acts with the user's rights.

use crate::answers::Answers;
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::{Msg, msg};
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Question, Reply};
use crate::wizard::step::{Rejection, StepId, WizardStep, parse_yes_no};

pub(super) struct AcceptRisk;

impl WizardStep for AcceptRisk {
    fn id(&self) -> StepId {
        StepId::AcceptRisk
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        // Scripts accept it for every engine, as OpenClaw's own onboarding wants it; a person where an agent comes to life.
        let is_new_agent = context.runs_agent(answers) && !context.keeps_existing(answers);
        if context.interactive && !is_new_agent {
            return None;
        }
        // No default: the user has to acknowledge it.
        let question = Question::yes_no(msg!("step.accept-risk.ask"), None);
        Some(question.with_intro(Msg::new("step.accept-risk.intro")))
    }

    fn accept(&self, reply: Reply, _: &mut InterviewContext<'_>, _: &mut Answers) -> Result<(), Rejection> {
        if parse_yes_no(&reply)? {
            Ok(())
        } else {
            let error =
                Error::failed(Msg::new("step.accept-risk.declined")).with_reason(ErrorReason::Cancelled);
            Err(Rejection::Declined(error))
        }
    }

    fn saved_value(&self, _: &Answers) -> Option<toml::Value> {
        Some(true.into())
    }
}
