//! The decision to let a service run the gateway.

use crate::answers::Answers;
use crate::error::Result;
use crate::i18n::msg;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Question, Reply};
use crate::wizard::step::{Rejection, StepId, WizardStep, parse_yes_no};

pub(super) struct InstallDaemon;

impl WizardStep for InstallDaemon {
    fn id(&self) -> StepId {
        StepId::InstallDaemon
    }

    fn question(&self, _: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        (!answers.keep_config()).then(|| Question::yes_no(msg!("step.install-daemon.ask"), Some(false)))
    }

    fn accept(
        &self,
        reply: Reply,
        _: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        answers.service = parse_yes_no(self.id(), &reply)?;
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.service.into())
    }
}
