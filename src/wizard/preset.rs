//! Answers that are known before anybody is asked: from flags and an answers file.

use std::collections::BTreeMap;

use crate::answers::{Answers, GatewayMode, Provider};
use crate::secret::Secret;

use super::question::Reply;
use super::step::{StepId, WizardStep};

/// The replies to the wizard that flags and an answers file bring, by the step that they answer.
#[derive(Clone, Debug)]
pub(crate) struct PresetAnswers {
    replies: BTreeMap<StepId, Reply>,
    /// API keys that flags bring for one provider.
    provider_keys: BTreeMap<Provider, Secret>,
    /// `true` if a new workspace gets its first files.
    pub(crate) bootstrap: bool,
    /// The mode of the gateway, where a flag sets it.
    pub(crate) mode: Option<GatewayMode>,
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
    /// Returns the preset reply to a step of the wizard, if there is one.
    pub(crate) fn reply(&self, step: &dyn WizardStep, answers: &Answers) -> Option<Reply> {
        let id = step.flag_step();
        if id != StepId::ApiKey {
            return self.replies.get(&id).cloned();
        }
        // The flag `--custom-api-key` stands for a provider that was not chosen.
        let provider = answers.provider.filter(|provider| *provider != Provider::Skip);
        let provider = provider.unwrap_or(Provider::Custom);
        let key = self.provider_keys.get(&provider).cloned();
        key.map(Reply::Secret).or_else(|| self.replies.get(&id).cloned())
    }

    /// Removes and returns the profile of an answers file: it is chosen before the wizard's interview.
    pub(crate) fn take_profile(&mut self) -> Option<String> {
        match self.replies.remove(&StepId::Profile)? {
            Reply::Text(name) => Some(name),
            Reply::Secret(_) | Reply::Yes(_) | Reply::Back | Reply::Language(_) => None,
        }
    }

    /// Sets the preset reply to a step of the wizard; a later reply replaces an earlier one.
    pub(crate) fn set(&mut self, step: StepId, reply: Reply) {
        self.replies.insert(step, reply);
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
            choice.or_insert(Reply::Text(name));
        }
    }
}

#[cfg(test)]
impl<const N: usize> From<[(StepId, Reply); N]> for PresetAnswers {
    fn from(replies: [(StepId, Reply); N]) -> Self {
        Self {
            replies: replies.into(),
            ..Self::default()
        }
    }
}
