//! Rules about sandboxes.

use regex_lite::Regex;
use serde_json::Value;

use super::super::finding::SchemaFinding;
use super::place::{LATE, Place, Rule, folded};
use crate::i18n::msg;

pub(super) const RULES: &[Rule] = &[
    Rule {
        releases: LATE,
        places: &[
            "agents.defaults.sandbox.docker",
            "agents.entries.*.sandbox.docker",
        ],
        check: check_docker,
    },
    Rule {
        releases: LATE,
        places: &[
            "agents.defaults.sandbox.docker",
            "agents.entries.*.sandbox.docker",
            "agents.defaults.sandbox.browser",
            "agents.entries.*.sandbox.browser",
        ],
        check: check_mounts,
    },
    Rule {
        releases: LATE,
        places: &["agents.defaults.sandbox", "agents.entries.*.sandbox"],
        check: check_browser_network,
    },
    Rule {
        releases: LATE,
        places: &["agents.defaults.sandbox", "agents.entries.*.sandbox"],
        check: check_environment,
    },
];

const MAY_JOIN: &str = "dangerouslyAllowContainerNamespaceJoin";

fn check_docker(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let network = folded(place.text("network"));
    let may_join = place.value.get(MAY_JOIN) == Some(&Value::Bool(true));
    if network == "host" || (network.starts_with("container:") && !may_join) {
        findings.push(place.refuse(&["network"], msg!("config.rule-sandbox-network")));
    }
    for key in ["seccompProfile", "apparmorProfile"] {
        if folded(place.text(key)) == "unconfined" {
            findings.push(place.refuse(&[key], msg!("config.rule-sandbox-profile")));
        }
    }
}

fn check_mounts(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let is_absolute = |mount: &str| {
        let pattern = Regex::new(r"^(/|[A-Za-z]:[\\/])");
        pattern.is_ok_and(|pattern| pattern.is_match(mount))
    };
    let mounts = place
        .value
        .get("binds")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for (at, mount) in mounts.enumerate() {
        if !mount.as_str().is_some_and(|mount| is_absolute(mount.trim())) {
            let path = place.path.child("binds").index(at);
            findings.push(SchemaFinding::invalid_value(
                path,
                msg!("config.rule-sandbox-mount"),
                mount,
            ));
        }
    }
}

fn check_browser_network(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let network = folded(place.value.pointer("/browser/network").and_then(Value::as_str));
    let may_join = place.value.pointer(&format!("/docker/{MAY_JOIN}")) == Some(&Value::Bool(true));
    if network == "host" || (network.starts_with("container:") && !may_join) {
        findings.push(place.refuse(&["browser", "network"], msg!("config.rule-sandbox-network")));
    }
}

/// The environment of a container is passed line by line.
fn check_environment(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let backend = place
        .text("backend")
        .or_else(|| place.config.pointer("/agents/defaults/sandbox/backend")?.as_str());
    let backend = backend
        .map(str::trim)
        .filter(|backend| !backend.is_empty())
        .unwrap_or("docker");
    if !["docker", "podman"].contains(&backend) {
        return;
    }
    let is_name =
        |name: &str| Regex::new("^[A-Za-z_][A-Za-z0-9_]*$").is_ok_and(|pattern| pattern.is_match(name));
    let variables = place
        .value
        .pointer("/docker/env")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    for (name, value) in variables {
        let is_line = value
            .as_str()
            .is_some_and(|value| !value.contains(['\n', '\r', '\0']));
        if !is_name(name) || !is_line {
            findings.push(place.refuse(&["docker", "env", name], msg!("config.rule-sandbox-variable")));
        }
    }
}
