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
