//! The workspace: the folder in which the instance's agents work. No other instance shares it.

use std::path::PathBuf;

use crate::answers::Answers;
use crate::environment::TypedPathError;
use crate::error::Error;
use crate::i18n::{Msg, msg};
use crate::plan::isolation;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Question, Reply};
use crate::wizard::step::{QuickFlow, Rejection, StepId, WizardStep};

pub(super) struct Workspace;

/// Key of a config that names the workspace.
const WORKSPACE_KEY: &str = "agents.defaults.workspace";

impl WizardStep for Workspace {
    fn id(&self) -> StepId {
        StepId::Workspace
    }

    fn in_quick_flow(&self, context: &InterviewContext<'_>, _: &Answers) -> QuickFlow {
        // One that an earlier release left can be taken over.
        let instance = &context.input.instance;
        match instance.legacy_workspace(&instance.home) {
            Some(path) if path.is_dir() => QuickFlow::Asked,
            _ => QuickFlow::Reviewed,
        }
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if answers.keep_config() {
            return None;
        }
        let (input, instance) = (&context.input, &context.input.instance);
        let question = |default: String| {
            Question::text(msg!("step.workspace.ask"), Some(default)).completing_folders(&input.env.home)
        };
        if let Some(current) = context.current_text(answers, WORKSPACE_KEY) {
            let path = proposed_path(context, answers);
            let shown = path.map_or_else(|| current.to_owned(), |path| input.display_path(&path));
            return Some(question(shown));
        }
        let question = question(input.display_path(&instance.default_workspace()));
        let legacy = instance.legacy_workspace(&instance.home);
        Some(match legacy.filter(|path| path.is_dir()) {
            // Left there by an early release of OpenClaw: offered, not ignored (docs/design.md#isolation-rules).
            Some(path) => {
                let path = input.display_path(&path);
                question.with_intro(msg!("step.workspace.legacy", path = path))
            }
            None => question,
        })
    }

    fn accept(
        &self,
        reply: Reply,
        context: &mut InterviewContext<'_>,
        answers: &mut Answers,
    ) -> Result<(), Rejection> {
        let typed = reply.text();
        let path = match proposed_path(context, answers) {
            // A path that was shown and not typed is meant letter by letter.
            Some(path) if context.input.display_path(&path) == typed => path,
            _ => context
                .expand_typed(typed)
                .map_err(|why| unusable_path(typed, &why))?,
        };
        isolation::check_workspace(&context.input, &context.read_path(&path), &path)?;
        answers.workspace = Some(path);
        Ok(())
    }

    fn echo(&self, reply: &Reply, context: &InterviewContext<'_>, answers: &Answers) -> Option<Msg> {
        let path = answers.workspace.as_ref()?;
        let is_full = [path.display().to_string(), context.input.display_path(path)]
            .iter()
            .any(|shown| shown == reply.text());
        (!is_full).then(|| msg!("step.workspace.full", path = path.display()))
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.workspace.as_ref()?.to_str()?.into())
    }
}

/// Returns the workspace that the wizard proposes: the one that the config names, else the default one. `None` where a
/// variable in the named one is not set.
fn proposed_path(context: &InterviewContext<'_>, answers: &Answers) -> Option<PathBuf> {
    match context.current_text(answers, WORKSPACE_KEY) {
        Some(_) => context.input.named_workspace.clone(),
        None => Some(context.input.instance.default_workspace()),
    }
}

/// Returns the error for a text that stands for no path of a workspace.
fn unusable_path(typed: &str, why: &TypedPathError) -> Error {
    let value = typed.escape_debug();
    Error::usage(match why {
        TypedPathError::Unusable => msg!("step.workspace.path", value = value),
        TypedPathError::OtherHome(user) => msg!("step.workspace.other-home", user = user),
        TypedPathError::VariableUnset(name) => msg!("step.workspace.variable", name = name, value = value),
    })
}
