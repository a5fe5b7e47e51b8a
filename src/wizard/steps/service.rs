//! Whether a service shall run the gateway.

use super::{Answers, InterviewContext, Question, Reply, Result, Step, kept, msg, yes_no};

pub(super) struct InstallDaemon;

impl Step for InstallDaemon {
    fn id(&self) -> &'static str {
        "install-daemon"
    }

    fn ask(&self, _: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        (!kept(answers)).then(|| Question::yes_no(msg!("step.install-daemon.ask"), Some(false)))
    }

    fn take(&self, reply: Reply, _: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        answers.service = yes_no(self.id(), &reply)?;
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.service.into())
    }
}
