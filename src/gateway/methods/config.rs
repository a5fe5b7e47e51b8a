//! The methods about the config, and the facts about the config in other answers. Secrets are replaced by the placeholder of
//! OpenClaw 2026.9.6.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::call::MethodCall;
use super::method::Method;
use crate::config::error::ConfigError;
use crate::config::judge::ConfigJudge;
use crate::config::key_path::KeyPath;
use crate::config::schema::SchemaFinding;
use crate::config::secrets;
use crate::config::{self, LoadedConfig};
use crate::gateway::protocol::{ErrorResponse, MethodResult, OperatorScope, Protocol};
use crate::gateway::state::GatewayState;
use crate::secret::REDACTED;
use crate::secret::{SecretOrigin, TextPiece};
use crate::sync::spawn_blocking;

/// Returns the ids of the agents in an OpenClaw config, the default one first; `main` where the config names none.
pub(super) fn agent_ids(config: &Value) -> Vec<String> {
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
        // An id is the name of a folder below the state folder, so it must not be a path.
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

/// Returns the id of the default agent in an OpenClaw config.
pub(crate) fn default_agent(config: &Value) -> String {
    agent_ids(config).swap_remove(0)
}

/// Returns the key of each agent's main session in an OpenClaw config.
pub(crate) fn main_key(config: &Value) -> String {
    let key = config.pointer("/session/mainKey").and_then(Value::as_str);
    key.unwrap_or("main").to_owned()
}

/// Returns who shares a session by an OpenClaw config: `per-sender`, or `global`.
pub(crate) fn session_scope(config: &Value) -> String {
    let scope = config.pointer("/session/scope").and_then(Value::as_str);
    scope.unwrap_or("per-sender").to_owned()
}

/// Returns a hash of an OpenClaw config, salted with a secret of this gateway process. It is salted with a secret of
/// this process, so that nobody finds a short password in the config by trying.
pub(crate) fn fingerprint(state: &GatewayState, config: &Value) -> String {
    salted_hash(state, config.to_string().as_bytes())
}

/// Returns the SHA-256 hash of some bytes, salted with a secret of this gateway process.
pub(super) fn salted_hash(state: &GatewayState, bytes: &[u8]) -> String {
    let digest = Sha256::new()
        .chain_update(state.fingerprint_salt)
        .chain_update(bytes)
        .finalize();
    format!("salted-sha256:v1:{}", URL_SAFE_NO_PAD.encode(digest))
}

/// The methods about the config.
pub(super) const METHODS: &[Method] =
    &[
        Method::future("config.get", OperatorScope::Admin, |call| get(call).boxed())
            .with_scope_since_4(OperatorScope::Read)
            .with_params(&[]),
    ];

/// Returns what is wrong with a config that can't be read, as answers to the gateway's methods have it.
pub(super) fn broken_issues(state: &GatewayState, path: &Path, fault: &ConfigError) -> Value {
    let message = format!("{}: {}", fault.location(path), fault.why.render(state.lang));
    json!([{"path": "", "message": message}])
}

/// Returns a value of a config that is refused, as answers to the gateway's methods have it.
pub(super) fn issue(state: &GatewayState, finding: &SchemaFinding) -> Value {
    json!({"path": finding.path.to_string(), "message": finding.why.render(state.lang)})
}

/// Answers the gateway's method `config.get`: the config file, whether it is valid, and the config that the gateway
/// runs with.
async fn get(call: MethodCall) -> MethodResult {
    let read = spawn_blocking(move || config_snapshot(&call));
    read.await
        .map_err(|_| ErrorResponse::unavailable("config cannot be read"))
}

/// Creates the gateway's answer to the method `config.get`: the config file, whether it is valid, and the config that
/// the gateway runs with.
fn config_snapshot(call: &MethodCall) -> Value {
    let state = &call.state;
    let path = &state.context.instance.config_path;
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
    let broken = |fault: &ConfigError| broken_issues(state, path, fault);
    match config::load(path) {
        LoadedConfig::Missing => {
            answer["exists"] = false.into();
            answer["valid"] = true.into();
        }
        LoadedConfig::Broken(fault) => answer["issues"] = broken(&fault),
        LoadedConfig::Ok(document) => {
            let pieces = secrets::redacted_pieces(&document, |_| SecretOrigin::Kept);
            answer["raw"] = if pieces.is_empty() {
                document.text().into()
            } else {
                pieces.iter().map(visible_text).collect::<String>().into()
            };
            answer["parsed"] = redacted(document.value());
            answer["hash"] = salted_hash(state, document.text().as_bytes()).into();
            match config::effective(path, &document) {
                Err(fault) => answer["issues"] = broken(&fault),
                Ok(effective) => {
                    let findings = ConfigJudge::native().refused(&effective);
                    let value = effective.value;
                    answer["valid"] = findings.is_empty().into();
                    answer["issues"] = findings.iter().map(|finding| issue(state, finding)).collect();
                    answer["config"] = redacted(&value);
                    if call.client.protocol == Protocol::Four {
                        answer["configRevisionHash"] = fingerprint(state, &value).into();
                        answer["sourceConfig"] = answer["parsed"].clone();
                        answer["resolved"] = answer["config"].clone();
                    }
                }
            }
        }
    }
    if call.client.protocol == Protocol::Four {
        let active = state.active();
        answer["appliedConfigHash"] = fingerprint(state, &active.config).into();
        answer["runtimeConfig"] = redacted(&active.config);
    }
    answer
}

/// Returns the text of a piece of the config file, or a placeholder where the piece is a secret.
fn visible_text(piece: &TextPiece) -> &str {
    match piece {
        TextPiece::Text(text) => text,
        TextPiece::Hidden(_) => REDACTED,
    }
}
