//! The keys of providers, from where OpenClaw keeps them, in its order: the stores of keys (`auth-profiles.json`) of the agent and
//! of the agent `main`, the environment and the `.env` of the instance, the config (docs/openclaw.md#provider-keys).
//!
//! Tokens of subscriptions (OAuth) are left out: they are for the programs of their providers.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use crate::config::parse_value;
use crate::host::read;
use crate::instance::ConfigVariables;
use crate::secret::Secret;

/// The id of the agent whose keys count for every agent.
const MAIN_AGENT: &str = "main";
/// Maximum number of agents whose stores are read.
const MAX_AGENTS: usize = 256;
/// The start of a token of a subscription to Anthropic, which its API takes from other programs only.
const SUBSCRIPTION_TOKEN: &str = "sk-ant-oat";

/// The stores of keys of all agents by their ids.
pub(super) struct KeyStores(BTreeMap<String, Value>);

impl KeyStores {
    /// Reads the stores of keys in a state folder. One that can't be read counts as empty.
    pub(super) fn read(state_dir: &Path) -> Self {
        let agents = std::fs::read_dir(state_dir.join("agents"));
        let names = agents.into_iter().flatten().flatten().take(MAX_AGENTS);
        let store = |id: String| {
            let path = state_dir
                .join("agents")
                .join(&id)
                .join("agent/auth-profiles.json");
            Some((id, parse_value(&read::text(&path).ok()?).ok()?))
        };
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        Self(names.filter_map(store).collect())
    }

    /// Returns the ids of the agents that have a store.
    pub(super) fn agents(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the keys of a provider that an agent may use: first those of its own store, then those of the agent `main`.
    pub(super) fn keys(
        &self,
        agent: &str,
        provider: &str,
        config: &Value,
        variables: &ConfigVariables<'_>,
    ) -> Vec<Secret> {
        let agents = [agent, MAIN_AGENT];
        let count = if agent == MAIN_AGENT { 1 } else { 2 };
        let stores = agents[..count].iter().filter_map(|id| self.0.get(*id));
        stores
            .flat_map(|store| store_keys(store, provider, config, variables))
            .collect()
    }
}

/// Returns the keys of a provider in a store, in the order of the store, else of the config, else as they stand there.
fn store_keys(store: &Value, provider: &str, config: &Value, variables: &ConfigVariables<'_>) -> Vec<Secret> {
    let none = Map::new();
    let profiles = store["profiles"].as_object().unwrap_or(&none);
    let is_of = |profile: &Value| profile["provider"].as_str() == Some(provider);
    let order = store["order"][provider].as_array();
    let order = order.or_else(|| config["auth"]["order"][provider].as_array());
    let listed = order.map(|ids| ids.iter().filter_map(Value::as_str));
    let ids: Vec<&str> = match listed {
        Some(listed) => listed.collect(),
        None => profiles.keys().map(String::as_str).collect(),
    };
    let profiles = ids.into_iter().filter_map(|id| profiles.get(id));
    profiles
        .filter(|profile| is_of(profile))
        .filter_map(|profile| profile_key(profile, variables))
        .collect()
}

/// Returns the key of a profile in a store.
fn profile_key(profile: &Value, variables: &ConfigVariables<'_>) -> Option<Secret> {
    let (plain, reference) = match profile["type"].as_str()? {
        "api_key" => ("key", "keyRef"),
        "token" => ("token", "tokenRef"),
        _ => return None,
    };
    let text = variables.secret(&profile[plain]);
    usable(&text.or_else(|| variables.secret(&profile[reference]))?)
}

/// Returns the key that the config has for a provider. A text that is the name of a variable stands for its value, as in
/// OpenClaw.
pub(super) fn config_key(entry: &Value, variables: &ConfigVariables<'_>) -> Option<Secret> {
    let text = variables.secret(&entry["apiKey"])?;
    let name = text.strip_prefix("secretref-env:").unwrap_or(&text);
    let is_name = name
        .bytes()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let value = Some(name)
        .filter(|_| is_name)
        .and_then(|name| variables.get(name));
    usable(&value.unwrap_or(text))
}

/// Returns the key of a variable of the environment or of the `.env`.
pub(super) fn variable_key(name: &str, variables: &ConfigVariables<'_>) -> Option<Secret> {
    usable(&variables.get(name)?)
}

/// Returns a key that may be tried.
fn usable(text: &str) -> Option<Secret> {
    let text = text.trim();
    let key = Secret::new(text);
    let is_marker = text.starts_with("secretref-") || text.starts_with(SUBSCRIPTION_TOKEN);
    (!key.is_placeholder() && !is_marker).then_some(key)
}
