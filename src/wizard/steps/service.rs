//! The decision to let a service run the gateway, and to let it run on after logout.

use crate::answers::Answers;
use crate::error::Result;
use crate::i18n::msg;
use crate::service::Linger;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Question, Reply};
use crate::wizard::step::{Rejection, StepId, WizardStep, parse_yes_no};

pub(super) struct InstallDaemon;
pub(super) struct EnableLinger;

impl WizardStep for InstallDaemon {
    fn id(&self) -> StepId {
        StepId::InstallDaemon
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        // Whoever edits the config of an installed gateway is not asked for its service.
        let is_installed = context.input.has_service() && context.keeps_existing(answers);
        let is_left = answers.keep_config() || (context.interactive && is_installed);
        (!is_left).then(|| Question::yes_no(msg!("step.install-daemon.ask"), Some(false)))
    }

    fn accept(
        &self,
        reply: Reply,
        _: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        answers.service = parse_yes_no(&reply)?;
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.service.into())
    }
}

impl WizardStep for EnableLinger {
    fn id(&self) -> StepId {
        StepId::Linger
    }

    fn follows(&self) -> Option<StepId> {
        Some(StepId::InstallDaemon)
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        // A person is asked where the service would end at logout; a flag counts wherever that is possible.
        let is_open = |linger| linger == Linger::Off || (linger == Linger::Unknown && !context.interactive);
        let asks = answers.service && is_open(context.linger());
        asks.then(|| Question::yes_no(msg!("service.linger-ask"), Some(context.interactive)))
    }

    fn accept(
        &self,
        reply: Reply,
        _: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        answers.linger = Some(parse_yes_no(&reply)?);
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.linger?.into())
    }
}
