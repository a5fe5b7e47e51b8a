//! The choice between few questions and all of them.

use crate::answers::{Answers, Flow};
use crate::i18n::msg;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::Question;
use crate::wizard::step::{EnumStep, QuickFlow, StepId, enum_question};

pub(super) static STEP: EnumStep<Flow> = EnumStep {
    id: StepId::Flow,
    in_quick_flow: QuickFlow::Reviewed,
    // OpenClaw's other name for it (docs/openclaw.md#onboarding-questions).
    aliases: &[("manual", Flow::Advanced)],
    question,
    accept: |flow, _, answers| {
        answers.flow = flow;
        Ok(())
    },
    saved: |answers| Some(answers.flow),
};

#[expect(clippy::unnecessary_wraps, reason = "other questions are not always asked")]
fn question(_: &InterviewContext<'_>, _: &Answers) -> Option<Question> {
    let labels = [
        (Flow::Quickstart, msg!("step.flow.quickstart")),
        (Flow::Advanced, msg!("step.flow.advanced")),
    ];
    Some(enum_question(
        msg!("step.flow.ask"),
        labels,
        Flow::default().name(),
    ))
}
