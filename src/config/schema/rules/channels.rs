//! Rules about channels, and about plugins, which bring channels.

use serde_json::Value;

use super::super::finding::SchemaFinding;
use super::place::{BOTH, EARLY, LATE, Place, Rule, entries, folded};
use crate::config::release::Release;
use crate::i18n::msg;

pub(super) const RULES: &[Rule] = &[
    Rule {
        releases: EARLY,
        places: &[
            "channels.telegram",
            "channels.telegram.accounts.*",
            "channels.signal",
            "channels.signal.accounts.*",
            "channels.imessage",
            "channels.imessage.accounts.*",
            "channels.bluebubbles",
            "channels.bluebubbles.accounts.*",
            "channels.whatsapp",
            "channels.whatsapp.accounts.*",
            "channels.msteams",
        ],
        check: |place, findings| check_open(place, "dmPolicy", findings),
    },
    Rule {
        releases: EARLY,
        places: &[
            "channels.discord.dm",
            "channels.discord.accounts.*.dm",
            "channels.googlechat.dm",
            "channels.googlechat.accounts.*.dm",
            "channels.slack.dm",
            "channels.slack.accounts.*.dm",
        ],
        check: |place, findings| check_open(place, "policy", findings),
    },
    Rule {
        releases: EARLY,
        places: &["channels.slack"],
        check: check_slack,
    },
    Rule {
        releases: BOTH,
        places: &["channels.*"],
        check: check_name,
    },
    Rule {
        releases: BOTH,
        places: &[
            "agents.defaults.heartbeat",
            "agents.list.[].heartbeat",
            "agents.entries.*.heartbeat",
        ],
        check: check_heartbeat_target,
    },
    Rule {
        releases: EARLY,
        places: &["plugins"],
        check: check_plugins,
    },
    Rule {
        releases: LATE,
        places: &["plugins.slots.memory"],
        check: check_late_memory,
    },
];

/// Keys of `channels` that are no channels.
const OTHER_KEYS: [&str; 2] = ["defaults", "modelByChannel"];

/// The channels of the early release and of the plugins that come with it.
const EARLY_CHANNELS: [&str; 18] = [
    "bluebubbles",
    "discord",
    "googlechat",
    "imessage",
    "line",
    "matrix",
    "mattermost",
    "msteams",
    "nextcloud-talk",
    "nostr",
    "signal",
    "slack",
    "telegram",
    "tlon",
    "twitch",
    "whatsapp",
    "zalo",
    "zalouser",
];

/// The channels of the late release and of the plugins that come with it.
const LATE_CHANNELS: [&str; 26] = [
    "a2a",
    "buzz",
    "clickclack",
    "discord",
    "feishu",
    "googlechat",
    "imessage",
    "irc",
    "line",
    "matrix",
    "mattermost",
    "msteams",
    "nextcloud-talk",
    "nostr",
    "raft",
    "reef",
    "signal",
    "slack",
    "sms",
    "synology-chat",
    "telegram",
    "tlon",
    "twitch",
    "whatsapp",
    "zalo",
    "zalouser",
];

/// Other names of channels.
const ALIASES: [(&str, &str); 4] = [
    ("imsg", "imessage"),
    ("google-chat", "googlechat"),
    ("gchat", "googlechat"),
    ("lark", "feishu"),
];

/// The plugins that come with the early release.
const EARLY_PLUGINS: [&str; 30] = [
    "bluebubbles",
    "copilot-proxy",
    "diagnostics-otel",
    "discord",
    "google-antigravity-auth",
    "google-gemini-cli-auth",
    "googlechat",
    "imessage",
    "line",
    "llm-task",
    "lobster",
    "matrix",
    "mattermost",
    "memory-core",
    "memory-lancedb",
    "minimax-portal-auth",
    "msteams",
    "nextcloud-talk",
    "nostr",
    "open-prose",
    "qwen-portal-auth",
    "signal",
    "slack",
    "telegram",
    "tlon",
    "twitch",
    "voice-call",
    "whatsapp",
    "zalo",
    "zalouser",
];

fn channels(release: Release) -> &'static [&'static str] {
    match release {
        Release::Early => &EARLY_CHANNELS,
        Release::Late => &LATE_CHANNELS,
    }
}

/// A channel that is open to everybody says so twice. (The late release warns only.)
fn check_open(place: &Place<'_>, policy: &str, findings: &mut Vec<SchemaFinding>) {
    let is_open = place.text(policy) == Some("open");
    if is_open
        && !entries(place.value.get("allowFrom"))
            .iter()
            .any(|entry| entry == "*")
    {
        findings.push(place.refuse(&["allowFrom"], msg!("config.rule-open")));
    }
}

fn check_slack(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let has_secret = |of: &Value| {
        of.get("signingSecret")
            .and_then(Value::as_str)
            .is_some_and(|secret| !secret.is_empty())
    };
    let mode = |of: &Value| of.get("mode").and_then(Value::as_str).map(str::to_owned);
    let base_mode = mode(place.value).unwrap_or_else(|| "socket".to_owned());
    if base_mode == "http" && !has_secret(place.value) {
        findings.push(place.refuse(&["signingSecret"], msg!("config.rule-slack-secret")));
    }
    let accounts = place
        .value
        .get("accounts")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    for (id, account) in accounts.filter(|(_, account)| account.get("enabled") != Some(&Value::Bool(false))) {
        let is_http = mode(account).as_ref().unwrap_or(&base_mode) == "http";
        if is_http && !has_secret(account) && !has_secret(place.value) {
            findings.push(place.refuse(
                &["accounts", id, "signingSecret"],
                msg!("config.rule-slack-secret"),
            ));
        }
    }
}

/// Returns whether a config is for plugins that do not come with the release: nobody can tell then what they bring.
pub(super) fn has_foreign_plugins(config: &Value) -> bool {
    let has = |key: &str| match config.pointer("/plugins").and_then(|plugins| plugins.get(key)) {
        Some(Value::Object(map)) => !map.is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        _ => false,
    };
    has("installs")
        || config
            .pointer("/plugins/load/paths")
            .is_some_and(|paths| paths != &Value::Array(Vec::new()))
}

fn check_name(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let key = place.last_key().unwrap_or_default().trim();
    let is_known = key.is_empty() || channels(place.release).contains(&key) || key == OTHER_KEYS[0];
    let is_known = is_known || (place.release == Release::Late && key == OTHER_KEYS[1]);
    if is_known || has_foreign_plugins(place.config) || names_plugin(place.config, key) {
        return;
    }
    let known = channels(place.release).iter().copied();
    findings.push(place.not_installed(&[], msg!("config.rule-channel"), key, known));
}

/// Returns whether a config names a plugin in its list or its settings of plugins: the late release then only warns
/// where the plugin is missing.
pub(super) fn names_plugin(config: &Value, plugin: &str) -> bool {
    let plugins = config.get("plugins");
    let is_allowed = entries(plugins.and_then(|plugins| plugins.get("allow")))
        .iter()
        .any(|allowed| allowed == plugin);
    is_allowed
        || plugins
            .and_then(|plugins| plugins.get("entries")?.get(plugin))
            .is_some()
}

fn check_heartbeat_target(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let Some(target) = place
        .text("target")
        .filter(|_| !has_foreign_plugins(place.config))
    else {
        return;
    };
    let target = folded(Some(target));
    let channel = ALIASES
        .iter()
        .find(|(alias, _)| *alias == target)
        .map_or(target.as_str(), |(_, channel)| channel);
    let is_word =
        ["last", "none"].contains(&target.as_str()) || (target == "owner" && place.release == Release::Late);
    if !is_word && !channels(place.release).contains(&channel) {
        let why = msg!("config.rule-heartbeat-target");
        let known = channels(place.release).iter().copied().chain(["last", "none"]);
        findings.push(place.not_installed(&["target"], why, &target, known));
    }
}

/// The plugins that the config names have to be installed. (The late release warns only.)
fn check_plugins(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    if has_foreign_plugins(place.config) {
        return;
    }
    let mut refuse = |keys: &[&str], plugin: &str| {
        let known = EARLY_PLUGINS.iter().copied();
        findings.push(place.not_installed(keys, msg!("config.rule-plugin"), plugin, known));
    };
    let is_unknown = |plugin: &str| !EARLY_PLUGINS.contains(&plugin);
    let named = place
        .value
        .get("entries")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    for (plugin, _) in named.filter(|(plugin, _)| is_unknown(plugin)) {
        refuse(&["entries", plugin], plugin);
    }
    for list in ["allow", "deny"] {
        let named = entries(place.value.get(list));
        if let Some(plugin) = named.iter().find(|plugin| is_unknown(plugin)) {
            refuse(&[list], plugin);
        }
    }
    let memory = place
        .value
        .pointer("/slots/memory")
        .and_then(Value::as_str)
        .map(str::trim);
    if let Some(plugin) = memory
        && !plugin.is_empty()
        && plugin != "none"
        && is_unknown(plugin)
    {
        refuse(&["slots", "memory"], plugin);
    }
}

/// The memory plugins that come with the late release, or that it offers to install.
const LATE_MEMORIES: [&str; 5] = [
    "active-memory",
    "memory-core",
    "memory-lancedb",
    "memory-wiki",
    "none",
];

fn check_late_memory(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let memory = place.value.as_str().map(str::trim).unwrap_or_default();
    if !memory.is_empty() && !LATE_MEMORIES.contains(&memory) && !has_foreign_plugins(place.config) {
        findings.push(place.not_installed(&[], msg!("config.rule-plugin"), memory, LATE_MEMORIES));
    }
}
