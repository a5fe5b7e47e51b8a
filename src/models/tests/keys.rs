//! Where keys come from, and in which order they are tried.

use serde_json::{Value, json};

use super::{Home, KEY, Script, config, kind, refuses, says};
use crate::models::ModelErrorKind;
use crate::sync::lock;

#[tokio::test]
async fn next_key_of_the_same_provider_is_tried_before_the_next_model() {
    let script = Script::start(vec![refuses(401, "", "no"), says("Hi"), says("Hi")]).await;
    let home = Home::new(&[("ANTHROPIC_API_KEY", "third")]);
    home.write(
        "agents/main/agent/auth-profiles.json",
        r#"{"version": 1, "order": {"stub": ["stub:b", "stub:a", "stub:gone"]}, "profiles": {
            "stub:a": {"type": "api_key", "provider": "stub", "key": "second"},
            "stub:b": {"type": "token", "provider": "stub", "token": "first"},
            "stub:c": {"type": "api_key", "provider": "stub", "key": "not listed"},
            "other:a": {"type": "api_key", "provider": "other", "key": "of another"}}}"#,
    );
    home.models.apply(&config(&[("stub", &script, json!(KEY))]));
    let (answer, events) = home.ask(&["stub/m"]).await;
    assert_eq!(answer.unwrap().text, "Hi");
    assert_eq!(events, ["asked stub/m", "asked stub/m", "text Hi"]);
    home.ask(&["stub/m"]).await.0.unwrap();
    assert_eq!(script.keys(), ["first", "second", "second"]);
}

#[tokio::test]
async fn keys_come_from_where_openclaw_keeps_them_in_its_order() {
    let home = Home::new(&[("FROM_ENV", "env"), ("OPENROUTER_API_KEY", " router ")]);
    home.write(".env", "OPENAI_API_KEY=dotenv\nNAMED=named\n");
    home.write(
        "agents/main/agent/auth-profiles.json",
        r#"{"profiles": {
            "x": {"type": "api_key", "provider": "groq", "keyRef": {"source": "env", "provider": "default", "id": "FROM_ENV"}},
            "y": {"type": "oauth", "provider": "oauth", "access": "never"},
            "z": {"type": "token", "provider": "anthropic", "token": "sk-ant-oat01-subscription"},
            "m": {"type": "api_key", "provider": "shared", "key": "of main"}}}"#,
    );
    home.write(
        "agents/two/agent/auth-profiles.json",
        r#"{"profiles": {"m": {"type": "api_key", "provider": "shared", "key": "of two"}}}"#,
    );
    let entry = |key: Value| json!({"baseUrl": "https://a.example/v1", "apiKey": key});
    home.models.apply(&json!({"models": {"providers": {
        "oauth": entry(json!("${FROM_ENV}-x")),
        "reference": entry(json!({"source": "env", "provider": "default", "id": "FROM_ENV"})),
        "named": entry(json!("NAMED")),
        "marker": entry(json!("secretref-managed")),
        "missing": entry(json!("${MISSING}")),
        "shared": entry(json!("of config")),
        "openai": {"apiKey": "of config"},
    }}}));
    let providers = lock(&home.models.providers).clone();
    let keys = |agent: &str, id: &str| -> Vec<String> {
        providers[id]
            .keys(agent)
            .map(|key| key.expose().to_owned())
            .collect()
    };
    for (provider, expected) in [
        ("oauth", vec!["env-x"]),
        ("reference", vec!["env"]),
        ("named", vec!["named"]),
        ("marker", vec![]),
        ("missing", vec![]),
        ("openai", vec!["dotenv"]),
        ("openrouter", vec!["router"]),
        ("groq", vec!["env"]),
        ("anthropic", vec![]),
        ("shared", vec!["of main", "of config"]),
    ] {
        assert_eq!(keys("main", provider), expected, "{provider}");
        assert_eq!(keys("nobody", provider), expected, "{provider}");
    }
    assert_eq!(keys("two", "shared"), ["of two", "of main", "of config"]);
    let (answer, _) = home.ask(&["anthropic/claude"]).await;
    assert_eq!(kind(answer), ModelErrorKind::NoKey);
}

#[tokio::test]
async fn server_on_this_host_needs_no_key() {
    let script = Script::start(vec![says("Hi")]).await;
    let home = Home::new(&[("OLLAMA_HOST", script.url.trim_end_matches("/v1"))]);
    home.models.apply(&json!({}));
    assert_eq!(home.ask(&["ollama/qwen3:8b"]).await.0.unwrap().text, "Hi");
    assert_eq!(script.keys(), [""]);
}

#[tokio::test]
async fn further_headers_of_the_config_are_sent() {
    let script = Script::start(vec![says("Hi")]).await;
    let home = Home::new(&[("TEAM", "blue")]);
    let mut config = config(&[("stub", &script, json!("x"))]);
    config["models"]["providers"]["stub"]["headers"] =
        json!({"X-Team": "${TEAM}", "bad name": "x", "X-Gone": "${GONE}"});
    home.models.apply(&config);
    home.ask(&["stub/m"]).await.0.unwrap();
    let request = &script.requests()[0];
    assert!(
        request.contains("\r\nx-team: blue\r\n") && !request.contains("x-gone"),
        "{request}"
    );
}
