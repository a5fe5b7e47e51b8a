//! The providers of one instance: which server each has, in which format it is asked, and with which keys.

use std::collections::BTreeMap;

use serde_json::Value;

use super::wire::WireFormat;
use crate::answers::Provider;
use crate::host::read;
use crate::instance::{ConfigVariables, InstanceContext};
use crate::plan::stored_key;
use crate::secret::Secret;
use crate::verify::local_servers::LOCAL_SERVERS;
use crate::verify::models::ModelServer;

/// What the config says about one model of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ModelSettings {
    /// The maximum number of tokens of an answer.
    pub(super) max_tokens: Option<u32>,
}

/// A provider of one instance.
pub(super) struct ModelProvider {
    /// The server.
    pub(super) server: ModelServer,
    /// The format; `None` where the config names one that this program has not.
    pub(super) format: Option<&'static WireFormat>,
    /// The keys, the one that is tried first at the front.
    pub(super) keys: Vec<Secret>,
    /// The settings of its models by their ids.
    pub(super) models: BTreeMap<String, ModelSettings>,
}

/// The providers of one instance by their ids.
pub(super) type ModelProviders = BTreeMap<String, ModelProvider>;

/// Reads the providers of an instance from its config and from where OpenClaw keeps their keys. Waits for files.
pub(super) fn read_providers(context: InstanceContext<'_>, config: &Value) -> ModelProviders {
    let source = ProviderSource {
        context,
        variables: ConfigVariables::new(context.host, &context.instance.state_dir, config),
        store: read::text(&context.instance.auth_profiles()).unwrap_or_default(),
    };
    let configured = config.pointer("/models/providers").and_then(Value::as_object);
    let named = configured.into_iter().flatten();
    let mut ids: Vec<String> = named.map(|(id, _)| id.clone()).collect();
    ids.extend(known_providers().map(|known| known.id().to_owned()));
    ids.extend(LOCAL_SERVERS.iter().map(|kind| kind.id.to_owned()));
    let entry = |id: &str| configured.and_then(|all| all.get(id)).unwrap_or(&Value::Null);
    ids.into_iter()
        .filter_map(|id| {
            let provider = source.read(&id, entry(&id))?;
            Some((id, provider))
        })
        .collect()
}

/// The places from which a provider is read.
struct ProviderSource<'a> {
    context: InstanceContext<'a>,
    variables: ConfigVariables<'a>,
    /// The text of the store of keys.
    store: String,
}

impl ProviderSource<'_> {
    /// Reads a provider with this id and entry in the config; `None` where nobody knows its server.
    fn read(&self, id: &str, entry: &Value) -> Option<ModelProvider> {
        let host = self.context.host;
        let known = known_providers().find(|known| known.id() == id);
        let format = match entry["api"].as_str() {
            Some(name) => WireFormat::find(name),
            None => Some(WireFormat::of_provider(known.unwrap_or(Provider::Custom))),
        };
        let local = LOCAL_SERVERS.iter().find(|kind| kind.id == id);
        let base = self.text(&entry["baseUrl"]).or_else(|| local?.base_url(host));
        let server = match base {
            Some(base) => {
                let interface = format.map_or(Provider::Custom, |format| format.interface);
                ModelServer::find(interface, Some(&base), host)?
            }
            None => ModelServer::find(known?, None, host)?,
        };
        let stored = known.and_then(|known| stored_key(&self.store, known));
        let in_environment = known.and_then(|known| self.variables.get(known.key_variable()?));
        let further = in_environment
            .or_else(|| self.text(&entry["apiKey"]))
            .map(Secret::new);
        Some(ModelProvider {
            server,
            format,
            keys: stored
                .into_iter()
                .chain(further)
                .filter(|key| !key.is_placeholder())
                .collect(),
            models: models(entry),
        })
    }

    /// Returns a text of the config with its variables filled in.
    fn text(&self, value: &Value) -> Option<String> {
        let text = self.variables.substitute(value.as_str()?.trim()).ok()?;
        (!text.is_empty()).then_some(text)
    }
}

/// Returns the providers that this program knows the servers of.
fn known_providers() -> impl Iterator<Item = Provider> {
    let has_server = |known: &Provider| !matches!(known, Provider::Custom | Provider::Skip);
    Provider::ALL.iter().copied().filter(has_server)
}

/// Reads what the config says about the models of a provider.
fn models(entry: &Value) -> BTreeMap<String, ModelSettings> {
    let models = entry["models"].as_array().into_iter().flatten();
    let settings = |model: &Value| {
        let max = model["maxTokens"].as_u64().filter(|max| *max > 0);
        Some((
            model["id"].as_str()?.to_owned(),
            ModelSettings {
                max_tokens: max.and_then(|max| u32::try_from(max).ok()),
            },
        ))
    };
    models.filter_map(settings).collect()
}
