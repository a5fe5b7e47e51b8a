//! `config.schema`: the JSON schema of the config, as the release of the client's protocol has it.
//!
//! The program holds the schemas compressed: they would be a twentieth of it, and few clients ask for one.

use std::io::{self, Read as _};

use flate2::read::GzDecoder;
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use super::call::MethodCall;
use super::method::Method;
use crate::config::release::Release;
use crate::gateway::protocol::{ErrorResponse, MethodResult, OperatorScope, Protocol};
use crate::sync::spawn_blocking;

/// The JSON schema of the config of OpenClaw 2026.1.30, compressed.
static EARLY_SCHEMA: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/2026.1.30.config.schema.json.gz"));
/// The JSON schema of the config of OpenClaw 2026.9.6, compressed.
static LATE_SCHEMA: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/2026.9.6.config.schema.json.gz"));

/// The method about the schema of the config.
pub(super) const METHODS: &[Method] =
    &[
        Method::future("config.schema", OperatorScope::Admin, |call| schema(call).boxed())
            .with_scope_since_4(OperatorScope::Read)
            .with_params(&[]),
    ];

/// Answers the gateway's method `config.schema`. The hints for pages are empty: labels then follow from the keys.
async fn schema(call: MethodCall) -> MethodResult {
    let release = match call.client.protocol {
        Protocol::Three => Release::Early,
        Protocol::Four => Release::Late,
    };
    let parsed = spawn_blocking(move || config_schema(release)).await;
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

/// Returns the JSON schema of the config of a release.
fn config_schema(release: Release) -> io::Result<Value> {
    let compressed = match release {
        Release::Early => EARLY_SCHEMA,
        Release::Late => LATE_SCHEMA,
    };
    let mut text = String::new();
    GzDecoder::new(compressed).read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_those_of_the_releases() {
        let early = include_str!("../../../schemas/openclaw-2026.1.30.config.schema.json");
        let late = include_str!("../../../schemas/openclaw-2026.9.6.config.schema.json");
        for (release, text) in [(Release::Early, early), (Release::Late, late)] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert!(config_schema(release).unwrap() == expected, "{release}");
        }
    }
}
