//! Every config that is written passes the strict schema of both releases of OpenClaw.

use serde_json::{Value, json};

use super::{onboard_ok, read_config};
use crate::support::Sandbox;

const EARLY: &str = include_str!("../../schemas/openclaw-2026.1.30.config.schema.json");
const LATE: &str = include_str!("../../schemas/openclaw-2026.9.6.config.schema.json");

/// Returns a validator for the schema of a release.
fn validator(schema: &str) -> jsonschema::Validator {
    let mut schema: Value = serde_json::from_str(schema).expect("JSON");
    relax(&mut schema);
    // The schemas of single plugins were pasted in whole, their references point nowhere.
    schema["properties"]["plugins"] = json!({ "type": "object" });
    jsonschema::validator_for(&schema).expect("a schema")
}

/// Relaxes a schema to what the reader of a file expects: a key with a default may be missing. Patterns with `\0` are
/// removed, because they are valid in JavaScript only and none is on a key that this program writes.
fn relax(node: &mut Value) {
    match node {
        Value::Object(map) => {
            map.retain(|key, value| {
                key != "pattern" || !value.as_str().is_some_and(|text| text.contains("\\0"))
            });
            let defaults: Vec<_> = (map
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten())
            .filter(|(_, of_key)| of_key.get("default").is_some())
            .map(|(key, _)| Value::from(key.as_str()))
            .collect();
            if let Some(required) = map.get_mut("required").and_then(Value::as_array_mut) {
                required.retain(|key| !defaults.contains(key));
            }
            map.values_mut().for_each(relax);
        }
        Value::Array(list) => list.iter_mut().for_each(relax),
        _ => {}
    }
}

/// Flags that together choose every gateway setting, provider and channel.
const CHOICES: [&[&str]; 8] = [
    &[],
    &[
        "--gateway-bind",
        "lan",
        "--gateway-auth",
        "password",
        "--gateway-password",
        "p4ss",
    ],
    &["--gateway-bind", "tailnet", "--gateway-token", "tok"],
    &[
        "--gateway-bind",
        "auto",
        "--auth-choice",
        "apiKey",
        "--anthropic-api-key",
        "k",
    ],
    &["--auth-choice", "openai-api-key", "--openai-api-key", "k"],
    &[
        "--auth-choice",
        "openrouter-api-key",
        "--openrouter-api-key",
        "k",
        "--channel",
        "discord",
        "--channel-token",
        "d",
    ],
    &[
        "--auth-choice",
        "gemini-api-key",
        "--gemini-api-key",
        "k",
        "--model",
        "google/x",
    ],
    &[
        "--flow",
        "advanced",
        "--auth-choice",
        "custom-api-key",
        "--custom-base-url",
        "http://127.0.0.1:11434/v1",
        "--custom-model-id",
        "llama",
        "--custom-provider-id",
        "home",
        "--custom-api-key",
        "k",
        "--channel",
        "telegram",
        "--channel-token",
        "1:b",
        "--gateway-auth",
        "password",
        "--gateway-password",
        "p",
        "--gateway-bind",
        "lan",
    ],
];

#[test]
fn new_configs_pass_the_schemas_of_both_releases() {
    let validators = [("2026.1.30", validator(EARLY)), ("2026.9.6", validator(LATE))];
    for choice in CHOICES {
        let sandbox = Sandbox::new();
        let _ = onboard_ok(&sandbox, "rescue", choice);
        let config = read_config(&sandbox, "rescue");
        for (release, validator) in &validators {
            let errors: Vec<_> = validator.iter_errors(&config).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{release}, {choice:?}: {errors:?}\n{config:#}");
        }
        let _ = sandbox
            .run(["--profile", "rescue", "config", "validate"])
            .exits(0);
    }
}

#[test]
fn schema_refuses_a_key_of_another_release() {
    let canvas = json!({ "canvasHost": { "port": 18793 } });
    assert!(validator(EARLY).is_valid(&canvas) && !validator(LATE).is_valid(&canvas));
}
