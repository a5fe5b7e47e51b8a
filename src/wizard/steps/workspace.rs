//! The workspace: the folder in which the instance's agents work, shared with no other instance.

use crate::plan::isolation;
use crate::wizard::context::read_disk;

use super::{Answers, Error, InterviewContext, Question, Reply, Result, Step, kept, msg, standing};

pub(super) struct Workspace;

impl Step for Workspace {
    fn id(&self) -> &'static str {
        "workspace"
    }

    fn ask(&self, context: &InterviewContext<'_>, answers: &Answers) -> Option<Question> {
        if kept(answers) {
            return None;
        }
        let own = context.input.instance.default_workspace();
        let legacy = context
            .input
            .instance
            .legacy_workspace(&context.input.env.home)
            .filter(|path| path.is_dir());
        let question = |default: String| Question::text(msg!("step.workspace.ask"), Some(default));
        if let Some(standing) = standing(context, answers, "agents.defaults.workspace") {
            let shown = context
                .input
                .path(standing)
                .map_or_else(|| standing.to_owned(), |path| context.input.display_path(&path));
            return Some(question(shown));
        }
        let question = question(context.input.display_path(&own));
        Some(match legacy {
            // Left there by an early release of OpenClaw: offered, not ignored (docs/design.md#isolation-rules).
            Some(path) => question.after(msg!(
                "step.workspace.legacy",
                path = context.input.display_path(&path)
            )),
            None => question,
        })
    }

    fn take(&self, reply: Reply, context: &mut InterviewContext<'_>, answers: &mut Answers) -> Result<()> {
        let typed = reply.text();
        let unusable = || Error::usage(msg!("step.workspace.path", value = typed.escape_debug()));
        if typed.is_empty() {
            return Err(unusable());
        }
        let path = context.input.path(typed).ok_or_else(unusable)?;
        isolation::check_workspace(&context.input, &read_disk([path.clone()]), &path)?;
        answers.workspace = Some(path);
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.workspace.as_ref()?.to_str()?.into())
    }
}
