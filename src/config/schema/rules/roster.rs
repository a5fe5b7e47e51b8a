//! The list of agents, which the late release turns into entries before it checks its schema.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::super::finding::SchemaFinding;
use crate::config::agent_id::normalize_agent_id;
use crate::config::key_path::{KeyPath, PathSegment};
use crate::config::release::Release;
use crate::i18n::msg;

/// A config as a release reads it, and the list of agents that was turned into entries for that.
pub(in crate::config::schema) struct Roster<'c> {
    /// The config to check.
    pub(in crate::config::schema) config: Cow<'c, Value>,
    /// The ids of the agents of the list, in its order.
    listed: Vec<String>,
    /// The reasons for which the list was not turned into entries.
    refused: Vec<SchemaFinding>,
}

impl<'c> Roster<'c> {
    /// Returns a config as a release reads it.
    pub(in crate::config::schema) fn of(config: &'c Value, release: Release) -> Self {
        let unchanged = Self {
            config: Cow::Borrowed(config),
            listed: Vec::new(),
            refused: Vec::new(),
        };
        let none = Map::new();
        let agents = match config.get("agents") {
            _ if release == Release::Early || !config.is_object() => return unchanged,
            Some(Value::Object(agents)) => agents,
            Some(_) => return unchanged,
            None => &none,
        };
        let (listed, entries) = match (agents.get("entries"), agents.get("list")) {
            (None, Some(list)) => match entries_of_list(list) {
                Ok(entries) => entries,
                Err(refused) => return Self { refused, ..unchanged },
            },
            (None, None) => (Vec::new(), Map::new()),
            (Some(Value::Object(entries)), _) if entries.is_empty() => (Vec::new(), Map::new()),
            (Some(_), _) => return unchanged,
        };
        let is_owned = agents.get("ownership") == Some(&json!("explicit"));
        let entries = if entries.is_empty() && !is_owned {
            // An agent `main` is there where nobody names one.
            Map::from_iter([("main".to_owned(), json!({}))])
        } else {
            entries
        };
        let mut config = config.clone();
        if let Value::Object(sections) = &mut config
            && let Value::Object(agents) = sections.entry("agents").or_insert_with(|| json!({}))
        {
            if !agents.contains_key("entries") {
                agents.shift_remove("list");
            }
            agents.insert("entries".to_owned(), Value::Object(entries));
        }
        Self {
            config: Cow::Owned(config),
            listed,
            refused: Vec::new(),
        }
    }

    /// Replaces the finding that the late release does not know `agents.list` by what is wrong in the list.
    pub(in crate::config::schema) fn explain_refused_list(&self, findings: &mut Vec<SchemaFinding>) {
        let list = list_path();
        if !self.refused.is_empty() {
            findings.retain(|finding| finding.path != list);
            findings.extend(self.refused.iter().cloned());
        }
    }

    /// Returns the path in the config itself for one in the config as it was read.
    pub(in crate::config::schema) fn original_path(&self, path: KeyPath) -> KeyPath {
        let [PathSegment::Key(agents), PathSegment::Key(entries), rest @ ..] = path.segments() else {
            return path;
        };
        if agents != "agents" || entries != "entries" || self.listed.is_empty() {
            return path;
        }
        let list = list_path();
        let [PathSegment::Key(id), rest @ ..] = rest else {
            return list;
        };
        let Some(at) = self.listed.iter().position(|listed| listed == id) else {
            return list;
        };
        rest.iter().fold(list.index(at), |path, segment| match segment {
            PathSegment::Key(key) => path.child(key),
            PathSegment::Index(index) => path.index(*index),
        })
    }
}

fn list_path() -> KeyPath {
    KeyPath::keys(["agents", "list"])
}

/// The ids of a list of agents in its order, and the agents by id.
type ListedAgents = (Vec<String>, Map<String, Value>);

/// Returns the ids of a list of agents and the agents by id, or the reasons why the late release does not take the
/// list.
fn entries_of_list(list: &Value) -> Result<ListedAgents, Vec<SchemaFinding>> {
    let (mut listed, mut entries, mut refused) = (Vec::new(), Map::new(), Vec::new());
    let Value::Array(agents) = list else {
        let why = msg!("config.schema-list");
        return Err(vec![SchemaFinding::invalid_value(list_path(), why, list)]);
    };
    for (at, agent) in agents.iter().enumerate() {
        let path = list_path().index(at);
        let Value::Object(agent) = agent else {
            refused.push(SchemaFinding::invalid_value(
                path,
                msg!("config.schema-object"),
                agent,
            ));
            continue;
        };
        let mut agent = agent.clone();
        match agent.shift_remove("id") {
            None => refused.push(SchemaFinding::missing_key(path, "id")),
            Some(Value::String(id)) if entries.contains_key(&id) => {
                let first = listed.iter().position(|listed| *listed == id).unwrap_or_default();
                let why = msg!(
                    "config.rule-agent-twice",
                    other = list_path().index(first),
                    agent = id
                );
                refused.push(SchemaFinding::invalid_value(path.child("id"), why, &Value::Null));
            }
            Some(Value::String(id)) if normalize_agent_id(&id) == id => {
                entries.insert(id.clone(), Value::Object(agent));
                listed.push(id);
            }
            Some(id) => {
                let why = msg!("config.rule-agent-listed-id");
                refused.push(SchemaFinding::invalid_value(path.child("id"), why, &id));
            }
        }
    }
    if refused.is_empty() {
        Ok((listed, entries))
    } else {
        Err(refused)
    }
}
