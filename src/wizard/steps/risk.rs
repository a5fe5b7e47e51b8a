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

    fn question(&self, _: &InterviewContext<'_>, _: &Answers) -> Option<Question> {
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
