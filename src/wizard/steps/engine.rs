//! The engine: the program that runs as the gateway. What an engine does not use is not asked for.

use crate::answers::Answers;
use crate::error::Result;
use crate::i18n::{Msg, msg};
use crate::record::Engine;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::Question;
use crate::wizard::step::{EnumStep, QuickFlow, StepId, enum_question};

pub(super) static STEP: EnumStep<Engine> = EnumStep {
    id: StepId::Engine,
    in_quick_flow: QuickFlow::Asked,
    aliases: &[("npm", Engine::Node)],
    question,
    accept,
    saved: |answers| answers.engine,
};

fn question(context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
    if answers.keep_config() {
        return None;
    }
    let recorded = context.input.recorded_engine;
    let labels = [
        (Engine::Node, node_label(context)),
        (Engine::Native, msg!("step.engine.native")),
    ];
    let default = recorded.unwrap_or_else(|| context.suggested_engine(answers));
    let question = enum_question(msg!("step.engine.ask"), labels, default.name());
    let question = question.with_intro(msg!("step.engine.intro"));
    Some(question.keeping_config(recorded.is_some()))
}

/// Returns the label of OpenClaw from npm as a choice of the wizard: its release, or that it is not installed.
fn node_label(context: &InterviewContext<'_>) -> Msg {
    match &context.survey.node {
        Some(node) => msg!("step.engine.node", version = node.version),
        None => msg!("step.engine.node-missing"),
    }
}

fn accept(engine: Engine, context: &InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
    // An engine that is chosen must be there; one that was chosen before may be on its way back.
    if engine == Engine::Node && context.input.recorded_engine != Some(engine) {
        context.require_node_engine()?;
    }
    answers.engine = Some(engine);
    Ok(())
}
