//! The methods about agents and models: what the config names.

use serde_json::{Map, Value, json};

use super::call::MethodCall;
use super::method::Method;
use crate::agent::roster::{self, Agent, Roster, agent_entry};
use crate::gateway::protocol::shape::{FrameField, TEXT, optional};
use crate::gateway::protocol::{OperatorScope, Protocol};
use crate::gateway::state::GatewayState;

/// The methods about agents and models, all answered from the active config.
pub(super) const METHODS: &[Method] = &[
    Method::infallible("agents.list", OperatorScope::Read, list).with_params(&[]),
    Method::infallible("agent.identity.get", OperatorScope::Read, identity).with_params(IDENTITY_PARAMS),
    Method::infallible("models.list", OperatorScope::Read, models),
    Method::infallible("skills.status", OperatorScope::Read, skills),
    Method::infallible("migrations.memory.plan", OperatorScope::Admin, memory_plan),
];

/// The parameters of the gateway's method `agent.identity.get`.
const IDENTITY_PARAMS: &[FrameField] = &[optional("agentId", TEXT), optional("sessionKey", TEXT)];

/// The name of an agent that has none, as OpenClaw shows it.
const DEFAULT_AGENT_NAME: &str = "Assistant";
/// The avatar of an agent that has none, as OpenClaw shows it.
const DEFAULT_AVATAR: &str = "A";

/// Answers the gateway's method `agents.list`: the agents that the config names, the default one first.
fn list(call: &MethodCall) -> Value {
    let active = call.state.active();
    let config = &active.config;
    let is_late = call.client.protocol == Protocol::Four;
    let roster = Roster::new(call.state.context.borrowed(), config);
    let agent = |agent: &Agent| {
        let entry = agent_entry(config, &agent.id);
        let mut value = Map::new();
        value.insert("id".to_owned(), agent.id.as_str().into());
        for key in ["name", "identity"] {
            if let Some(known) = entry.and_then(|entry| entry.get(key)) {
                value.insert(key.to_owned(), known.clone());
            }
        }
        if is_late {
            let workspace = agent.workspace.display().to_string();
            value.insert("workspace".to_owned(), workspace.into());
            if let Some(model) = agent.models.first() {
                value.insert("model".to_owned(), json!({ "primary": model }));
            }
        }
        Value::Object(value)
    };
    let agents = roster.agents();
    let mut answer = json!({
        "defaultId": roster.default_agent().id,
        "mainKey": roster::main_key(config),
        "scope": roster::session_scope(config),
        "agents": agents.iter().map(agent).collect::<Vec<_>>(),
    });
    if is_late {
        answer["ownership"] = if agents.len() == 1 { "sole" } else { "explicit" }.into();
        answer["selectionRequired"] = false.into();
    }
    answer
}

/// Answers the gateway's method `agent.identity.get`: how an agent is shown.
fn identity(call: &MethodCall) -> Value {
    let active = call.state.active();
    let config = &active.config;
    let of_session = || {
        let mut parts = call.text("sessionKey")?.split(':');
        (parts.next() == Some("agent")).then(|| parts.next())?
    };
    let named = call.text("agentId").or_else(of_session);
    let id = named.map_or_else(|| roster::default_agent(config), str::to_owned);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let entry = agent_entry(config, &id);
    let own = |key: &str| text(entry.and_then(|entry| entry.pointer(key)));
    let of_ui = |key: &str| text(config.pointer(key));
    let name = of_ui("/ui/assistant/name")
        .or_else(|| own("/identity/name"))
        .or_else(|| own("/name"));
    let avatar = of_ui("/ui/assistant/avatar").or_else(|| own("/identity/emoji"));
    let source = if name.is_some() { "agent" } else { "default" };
    let mut answer = json!({
        "agentId": id,
        "name": name.as_deref().unwrap_or(DEFAULT_AGENT_NAME),
        "avatar": avatar.as_deref().unwrap_or(DEFAULT_AVATAR),
    });
    if call.client.protocol == Protocol::Four {
        answer["nameSource"] = source.into();
    }
    answer
}

/// Answers the gateway's method `models.list`: the models of the providers in the config, and those of the default agent.
/// OpenClaw 2026.1.30 answers with a catalogue that comes with it.
fn models(call: &MethodCall) -> Value {
    let active = call.state.active();
    let providers = active
        .config
        .pointer("/models/providers")
        .and_then(Value::as_object);
    let is_late = call.client.protocol == Protocol::Four;
    let model = |provider: &str, model: &Value| {
        let id = model.get("id")?.as_str()?;
        let mut value = json!({"id": id, "name": id, "provider": provider});
        for key in ["name", "contextWindow", "reasoning", "input"] {
            if let Some(known) = model.get(key) {
                value[key] = known.clone();
            }
        }
        if is_late {
            value["available"] = true.into();
        }
        Some(value)
    };
    let mut models: Vec<_> = providers
        .into_iter()
        .flatten()
        .filter_map(|(provider, entry)| Some((provider, entry.get("models")?.as_array()?)))
        .flat_map(|(provider, models)| models.iter().filter_map(move |entry| model(provider, entry)))
        .collect();
    for name in roster::models(&active.config, &roster::default_agent(&active.config)) {
        let Some((provider, id)) = name.split_once('/') else {
            continue;
        };
        let is_listed = |one: &Value| one["provider"] == provider && one["id"] == id;
        if !models.iter().any(is_listed) {
            models.extend(model(provider, &json!({ "id": id })));
        }
    }
    json!({ "models": models })
}

/// Returns the workspace of the default agent.
fn workspace(state: &GatewayState) -> std::path::PathBuf {
    let roster = Roster::new(state.context.borrowed(), &state.active().config);
    roster.default_agent().workspace.clone()
}

/// Answers the gateway's method `skills.status`: this engine has no skills.
fn skills(call: &MethodCall) -> Value {
    let state = &call.state;
    let managed = state.context.instance.state_dir.join("skills");
    let mut answer = json!({
        "workspaceDir": workspace(state).display().to_string(),
        "managedSkillsDir": managed.display().to_string(),
        "skills": [],
    });
    if call.client.protocol == Protocol::Four {
        answer["agentId"] = roster::default_agent(&state.active().config).into();
    }
    answer
}

/// Answers the gateway's method `migrations.memory.plan`: there is nothing to take over from another program.
fn memory_plan(call: &MethodCall) -> Value {
    json!({
        "agentId": roster::default_agent(&call.state.active().config),
        "workspace": workspace(&call.state).display().to_string(),
        "providers": [],
    })
}
