//! Names of the containers in which OpenClaw sandboxes agents.
//!
//! OpenClaw names the container of a sandbox after a prefix and the agent, not after the instance
//! (docs/openclaw.md#sandbox-containers).

use serde_json::Value;

use crate::survey::named_paths::agent_ids;

/// Start of the name of a sandbox container for which a config sets none.
pub(super) const DEFAULT_PREFIX: &str = "openclaw-sbx-";

/// Name of the container of a sandbox, without the hash of its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ContainerName {
    prefix: String,
    /// Agent that works in the container; `None` where all agents share it.
    agent: Option<String>,
}

impl std::fmt::Display for ContainerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.agent {
            Some(agent) => write!(f, "{}agent-{agent}-…", self.prefix),
            None => write!(f, "{}shared-…", self.prefix),
        }
    }
}

/// Returns the names of the containers in which the agents of a config are sandboxed.
pub(super) fn container_names(config: &Value) -> Vec<ContainerName> {
    let mut names = Vec::new();
    for id in agent_ids(config) {
        let name = sandbox_of(config, &id);
        names.extend(name.filter(|name| !names.contains(name)));
    }
    names
}

/// Returns the name of the container in which an agent is sandboxed; `None` where it is not, or elsewhere than in a
/// container of this host.
fn sandbox_of(config: &Value, id: &str) -> Option<ContainerName> {
    let is_agent = |agent: &&Value| {
        agent
            .get("id")
            .and_then(Value::as_str)
            .is_some_and(|name| name == id)
    };
    let list = config.pointer("/agents/list").and_then(Value::as_array);
    let listed = list.and_then(|list| list.iter().find(is_agent));
    let own = listed.or_else(|| config.get("agents")?.get("entries")?.get(id));
    let value = |pointer: &str| {
        let own = own.and_then(|own| own.get("sandbox")?.pointer(pointer));
        own.or_else(|| config.pointer("/agents/defaults/sandbox")?.pointer(pointer))
    };
    let text = |pointer: &str| value(pointer).and_then(Value::as_str);
    let is_on = text("/mode").is_some_and(|mode| mode != "off");
    let is_here = text("/backend").is_none_or(|backend| backend == "docker");
    if !is_on || !is_here {
        return None;
    }
    let is_shared = match text("/scope") {
        Some(scope) => scope == "shared",
        None => value("/perSession").and_then(Value::as_bool) == Some(false),
    };
    Some(ContainerName {
        prefix: text("/docker/containerPrefix")
            .unwrap_or(DEFAULT_PREFIX)
            .to_owned(),
        agent: (!is_shared).then(|| id.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names(sandbox: &Value) -> Vec<String> {
        let config = json!({"agents": {"defaults": {"sandbox": sandbox}}});
        container_names(&config).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn container_is_named_after_prefix_and_agent() {
        assert_eq!(names(&json!({})), [""; 0]);
        assert_eq!(names(&json!({"mode": "off"})), [""; 0]);
        assert_eq!(names(&json!({"mode": "all", "backend": "ssh"})), [""; 0]);
        assert_eq!(names(&json!({"mode": "non-main"})), ["openclaw-sbx-agent-main-…"]);
        assert_eq!(
            names(&json!({"mode": "all", "scope": "shared"})),
            ["openclaw-sbx-shared-…"]
        );
        let prefix = json!({"mode": "all", "docker": {"containerPrefix": "b-"}});
        assert_eq!(names(&prefix), ["b-agent-main-…"]);
    }

    #[test]
    fn agent_may_be_sandboxed_in_its_own_way() {
        let config = json!({"agents": {
            "defaults": {"sandbox": {"mode": "all", "docker": {"containerPrefix": "a-"}}},
            "list": [{"id": "main", "sandbox": {"mode": "off"}}, {"id": "ops"}],
        }});
        assert_eq!(container_names(&config).len(), 1);
        assert_eq!(container_names(&config)[0].to_string(), "a-agent-ops-…");
    }
}
