use serde_json::json;

use super::*;
use crate::i18n::Lang;

fn finding_lines(config: &Value, release: Release) -> Vec<String> {
    let findings = check(config, release).into_iter();
    findings
        .map(|finding| format!("{} {}", finding.path, finding.code))
        .collect()
}

/// Returns what either release refuses.
fn lines_of_both(config: &Value) -> Vec<String> {
    let mut lines = finding_lines(config, Release::Early);
    let late = finding_lines(config, Release::Late);
    let late: Vec<_> = late.into_iter().filter(|line| !lines.contains(line)).collect();
    lines.extend(late);
    lines
}

/// Returns the sentences of the findings in one release.
fn sentences(config: &Value, release: Release, lang: Lang) -> Vec<String> {
    let findings = check(config, release).into_iter();
    findings.map(|finding| finding.why.render(lang)).collect()
}

fn english() -> Lang {
    Lang::english()
}

#[test]
fn new_config_is_valid_in_both_releases() {
    let config = json!({
        "agents": { "defaults": { "workspace": "/h/.openclaw-rescue/workspace-rescue", "model": { "primary": "x/y" } } },
        "auth": { "profiles": { "anthropic:default": { "provider": "anthropic", "mode": "api_key" } } },
        "channels": { "telegram": { "botToken": "1:a" }, "discord": { "token": "x" } },
        "gateway": { "mode": "local", "port": 19789, "bind": "loopback", "auth": { "mode": "token", "token": "t" },
                     "tailscale": { "mode": "off" } },
        "wizard": { "lastRunAt": "2026-01-01T00:00:00.000Z", "lastRunVersion": "2026.1.30",
                    "lastRunCommand": "onboard", "lastRunMode": "local" },
        "meta": { "lastTouchedVersion": "2026.1.30" },
    });
    assert_eq!(lines_of_both(&config), [""; 0]);
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
        let expected = |line: Option<&str>| Vec::from_iter(line.map(str::to_owned));
        assert_eq!(finding_lines(&config, Release::Early), expected(early));
        assert_eq!(finding_lines(&config, Release::Late), expected(late));
    }
}

#[test]
fn wrong_values_are_found_with_their_path() {
    assert_found(&[
        (json!([]), " config.schema-object"),
        (json!({ "foo": 1 }), "foo config.schema-unknown"),
        (
            json!({ "gateway": { "prot": 1 } }),
            "gateway.prot config.schema-unknown",
        ),
        (
            json!({ "gateway": { "port": "18789" } }),
            "gateway.port config.schema-whole",
        ),
        (
            json!({ "gateway": { "port": 0 } }),
            "gateway.port config.schema-whole",
        ),
        (
            json!({ "gateway": { "port": 65536 } }),
            "gateway.port config.schema-whole",
        ),
        (
            json!({ "gateway": { "port": 1.5 } }),
            "gateway.port config.schema-whole",
        ),
        (json!({ "gateway": 18789 }), "gateway config.schema-object"),
        (
            json!({ "gateway": { "bind": "0.0.0.0" } }),
            "gateway.bind config.schema-word",
        ),
        (
            json!({ "gateway": { "remote": { "url": 7 } } }),
            "gateway.remote.url config.schema-text",
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
    ]);
}

#[test]
fn wrong_values_are_found_at_any_depth() {
    assert_found(&[
        (
            json!({ "channels": { "telegram": { "groups": { "-1": { "requireMention": "yes" } } } } }),
            "channels.telegram.groups.-1.requireMention config.schema-bool",
        ),
        (
            json!({ "env": { "vars": { "A": 1 } } }),
            "env.vars.A config.schema-text",
        ),
        (
            json!({ "tools": { "anything": {} } }),
            "tools.anything config.schema-unknown",
        ),
    ]);
}

/// Checks that each config has one finding in both releases, with a sentence in every language.
#[track_caller]
fn assert_found(cases: &[(Value, &str)]) {
    for (config, expected) in cases {
        assert_eq!(lines_of_both(config), [*expected], "{config}");
        for lang in Lang::all() {
            for sentence in sentences(config, Release::Late, lang) {
                assert!(
                    !sentence.contains('{') && !sentence.starts_with("config."),
                    "{sentence}"
                );
            }
        }
    }
}

#[test]
fn sentence_says_what_is_expected_and_what_stands_there() {
    let late = |config: Value| sentences(&config, Release::Late, english()).join("; ");
    assert_eq!(
        late(json!({ "gateway": { "prot": 1 } })),
        "unknown key; did you mean port?"
    );
    assert_eq!(
        late(json!({ "channels": { "telegram": { "groups": { "-1": { "requireMention": "yes" } } } } })),
        "must be true or false; it is \"yes\""
    );
    // A value that may be a secret is not shown.
    let token = late(json!({ "gateway": { "auth": { "token": 1234 } } }));
    assert!(!token.contains("1234"), "{token}");
}

#[test]
fn agents_that_the_late_release_can_not_list_are_named() {
    let config = json!({ "agents": { "list": [{ "id": "a" }, { "id": "a" }, { "id": "B" }] } });
    assert_eq!(finding_lines(&config, Release::Early), [""; 0]);
    assert_eq!(
        finding_lines(&config, Release::Late),
        [
            "agents.list[1].id config.rule-agent-twice",
            "agents.list[2].id config.rule-agent-listed-id"
        ]
    );
    // Findings in entries that were made of a list have the path of the list.
    let config = json!({ "agents": { "list": [{ "id": "a", "name": 7 }] } });
    assert_eq!(lines_of_both(&config), ["agents.list[0].name config.schema-text"]);
}

#[test]
fn variable_may_stand_for_any_text() {
    let config = json!({ "gateway": { "bind": "${BIND}", "auth": { "token": "${TOKEN}" } } });
    assert_eq!(lines_of_both(&config), [""; 0]);
    // OpenClaw substitutes texts: a port from a variable stays a text and is refused there too.
    assert_eq!(
        lines_of_both(&json!({ "gateway": { "port": "${P}" } })),
        ["gateway.port config.schema-whole"]
    );
}

#[test]
fn include_is_no_unknown_key() {
    let config = json!({
        "$include": "./more.json5",
        "gateway": { "$include": ["./gateway.json5"] },
        "auth": { "profiles": { "a:b": { "$include": "./auth.json5" } } },
    });
    assert_eq!(lines_of_both(&config), [""; 0]);
}

#[test]
fn violation_of_schema_and_rule_are_found_together_but_not_at_one_key() {
    let config = json!({
        "gateway": { "prot": 1 },
        "tools": { "allow": ["read"], "alsoAllow": ["write"] },
    });
    assert_eq!(
        lines_of_both(&config),
        [
            "gateway.prot config.schema-unknown",
            "tools config.rule-tool-lists"
        ]
    );
    let config = json!({ "gateway": { "port": "18789" } });
    assert_eq!(finding_lines(&config, Release::Late).len(), 1);
}
