//! The start of the gateway at the end: by a service, in the background, in this terminal or not at all; and whether a
//! service runs on after logout.

use crate::answers::{Answers, Start};
use crate::error::Result;
use crate::i18n::msg;
use crate::service::Linger;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Question, Reply};
use crate::wizard::step::{EnumStep, QuickFlow, Rejection, StepId, WizardStep, enum_question, parse_yes_no};

pub(super) struct InstallDaemon;
pub(super) struct EnableLinger;

/// The choice of the wizard how the gateway is started, with the yes and no of OpenClaw's flags.
static STEP: EnumStep<Start> = EnumStep {
    id: StepId::InstallDaemon,
    in_quick_flow: QuickFlow::Asked,
    aliases: &[
        ("yes", Start::Service),
        ("true", Start::Service),
        ("false", Start::No),
    ],
    question: start_question,
    accept: |start, _, answers| {
        answers.start = start;
        Ok(())
    },
    saved: |answers| Some(answers.start),
};

impl WizardStep for InstallDaemon {
    fn id(&self) -> StepId {
        STEP.id
    }

    fn is_expected(&self, context: &InterviewContext<'_>, answers: &Answers) -> bool {
        // The service manager is asked once the question is due.
        !is_left_as_it_is(context, answers)
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        STEP.question(context, answers)
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        STEP.accept(reply, context, answers)
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        STEP.saved_value(answers)
    }
}

/// Returns whether the wizard leaves the start of the gateway as it is: whoever edits the config of an installed or a running
/// gateway is not asked for it, nor whoever installs its engine later.
fn is_left_as_it_is(context: &InterviewContext<'_>, answers: &Answers) -> bool {
    let is_installed = context.input.has_service() && context.keeps_existing(answers);
    let runs = !context.input.planner.own_ports.is_empty();
    answers.keep_config() || answers.installs_later() || (context.interactive && (is_installed || runs))
}

fn start_question(context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
    if is_left_as_it_is(context, answers) {
        return None;
    }
    let text = msg!("step.install-daemon.ask");
    let mut labels = vec![
        (Start::Background, msg!("step.install-daemon.background")),
        (Start::Terminal, msg!("step.install-daemon.terminal")),
        (Start::No, msg!("step.install-daemon.no")),
    ];
    if !context.interactive {
        return Some(enum_question(text, labels, Start::No.name()));
    }
    // Whoever edits a config is not asked, so that nothing may start by itself.
    let default = |start: Start| {
        let is_edited = context.keeps_existing(answers);
        if is_edited { Start::No } else { start }.name()
    };
    if let Some(refusal) = context.manager_refusal() {
        let question = enum_question(text, labels, default(Start::Background));
        return Some(question.with_intro(refusal));
    }
    labels.insert(0, (Start::Service, msg!("step.install-daemon.service")));
    Some(enum_question(text, labels, default(Start::Service)))
}

impl WizardStep for EnableLinger {
    fn id(&self) -> StepId {
        StepId::Linger
    }

    fn in_quick_flow(&self, _: &InterviewContext<'_>, _: &Answers) -> QuickFlow {
        QuickFlow::Reviewed
    }

    fn part_of(&self) -> StepId {
        StepId::InstallDaemon
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        // A person is asked where the service would end at logout; a flag counts wherever that is possible.
        let is_open = |linger| linger == Linger::Off || (linger == Linger::Unknown && !context.interactive);
        let asks = answers.start == Start::Service && is_open(context.linger());
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
