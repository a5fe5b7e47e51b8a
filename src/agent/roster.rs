//! The agents that a config names, in the list of an early release (`agents.list`) or the map of a late one
//! (`agents.entries`), each with its workspace and its models.

use std::path::PathBuf;

use serde_json::Value;

use crate::config::agent_id::{MAIN_AGENT_ID, normalize_agent_id};
use crate::instance::{ConfigVariables, InstanceContext};
use crate::models::ModelName;
use crate::sessions::{SessionKey, SessionKeyRules};

/// An agent of a config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agent {
    /// The id, which is the name of its folder below the state folder too.
    pub(crate) id: String,
    /// The name that people see, where it has one.
    pub(crate) name: Option<String>,
    /// The folder of its files.
    pub(crate) workspace: PathBuf,
    /// The models as `provider/model`, the one that is asked first at the front; none where the config names none.
    pub(crate) models: Vec<String>,
}

/// The agents of an instance, the default one first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Roster {
    agents: Vec<Agent>,
}

impl Agent {
    /// Returns the names of an agent's models, in the order in which they are asked; those that name none are left out.
    pub(super) fn model_names(&self) -> impl Iterator<Item = ModelName> {
        self.models.iter().filter_map(|name| ModelName::parse(name))
    }
}

impl Roster {
    /// Reads the agents of an instance from its config.
    pub(crate) fn new(context: InstanceContext<'_>, config: &Value) -> Self {
        let agents = agent_ids(config).into_iter().enumerate().map(|(at, id)| Agent {
            name: display_name(config, &id),
            workspace: workspace(context, config, &id, at == 0),
            models: models(config, &id),
            id,
        });
        Self {
            agents: agents.collect(),
        }
    }

    /// Returns the agents, the default one first.
    pub(crate) fn agents(&self) -> &[Agent] {
        &self.agents
    }

    /// Returns the default agent.
    pub(crate) fn default_agent(&self) -> &Agent {
        &self.agents[0]
    }

    /// Returns the agent of a session; the default one where the session's is none of the config any more.
    pub(crate) fn agent_of(&self, session: &SessionKey) -> &Agent {
        self.get(session.agent()).unwrap_or_else(|| self.default_agent())
    }

    /// Returns the agent with an id.
    pub(crate) fn get(&self, id: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.id == id)
    }
}

/// Returns the entry of an agent in a config.
pub(crate) fn agent_entry<'a>(config: &'a Value, id: &str) -> Option<&'a Value> {
    let named = named_agents(config).into_iter();
    named.rev().find(|(own, _)| own == id).map(|(_, entry)| entry)
}

/// Returns the ids of the agents in a config, the default one first; `main` where the config names none.
pub(crate) fn agent_ids(config: &Value) -> Vec<String> {
    let named = named_agents(config);
    let is_default = |(_, entry): &&(String, &Value)| entry.get("default") == Some(&true.into());
    let first = named.iter().find(is_default);
    let mut ids = Vec::new();
    for (id, _) in first.into_iter().chain(&named) {
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    if ids.is_empty() {
        ids.push(MAIN_AGENT_ID.to_owned());
    }
    ids
}

/// Returns the id of the default agent in a config.
pub(crate) fn default_agent(config: &Value) -> String {
    agent_ids(config).swap_remove(0)
}

/// Returns the rules by which the sessions of a config are named.
pub(crate) fn session_key_rules(config: &Value) -> SessionKeyRules {
    SessionKeyRules {
        default_agent: default_agent(config),
        main_key: main_key(config),
        is_global: session_scope(config) == "global",
    }
}

/// Returns the last part of the key of each agent's main session in a config.
pub(crate) fn main_key(config: &Value) -> String {
    let key = config.pointer("/session/mainKey").and_then(Value::as_str);
    let key = key.map(str::trim).filter(|key| !key.is_empty());
    key.unwrap_or("main").to_owned()
}

/// Returns who shares a session by a config: `per-sender`, or `global`.
pub(crate) fn session_scope(config: &Value) -> String {
    let scope = config.pointer("/session/scope").and_then(Value::as_str);
    scope.unwrap_or("per-sender").to_owned()
}

/// Returns the agents that a config names, by their ids.
fn named_agents(config: &Value) -> Vec<(String, &Value)> {
    let list = config.pointer("/agents/list").and_then(Value::as_array);
    let listed = list
        .into_iter()
        .flatten()
        .filter_map(|agent| Some((agent.get("id")?.as_str()?, agent)));
    let entries = config.pointer("/agents/entries").and_then(Value::as_object);
    let entered = entries
        .into_iter()
        .flatten()
        .map(|(id, agent)| (id.as_str(), agent));
    let named = listed.chain(entered).filter(|(id, _)| !id.trim().is_empty());
    named.map(|(id, agent)| (normalize_agent_id(id), agent)).collect()
}

/// Returns the name of an agent that people see.
fn display_name(config: &Value, id: &str) -> Option<String> {
    let entry = agent_entry(config, id)?;
    let name = ["/identity/name", "/name"];
    let name = name.iter().find_map(|key| entry.pointer(key)?.as_str());
    name.map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

/// Returns the workspace of an agent: the folder that the config names, else one in the state folder of the instance.
fn workspace(context: InstanceContext<'_>, config: &Value, id: &str, is_default: bool) -> PathBuf {
    let state_dir = &context.instance.state_dir;
    let own = agent_entry(config, id).and_then(|entry| entry.get("workspace")?.as_str());
    let shared = || {
        config
            .pointer("/agents/defaults/workspace")
            .and_then(Value::as_str)
    };
    let named = own.or_else(|| is_default.then(shared).flatten());
    let variables = ConfigVariables::new(context.host, state_dir, config);
    let named = named.and_then(|text| variables.path(context.env, None, text));
    named.unwrap_or_else(|| {
        if is_default {
            context.instance.default_workspace()
        } else {
            state_dir.join(format!("workspace-{id}"))
        }
    })
}

/// Returns the models of an agent, the first one at the front. A fallback of its own replaces those of all agents.
pub(crate) fn models(config: &Value, id: &str) -> Vec<String> {
    let own = agent_entry(config, id).and_then(|entry| entry.get("model"));
    let shared = config.pointer("/agents/defaults/model");
    let primary = own.and_then(primary).or_else(|| shared.and_then(primary));
    let fallbacks = own.and_then(fallbacks).or_else(|| shared.and_then(fallbacks));
    let mut models: Vec<String> = Vec::new();
    for name in primary.into_iter().chain(fallbacks.unwrap_or_default()) {
        let name = without_alias(config, name.trim());
        if !name.is_empty() && !models.contains(&name) {
            models.push(name);
        }
    }
    models
}

/// Returns the first model of a setting, which is a text or an object.
fn primary(setting: &Value) -> Option<&str> {
    let named = setting.as_str().or_else(|| setting.get("primary")?.as_str());
    named.filter(|name| !name.trim().is_empty())
}

/// Returns the further models of a setting.
fn fallbacks(setting: &Value) -> Option<Vec<&str>> {
    let listed = setting.get("fallbacks")?.as_array()?;
    Some(listed.iter().filter_map(Value::as_str).collect())
}

/// Returns the model for which a name stands that `agents.defaults.models` gives to one.
fn without_alias(config: &Value, name: &str) -> String {
    let models = config
        .pointer("/agents/defaults/models")
        .and_then(Value::as_object);
    let has_alias = |settings: &Value| {
        let alias = settings.get("alias").and_then(Value::as_str);
        alias.is_some_and(|alias| alias.eq_ignore_ascii_case(name))
    };
    let found = models
        .into_iter()
        .flatten()
        .find(|(_, settings)| has_alias(settings));
    found.map_or_else(|| name.to_owned(), |(model, _)| model.clone())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::environment::Environment;
    use crate::host::Host;
    use crate::instance::Instance;
    use crate::profile::ProfileName;

    fn roster(config: &Value) -> Roster {
        let home = Path::new("/home/ada");
        let host = Host::fixed(&["openclaw"], [("HOME", "/home/ada")]);
        let env = Environment::read(&host).unwrap();
        let instance = Instance::canonical(home, ProfileName::default_profile());
        let context = InstanceContext {
            host: &host,
            env: &env,
            instance: &instance,
        };
        Roster::new(context, config)
    }

    #[test]
    fn agents_of_both_dialects_have_workspace_and_models_of_their_own() {
        let early = json!({"agents": {
            "defaults": {"workspace": "~/w", "model": {"primary": "a/one", "fallbacks": ["fast"]},
                "models": {"b/two": {"alias": "Fast"}}},
            "list": [{"id": "Ev"}, {"id": "is", "default": true, "name": "Work", "model": "c/three"}],
        }});
        let found = roster(&early);
        let ids: Vec<_> = found.agents().iter().map(|agent| agent.id.as_str()).collect();
        assert_eq!(ids, ["is", "ev"]);
        let work = found.default_agent();
        assert_eq!(work.workspace, Path::new("/home/ada/w"));
        assert_eq!(work.models, ["c/three", "b/two"]);
        assert_eq!(work.name.as_deref(), Some("Work"));
        let home = found.get("ev").unwrap();
        assert_eq!(home.models, ["a/one", "b/two"]);
        assert_eq!(home.workspace, Path::new("/home/ada/.openclaw/workspace-ev"));
        let late = json!({"agents": {"defaults": {"model": "a/one"}, "entries": {
            "x": {"model": {"primary": "d/four", "fallbacks": []}, "workspace": "/x"},
        }}});
        let late = roster(&late);
        let x = late.default_agent();
        assert_eq!(
            (x.workspace.as_path(), x.models.as_slice()),
            (Path::new("/x"), &["d/four".to_owned()][..])
        );
    }

    #[test]
    fn config_without_agents_has_one_that_is_called_main() {
        let found = roster(&json!({}));
        let main = found.default_agent();
        assert_eq!(
            (main.id.as_str(), main.models.len(), found.agents().len()),
            ("main", 0, 1)
        );
        assert_eq!(main.workspace, Path::new("/home/ada/.openclaw/workspace"));
    }
}
