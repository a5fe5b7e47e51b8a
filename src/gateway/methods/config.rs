//! `config.get`, and what other answers tell of the config. No secret leaves: what stands in its place is
//! what OpenClaw 2026.9.6 puts there.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Call;
use crate::config::key_path::KeyPath;
use crate::config::secrets::{self, REDACTED};
use crate::config::{self, LoadedConfig, schema};
use crate::gateway::protocol::{Fault, Protocol, Reply};
use crate::gateway::shared::Shared;
use crate::secret::{SecretOrigin, TextPiece};

/// The agents of a config, the default one first. `main` where it names none.
pub(super) fn agents(config: &Value) -> Vec<String> {
    let listed = config.pointer("/agents/list").and_then(Value::as_array);
    let listed: Vec<_> = listed.into_iter().flatten().collect();
    let entries = config.pointer("/agents/entries").and_then(Value::as_object);
    let id = |agent: &&Value| agent.get("id").and_then(Value::as_str).map(str::to_owned);
    let is_default = |agent: &&&Value| agent.get("default").and_then(Value::as_bool) == Some(true);
    let first = listed.iter().filter(is_default).filter_map(id);
    let others = listed.iter().filter_map(id);
    let named = entries.into_iter().flat_map(|map| map.keys().cloned());
    let mut ids = Vec::new();
    for id in first.chain(others).chain(named) {
        // An id is a folder's name below the state folder, and nothing else.
        let is_name = !id.is_empty() && !id.starts_with('.') && !id.contains(['/', '\\']);
        if is_name && !ids.contains(&id) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        ids.push("main".to_owned());
    }
    ids
}

/// The agent that is meant where none is named.
pub fn default_agent(config: &Value) -> String {
    agents(config).swap_remove(0)
}

/// What tells one config from another, and nothing else of it: salted with what only this process knows, so
/// that nobody finds a short password by trying.
pub fn fingerprint(shared: &Shared, config: &Value) -> String {
    salted(shared, config.to_string().as_bytes())
}

fn salted(shared: &Shared, bytes: &[u8]) -> String {
    let digest = Sha256::new()
        .chain_update(shared.salt)
        .chain_update(bytes)
        .finalize();
    format!("salted-sha256:v1:{}", URL_SAFE_NO_PAD.encode(digest))
}

/// What stands in the config file, and what came of it.
pub(super) async fn get(call: Call) -> Reply {
    let read = tokio::task::spawn_blocking(move || snapshot(&call));
    read.await
        .map_err(|_| Fault::unavailable("config can not be read"))
}

fn snapshot(call: &Call) -> Value {
    let shared = &call.shared;
    let path = &shared.instance.config_path;
    let mut answer = json!({
        "path": path.display().to_string(),
        "exists": true,
        "raw": null,
        "parsed": {},
        "valid": false,
        "config": {},
        "issues": [],
        "warnings": [],
        "legacyIssues": [],
    });
    let redacted = |value: &Value| secrets::redact(&KeyPath::root(), value);
    let broken = |fault: &config::fault::ConfigError| {
        let message = format!("{}: {}", fault.location(path), fault.why.render(shared.lang));
        json!([{"path": "", "message": message}])
    };
    match config::load(path) {
        LoadedConfig::Missing => {
            answer["exists"] = false.into();
            answer["valid"] = true.into();
        }
        LoadedConfig::Broken(fault) => answer["issues"] = broken(&fault),
        LoadedConfig::Ok(document) => {
            let pieces = secrets::pieces(&document, |_| SecretOrigin::Kept);
            answer["raw"] = if pieces.is_empty() {
                document.text().into()
            } else {
                pieces.iter().map(shown).collect::<String>().into()
            };
            answer["parsed"] = redacted(document.value());
            answer["hash"] = salted(shared, document.text().as_bytes()).into();
            match config::effective(path, &document) {
                Err(fault) => answer["issues"] = broken(&fault),
                Ok(value) => {
                    let findings = schema::refused_by_all(&value);
                    let issue = |finding: &schema::SchemaFinding| json!({"path": finding.path.to_string(), "message": finding.why.render(shared.lang)});
                    answer["valid"] = findings.is_empty().into();
                    answer["issues"] = findings.iter().map(issue).collect();
                    answer["config"] = redacted(&value);
                    if call.who.protocol == Protocol::Four {
                        answer["configRevisionHash"] = fingerprint(shared, &value).into();
                    }
                }
            }
        }
    }
    if call.who.protocol == Protocol::Four {
        let live = shared.live();
        answer["appliedConfigHash"] = fingerprint(shared, &live.config).into();
        answer["runtimeConfig"] = redacted(&live.config);
    }
    answer
}

fn shown(piece: &TextPiece) -> &str {
    match piece {
        TextPiece::Text(text) => text,
        TextPiece::Hidden(_) => REDACTED,
    }
}
