//! The API keys of model providers that are there already: in the environment, at the instance, at the host's other
//! instances.

use std::path::Path;

use crate::answers::{Answers, Existing, Provider};
use crate::env_file;
use crate::host::read;
use crate::instance::Instance;
use crate::plan;
use crate::secret::Secret;

use super::InterviewContext;

/// An API key that another instance of the host has.
pub(crate) struct ForeignKey {
    /// The name of the other instance.
    pub(crate) holder: String,
    /// The key.
    pub(crate) key: Secret,
}

impl InterviewContext<'_> {
    /// Returns the environment variable with the API key of a model provider, and the key, where there is one.
    pub(crate) fn environment_key(&self, provider: Provider) -> Option<(&'static str, Secret)> {
        let name = provider.key_variable()?;
        Some((name, Secret::new(self.host.var(name)?)))
    }

    /// Returns `true` if the chosen instance has an API key of a model provider, and the wizard's answers leave it there.
    pub(crate) fn has_stored_key(&self, provider: Provider, answers: &Answers) -> bool {
        let keeps_stores = matches!(
            answers.existing,
            Existing::Keep | Existing::Change | Existing::ResetConfig
        );
        let instance = &self.input.instance;
        match provider {
            Provider::OpenAi if keeps_stores => {
                env_file::variable(&instance.env_file(), "OPENAI_API_KEY").is_some()
            }
            Provider::Custom if self.keeps_existing(answers) => {
                let id = answers.custom.provider_id.as_deref().unwrap_or(provider.id());
                self.input
                    .has_credential(&format!("models.providers.{id}.apiKey"))
            }
            Provider::Anthropic | Provider::OpenRouter | Provider::Google if keeps_stores => {
                let text = read::text(&instance.auth_profiles()).unwrap_or_default();
                plan::holds_key(&text, provider)
            }
            _ => false,
        }
    }

    /// Returns the API key of a model provider that another instance of this host has, and that the wizard may take over. A
    /// key is shared without harm, unlike the token of a bot.
    pub(crate) fn key_of_other_instance(&self, provider: Provider) -> Option<ForeignKey> {
        let mut others: Vec<_> = self.input.others.iter().map(|other| other.found).collect();
        others.sort_by_key(|found| found.reading_order());
        others.into_iter().find_map(|found| {
            let key = stored_key(&found.state_dir, provider)?;
            let holder = found.label.clone();
            Some(ForeignKey { holder, key })
        })
    }
}

/// Returns the API key of a model provider that the instance with this state folder has; `None` where it has none that is
/// written out.
fn stored_key(state_dir: &Path, provider: Provider) -> Option<Secret> {
    let key = match provider {
        Provider::OpenAi => Secret::new(env_file::variable(
            &Instance::env_file_in(state_dir),
            "OPENAI_API_KEY",
        )?),
        Provider::Anthropic | Provider::OpenRouter | Provider::Google => {
            let text = read::text(&Instance::auth_profiles_in(state_dir)).ok()?;
            plan::stored_key(&text, provider)?
        }
        Provider::Custom | Provider::Skip => return None,
    };
    (!key.is_placeholder()).then_some(key)
}
