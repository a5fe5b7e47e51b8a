//! Answers that are known before anybody is asked: from flags and an answers file.

use std::collections::BTreeMap;

use crate::answers::{Answers, GatewayMode, Provider};
use crate::i18n::{Msg, msg};
use crate::secret::Secret;

use super::question::Reply;
use super::step::{StepId, WizardStep};

/// The replies to the wizard that flags and an answers file bring, by the step that they answer.
#[derive(Clone, Debug)]
pub(crate) struct PresetAnswers {
    replies: BTreeMap<StepId, PresetReply>,
    /// API keys that flags bring for one provider.
    provider_keys: BTreeMap<Provider, Secret>,
    /// `true` if a new workspace gets its first files.
    pub(crate) bootstrap: bool,
    /// The mode of the gateway, where a flag sets it.
    pub(crate) mode: Option<GatewayMode>,
}

/// A reply to the wizard that is known before anybody is asked.
#[derive(Clone, Debug)]
struct PresetReply {
    reply: Reply,
    /// What gave the reply, as an error names it; `None` for the flag of the step.
    source: Option<Msg>,
}

impl From<Reply> for PresetReply {
    fn from(reply: Reply) -> Self {
        Self { reply, source: None }
    }
}

impl Default for PresetAnswers {
    fn default() -> Self {
        Self {
            replies: BTreeMap::new(),
            provider_keys: BTreeMap::new(),
            bootstrap: true,
            mode: None,
        }
    }
}

impl PresetAnswers {
    /// Returns the preset reply to a step of the wizard, if there is one, and what gave it: a flag, or a key of an answers
    /// file.
    pub(super) fn reply(&self, step: &dyn WizardStep, answers: &Answers) -> Option<(Reply, Msg)> {
        let id = step.flag_step();
        let flag = || flag_name(step.flag(answers));
        // The flag `--custom-api-key` stands for a provider that was not chosen.
        let provider = answers.provider.filter(|provider| *provider != Provider::Skip);
        let provider = provider.unwrap_or(Provider::Custom);
        match self.provider_keys.get(&provider) {
            Some(key) if id == StepId::ApiKey => Some((Reply::Secret(key.clone()), flag())),
            _ => {
                let PresetReply { reply, source } = self.replies.get(&id)?.clone();
                Some((reply, source.unwrap_or_else(flag)))
            }
        }
    }

    /// Removes and returns the profile of an answers file: it is chosen before the wizard's interview.
    pub(crate) fn take_profile(&mut self) -> Option<String> {
        match self.replies.remove(&StepId::Profile)?.reply {
            Reply::Text(name) => Some(name),
            Reply::Secret(_) | Reply::Yes(_) | Reply::Later | Reply::Back | Reply::Language(_) => None,
        }
    }

    /// Sets the preset reply to a step of the wizard; a later reply replaces an earlier one.
    pub(crate) fn set(&mut self, step: StepId, reply: Reply) {
        self.replies.insert(step, reply.into());
    }

    /// Sets the preset reply to a step of the wizard that something else than the flag of the step gives; errors name it.
    pub(crate) fn set_from(&mut self, source: Msg, step: StepId, reply: Reply) {
        let source = Some(source);
        self.replies.insert(step, PresetReply { reply, source });
    }

    /// Sets the preset API key that a flag brings for a model provider.
    pub(crate) fn set_provider_key(&mut self, provider: Provider, key: Secret) {
        self.provider_keys.insert(provider, key);
    }

    /// Chooses the model provider, unless that was done, where a flag brings the API key of exactly one.
    pub(crate) fn infer_provider(&mut self) {
        let providers: Vec<_> = self.provider_keys.keys().collect();
        if let [provider] = providers[..] {
            let name = provider.name().to_owned();
            let choice = self.replies.entry(StepId::AuthChoice);
            choice.or_insert(Reply::Text(name).into());
        }
    }
}

/// Returns the name of a command-line flag as an error names it.
pub(crate) fn flag_name(flag: &str) -> Msg {
    msg!("ui.typed", text = format!("--{flag}"))
}

#[cfg(test)]
impl<const N: usize> From<[(StepId, Reply); N]> for PresetAnswers {
    fn from(replies: [(StepId, Reply); N]) -> Self {
        Self {
            replies: replies.map(|(step, reply)| (step, reply.into())).into(),
            ..Self::default()
        }
    }
}
