//! Every config that is written passes the strict schema of both releases of OpenClaw.

use serde_json::{Value, json};

use super::json_schema::violations;
use super::{onboard_ok, read_config};
use crate::support::Sandbox;

const EARLY: &str = include_str!("../../schemas/openclaw-2026.1.30.config.schema.json");
/// The schema of 2026.9.6.
pub const LATE: &str = include_str!("../../schemas/openclaw-2026.9.6.config.schema.json");

/// Returns the schema of a release for the configs that are on disk.
pub fn schema_for_files(schema: &str) -> Value {
    let mut schema: Value = serde_json::from_str(schema).expect("JSON");
    relax(&mut schema);
    // The schemas of single plugins were pasted in whole, their references point nowhere.
    schema["properties"]["plugins"] = json!({ "type": "object" });
    schema
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
    let schemas = [EARLY, LATE].map(schema_for_files);
    for choice in CHOICES {
        let sandbox = Sandbox::new();
        let _ = onboard_ok(&sandbox, "rescue", choice);
        let config = read_config(&sandbox, "rescue");
        for (release, schema) in ["2026.1.30", "2026.9.6"].into_iter().zip(&schemas) {
            let found = violations(schema, &config);
            assert!(found.is_empty(), "{release}, {choice:?}: {found:#?}\n{config:#}");
        }
        let _ = sandbox
            .run(["--profile", "rescue", "config", "validate"])
            .exits(0);
    }
}

#[test]
fn schema_refuses_a_key_of_another_release() {
    let canvas = json!({ "canvasHost": { "port": 18793 } });
    let [early, late] = [EARLY, LATE].map(schema_for_files);
    assert_eq!(violations(&early, &canvas), Vec::<String>::new());
    assert_eq!(
        violations(&late, &canvas),
        ["/canvasHost: nothing is allowed here"]
    );
}

#[test]
fn each_keyword_accepts_and_refuses() {
    let cases = [
        (json!({ "type": "integer" }), json!(2), json!(2.5)),
        (json!({ "type": ["null", "string"] }), json!(null), json!(true)),
        (
            json!({ "type": "array", "items": { "type": "number" } }),
            json!([1, 2.5]),
            json!([1, "2"]),
        ),
        (json!({ "const": "on" }), json!("on"), json!("off")),
        (json!({ "enum": ["lan", 1] }), json!(1), json!(2)),
        (
            json!({ "anyOf": [{ "const": 1 }, { "minimum": 5 }] }),
            json!(7),
            json!(3),
        ),
        (
            json!({ "oneOf": [{ "maximum": 5 }, { "minimum": 5 }] }),
            json!(6),
            json!(5),
        ),
        (
            json!({ "allOf": [{ "maximum": 5 }, { "minimum": 5 }] }),
            json!(5),
            json!(6),
        ),
        (json!({ "exclusiveMinimum": 0 }), json!(0.5), json!(0)),
        (json!({ "minLength": 2, "maxLength": 3 }), json!("üç"), json!("a")),
        (json!({ "maxLength": 1 }), json!("ü"), json!("üç")),
        (json!({ "pattern": "^a+$" }), json!("aa"), json!("ab")),
        (json!({ "required": ["a"] }), json!({ "a": 1 }), json!({ "b": 1 })),
        (
            json!({ "properties": { "a": { "const": 1 } } }),
            json!({ "b": 2 }),
            json!({ "a": 2 }),
        ),
        (
            json!({ "properties": { "a": true }, "additionalProperties": false }),
            json!({ "a": 1 }),
            json!({ "b": 1 }),
        ),
        (
            json!({ "propertyNames": { "maxLength": 1 } }),
            json!({ "a": 1 }),
            json!({ "bb": 1 }),
        ),
    ];
    for (schema, good, bad) in cases {
        assert_eq!(violations(&schema, &good), Vec::<String>::new(), "{schema}");
        assert_eq!(violations(&schema, &bad).len(), 1, "{schema}");
    }
}

#[test]
#[should_panic(expected = "a keyword that is not checked: contains")]
fn an_unknown_keyword_is_not_passed_over() {
    let _ = violations(&json!({ "contains": true }), &json!([1]));
}
