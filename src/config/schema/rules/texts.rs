//! Rules about single texts that the schemas describe as any text.

use regex_lite::Regex;
use serde_json::Value;

use super::super::finding::SchemaFinding;
use super::place::{EARLY, LATE, find_places};
use crate::config::key_path::{KeyPath, WalkedPath};
use crate::config::release::Release;
use crate::config::variables;
use crate::i18n::Msg;

/// A condition on config texts, and on numbers as they are written.
struct TextRule {
    releases: &'static [Release],
    places: &'static [&'static str],
    accepts: fn(&str) -> bool,
    /// The key of the sentence that says what is accepted.
    expected: &'static str,
}

const HEARTBEATS: [&str; 3] = [
    "agents.defaults.heartbeat",
    "agents.list.[].heartbeat",
    "agents.entries.*.heartbeat",
];

#[rustfmt::skip]
const TEXT_RULES: &[TextRule] = &[
    TextRule { releases: LATE, places: &["worktreeRoot"], accepts: is_absolute_or_home, expected: "config.rule-absolute-or-home" },
    TextRule { releases: LATE, places: &["desktop.host.passwordFile", "secrets.providers.*.trustedDirs.[]"], accepts: is_absolute, expected: "config.rule-absolute" },
    TextRule { releases: EARLY, places: &[
        "channels.signal.cliPath", "channels.signal.accounts.*.cliPath", "channels.imessage.cliPath", "channels.imessage.accounts.*.cliPath",
    ], accepts: is_executable, expected: "config.rule-executable" },
    TextRule { releases: LATE, places: &["models.catalogRefresh.url"], accepts: is_secure_or_local_url, expected: "config.rule-secure-url" },
    TextRule { releases: LATE, places: &["mcp.apps.sandboxOrigin"], accepts: is_origin, expected: "config.rule-origin" },
    TextRule { releases: LATE, places: &["gateway.publicOrigin"], accepts: is_public_origin, expected: "config.rule-public-origin" },
    TextRule { releases: LATE, places: &[
        "mcp.servers.*.url", "nodeHost.mcp.servers.*.url", "mcp.servers.*.oauth.redirectUrl", "nodeHost.mcp.servers.*.oauth.redirectUrl", "proxy.proxyUrl",
    ], accepts: is_web_url, expected: "config.rule-web-url" },
    TextRule { releases: LATE, places: &["mcp.servers.*.oauth.clientMetadataUrl", "nodeHost.mcp.servers.*.oauth.clientMetadataUrl"], accepts: is_secure_url_with_path, expected: "config.rule-secure-path" },
    TextRule { releases: LATE, places: &["gateway.portals.ingress.domain"], accepts: is_domain, expected: "config.rule-domain" },
    TextRule { releases: LATE, places: &["secrets.egressProxy.allowedHosts.[]", "secrets.egressProxy.bypassHosts.[]"], accepts: is_host, expected: "config.rule-host" },
    TextRule { releases: LATE, places: &["cloudWorkers.profiles.*.suspendAfter"], accepts: is_idle_time, expected: "config.rule-idle-time" },
    TextRule { releases: EARLY, places: &["agents.defaults.heartbeat.every", "agents.list.[].heartbeat.every"], accepts: is_single_duration_or_empty, expected: "config.rule-duration" },
    TextRule { releases: LATE, places: &["agents.defaults.heartbeat.every", "agents.entries.*.heartbeat.every"], accepts: is_duration_or_empty, expected: "config.rule-duration" },
    TextRule { releases: LATE, places: &["cron.sessionRetention"], accepts: is_duration, expected: "config.rule-duration" },
    TextRule { releases: LATE, places: &["session.maintenance.pruneAfter", "session.maintenance.preserveRecent", "session.maintenance.resetArchiveRetention"], accepts: is_positive_duration, expected: "config.rule-duration" },
    TextRule { releases: LATE, places: &[
        "session.maintenance.maxDiskBytes", "session.maintenance.highWaterBytes", "agents.defaults.compaction.maxActiveTranscriptBytes", "agents.defaults.compaction.memoryFlush.forceFlushTranscriptBytes",
    ], accepts: is_size, expected: "config.rule-size" },
    TextRule { releases: LATE, places: &["hooks.mappings.[].transform.module", "hooks.internal.handlers.[].module"], accepts: is_inner_path, expected: "config.rule-inner-path" },
    TextRule { releases: LATE, places: &["gateway.roles.definitions.*.agents.[]"], accepts: crate::config::agent_id::is_agent_id, expected: "config.rule-agent-id" },
    TextRule { releases: LATE, places: &["agents.defaults.decisionModel", "agents.entries.*.decisionModel"], accepts: is_model_or_empty, expected: "config.rule-model" },
    TextRule { releases: LATE, places: &["secrets.providers.*.command"], accepts: is_absolute_executable, expected: "config.rule-absolute-executable" },
    TextRule { releases: EARLY, places: &["channels.telegram.customCommands.[].command", "channels.telegram.accounts.*.customCommands.[].command"], accepts: is_chat_command, expected: "config.rule-chat-command" },
    TextRule { releases: EARLY, places: &["channels.telegram.customCommands.[].description", "channels.telegram.accounts.*.customCommands.[].description"], accepts: is_filled, expected: "config.rule-filled" },
];

/// Returns the texts that a release refuses.
pub(super) fn check(config: &Value, release: Release) -> Vec<SchemaFinding> {
    let mut findings = Vec::new();
    for rule in TEXT_RULES.iter().filter(|rule| rule.releases.contains(&release)) {
        for pattern in rule.places {
            check_places(config, pattern, rule.accepts, rule.expected, &mut findings);
        }
    }
    for pattern in HEARTBEATS {
        for (path, heartbeat) in find_places(config, pattern) {
            check_active_hours(&path, heartbeat, release, &mut findings);
        }
    }
    if release == Release::Early {
        check_places(
            config,
            "audio.transcription.command",
            is_executable,
            "config.rule-executable",
            &mut findings,
        );
    } else {
        check_secret_references(config, &WalkedPath::Root, &mut findings);
    }
    findings
}

/// Checks the time of day at which heartbeats begin and end. The early release does so only where their interval is
/// set.
fn check_active_hours(
    path: &KeyPath,
    heartbeat: &Value,
    release: Release,
    findings: &mut Vec<SchemaFinding>,
) {
    let has_interval = heartbeat.get("every").is_some_and(|every| every != "");
    if release == Release::Early && !has_interval {
        return;
    }
    let path = path.child("activeHours");
    for (key, may_be_24) in [("start", false), ("end", true)] {
        let time = heartbeat.pointer(&format!("/activeHours/{key}"));
        if let Some(Value::String(text)) = time
            && !variables::has_variable(text)
            && !is_time(text, may_be_24)
        {
            let why = Msg::new("config.rule-time");
            findings.push(SchemaFinding::invalid_value(
                path.child(key),
                why,
                &heartbeat["activeHours"][key],
            ));
        }
    }
}

fn check_places(
    config: &Value,
    pattern: &str,
    accepts: fn(&str) -> bool,
    expected: &'static str,
    findings: &mut Vec<SchemaFinding>,
) {
    for (path, value) in find_places(config, pattern) {
        let (path, text) = match value {
            Value::String(text) => (path, text.clone()),
            Value::Number(number) => (path, number.to_string()),
            // Of a command the program counts, and there has to be one.
            Value::Array(words) => {
                let program = words.first().and_then(Value::as_str);
                (path.index(0), program.unwrap_or_default().to_owned())
            }
            _ => continue,
        };
        if !variables::has_variable(&text) && !accepts(&text) {
            findings.push(SchemaFinding::invalid_value(path, Msg::new(expected), value));
        }
    }
}

/// Checks the ids of all references to secrets that a program or a file gives, wherever they are.
fn check_secret_references(value: &Value, path: &WalkedPath<'_>, findings: &mut Vec<SchemaFinding>) {
    match value {
        Value::Object(map) => {
            let text = |key: &str| map.get(key).and_then(Value::as_str);
            if let (Some(source), Some(_), Some(id)) = (text("source"), text("provider"), text("id"))
                && map.len() == 3
            {
                let (is_valid, expected) = match source {
                    "exec" => (is_program_secret(id), "config.rule-program-secret"),
                    "file" => (is_file_secret(id), "config.rule-file-secret"),
                    _ => return,
                };
                if !is_valid {
                    findings.push(SchemaFinding::invalid_value(
                        path.child("id").to_key_path(),
                        Msg::new(expected),
                        &map["id"],
                    ));
                }
                return;
            }
            for (key, value) in map {
                // Channels and plugins have schemas of their own, which say nothing of this.
                if !(matches!(path, WalkedPath::Root) && (key == "channels" || key == "plugins")) {
                    check_secret_references(value, &path.child(key), findings);
                }
            }
        }
        Value::Array(elements) => {
            for (at, value) in elements.iter().enumerate() {
                check_secret_references(value, &path.index(at), findings);
            }
        }
        _ => {}
    }
}

fn is_match(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(text))
}

fn is_filled(text: &str) -> bool {
    !text.trim().is_empty()
}

fn is_absolute(text: &str) -> bool {
    text.starts_with('/') || is_match(r"^([A-Za-z]:[\\/]|\\\\[^\\]+\\[^\\]+)", text)
}

fn is_absolute_or_home(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('/') || text == "~" || text.starts_with("~/")
}

/// Returns whether a text names a program: a path, or a plain name; nothing that a shell would take for more.
fn is_executable(text: &str) -> bool {
    let text = text.trim();
    let is_path =
        text.starts_with(['.', '~']) || text.contains(['/', '\\']) || is_match(r"^[A-Za-z]:[\\/]", text);
    let has_odd_character = text.contains(['\0', '\r', '\n', '"', '\'', ';', '&', '|', '`', '$', '<', '>']);
    !has_odd_character && (is_path || is_match(r"^[A-Za-z0-9._+][A-Za-z0-9._+-]*$", text))
}

fn is_absolute_executable(text: &str) -> bool {
    is_executable(text) && is_absolute(text)
}

/// Splits a URL of the web into its scheme, what stands before `@`, its host, its port and the rest.
fn web_url(text: &str) -> Option<(String, Option<String>, String, String)> {
    let pattern =
        Regex::new(r"^\s*([A-Za-z]+)://(?:([^/?#@]*)@)?(\[[^\]]*\]|[^/?#:@]*)(?::\d*)?(?:([/?#].*))?\s*$")
            .ok()?;
    let parts = pattern.captures(text)?;
    let part = |at: usize| parts.get(at).map(|part| part.as_str().to_owned());
    let scheme = part(1)?.to_ascii_lowercase();
    let host = part(3)?.to_ascii_lowercase();
    let is_web = ["http", "https"].contains(&scheme.as_str())
        && !host.is_empty()
        && !host.contains(char::is_whitespace);
    is_web.then(|| (scheme, part(2), host, part(4).unwrap_or_default()))
}

fn is_local_host(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

fn is_web_url(text: &str) -> bool {
    web_url(text).is_some()
}

fn is_secure_or_local_url(text: &str) -> bool {
    web_url(text).is_some_and(|(scheme, _, host, _)| scheme == "https" || is_local_host(&host))
}

fn is_secure_url_with_path(text: &str) -> bool {
    web_url(text)
        .is_some_and(|(scheme, _, _, rest)| scheme == "https" && rest.starts_with('/') && rest.len() > 1)
}

fn is_origin(text: &str) -> bool {
    web_url(text).is_some_and(|(_, user, _, rest)| user.is_none() && (rest.is_empty() || rest == "/"))
}

fn is_public_origin(text: &str) -> bool {
    is_origin(text) && is_secure_or_local_url(text)
}

fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| is_match(r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$", label);
    let is_address = text.parse::<std::net::IpAddr>().is_ok();
    text.len() <= 220 && text.contains('.') && !is_address && text.split('.').all(is_label)
}

fn is_host(text: &str) -> bool {
    let host = text.trim().to_ascii_lowercase();
    let host = host.trim_end_matches('.');
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    if address.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    let is_label = |label: &str| is_match(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", label);
    host.len() <= 253 && host.split('.').all(is_label)
}

/// Returns the milliseconds of a duration such as `1.5h` or `1h30m`; a number without a unit counts as milliseconds.
fn duration(text: &str) -> Option<f64> {
    let text = text.trim().to_ascii_lowercase();
    if let Some(milliseconds) = single_duration(&text) {
        return Some(milliseconds);
    }
    let part = Regex::new(r"^(?:\d+(?:\.\d+)?)(?:ms|s|m|h|d)").ok()?;
    let (mut rest, mut total) = (text.as_str(), 0.0);
    while !rest.is_empty() {
        let end = part.find(rest)?.end();
        total += single_duration(&rest[..end])?;
        rest = &rest[end..];
    }
    (!text.is_empty()).then_some(total)
}

/// Returns the milliseconds of a duration with one unit or none.
fn single_duration(text: &str) -> Option<f64> {
    let parts = Regex::new(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$")
        .ok()?
        .captures(text)?;
    let unit = match parts.get(2).map_or("", |unit| unit.as_str()) {
        "d" => 86_400_000.0,
        "h" => 3_600_000.0,
        "m" => 60_000.0,
        "s" => 1_000.0,
        _ => 1.0,
    };
    Some(parts[1].parse::<f64>().ok()? * unit)
}

fn is_single_duration_or_empty(text: &str) -> bool {
    text.is_empty() || single_duration(&text.trim().to_ascii_lowercase()).is_some()
}

fn is_duration(text: &str) -> bool {
    duration(text).is_some()
}

fn is_duration_or_empty(text: &str) -> bool {
    text.is_empty() || is_duration(text)
}

pub(super) fn is_positive_duration(text: &str) -> bool {
    duration(text).is_some_and(|duration| duration > 0.0)
}

fn is_idle_time(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_alphabetic()) && duration(text).is_some_and(|time| time >= 60_000.0)
}

fn is_size(text: &str) -> bool {
    is_match(r"(?i)^\s*\d+(\.\d+)?\s*(b|kb|k|mb|m|gb|g|tb|t)?\s*$", text)
}

fn is_inner_path(text: &str) -> bool {
    let path = text.trim();
    let leaves = path.split(['/', '\\']).any(|part| part == "..");
    !path.is_empty() && !path.starts_with(['/', '~']) && !path.contains(':') && !leaves
}

fn is_model_or_empty(text: &str) -> bool {
    let text = text.trim();
    let has_both = |(provider, model): (&str, &str)| !provider.trim().is_empty() && !model.trim().is_empty();
    text.is_empty() || text.split_once('/').is_some_and(has_both)
}

fn is_program_secret(id: &str) -> bool {
    is_match(r"^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,255}$", id)
        && !id.split('/').any(|part| part == "." || part == "..")
}

fn is_file_secret(id: &str) -> bool {
    id == "value" || is_match(r"^(/([^~]|~[01])*)+$", id)
}

fn is_chat_command(text: &str) -> bool {
    let name = text.trim();
    let name = name.strip_prefix('/').unwrap_or(name).trim().to_ascii_lowercase();
    is_match(r"^[a-z0-9_]{1,32}$", &name)
}

fn is_time(text: &str, may_be_24: bool) -> bool {
    let is_end_of_day = may_be_24 && text == "24:00";
    text.is_empty() || is_end_of_day || is_match(r"^([01]\d|2[0-3]):[0-5]\d$", text)
}
