//! The providers of one instance: which server each has, in which format it is asked, and with which keys.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::format::WireFormat;
use super::keys::{KeyStores, config_key, variable_key};
use super::known_servers::KnownServer;
use super::wire::{find_format, format_of_provider};
use crate::answers::Provider;
use crate::instance::{ConfigVariables, InstanceContext};
use crate::secret::Secret;
use crate::verify::local_servers::LOCAL_SERVERS;
use crate::verify::models::ModelServer;

/// Hosts of servers with `OpenAI`'s format that want the maximum of an answer under its newer name.
const NEWER_HOSTS: [&str; 2] = ["api.openai.com", "openrouter.ai"];

/// What the config says about one model of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModelSettings {
    /// The number of tokens that the model can read and write together.
    pub(super) context_window: u64,
    /// The maximum number of tokens of an answer.
    pub(super) max_tokens: Option<u32>,
    /// The key of that maximum in `OpenAI`'s format; `None` for what the server is known to take.
    pub(super) max_tokens_key: Option<&'static str>,
    /// `true` where the model sees pictures, as far as anybody knows.
    pub(super) sees_images: bool,
    /// `true` where the server tells the usage of a streamed answer if it is asked to.
    pub(super) tells_usage: bool,
}

impl Default for ModelSettings {
    /// The settings of a model that the config does not name.
    fn default() -> Self {
        Self {
            context_window: USUAL_CONTEXT_WINDOW,
            max_tokens: None,
            max_tokens_key: None,
            sees_images: true,
            tells_usage: true,
        }
    }
}

/// A provider of one instance.
pub(super) struct ModelProvider {
    /// The server.
    pub(super) server: ModelServer,
    /// The format; `None` where the config names one that this program has not.
    pub(super) format: Option<&'static WireFormat>,
    /// Further headers, which may hold secrets.
    pub(super) headers: HeaderMap,
    /// The keys of the stores by the id of the agent, the one that is tried first at the front.
    stored: BTreeMap<String, Vec<Secret>>,
    /// The keys that count for every agent behind those.
    common: Vec<Secret>,
    /// The settings of its models by their ids.
    models: BTreeMap<String, ModelSettings>,
}

impl ModelProvider {
    /// Returns the keys that an agent may use, the one that is tried first at the front. Empty for a server that needs none.
    pub(super) fn keys(&self, agent: &str) -> impl Iterator<Item = &Secret> {
        let stored = self.stored.get(agent).or_else(|| self.stored.get(""));
        stored.into_iter().flatten().chain(&self.common)
    }

    /// Returns whether a key is still one of the provider's.
    pub(super) fn has_key(&self, key: &Secret) -> bool {
        self.stored
            .values()
            .flatten()
            .chain(&self.common)
            .any(|known| known == key)
    }

    /// Returns what is known about a model.
    pub(super) fn model(&self, id: &str) -> ModelSettings {
        self.models.get(id).cloned().unwrap_or_default()
    }

    /// Returns the key of the maximum of an answer in `OpenAI`'s format.
    pub(super) fn max_tokens_key(&self) -> &'static str {
        let address = self.server.address();
        if NEWER_HOSTS.iter().any(|host| address.starts_with(host)) {
            "max_completion_tokens"
        } else {
            "max_tokens"
        }
    }
}

/// The context window of a model whose config does not tell one, in tokens: that of OpenClaw.
const USUAL_CONTEXT_WINDOW: u64 = 200_000;

/// The providers of one instance by their ids.
pub(super) type ModelProviders = BTreeMap<String, ModelProvider>;

/// Reads the providers of an instance from its config and from where OpenClaw keeps their keys. Waits for files.
pub(super) fn read_providers(context: InstanceContext<'_>, config: &Value) -> ModelProviders {
    let source = ProviderSource {
        context,
        config,
        variables: ConfigVariables::new(context.host, &context.instance.state_dir, config),
        stores: KeyStores::read(&context.instance.state_dir),
    };
    let configured = config.pointer("/models/providers").and_then(Value::as_object);
    let named = configured.into_iter().flatten();
    let mut ids: Vec<String> = named.map(|(id, _)| id.clone()).collect();
    ids.extend(known_providers().map(|known| known.id().to_owned()));
    ids.extend(LOCAL_SERVERS.iter().map(|kind| kind.id.to_owned()));
    ids.extend(KnownServer::all().map(|known| known.id.to_owned()));
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
    config: &'a Value,
    variables: ConfigVariables<'a>,
    stores: KeyStores,
}

impl ProviderSource<'_> {
    /// Reads a provider with this id and entry in the config; `None` where nobody knows its server.
    fn read(&self, id: &str, entry: &Value) -> Option<ModelProvider> {
        let host = self.context.host;
        let known = known_providers().find(|known| known.id() == id);
        let further = KnownServer::find(id);
        let format = match entry["api"].as_str() {
            Some(name) => find_format(name),
            None => Some(format_of_provider(known.unwrap_or(Provider::Custom))),
        };
        let local = LOCAL_SERVERS.iter().find(|kind| kind.id == id);
        let base = self
            .text(&entry["baseUrl"])
            .or_else(|| local?.base_url(host))
            .or_else(|| Some(further?.base_url.to_owned()));
        let server = match base {
            Some(base) => {
                let interface = format.map_or(Provider::Custom, |format| format.interface);
                ModelServer::find(interface, Some(&base), host)?
            }
            None => ModelServer::find(known?, None, host)?,
        };
        let variable = known
            .and_then(Provider::key_variable)
            .or(further.map(|known| known.variable));
        let in_environment = variable.and_then(|name| variable_key(name, &self.variables));
        Some(ModelProvider {
            server,
            format,
            headers: self.headers(&entry["headers"]),
            stored: self.stored_keys(id),
            common: in_environment
                .or_else(|| config_key(entry, &self.variables))
                .into_iter()
                .collect(),
            models: models(entry),
        })
    }

    /// Returns the stored keys of a provider for each agent that has a store, and for those without one under no id.
    fn stored_keys(&self, provider: &str) -> BTreeMap<String, Vec<Secret>> {
        let keys = |agent: &str| self.stores.keys(agent, provider, self.config, &self.variables);
        let agents = self.stores.agents().chain([""]);
        agents.map(|agent| (agent.to_owned(), keys(agent))).collect()
    }

    /// Returns a text of the config with its variables filled in.
    fn text(&self, value: &Value) -> Option<String> {
        let text = self.variables.substitute(value.as_str()?.trim()).ok()?;
        (!text.is_empty()).then_some(text)
    }

    /// Returns the headers that the config adds. One that is none is left out.
    fn headers(&self, entry: &Value) -> HeaderMap {
        let entries = entry.as_object().into_iter().flatten();
        let header = |(name, value): (&String, &Value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(&self.variables.secret(value)?).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        };
        entries.filter_map(header).collect()
    }
}

/// Returns the providers of the wizard that have a server.
fn known_providers() -> impl Iterator<Item = Provider> {
    let has_server = |known: &Provider| !matches!(known, Provider::Custom | Provider::Skip);
    Provider::ALL.iter().copied().filter(has_server)
}

/// Reads what the config says about the models of a provider.
fn models(entry: &Value) -> BTreeMap<String, ModelSettings> {
    let models = entry["models"].as_array().into_iter().flatten();
    let settings = |model: &Value| {
        let max = model["maxTokens"].as_u64().filter(|max| *max > 0);
        let input = model["input"].as_array();
        let compat = &model["compat"];
        let window = model["contextWindow"].as_u64().filter(|window| *window > 0);
        let settings = ModelSettings {
            context_window: window.unwrap_or(USUAL_CONTEXT_WINDOW),
            max_tokens: max.and_then(|max| u32::try_from(max).ok()),
            max_tokens_key: match compat["maxTokensField"].as_str() {
                Some("max_tokens") => Some("max_tokens"),
                Some("max_completion_tokens") => Some("max_completion_tokens"),
                _ => None,
            },
            sees_images: input.is_none_or(|kinds| kinds.iter().any(|kind| kind == "image")),
            tells_usage: compat["supportsUsageInStreaming"] != false,
        };
        Some((model["id"].as_str()?.to_owned(), settings))
    };
    models.filter_map(settings).collect()
}
