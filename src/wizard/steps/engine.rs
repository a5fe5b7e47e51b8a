//! The engine: the program that runs as the gateway. What an engine does not use is not asked for.

use crate::answers::{Answers, ChosenRelease, LATER_CHOICE};
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::record::{Engine, ReleaseVersion};
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Choice, Question, Reply};
use crate::wizard::step::{Rejection, StepId, WizardStep};

pub(super) struct GatewayEngine;

/// Another name of OpenClaw from npm as an engine.
const NPM_ALIAS: &str = "npm";
/// The wizard's choice of the newest release of OpenClaw, which is installed once the plan is applied.
const NEWEST_CHOICE: &str = "latest";

impl WizardStep for GatewayEngine {
    fn id(&self) -> StepId {
        StepId::Engine
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if answers.keep_config() {
            return None;
        }
        let recorded = context.input.recorded_engine;
        let default = default_choice(context, answers);
        let mut options = node_choices(context, &default);
        options.push(Choice::new(Engine::Native.name(), msg!("step.engine.native")));
        let question = Question::choice(msg!("step.engine.ask"), options, &default);
        let question = question.with_intro(msg!("step.engine.intro"));
        Some(question.keeping_config(recorded.is_some()))
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let name = reply.text();
        let engine = Engine::from_name(name).or_else(|| (name == NPM_ALIAS).then_some(Engine::Node));
        let release = match engine {
            Some(_) => None,
            None => Some(choose_release(context, name)?),
        };
        let engine = engine.unwrap_or(Engine::Node);
        // An engine that is chosen must be there; one that was chosen before may be on its way back.
        let is_recorded = context.input.recorded_engine == Some(engine);
        if engine == Engine::Node && release.is_none() && !is_recorded {
            context.require_node_engine()?;
        }
        answers.engine = Some(engine);
        answers.release = release;
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        let release = answers.release.as_ref().map(ChosenRelease::name);
        Some(release.unwrap_or(answers.engine?.name()).into())
    }
}

/// Returns the id of the wizard's choice that Enter takes: the recorded engine, else the suggested one.
fn default_choice(context: &InterviewContext<'_>, answers: &Answers) -> String {
    let recorded = context.input.recorded_engine;
    match recorded.unwrap_or_else(|| context.suggested_engine(answers)) {
        Engine::Native => Engine::Native.name().to_owned(),
        Engine::Node => {
            let newest = || {
                context
                    .releases()
                    .first()
                    .filter(|_| context.survey.node.is_none())
            };
            let release = match recorded {
                Some(_) => context.input.recorded_release.as_ref(),
                None => newest(),
            };
            release.map_or_else(|| Engine::Node.name().to_owned(), ToString::to_string)
        }
    }
}

/// Returns the wizard's choices of OpenClaw from npm: that of the host, the releases of this program, and the newest one where
/// there is none, now or later.
fn node_choices(context: &InterviewContext<'_>, default: &str) -> Vec<Choice> {
    let mut choices = Vec::new();
    let installed = context.releases();
    if let Some(node) = &context.survey.node {
        let label = msg!("step.engine.node", version = node.version);
        choices.push(Choice::new(Engine::Node.name(), label));
    } else if default == Engine::Node.name() {
        choices.push(Choice::new(default, msg!("step.engine.node-missing")));
    }
    choices.extend(installed.iter().map(|version| {
        let label = msg!("step.engine.release", version = version);
        Choice::new(version.as_str(), label)
    }));
    // The record may name a release whose folder is gone.
    let is_gone = |version: &&ReleaseVersion| version.as_str() == default && !installed.contains(version);
    choices.extend(
        context
            .input
            .recorded_release
            .iter()
            .filter(is_gone)
            .map(|version| {
                let label = msg!("step.engine.release-missing", version = version);
                Choice::new(version.as_str(), label)
            }),
    );
    if installed.is_empty() && context.survey.node.is_none() && context.input.recorded_release.is_none() {
        let is_open = choices.is_empty();
        let mut choice = Choice::new(NEWEST_CHOICE, msg!("step.engine.install"));
        choice.details.push(msg!("step.engine.install-detail"));
        choices.push(choice);
        if is_open {
            let mut choice = Choice::new(LATER_CHOICE, msg!("step.engine.later"));
            choice.details.push(msg!("step.engine.later-detail"));
            choices.push(choice);
        }
    }
    choices
}

/// Returns the release of OpenClaw that a person, a flag or a file names: one that is installed, else one that is to be, now or
/// later.
///
/// # Errors
/// Where the name is that of no release, or npm is missing, which would install it.
fn choose_release(context: &InterviewContext<'_>, name: &str) -> Result<ChosenRelease> {
    if name == LATER_CHOICE {
        return Ok(ChosenRelease::Later);
    }
    let version = ReleaseVersion::parse(name).ok();
    if version.is_none() && name != NEWEST_CHOICE {
        let names = [
            Engine::Native.name(),
            Engine::Node.name(),
            NEWEST_CHOICE,
            LATER_CHOICE,
        ]
        .join(", ");
        return Err(Error::usage(msg!("answers.choice", value = name.escape_debug()))
            .hint(msg!("step.engine.choices", names = names)));
    }
    if let Some(version) = version.filter(|version| context.releases().contains(version)) {
        return Ok(ChosenRelease::Installed(version));
    }
    context.require_npm()?;
    Ok(ChosenRelease::ToInstall(name.to_owned()))
}
