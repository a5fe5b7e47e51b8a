//! Verdicts about configs that were once said to be valid although a release refuses them.

use serde_json::json;

use super::{CONFIG, config, config_json, sandbox};

/// Checks which releases refuse a config, and at which path: an empty one where the release accepts it.
#[track_caller]
fn assert_refused(text: &str, early: &str, late: &str) {
    let sandbox = sandbox(text);
    for (release, path) in [("1.30", early), ("9.6", late)] {
        let code = i32::from(!path.is_empty());
        let verdict = config_json(&sandbox, &["validate", "--release", release], code);
        let paths: Vec<_> = verdict["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .map(|finding| &finding["path"])
            .collect();
        let expected: Vec<_> = [path].into_iter().filter(|path| !path.is_empty()).collect();
        assert_eq!(json!(paths), json!(expected), "{release} {text}");
    }
    // This program's own gateway refuses what both releases refuse.
    let code = i32::from(!early.is_empty() && !late.is_empty());
    let _ = config_json(&sandbox, &["validate"], code);
}

#[test]
fn config_writes_in_the_defaults_of_channels_are_refused() {
    let path = "channels.defaults.configWrites";
    assert_refused("{ channels: { defaults: { configWrites: true } } }", path, path);
}

#[test]
fn text_is_refused_where_a_group_needs_true_or_false() {
    let path = "channels.telegram.groups.-1001.requireMention";
    assert_refused(
        r#"{ channels: { telegram: { groups: { "-1001": { requireMention: "yes" } } } } }"#,
        path,
        path,
    );
}

#[test]
fn model_provider_of_ones_own_needs_its_address_and_models() {
    let sandbox = sandbox(r#"{ models: { providers: { x: { apiKey: "k" } } } }"#);
    for release in ["1.30", "9.6"] {
        let verdict = config_json(&sandbox, &["validate", "--release", release], 1);
        let messages = verdict["findings"].to_string();
        assert!(
            messages.contains("baseUrl") && messages.contains("models"),
            "{messages}"
        );
    }
    let _ = config_json(&sandbox, &["validate"], 1);
}

#[test]
fn number_is_refused_as_an_environment_variable() {
    assert_refused("{ env: { vars: { A: 1 } } }", "env.vars.A", "env.vars.A");
}

#[test]
fn idle_minutes_of_a_session_are_a_key_of_one_release() {
    assert_refused("{ session: { idleMinutes: 30 } }", "", "session.idleMinutes");
}

#[test]
fn not_a_number_is_named_with_its_place() {
    let sandbox = sandbox("{\n  gateway: { port: NaN },\n}\n");
    let error = config(&sandbox, &["validate"]).exits(78).stderr;
    assert!(error.contains(":2:20:"), "{error}");
}

#[test]
fn mistyped_channel_is_named_once_with_the_one_that_was_meant_and_not_refused() {
    let sandbox = sandbox("{ channels: { telegramm: { enabled: true } } }");
    let verdict = config_json(&sandbox, &["validate"], 0);
    let found = &verdict["notInstalled"][0];
    assert_eq!(found["path"], "channels.telegramm", "{verdict}");
    assert_eq!(found["code"], "config.rule-channel", "{verdict}");
    assert_eq!(verdict["otherReleases"], json!({}));
    for (language, question) in [
        ("en", "did you mean telegram?"),
        ("tr", "bunu mu demek istediniz: telegram?"),
    ] {
        let shown = sandbox
            .run(["--lang", language, "--profile", "rescue", "config", "validate"])
            .exits(0);
        assert_eq!(shown.stdout.matches("telegramm:").count(), 1, "{shown:?}");
        assert!(shown.stdout.contains(question), "{shown:?}");
    }
    // Nothing is near to this one.
    let sandbox = super::sandbox("{ channels: { nowhere: { enabled: true } } }");
    let shown = config(&sandbox, &["validate"]).exits(0).stdout;
    assert!(
        shown.contains("channels.nowhere: this channel") && !shown.contains("did you mean"),
        "{shown}"
    );
}

#[test]
fn change_that_brings_in_what_does_not_come_with_openclaw_says_so_once() {
    let sandbox = sandbox("{}");
    for (path, value, meant) in [
        ("channels.telegramm.enabled", "true", "telegram"),
        ("plugins.entries.memory-coer.enabled", "true", "memory-core"),
        ("agents.defaults.heartbeat.target", "slakc", "slack"),
    ] {
        let first = config(&sandbox, &["set", path, value, "--release", "1.30"]).exits(0);
        let question = format!("did you mean {meant}?");
        assert_eq!(first.stderr.matches(&question).count(), 1, "{first:?}");
    }
    let other_key = config_json(&sandbox, &["set", "channels.telegramm.name", "x"], 0);
    assert_eq!(other_key["notInstalled"], json!([]));
    let other = config_json(&sandbox, &["set", "channels.slakc.enabled", "true"], 0);
    assert_eq!(other["notInstalled"][0]["path"], "channels.slakc");
}

#[test]
fn refused_key_is_named_once_with_the_one_that_was_meant() {
    let sandbox = sandbox("{}");
    for (path, named, question) in [
        ("gateway.prot", "gateway.prot", "did you mean port?"),
        ("gatway.port", "gatway", "did you mean gateway?"),
        ("myOwnKey", "myOwnKey", "unknown key"),
    ] {
        let refused = config(&sandbox, &["set", path, "1"]).exits(78).stderr;
        assert_eq!(refused.matches(named).count(), 1, "{refused}");
        assert!(refused.contains(question), "{refused}");
    }
}

#[test]
fn number_has_one_form_however_it_is_written() {
    for written in ["20789.0", "2.0789e4", "0x5135"] {
        let sandbox = sandbox(&format!("{{ gateway: {{ port: {written} }} }}"));
        assert_eq!(
            config(&sandbox, &["get", "gateway.port"]).exits(0).stdout,
            "20789\n"
        );
        assert_eq!(
            config_json(&sandbox, &["get", "gateway.port"], 0)["value"].to_string(),
            "20789"
        );
        // The file keeps what its author wrote.
        assert!(sandbox.read(CONFIG).contains(written));
    }
}
