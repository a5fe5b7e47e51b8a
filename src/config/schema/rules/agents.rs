//! Rules about agents and what refers to them.

use std::collections::BTreeMap;
use std::path::Path;

use regex_lite::Regex;
use serde_json::Value;

use super::super::finding::SchemaFinding;
use super::place::{BOTH, EARLY, LATE, Place, Rule};
use crate::config::agent_id::normalize_agent_id;
use crate::config::include;
use crate::i18n::msg;

pub(super) const RULES: &[Rule] = &[
    Rule {
        releases: LATE,
        places: &["agents"],
        check: check_entries,
    },
    Rule {
        releases: BOTH,
        places: &["agents"],
        check: check_folders,
    },
    Rule {
        releases: BOTH,
        places: &["agents.list.[]", "agents.entries.*"],
        check: check_avatar,
    },
    Rule {
        releases: EARLY,
        places: &["broadcast.*"],
        check: check_broadcast,
    },
    Rule {
        releases: LATE,
        places: &["broadcast.*"],
        check: check_late_broadcast,
    },
    Rule {
        releases: LATE,
        places: &[
            "agents.defaults.heartbeat",
            "agents.defaults.systemAgent",
            "talk",
            "bindings.[]",
        ],
        check: check_reference,
    },
    Rule {
        releases: LATE,
        places: &["bindings.[]"],
        check: check_acp_binding,
    },
];

/// Returns the ids of the agents as they are written.
fn ids(config: &Value) -> Vec<&str> {
    let listed = config
        .pointer("/agents/list")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let listed = listed.filter_map(|agent| agent.get("id")?.as_str());
    let entries = config
        .pointer("/agents/entries")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    listed.chain(entries.map(|(id, _)| id.as_str())).collect()
}

fn check_entries(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    if place.value.get("list").is_some() {
        // A list that was not turned into entries: what is wrong in it is said there.
        return;
    }
    let entries = place.value.get("entries").and_then(Value::as_object);
    let is_owned = place.text("ownership") == Some("explicit");
    let Some(entries) = entries.filter(|entries| !entries.is_empty()) else {
        findings.push(place.refuse(&["entries"], msg!("config.rule-agents-empty")));
        return;
    };
    let mut first_by_id: BTreeMap<String, &str> = BTreeMap::new();
    for key in entries.keys() {
        let id = normalize_agent_id(key);
        if let Some(first) = first_by_id.get(&id) {
            let why = msg!("config.rule-agent-twice", other = first, agent = id);
            findings.push(place.refuse(&["entries", key], why));
        } else {
            first_by_id.insert(id, key);
        }
    }
    let is_default = |agent: &&Value| agent.get("default") == Some(&Value::Bool(true));
    let default_count = entries.values().filter(is_default).count();
    if default_count > 1 {
        findings.push(place.refuse(&["entries"], msg!("config.rule-agent-defaults")));
    }
    if is_owned && default_count > 0 {
        findings.push(place.refuse(&["ownership"], msg!("config.rule-agent-owned")));
    }
    if entries.len() > 1 && default_count == 0 && !is_owned {
        findings.push(place.refuse(&["ownership"], msg!("config.rule-agent-ownership")));
    }
}

/// Two agents must not share a folder, wherever it is.
fn check_folders(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let listed = place
        .value
        .get("list")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let listed = listed.filter_map(|agent| Some((normalize_agent_id(agent.get("id")?.as_str()?), agent)));
    let entries = place
        .value
        .get("entries")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let entries = entries.map(|(id, agent)| (normalize_agent_id(id), agent));
    let mut agents_by_folder: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, agent) in listed.chain(entries) {
        let folder = agent.get("agentDir").and_then(Value::as_str).unwrap_or_default();
        let folder = include::normalize(Path::new(folder.trim())).display().to_string();
        let agents = agents_by_folder.entry(folder.clone()).or_default();
        if !folder.is_empty() && !agents.contains(&id) {
            agents.push(id);
        }
    }
    for (folder, agents) in agents_by_folder
        .into_iter()
        .filter(|(_, agents)| agents.len() > 1)
    {
        let why = msg!(
            "config.rule-agent-folder",
            folder = folder,
            agents = agents.join(", ")
        );
        findings.push(SchemaFinding::invalid_value(
            place.path.clone(),
            why,
            &Value::Null,
        ));
    }
}

fn check_avatar(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let avatar = place.value.pointer("/identity/avatar").and_then(Value::as_str);
    let Some(avatar) = avatar.map(str::trim).filter(|avatar| !avatar.is_empty()) else {
        return;
    };
    let is_match = |pattern: &str| Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(avatar));
    if is_match("(?i)^(data:|https?://)") {
        return;
    }
    let is_other_url = is_match("(?i)^[a-z][a-z0-9+.-]*:") && !is_match(r"^[A-Za-z]:[\\/]");
    let workspace = place
        .text("workspace")
        .or_else(|| place.config.pointer("/agents/defaults/workspace")?.as_str());
    let is_outside = match avatar.strip_prefix('/') {
        // Without a workspace in the config nobody can tell.
        Some(_) => workspace.is_some_and(|workspace| !Path::new(avatar).starts_with(workspace)),
        None => leaves_folder(avatar),
    };
    if avatar.starts_with('~') || is_other_url || is_outside {
        findings.push(place.refuse(&["identity", "avatar"], msg!("config.rule-avatar")));
    }
}

/// Returns whether a relative path leads out of its folder.
fn leaves_folder(path: &str) -> bool {
    let mut depth = 0_i32;
    path.split('/').any(|part| {
        depth += match part {
            ".." => -1,
            "" | "." => 0,
            _ => 1,
        };
        depth < 0
    })
}

fn check_broadcast(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let known = ids(place.config);
    if known.is_empty() {
        return;
    }
    let named = place.value.as_array().into_iter().flatten().enumerate();
    for (at, agent) in named.filter(|(_, agent)| !agent.as_str().is_some_and(|agent| known.contains(&agent)))
    {
        findings.push(unknown_agent(place, &[], at, agent));
    }
}

fn check_late_broadcast(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let peer = place.last_key().unwrap_or_default();
    let is_qualified = Regex::new("(?i)^[a-z][a-z0-9_-]*:.+$").is_ok_and(|pattern| pattern.is_match(peer));
    let (steps, named): (&[&str], _) = match place.value {
        Value::Array(named) => (&[], named),
        Value::Object(group) => match group.get("agents") {
            Some(Value::Array(named)) => (&["agents"], named),
            _ => return,
        },
        _ => return,
    };
    if place.value.is_object() && !is_qualified {
        findings.push(place.refuse(&[], msg!("config.rule-broadcast-key")));
    }
    if place.value.is_array() && is_qualified && named.len() > 16 {
        findings.push(place.refuse(&[], msg!("config.rule-broadcast-many")));
    }
    let known = ids(place.config);
    if known.is_empty() && !is_qualified {
        return;
    }
    for (at, agent) in named.iter().enumerate() {
        if !agent.as_str().is_some_and(|agent| known.contains(&agent)) {
            findings.push(unknown_agent(place, steps, at, agent));
        }
    }
}

fn unknown_agent(place: &Place<'_>, steps: &[&str], at: usize, agent: &Value) -> SchemaFinding {
    let path = steps
        .iter()
        .fold(place.path.clone(), |path, step| path.child(*step))
        .index(at);
    SchemaFinding::invalid_value(path, msg!("config.rule-agent-unknown"), agent)
}

/// The agent that a binding, a heartbeat, the system or speech names has to exist.
fn check_reference(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let Some(named) = place.text("agentId") else {
        return;
    };
    let known: Vec<_> = ids(place.config).into_iter().map(normalize_agent_id).collect();
    let is_binding = place.last_key().is_none();
    let is_main = normalize_agent_id(named) == "main";
    let is_known = match (known.is_empty(), is_binding) {
        (true, true) => true,
        (true, false) => is_main,
        (false, true) => named == "main" || known.contains(&normalize_agent_id(named)),
        (false, false) => known.contains(&normalize_agent_id(named)),
    };
    if !is_known {
        findings.push(place.refuse(&["agentId"], msg!("config.rule-agent-unknown")));
    }
}

fn check_acp_binding(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let peer = place.value.pointer("/match/peer/id").and_then(Value::as_str);
    if place.text("type") == Some("acp") && peer.is_none_or(|peer| peer.trim().is_empty()) {
        findings.push(place.refuse(&["match"], msg!("config.rule-acp-peer")));
    }
}
