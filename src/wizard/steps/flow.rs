//! Quick or advanced: how much is asked.

use crate::answers::Flow;

use super::{Answers, InterviewContext, Question, Reply, Result, Step, choices, msg, not_a_choice};

pub(super) struct FlowStep;

impl Step for FlowStep {
    fn id(&self) -> &'static str {
        "flow"
    }

    fn ask(&self, _: &InterviewContext<'_>, _: &Answers) -> Option<Question> {
        let options = choices([
            (Flow::Quickstart.name(), msg!("step.flow.quickstart")),
            (Flow::Advanced.name(), msg!("step.flow.advanced")),
        ]);
        Some(Question::choice(
            msg!("step.flow.ask"),
            options,
            Flow::default().name(),
        ))
    }

    fn take(&self, reply: Reply, _: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let name = match reply.text() {
            // OpenClaw's other name for it (docs/openclaw.md#onboarding-questions).
            "manual" => Flow::Advanced.name(),
            name => name,
        };
        answers.flow = Flow::of(name)
            .ok_or_else(|| not_a_choice(self.id(), name, Flow::ALL.iter().map(|f| f.name())))?;
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.flow.name().into())
    }
}
