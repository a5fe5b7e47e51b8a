//! Rules about the gateway, its hooks, speech and MCP servers, and the browser.

use regex_lite::Regex;
use serde_json::Value;

use super::super::finding::SchemaFinding;
use super::place::{BOTH, EARLY, LATE, Place, Rule, folded};
use crate::i18n::msg;
use crate::ports::Port;

pub(super) const RULES: &[Rule] = &[
    Rule {
        releases: BOTH,
        places: &["gateway.port"],
        check: check_port,
    },
    Rule {
        releases: LATE,
        places: &["gateway"],
        check: check_tailscale,
    },
    Rule {
        releases: LATE,
        places: &["gateway"],
        check: check_portal,
    },
    Rule {
        releases: LATE,
        places: &["gateway.roles"],
        check: check_roles,
    },
    Rule {
        releases: LATE,
        places: &["gateway.remote.edgeAuth"],
        check: check_edge_headers,
    },
    Rule {
        releases: EARLY,
        places: &["browser.profiles.*"],
        check: check_browser_profile,
    },
    Rule {
        releases: LATE,
        places: &["browser.profiles.*"],
        check: check_late_browser_profile,
    },
    Rule {
        releases: LATE,
        places: &["hooks"],
        check: check_hooks,
    },
    Rule {
        releases: LATE,
        places: &["talk", "talk.realtime"],
        check: check_speech,
    },
    Rule {
        releases: LATE,
        places: &["mcp.servers.*", "nodeHost.mcp.servers.*"],
        check: check_mcp_server,
    },
    Rule {
        releases: LATE,
        places: &["nodeHost.mcp.servers.*"],
        check: check_mcp_name,
    },
    Rule {
        releases: LATE,
        places: &["cloudWorkers.projectProfiles.*"],
        check: check_project,
    },
    Rule {
        releases: LATE,
        places: &[
            "hooks.token",
            "hooks.gmail.pushToken",
            "hooks.mappings.[].sessionKey",
        ],
        check: check_plain_text,
    },
];

/// The early release accepts any number from 1 as a port; no system can bind more than these.
fn check_port(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    if Port::from_json(place.value).is_none() {
        findings.push(place.refuse(&[], msg!("config.schema-whole-range", least = 1, most = 65535)));
    }
}

fn check_tailscale(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let mode = place.value.pointer("/tailscale/mode").and_then(Value::as_str);
    let Some(mode) = mode.filter(|mode| ["serve", "funnel"].contains(mode)) else {
        return;
    };
    let host = place
        .text("customBindHost")
        .and_then(|host| host.parse::<std::net::Ipv4Addr>().ok());
    let is_loopback = match place.text("bind") {
        None | Some("loopback") => true,
        Some("custom") => host.is_some_and(|host| host.is_loopback()),
        Some(_) => false,
    };
    if !is_loopback {
        findings.push(place.refuse(&["bind"], msg!("config.rule-tailscale-bind", mode = mode)));
    }
    if place.value.pointer("/auth/mode") == Some(&"none".into()) {
        findings.push(place.refuse(&["auth", "mode"], msg!("config.rule-tailscale-auth", mode = mode)));
    }
}

fn check_portal(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let Some(ingress) = place.value.pointer("/portals/ingress") else {
        return;
    };
    let domain = folded(ingress.get("domain").and_then(Value::as_str));
    let origins = place
        .value
        .pointer("/controlUi/allowedOrigins")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let origins = origins
        .chain(place.value.get("publicOrigin"))
        .filter_map(Value::as_str);
    let host = |origin: &str| {
        let pattern = Regex::new("^[A-Za-z]+://([^/:?#]+)").ok()?;
        Some(pattern.captures(origin)?[1].to_ascii_lowercase())
    };
    let is_inside = |host: String| host == domain || host.ends_with(&format!(".{domain}"));
    if origins.filter_map(host).any(is_inside) {
        findings.push(place.refuse(
            &["portals", "ingress", "domain"],
            msg!("config.rule-portal-domain"),
        ));
    }
    let own = place
        .value
        .get("port")
        .cloned()
        .unwrap_or_else(|| DEFAULT_BASE.into());
    let own = Port::from_json(&own);
    if own.is_some() && ingress.get("port").and_then(Port::from_json) == own {
        findings.push(place.refuse(&["portals", "ingress", "port"], msg!("config.rule-portal-port")));
    }
}

fn check_roles(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let definitions = place.value.get("definitions").and_then(Value::as_object);
    let Some(definitions) = definitions.filter(|definitions| !definitions.is_empty()) else {
        findings.push(place.refuse(&["definitions"], msg!("config.rule-roles-empty")));
        return;
    };
    if !place
        .text("default")
        .is_some_and(|role| definitions.contains_key(role.trim()))
    {
        findings.push(place.refuse(&["default"], msg!("config.rule-role-unknown")));
    }
}

fn check_edge_headers(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let headers = place.value.as_object();
    let Some(headers) = headers.filter(|headers| !headers.is_empty()) else {
        findings.push(place.refuse(&[], msg!("config.rule-headers-empty")));
        return;
    };
    let is_name =
        |name: &str| Regex::new("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$").is_ok_and(|pattern| pattern.is_match(name));
    let mut seen = Vec::new();
    for name in headers.keys() {
        let lower = name.to_ascii_lowercase();
        if !is_name(name) || TRANSPORT_HEADERS.contains(&lower.as_str()) || seen.contains(&lower) {
            findings.push(place.refuse(&[name], msg!("config.rule-header")));
        }
        seen.push(lower);
    }
}

/// The base port of a gateway whose config names none.
const DEFAULT_BASE: u16 = 18_789;

/// Headers that the connection itself sets.
const TRANSPORT_HEADERS: [&str; 13] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Returns whether a number or a text is there that JavaScript takes for true.
fn is_set(value: Option<&Value>) -> bool {
    match value {
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        _ => false,
    }
}

fn has_browser(place: &Place<'_>) -> bool {
    is_set(place.value.get("cdpPort")) || is_set(place.value.get("cdpUrl"))
}

fn check_browser_profile(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    if !has_browser(place) {
        findings.push(place.refuse(&[], msg!("config.rule-browser-port")));
    }
}

fn check_late_browser_profile(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let driver = place.text("driver").unwrap_or_default();
    if !["existing-session", "extension"].contains(&driver) && !has_browser(place) {
        findings.push(place.refuse(&[], msg!("config.rule-browser-port")));
    }
    if driver != "existing-session" && is_set(place.value.get("userDataDir")) {
        findings.push(place.refuse(&["userDataDir"], msg!("config.rule-browser-data")));
    }
    if driver == "extension" && is_set(place.value.get("cdpUrl")) {
        findings.push(place.refuse(&["cdpUrl"], msg!("config.rule-browser-url")));
    }
}

fn check_hooks(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let is_filled = |text: Option<&Value>| {
        text.and_then(Value::as_str)
            .is_some_and(|text| !text.trim().is_empty())
    };
    let has_default = is_filled(place.value.get("defaultSessionKey"));
    let mappings = place
        .value
        .get("mappings")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    for (at, mapping) in mappings.enumerate() {
        let text = |key: &str| mapping.get(key).and_then(Value::as_str);
        let is_persistent =
            text("action").unwrap_or("agent") == "agent" && text("sessionMode") == Some("persistent");
        let has_key =
            is_filled(mapping.get("sessionKey")) || has_default || mapping.get("transform").is_some();
        if is_persistent && !has_key {
            let path = place.path.child("mappings").index(at).child("sessionKey");
            findings.push(SchemaFinding::invalid_value(
                path,
                msg!("config.rule-hook-session"),
                &Value::Null,
            ));
        }
    }
}

/// Of several providers of speech one is chosen, and the chosen one is there.
fn check_speech(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let provider = folded(place.text("provider"));
    let Some(Value::Object(providers)) = place.value.get("providers") else {
        return;
    };
    let is_missing = !provider.is_empty() && !providers.is_empty() && !providers.contains_key(&provider);
    if is_missing || (provider.is_empty() && providers.len() > 1) {
        findings.push(place.refuse(&["provider"], msg!("config.rule-speech-provider")));
    }
}

fn check_mcp_server(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    const OLD_KEYS: [&str; 9] = [
        "connectTimeout",
        "connect_timeout",
        "timeout",
        "workingDirectory",
        "supports_parallel_tool_calls",
        "ssl_verify",
        "client_cert",
        "client_key",
        "disabled",
    ];
    for key in OLD_KEYS.iter().filter(|key| place.value.get(**key).is_some()) {
        findings.push(SchemaFinding::unknown_key(place.path.child(*key), None));
    }
    let is_stdio = place.text("transport") == Some("stdio");
    if is_stdio && folded(place.text("command")).is_empty() {
        findings.push(place.refuse(&["transport"], msg!("config.rule-mcp-command")));
    }
    let oauth = place.value.get("oauth");
    if oauth.and_then(|oauth| oauth.get("identity")?.as_str()) != Some("per-requester") {
        return;
    }
    let has = |key: &str| place.value.get(key).is_some();
    let is_fit = place.text("auth") == Some("oauth")
        && oauth.is_none_or(|oauth| oauth.get("authProfileId").is_none())
        && is_set(place.value.get("url"))
        && !has("command")
        && !is_stdio;
    if !is_fit {
        findings.push(place.refuse(&["oauth", "identity"], msg!("config.rule-mcp-identity")));
    }
}

fn check_mcp_name(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    if place
        .last_key()
        .is_some_and(|name| name.is_empty() || name.trim() != name)
    {
        findings.push(place.refuse(&[], msg!("config.rule-mcp-name")));
    }
}

/// Credentials that change at run time stay plain texts; a reference is refused.
fn check_plain_text(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    if place.value.is_object() {
        findings.push(place.refuse(&[], msg!("config.schema-text")));
    }
}

/// A profile is kept for a repository as `host/owner/name`, in the form in which the release writes it.
fn check_project(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let is_repository = |name: &str| {
        let is_path = Regex::new("^[^/:A-Z]+(/[^/A-Z]+){2,}$").is_ok_and(|pattern| pattern.is_match(name));
        is_path && name.strip_suffix(".git").is_none()
    };
    if !place.last_key().is_some_and(is_repository) {
        findings.push(place.refuse(&[], msg!("config.rule-project")));
    }
}
