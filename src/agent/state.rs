//! The models that the agents of an instance answer with, as its files tell: for `status` and `doctor`, which ask no server.

use serde_json::Value;

use super::bindings::bound_places;
use super::roster::Roster;
use crate::instance::InstanceContext;
use crate::models::{ConfiguredModels, ModelError};

/// An agent of an instance, with the model that it would ask now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AgentState {
    /// The id.
    pub(crate) id: String,
    /// The first model of its list that can be asked; `None` where none can.
    pub(crate) model: Option<String>,
    /// The channels, accounts and people that a binding gives to it.
    pub(crate) places: Vec<String>,
    /// `true` if it answers wherever no binding says otherwise.
    pub(crate) is_default: bool,
    /// The reason why the first model of its list can't be asked.
    pub(crate) fault: Option<ModelError>,
}

impl AgentState {
    /// Returns `true` if the config names no model for the agent, so that only commands are answered.
    pub(crate) fn has_no_model(&self) -> bool {
        self.model.is_none() && self.fault.is_none()
    }
}

/// Returns the agents of a config, the default one first, with the models that they would ask. Waits for files where the config
/// names a model.
pub(crate) fn agent_states(context: InstanceContext<'_>, config: &Value) -> Vec<AgentState> {
    let roster = Roster::new(context, config);
    let names_model = roster.agents().iter().any(|agent| !agent.models.is_empty());
    let models = names_model.then(|| ConfiguredModels::read(context, config));
    let obstacle = |model: &str, agent: &str| models.as_ref()?.obstacle(model, agent);
    let state = |(at, agent): (usize, &super::roster::Agent)| {
        let first = agent.models.first();
        let mut usable = agent
            .models
            .iter()
            .filter(|model| obstacle(model, &agent.id).is_none());
        AgentState {
            id: agent.id.clone(),
            model: usable.next().cloned(),
            places: bound_places(config, &agent.id),
            is_default: at == 0,
            fault: first.and_then(|model| obstacle(model, &agent.id)),
        }
    };
    roster.agents().iter().enumerate().map(state).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::environment::Environment;
    use crate::host::Host;
    use crate::instance::Instance;
    use crate::models::ModelErrorKind;
    use crate::profile::ProfileName;

    fn states(config: &Value, variables: &[(&str, &str)]) -> Vec<AgentState> {
        let home = tempfile::tempdir().unwrap();
        let home_text = home.path().to_str().unwrap();
        let variables = variables.iter().copied().chain([("HOME", home_text)]);
        let host = Host::fixed(&[], variables);
        let env = Environment::read(&host).unwrap();
        let instance = Instance::canonical(home.path(), ProfileName::default_profile());
        let context = InstanceContext {
            host: &host,
            env: &env,
            instance: &instance,
        };
        agent_states(context, config)
    }

    #[test]
    fn agent_asks_the_first_model_with_a_key_and_the_fault_of_the_one_before_is_told() {
        let config = json!({
            "agents": {"defaults": {"model": {"primary": "anthropic/claude-opus-5", "fallbacks": ["openai/gpt-5"]}}},
        });
        let found = states(&config, &[("OPENAI_API_KEY", "sk-1")]);
        assert_eq!(found[0].model.as_deref(), Some("openai/gpt-5"));
        let fault = found[0].fault.as_ref().expect("a fault");
        assert_eq!(fault.kind, ModelErrorKind::NoKey);
        let silent = states(&config, &[]);
        assert_eq!(
            (silent[0].model.as_deref(), silent[0].has_no_model()),
            (None, false)
        );
        let both = states(
            &config,
            &[("OPENAI_API_KEY", "sk-1"), ("ANTHROPIC_API_KEY", "sk-2")],
        );
        assert_eq!(both[0].model.as_deref(), Some("anthropic/claude-opus-5"));
        assert_eq!(both[0].fault, None);
    }

    #[test]
    fn agent_without_a_model_answers_commands_and_bindings_say_where_each_answers() {
        let config = json!({
            "agents": {"list": [{"id": "main", "default": true}, {"id": "work"}]},
            "bindings": [
                {"agentId": "work", "match": {"channel": "telegram", "accountId": "office"}},
                {"agentId": "work", "match": {"channel": "discord", "peer": {"kind": "group", "id": "42"}}},
            ],
        });
        let found = states(&config, &[]);
        assert!(found[0].has_no_model() && found[0].is_default && found[0].places.is_empty());
        assert_eq!(found[1].places, ["telegram/office", "discord 42"]);
        assert!(!found[1].is_default);
    }
}
