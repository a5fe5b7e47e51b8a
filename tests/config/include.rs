//! A change of a value under `$include`: it is made in the file that is the whole section, or refused where it would not
//! be in force.

use serde_json::json;

use super::{CONFIG, config, config_json, config_ok, sandbox};
use crate::support::Sandbox;

const CHANNELS: &str = ".openclaw-rescue/config/channels.json";

const CHANNELS_TEXT: &str =
    "// of the channels\n{ telegram: { enabled: false, allowFrom: ['111', '222'] } }\n";

/// Creates a home folder in which `CHANNELS_TEXT` is included by this value of the config's key `channels`.
fn including(channels: &str) -> Sandbox {
    let sandbox = sandbox(&format!(
        "{{ gateway: {{ mode: 'local' }}, channels: {channels} }}"
    ));
    sandbox.write(CHANNELS, CHANNELS_TEXT);
    sandbox.write(
        ".openclaw-rescue/config/nested.json",
        "{ telegram: { $include: './telegram.json' } }",
    );
    sandbox.write(
        ".openclaw-rescue/config/telegram.json",
        "{ enabled: false, allowFrom: ['111', '222'] }",
    );
    sandbox
}

#[test]
fn section_that_is_one_included_file_is_changed_in_that_file() {
    let sandbox = including("{ $include: './config/channels.json' }");
    let main = sandbox.read(CONFIG);
    let run = config_json(&sandbox, &["set", "channels.telegram.allowFrom", "['111']"], 0);
    assert_eq!(run["file"], json!(sandbox.path(CHANNELS)));
    assert_eq!(sandbox.read(CONFIG), main);
    let text = sandbox.read(CHANNELS);
    assert!(text.contains("// of the channels"), "{text}");
    let value = |path| config_json(&sandbox, &["get", path], 0)["value"].clone();
    assert_eq!(value("channels.telegram.allowFrom"), json!(["111"]));
    assert_eq!(sandbox.read(format!("{CHANNELS}.bak")), CHANNELS_TEXT);

    config_ok(&sandbox, &["unset", "channels.telegram.allowFrom"]);
    config_json(&sandbox, &["get", "channels.telegram.allowFrom"], 1);
    assert_eq!(sandbox.read(CONFIG), main);

    config_ok(&sandbox, &["set", "channels.discord.enabled", "false"]);
    assert!(sandbox.read(CHANNELS).contains("discord"));
    config_ok(
        &sandbox,
        &["set", "--replace", "channels", "{ discord: { enabled: true } }"],
    );
    assert_eq!(value("channels"), json!({ "discord": { "enabled": true } }));
    assert_eq!(sandbox.read(CONFIG), main);
}

#[test]
fn section_of_an_included_file_is_changed_in_the_innermost_file() {
    for channels in [
        "{ $include: './config/nested.json' }",
        "{ telegram: { $include: './config/telegram.json' } }",
    ] {
        let sandbox = including(channels);
        config_ok(&sandbox, &["set", "channels.telegram.enabled", "true"]);
        let innermost = sandbox.read(".openclaw-rescue/config/telegram.json");
        assert!(innermost.contains("enabled: true"), "{innermost}");
        assert_eq!(
            config_json(&sandbox, &["get", "channels.telegram.enabled"], 0)["value"],
            true
        );
    }
}

#[test]
fn change_that_would_not_be_in_force_is_refused_and_names_the_included_file() {
    for (channels, change) in [
        ("{ $include: ['./config/channels.json'] }", "unset"),
        ("{ $include: ['./config/channels.json'] }", "set"),
        (
            "{ $include: './config/channels.json', telegram: { allowFrom: ['333'] } }",
            "set",
        ),
        (
            "{ $include: './config/channels.json', telegram: { allowFrom: ['333'] } }",
            "unset",
        ),
    ] {
        let sandbox = including(channels);
        let before = sandbox.tree();
        let args: &[&str] = match change {
            "set" => &["set", "channels.telegram.allowFrom", "['111']"],
            _ => &["unset", "channels.telegram.allowFrom"],
        };
        let refused = config_json(&sandbox, args, 78);
        assert_eq!(refused["code"], "config.from-include", "{channels}");
        let message = refused["message"].as_str().expect("a message");
        assert!(message.contains("channels.json"), "{message}");
        let after = sandbox.tree();
        let same = before.iter().all(|entry| after.contains(entry));
        assert!(same, "something was written");
    }
}

#[test]
fn key_beside_an_include_is_set_where_it_overrides_the_included_value() {
    let sandbox = including("{ $include: './config/channels.json', discord: { enabled: false } }");
    config_ok(&sandbox, &["set", "channels.telegram.enabled", "true"]);
    assert_eq!(sandbox.read(CHANNELS), CHANNELS_TEXT);
    let telegram = config_json(&sandbox, &["get", "channels.telegram"], 0)["value"].clone();
    assert_eq!(telegram, json!({ "enabled": true, "allowFrom": ["111", "222"] }));
}

#[test]
fn included_file_that_others_may_use_is_not_changed() {
    let sandbox = including("{ $include: '../shared.json' }");
    sandbox.write("shared.json", CHANNELS_TEXT);
    let refused = config_json(&sandbox, &["set", "channels.telegram.enabled", "true"], 78);
    assert_eq!(refused["code"], "config.include-outside");

    let sandbox = including("{ $include: './config/channels.json' }");
    sandbox.write(
        ".openclaw/openclaw.json",
        "{ channels: { $include: '../.openclaw-rescue/config/channels.json' } }",
    );
    let refused = config_json(&sandbox, &["set", "channels.telegram.enabled", "true"], 78);
    assert_eq!(refused["code"], "config.include-shared");
    assert_eq!(sandbox.read(CHANNELS), CHANNELS_TEXT);
}

#[test]
fn section_and_its_include_can_be_changed_themselves() {
    let sandbox = including("{ $include: './config/channels.json' }");
    config_ok(&sandbox, &["set", "channels.$include", "./config/nested.json"]);
    assert!(sandbox.read(CONFIG).contains("nested.json"));
    config_ok(&sandbox, &["unset", "channels"]);
    assert!(!sandbox.read(CONFIG).contains("channels"));
    assert_eq!(sandbox.read(CHANNELS), CHANNELS_TEXT, "the file stays");
    let missing = including("{ $include: './config/gone.json' }");
    let refused = config(&missing, &["set", "channels.telegram.enabled", "true"]).exits(78);
    assert!(refused.stderr.contains("gone.json"), "{refused:?}");
}
