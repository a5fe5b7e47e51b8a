//! Rules about tools and about what is kept of sessions.

use serde_json::Value;

use super::super::finding::SchemaFinding;
use super::place::{BOTH, EARLY, LATE, Place, Rule, has_items};
use super::{channels, texts};
use crate::config::key_path::KeyPath;
use crate::config::release::Release;
use crate::i18n::msg;

pub(super) const RULES: &[Rule] = &[
    Rule {
        releases: BOTH,
        places: &[""],
        check: check_policies,
    },
    Rule {
        releases: EARLY,
        places: &["messages.tts"],
        check: check_speech,
    },
    Rule {
        releases: LATE,
        places: &["tools.exec", "agents.entries.*.tools.exec"],
        check: check_exec_mode,
    },
    Rule {
        releases: LATE,
        places: &["tools.web.search"],
        check: check_web_search,
    },
    Rule {
        releases: LATE,
        places: &["session.maintenance.archiveDashboardAfter"],
        check: check_archive_age,
    },
];

fn check_policies(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    check_policy(place.value, &place.path, place.release, findings);
}

/// A list of allowed tools is either the whole list or an addition to one, wherever it is.
fn check_policy(value: &Value, path: &KeyPath, release: Release, findings: &mut Vec<SchemaFinding>) {
    match value {
        Value::Object(map) => {
            if has_items(map.get("allow")) && has_items(map.get("alsoAllow")) {
                findings.push(SchemaFinding::invalid_value(
                    path.clone(),
                    msg!("config.rule-tool-lists"),
                    value,
                ));
            }
            let is_root = path.segments().is_empty();
            // The late release has schemas of their own for channels, which do not say this.
            let is_skipped =
                |key: &str| is_root && (key == "plugins" || (key == "channels" && release == Release::Late));
            for (key, value) in map.iter().filter(|(key, _)| !is_skipped(key)) {
                check_policy(value, &path.child(key), release, findings);
            }
        }
        Value::Array(elements) => {
            for (at, value) in elements.iter().enumerate() {
                check_policy(value, &path.index(at), release, findings);
            }
        }
        _ => {}
    }
}

/// A key that the early release still has in its schema, but refuses because it was replaced.
fn check_speech(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    if place.value.get("enabled").is_some() {
        findings.push(place.refuse(
            &["enabled"],
            msg!("config.rule-replaced", key = "messages.tts.auto"),
        ));
    }
}

fn check_exec_mode(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let has = |key: &str| place.value.get(key).is_some();
    if has("mode") && (has("security") || has("ask")) {
        findings.push(place.refuse(&["mode"], msg!("config.rule-exec-mode")));
    }
}

/// The providers of web searches that come with the late release, and those that it can install.
const SEARCH_PROVIDERS: [&str; 4] = ["gemini", "grok", "minimax", "ollama"];

/// The plugins that bring a provider of another name.
const SEARCH_PLUGINS: [(&str, &str); 1] = [("kimi", "moonshot")];

/// Providers whose settings were once beside the choice of the provider.
const FORMER_SEARCH_SETTINGS: [&str; 9] = [
    "brave",
    "duckduckgo",
    "exa",
    "firecrawl",
    "gemini",
    "grok",
    "kimi",
    "perplexity",
    "searxng",
];

fn check_web_search(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    if place.value.get("apiKey").is_some() {
        findings.push(SchemaFinding::unknown_key(place.path.child("apiKey"), None));
    }
    let former = FORMER_SEARCH_SETTINGS
        .iter()
        .filter(|key| place.value.get(**key).is_some_and(Value::is_object));
    findings.extend(former.map(|key| SchemaFinding::unknown_key(place.path.child(*key), None)));
    let Some(provider) = place.text("provider").map(str::trim) else {
        return;
    };
    let plugin = SEARCH_PLUGINS.iter().find(|(name, _)| *name == provider);
    let plugin = plugin.map_or(provider, |(_, plugin)| plugin);
    let is_of_plugin =
        channels::has_foreign_plugins(place.config) || channels::names_plugin(place.config, plugin);
    if !SEARCH_PROVIDERS.contains(&provider) && !is_of_plugin {
        let why = msg!("config.rule-search-provider");
        findings.push(place.not_installed(&["provider"], why, provider, SEARCH_PROVIDERS));
    }
}

/// The number 0 and `false` turn the archive off; any other value is an age.
fn check_archive_age(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    if place
        .value
        .as_str()
        .is_some_and(|age| !texts::is_positive_duration(age))
    {
        findings.push(place.refuse(&[], msg!("config.rule-duration")));
    }
}
