//! What is written passes the strict schema of both releases of OpenClaw, whatever was chosen.

use serde_json::{Value, json};

use super::{config, onboarded};
use crate::support::Sandbox;

const EARLY: &str = include_str!("../fixtures/openclaw-2026.1.30.config.schema.json");
const LATE: &str = include_str!("../fixtures/openclaw-2026.9.6.config.schema.json");

/// The validator of a release's own schema.
fn validator(schema: &str) -> jsonschema::Validator {
    let mut schema: Value = serde_json::from_str(schema).expect("JSON");
    as_read(&mut schema);
    // The schemas of single plugins were pasted in whole, their references point nowhere.
    schema["properties"]["plugins"] = json!({ "type": "object" });
    jsonschema::validator_for(&schema).expect("a schema")
}

/// The schema as a reader of a file means it: what has a default may be missing there. Patterns with `\0`
/// are JavaScript's alone, and none is on a key of ours.
fn as_read(node: &mut Value) {
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
            map.values_mut().for_each(as_read);
        }
        Value::Array(list) => list.iter_mut().for_each(as_read),
        _ => {}
    }
}

#[test]
fn both_releases_accept_every_fresh_config() {
    let choices: [&[&str]; 8] = [
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
    let validators = [("2026.1.30", validator(EARLY)), ("2026.9.6", validator(LATE))];
    for choice in choices {
        let sandbox = Sandbox::new();
        let _ = onboarded(&sandbox, "rescue", choice);
        let config = config(&sandbox, "rescue");
        for (release, validator) in &validators {
            let faults: Vec<_> = validator.iter_errors(&config).map(|e| e.to_string()).collect();
            assert!(faults.is_empty(), "{release}, {choice:?}: {faults:?}\n{config:#}");
        }
        let _ = sandbox
            .run(["--profile", "rescue", "config", "validate"])
            .exits(0);
    }
}

#[test]
fn the_schemas_do_refuse_what_their_release_does_not_know() {
    let canvas = json!({ "canvasHost": { "port": 18793 } });
    assert!(validator(EARLY).is_valid(&canvas) && !validator(LATE).is_valid(&canvas));
}
