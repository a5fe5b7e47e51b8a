//! The models of one instance as its files have them: whether one could be asked at all, without a word to its server.

use serde_json::Value;

use super::error::{ModelError, ModelErrorKind};
use super::message::ModelName;
use super::provider::{ModelProviders, read_providers};
use crate::instance::InstanceContext;

/// The models of one instance, as the config, the `.env` and the stores of keys have them.
pub(crate) struct ConfiguredModels {
    providers: ModelProviders,
}

impl ConfiguredModels {
    /// Reads the providers of an instance and their keys. Waits for files.
    pub(crate) fn read(context: InstanceContext<'_>, config: &Value) -> Self {
        Self {
            providers: read_providers(context, config),
        }
    }

    /// Returns why an agent can't ask a model, whose name is a text of the config; `None` where nothing but its server could refuse.
    pub(crate) fn obstacle(&self, model: &str, agent: &str) -> Option<ModelError> {
        let Some(name) = ModelName::parse(model) else {
            return Some(ModelError::no_model());
        };
        let fail = |kind| Some(ModelError::new(kind, &name, ""));
        match self.providers.get(&name.provider) {
            None => fail(ModelErrorKind::UnknownProvider),
            Some(provider) if provider.format.is_none() => fail(ModelErrorKind::UnknownApi),
            Some(provider) if !provider.server.is_local() && provider.keys(agent).next().is_none() => {
                fail(ModelErrorKind::NoKey)
            }
            Some(_) => None,
        }
    }
}
