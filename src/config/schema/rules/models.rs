//! Rules about model providers and models.

use serde_json::Value;

use super::super::finding::SchemaFinding;
use super::place::{LATE, Place, Rule};
use crate::i18n::msg;

pub(super) const RULES: &[Rule] = &[
    Rule {
        releases: LATE,
        places: &["models.providers.*"],
        check: check_provider,
    },
    Rule {
        releases: LATE,
        places: &["agents.defaults.models.*", "agents.entries.*.models.*"],
        check: check_exact_model,
    },
    Rule {
        releases: LATE,
        places: &["agents.defaults", "agents.entries.*"],
        check: check_model_policy,
    },
];

/// The providers that the late release knows by itself: a config may change single settings of them.
const BUILT_IN_PROVIDERS: &[&str] = &[
    "amazon-bedrock",
    "amazon-bedrock-mantle",
    "anthropic",
    "anthropic-vertex",
    "arcee",
    "azure-openai-responses",
    "byteplus",
    "byteplus-plan",
    "cerebras",
    "chutes",
    "claude-cli",
    "clawrouter",
    "cloudflare-ai-gateway",
    "codex",
    "comfy",
    "copilot-proxy",
    "dashscope",
    "deepinfra",
    "deepseek",
    "fal",
    "fireworks",
    "github-copilot",
    "gmi",
    "gmi-cloud",
    "gmicloud",
    "google",
    "google-antigravity",
    "google-gemini-cli",
    "google-vertex",
    "groq",
    "huggingface",
    "kilocode",
    "kimi",
    "kimi-coding",
    "litellm",
    "lmstudio",
    "meta",
    "microsoft-foundry",
    "minimax",
    "minimax-portal",
    "mistral",
    "modelstudio",
    "moonshot",
    "moonshot-ai",
    "moonshotai",
    "nvidia",
    "novita",
    "novita-ai",
    "novitaai",
    "ollama",
    "ollama-cloud",
    "openai",
    "opencode",
    "opencode-go",
    "openrouter",
    "qianfan",
    "qwen",
    "qwen-token-plan",
    "qwencloud",
    "sglang",
    "stepfun",
    "stepfun-plan",
    "synthetic",
    "tencent-tokenhub",
    "tencent-tokenplan",
    "together",
    "venice",
    "vercel-ai-gateway",
    "vllm",
    "volcengine",
    "volcengine-plan",
    "vydra",
    "x-ai",
    "xai",
    "xiaomi",
    "xiaomi-token-plan",
    "z.ai",
    "z-ai",
    "zai",
];

/// A provider of one's own needs an address and models.
fn check_provider(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let id = place.last_key().unwrap_or_default().trim().to_ascii_lowercase();
    if BUILT_IN_PROVIDERS.contains(&id.as_str()) {
        return;
    }
    if place.text("baseUrl").is_none_or(str::is_empty) {
        findings.push(SchemaFinding::missing_key(place.path.clone(), "baseUrl"));
    }
    if place.value.get("models").is_none() {
        findings.push(SchemaFinding::missing_key(place.path.clone(), "models"));
    }
}

/// Returns whether a text names one model of a provider.
fn is_model(text: &str) -> bool {
    let parts = text.trim().split_once('/');
    parts.is_some_and(|(provider, model)| !provider.trim().is_empty() && !model.trim().is_empty())
}

fn check_exact_model(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let name = place.last_key().unwrap_or_default();
    let is_exact = is_model(name) && !name.contains('*');
    for key in ["pickerRuntimes", "codeMode"] {
        if !is_exact && place.value.get(key).is_some() {
            findings.push(place.refuse(&[key], msg!("config.rule-exact-model")));
        }
    }
}

/// The models that a policy allows are aliases, models or the beginnings of models.
fn check_model_policy(place: &Place<'_>, findings: &mut Vec<SchemaFinding>) {
    let allowed = place
        .value
        .pointer("/modelPolicy/allow")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let defaults = place
        .config
        .pointer("/agents/defaults/models")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let own = place
        .value
        .get("models")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    let aliases: Vec<_> = defaults
        .chain(own)
        .filter_map(|(_, model)| model.get("alias")?.as_str())
        .map(|alias| alias.trim().to_ascii_lowercase())
        .collect();
    for (at, model) in allowed.enumerate() {
        let text = model.as_str().unwrap_or_default().trim();
        let name = text
            .strip_suffix("/*")
            .map_or_else(|| text.to_owned(), |start| format!("{start}/x"));
        let is_valid =
            (is_model(&name) && !name.contains('*')) || aliases.contains(&text.to_ascii_lowercase());
        if !is_valid {
            let path = place.path.child("modelPolicy").child("allow").index(at);
            findings.push(SchemaFinding::invalid_value(
                path,
                msg!("config.rule-allowed-model"),
                model,
            ));
        }
    }
}
