//! The workspace: the folder in which the instance's agents work. No other instance shares it.

use crate::answers::Answers;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::plan::isolation;
use crate::wizard::context::InterviewContext;
use crate::wizard::question::{Question, Reply};
use crate::wizard::step::{Rejection, StepId, WizardStep};

pub(super) struct Workspace;

impl WizardStep for Workspace {
    fn id(&self) -> StepId {
        StepId::Workspace
    }

    fn question(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if answers.keep_config() {
            return None;
        }
        let (input, instance) = (&context.input, &context.input.instance);
        let question = |default: String| {
            Question::text(msg!("step.workspace.ask"), Some(default)).completing_folders(&input.env.home)
        };
        if let Some(current) = context.current_text(answers, "agents.defaults.workspace") {
            let path = input.path(current);
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
        let unusable = || Error::usage(msg!("step.workspace.path", value = typed.escape_debug()));
        if typed.is_empty() {
            return Err(unusable().into());
        }
        let path = context.input.path(typed).ok_or_else(unusable)?;
        isolation::check_workspace(&context.input, &context.read_path(&path), &path)?;
        answers.workspace = Some(path);
        Ok(())
    }

    fn saved_value(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.workspace.as_ref()?.to_str()?.into())
    }
}
