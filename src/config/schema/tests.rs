use serde_json::json;

use super::*;
use crate::i18n::Lang;

fn finding_lines(config: &Value, release: Release) -> Vec<String> {
    check(config, release)
        .into_iter()
        .map(|f| format!("{} {}", f.path, f.why.key()))
        .collect()
}

/// Returns what either release refuses.
fn lines_of_both(config: &Value) -> Vec<String> {
    let mut lines = finding_lines(config, Release::Early);
    lines.extend(finding_lines(config, Release::Late));
    lines.dedup();
    lines
}

/// Returns the validator of a release's own schema.
pub(crate) fn validator(release: Release) -> jsonschema::Validator {
    let mut schema = schema(release);
    drop_foreign_patterns(&mut schema);
    // The schemas of single plugins were pasted in whole, their references point nowhere.
    schema["properties"]["plugins"] = json!({ "type": "object" });
    jsonschema::validator_for(&schema).unwrap()
}

/// Removes patterns with `\0`, which JavaScript reads and Rust's regex engines refuse. None is on a key of ours.
fn drop_foreign_patterns(node: &mut Value) {
    match node {
        Value::Object(map) => {
            map.retain(|key, value| {
                key != "pattern" || !value.as_str().is_some_and(|text| text.contains("\\0"))
            });
            map.values_mut().for_each(drop_foreign_patterns);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_foreign_patterns),
        _ => {}
    }
}

/// Returns the schema of a release: the late one as published, the early one made from its validator.
fn schema(release: Release) -> Value {
    let text = match release {
        Release::Early => include_str!("../../../tests/fixtures/openclaw-2026.1.30.config.schema.json"),
        Release::Late => include_str!("../../../tests/fixtures/openclaw-2026.9.6.config.schema.json"),
    };
    serde_json::from_str(text).unwrap()
}

fn new_config() -> Value {
    json!({
        "agents": { "defaults": { "workspace": "/h/.openclaw-rescue/workspace-rescue", "model": { "primary": "x/y" } } },
        "auth": { "profiles": { "anthropic:default": { "provider": "anthropic", "mode": "api_key" } } },
        "channels": { "telegram": { "botToken": "1:a" }, "discord": { "token": "x" } },
        "gateway": { "mode": "local", "port": 19789, "bind": "loopback", "auth": { "mode": "token", "token": "t" },
                     "tailscale": { "mode": "off" } },
        "wizard": { "lastRunAt": "2026-01-01T00:00:00.000Z", "lastRunVersion": "2026.1.30",
                    "lastRunCommand": "onboard", "lastRunMode": "local" },
        "meta": { "lastTouchedVersion": "2026.1.30" },
    })
}

#[test]
fn new_config_is_valid_in_both_releases() {
    for release in Release::ALL {
        assert_eq!(finding_lines(&new_config(), release), [""; 0], "{release:?}");
    }
}

#[test]
fn each_release_refuses_the_others_keys() {
    for (config, early, late) in [
        (
            json!({ "canvasHost": { "port": 18793 } }),
            None,
            Some("canvasHost config.schema-unknown"),
        ),
        (
            json!({ "meta": { "lastTouchedAt": "x" } }),
            None,
            Some("meta.lastTouchedAt config.schema-unknown"),
        ),
        (
            json!({ "browser": { "color": "#FF4500" } }),
            None,
            Some("browser.color config.schema-unknown"),
        ),
        (
            json!({ "gateway": { "customBindHost": "10.0.0.1" } }),
            Some("gateway.customBindHost config.schema-unknown"),
            None,
        ),
        (
            json!({ "gateway": { "auth": { "mode": "none" } } }),
            Some("gateway.auth.mode config.schema-word"),
            None,
        ),
        (
            json!({ "agents": { "entries": { "main": { "name": "m" } } } }),
            Some("agents.entries config.schema-unknown"),
            None,
        ),
        (
            json!({ "browser": { "profiles": { "work": { "cdpPort": 18801 } } } }),
            Some("browser.profiles.work config.schema-required"),
            None,
        ),
    ] {
        assert_eq!(
            finding_lines(&config, Release::Early),
            Vec::from_iter(early.map(str::to_owned))
        );
        assert_eq!(
            finding_lines(&config, Release::Late),
            Vec::from_iter(late.map(str::to_owned))
        );
        assert_eq!(lines_of_both(&config).len(), 1, "{config}");
    }
}

#[test]
fn wrong_values_are_found_with_their_path() {
    for (config, expected) in [
        (json!({ "foo": 1 }), "foo config.schema-unknown"),
        (
            json!({ "gateway": { "prot": 1 } }),
            "gateway.prot config.schema-unknown",
        ),
        (
            json!({ "gateway": { "port": "18789" } }),
            "gateway.port config.schema-port",
        ),
        (
            json!({ "gateway": { "port": 0 } }),
            "gateway.port config.schema-port",
        ),
        (
            json!({ "gateway": { "port": 65536 } }),
            "gateway.port config.schema-port",
        ),
        (
            json!({ "gateway": { "port": 1.5 } }),
            "gateway.port config.schema-port",
        ),
        (json!({ "gateway": 18789 }), "gateway config.schema-object"),
        (
            json!({ "gateway": { "bind": "0.0.0.0" } }),
            "gateway.bind config.schema-word",
        ),
        (
            json!({ "gateway": { "auth": { "token": 7 } } }),
            "gateway.auth.token config.schema-text",
        ),
        (
            json!({ "gateway": { "trustedProxies": "a" } }),
            "gateway.trustedProxies config.schema-texts",
        ),
        (
            json!({ "agents": { "list": [{ "name": "x" }] } }),
            "agents.list[0] config.schema-required",
        ),
        (
            json!({ "agents": { "list": {} } }),
            "agents.list config.schema-list",
        ),
        (json!({ "tools": [] }), "tools config.schema-object"),
        (
            json!({ "channels": { "telegram": { "dmPolicy": "open" } } }),
            "channels.telegram.allowFrom config.schema-open",
        ),
    ] {
        assert_eq!(lines_of_both(&config), [expected], "{config}");
        for lang in Lang::all() {
            let why = check(&config, Release::Late)[0].why.render(lang);
            assert!(!why.contains('{') && !why.starts_with("config."), "{why}");
        }
    }
}

#[test]
fn variable_may_stand_for_any_text() {
    let config = json!({ "gateway": { "bind": "${BIND}", "auth": { "token": "${TOKEN}" } } });
    assert_eq!(lines_of_both(&config), [""; 0]);
    // OpenClaw substitutes texts: a port from a variable stays a text and is refused there too.
    assert_eq!(
        finding_lines(&json!({ "gateway": { "port": "${P}" } }), Release::Early).len(),
        1
    );
}

#[test]
fn keys_below_the_table_are_not_checked() {
    let config = json!({
        "tools": { "anything": { "at": "all" } },
        "channels": { "matrix": { "homeserver": 7 }, "telegram": { "groups": { "*": { "odd": 1 } } } },
        "$include": "./more.json5",
        "gateway": { "$include": ["./gateway.json5"] },
    });
    assert_eq!(lines_of_both(&config), [""; 0]);
}

/// Returns a value that fits a shape and one that does not, where both releases' schemas say so.
fn samples(shape: Shape) -> (Value, Option<Value>) {
    match shape {
        Shape::Any => (Value::Null, None),
        Shape::Object => (json!({}), Some(json!(1))),
        // A URL is a text that even the keys with a format take.
        Shape::Text | Shape::Secret => (json!("https://x.example"), Some(json!(true))),
        Shape::Texts => (json!(["x"]), Some(json!([1]))),
        Shape::OneOf(words) => (json!(words[0]), Some(json!("no such word"))),
        Shape::Colour => (json!("#FF4500"), Some(json!("orange"))),
        Shape::Bool => (json!(true), Some(json!("true"))),
        Shape::Port => (json!(18789), Some(json!(0))),
        Shape::Whole(least) => (json!(least.max(1)), Some(json!(least - 1))),
        Shape::Number => (json!(1), Some(json!("1"))),
    }
}

/// Returns a config with one value at the path of a rule.
fn config_with(pattern: &str, value: Value) -> Value {
    pattern.rsplit('.').fold(value, |value, step| match step {
        "[]" => json!([value]),
        "*" => json!({ "some-name": value }),
        key => json!({ key: value }),
    })
}

/// Compares every rule of the table with the release's own schema, one key at a time: what the table accepts the schema
/// accepts, and what the table refuses the schema refuses *at that key*.
#[test]
fn table_agrees_with_the_schemas_of_both_releases() {
    for (release, releases) in [(Release::Early, Releases::Early), (Release::Late, Releases::Late)] {
        let validator = validator(release);
        let mut compared = 0;
        // The config has one key only, so what the schema wants beside it does not count.
        let errors = |config: &Value| -> Vec<String> {
            let is_missing =
                |kind: &_| matches!(kind, jsonschema::error::ValidationErrorKind::Required { .. });
            validator
                .iter_errors(config)
                .filter(|e| !is_missing(e.kind()))
                .map(|e| e.to_string())
                .collect()
        };
        for KeyRule(pattern, _, shape) in table::KEY_RULES.iter().filter(|rule| rule.1.overlaps(releases)) {
            // The late reader still takes the list of agents and turns it into entries; its schema does not.
            if release == Release::Late && pattern.starts_with("agents.list") {
                continue;
            }
            let (good, bad) = samples(*shape);
            if !matches!(shape, Shape::Any) {
                let config = config_with(pattern, good);
                assert_eq!(errors(&config), [""; 0], "{release:?} {pattern}");
                let own = check(&config, release);
                assert!(
                    own.iter().all(|f| f.why.key() == "config.schema-required"),
                    "{pattern} {own:?}"
                );
            }
            if let Some(bad) = bad {
                let config = config_with(pattern, bad);
                assert_ne!(errors(&config), [""; 0], "{release:?} {pattern}");
                assert_ne!(finding_lines(&config, release), [""; 0], "{release:?} {pattern}");
            }
            compared += 1;
        }
        assert!(compared > 150, "{compared}");
    }
}

/// Compares the other way round: every key that a release's schema names, down to where the table stops, is in the
/// table.
#[test]
fn table_has_every_key_of_the_schemas() {
    fn resolve<'a>(root: &'a Value, mut node: &'a Value) -> &'a Value {
        while let Some(to) = node.get("$ref").and_then(Value::as_str) {
            node = root
                .pointer(to.trim_start_matches('#'))
                .expect("a reference into the schema");
        }
        node
    }
    for (release, releases) in [(Release::Early, Releases::Early), (Release::Late, Releases::Late)] {
        let schema = schema(release);
        let rules: Vec<&KeyRule> = table::KEY_RULES
            .iter()
            .filter(|rule| rule.1.overlaps(releases))
            .collect();
        let mut todo = vec![(String::new(), &schema)];
        let mut count = 0;
        while let Some((at, node)) = todo.pop() {
            let node = resolve(&schema, node);
            let strict = node.get("additionalProperties") == Some(&json!(false));
            for (key, child) in node
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                let path = if at.is_empty() {
                    key.clone()
                } else {
                    format!("{at}.{key}")
                };
                let below = format!("{path}.");
                let is_named = rules
                    .iter()
                    .any(|rule| rule.0 == path || rule.0.starts_with(&below));
                assert!(is_named || !strict || at == "channels", "{release:?} {path}");
                count += 1;
                if rules.iter().any(|rule| rule.0.starts_with(&below)) {
                    todo.push((path, child));
                }
            }
        }
        assert!(count > 150, "{count}");
    }
}
