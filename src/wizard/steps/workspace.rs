//! The workspace: the folder in which the instance's agents work, shared with no other instance.

use crate::plan::isolation;

use super::{Answers, Error, Question, Reply, Result, Situation, Step, kept, msg, standing};

pub(super) struct Workspace;

impl Step for Workspace {
    fn id(&self) -> &'static str {
        "workspace"
    }

    fn ask(&self, situation: &Situation<'_>, answers: &Answers) -> Option<Question> {
        if kept(answers) {
            return None;
        }
        let own = situation.instance.default_workspace();
        let legacy = situation
            .instance
            .legacy_workspace(&situation.env.home)
            .filter(|path| path.is_dir());
        let question = |default: String| Question::text(msg!("step.workspace.ask"), Some(default));
        if let Some(standing) = standing(situation, answers, "agents.defaults.workspace") {
            let shown = situation
                .path(standing)
                .map_or_else(|| standing.to_owned(), |path| situation.shown(&path));
            return Some(question(shown));
        }
        let question = question(situation.shown(&own));
        Some(match legacy {
            // Left there by an early release of OpenClaw: offered, not ignored (docs/design.md#isolation-rules).
            Some(path) => question.after(msg!("step.workspace.legacy", path = situation.shown(&path))),
            None => question,
        })
    }

    fn take(&self, reply: Reply, situation: &mut Situation<'_>, answers: &mut Answers) -> Result<()> {
        let typed = reply.text();
        let unusable = || Error::usage(msg!("step.workspace.path", value = typed.escape_debug()));
        if typed.is_empty() {
            return Err(unusable());
        }
        let path = situation.path(typed).ok_or_else(unusable)?;
        isolation::workspace(situation, &path)?;
        answers.workspace = Some(path);
        Ok(())
    }

    fn saved(&self, answers: &Answers) -> Option<toml::Value> {
        Some(answers.workspace.as_ref()?.to_str()?.into())
    }
}
