//! `config.schema`: the JSON schema of the config, as the release of the client's protocol has it.

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::call::MethodCall;
use super::method::Method;
use crate::config::release::Release;
use crate::gateway::protocol::{ErrorResponse, MethodResult, OperatorScope, Protocol};

/// The JSON schema of the config of OpenClaw 2026.1.30.
const EARLY_SCHEMA: &str = include_str!("../../../schemas/openclaw-2026.1.30.config.schema.json");
/// The JSON schema of the config of OpenClaw 2026.9.6.
const LATE_SCHEMA: &str = include_str!("../../../schemas/openclaw-2026.9.6.config.schema.json");

/// The method about the schema of the config.
pub(super) const METHODS: &[Method] =
    &[
        Method::future("config.schema", OperatorScope::Admin, |call| schema(call).boxed())
            .with_scope_since_4(OperatorScope::Read)
            .with_params(&[]),
    ];

/// Answers the gateway's method `config.schema`. The hints for pages are empty: labels then follow from the keys.
async fn schema(call: MethodCall) -> MethodResult {
    let (release, text) = match call.client.protocol {
        Protocol::Three => (Release::Early, EARLY_SCHEMA),
        Protocol::Four => (Release::Late, LATE_SCHEMA),
    };
    let parsed = tokio::task::spawn_blocking(|| serde_json::from_str::<Value>(text)).await;
    let unavailable = || ErrorResponse::unavailable("config schema cannot be read");
    let schema = parsed.ok().and_then(Result::ok).ok_or_else(unavailable)?;
    let generated = crate::time::format_millis(call.state.identity.started);
    Ok(json!({
        "schema": schema,
        "uiHints": {},
        "version": release.to_string(),
        "generatedAt": generated,
    }))
}
