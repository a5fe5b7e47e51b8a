//! `config.set`, `config.apply` and `config.patch`: what they write, and what they refuse.

use serde_json::{Value, json};

use crate::gateway::protocol::{ErrorResponse, MethodResult, Protocol};
use crate::gateway::test_support::{TestGateway, connected_client};
use crate::host::read;

const CONFIG: &str =
    "{\n  // Kept.\n  gateway: {mode: 'local', port: 19789, auth: {token: 's3cr3t-token'}},\n}\n";

/// A gateway whose config a client changes.
struct Edited {
    gateway: TestGateway,
    protocol: Protocol,
}

impl Edited {
    fn new(protocol: Protocol) -> Self {
        let gateway = TestGateway::new();
        crate::apply::write_file(&gateway.state.context.instance.config_path, CONFIG.as_bytes()).unwrap();
        Self { gateway, protocol }
    }

    async fn call(&self, method: &str, params: Value) -> MethodResult {
        let client = connected_client(self.protocol, &["operator.admin"]);
        self.gateway.call(client, method, params).await
    }

    /// Calls a method with the hash of the present config, as OpenClaw's pages do.
    async fn edit(&self, method: &str, raw: impl ToString) -> Result<Value, ErrorResponse> {
        let present = self.call("config.get", Value::Null).await.unwrap();
        let params = json!({"raw": raw.to_string(), "baseHash": present["hash"]});
        self.call(method, params).await
    }

    fn text(&self) -> String {
        read::text(&self.gateway.state.context.instance.config_path).unwrap()
    }
}

#[tokio::test]
async fn shown_config_is_written_back_with_its_secrets_and_comments() {
    for protocol in [Protocol::Three, Protocol::Four] {
        let edited = Edited::new(protocol);
        let shown = edited.call("config.get", Value::Null).await.unwrap();
        let raw = shown["raw"].as_str().unwrap();
        assert!(!raw.contains("s3cr3t"));
        edited.edit("config.set", raw).await.unwrap();
        assert_eq!(edited.text(), CONFIG, "nothing changed, so no byte is written");
        let mut parsed = shown["parsed"].clone();
        parsed["logging"] = json!({"level": "debug"});
        let answer = edited.edit("config.apply", &parsed).await.unwrap();
        assert_eq!(
            (&answer["ok"], &answer["config"]["logging"]["level"]),
            (&true.into(), &"debug".into())
        );
        assert!(!answer.to_string().contains("s3cr3t"), "{answer}");
        let text = edited.text();
        assert!(
            text.contains("// Kept.") && text.contains("s3cr3t-token") && text.contains("debug"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn patch_is_merged_and_null_removes_a_key() {
    let edited = Edited::new(Protocol::Four);
    let patched = edited
        .edit("config.patch", json!({"logging": {"level": "debug"}}))
        .await
        .unwrap();
    assert_eq!(patched["changedPaths"], json!(["logging"]));
    let same = edited
        .edit("config.patch", json!({"logging": {"level": "debug"}}))
        .await
        .unwrap();
    assert_eq!((&same["noop"], &same["changedPaths"]), (&true.into(), &json!([])));
    edited
        .edit("config.patch", json!({"logging": null}))
        .await
        .unwrap();
    let text = edited.text();
    assert!(
        !text.contains("logging") && text.contains("s3cr3t-token"),
        "{text}"
    );
    let error = edited.edit("config.patch", "[1]").await.unwrap_err();
    assert_eq!(error.message, "config.patch raw must be an object");
}

#[tokio::test]
async fn change_is_judged_as_config_set_judges_it_and_a_refused_one_writes_nothing() {
    for protocol in [Protocol::Three, Protocol::Four] {
        let edited = Edited::new(protocol);
        let config = |extra: Value| {
            let mut config = json!({"gateway": {"mode": "local", "port": 19789}});
            config
                .as_object_mut()
                .unwrap()
                .extend(extra.as_object().unwrap().clone());
            config
        };
        for (raw, expected) in [
            (config(json!({"foo": 1})).to_string(), "invalid config"),
            (json!([]).to_string(), "invalid config"),
            ("{ nope".to_owned(), "SyntaxError"),
            (
                config(json!({"channels": {"telegram": {"botToken": "__OPENCLAW_REDACTED__"}}})).to_string(),
                "Sentinel value \"__OPENCLAW_REDACTED__\" in key channels.telegram.botToken",
            ),
            (
                config(json!({"gateway": {"mode": "local", "port": 3}})).to_string(),
                "",
            ),
        ] {
            let error = edited.edit("config.set", &raw).await.unwrap_err();
            assert!(error.message.starts_with(expected), "{raw}: {error:?}");
            assert_eq!(edited.text(), CONFIG, "{raw}");
        }
    }
}

#[tokio::test]
async fn port_of_another_instance_is_not_pinned() {
    let edited = Edited::new(Protocol::Four);
    let neighbour = edited
        .gateway
        .state
        .context
        .env
        .home
        .join(".openclaw-b/openclaw.json");
    crate::apply::write_file(&neighbour, b"{ gateway: { mode: 'local', port: 20789 } }").unwrap();
    for (pin, expected) in [
        (
            json!({"browser": {"cdpUrl": "http://127.0.0.1:20791"}}),
            "also reserved by b",
        ),
        (
            json!({"gateway": {"port": 20789}}),
            "is already the base port of b",
        ),
    ] {
        let error = edited.edit("config.patch", &pin).await.unwrap_err();
        assert!(error.message.contains(expected), "{error:?}");
        assert_eq!(edited.text(), CONFIG, "{pin}");
    }
}

#[tokio::test]
async fn client_that_has_not_seen_the_present_config_changes_nothing() {
    let edited = Edited::new(Protocol::Three);
    let stale = json!({"raw": "{}", "baseHash": "x"});
    for (params, expected) in [
        (
            json!({"raw": "{}"}),
            "config base hash required; re-run config.get and retry",
        ),
        (
            stale,
            "config changed since last load; re-run config.get and retry",
        ),
    ] {
        let error = edited.call("config.set", params).await.unwrap_err();
        assert_eq!(error.message, expected);
    }
    assert_eq!(edited.text(), CONFIG);
}

#[tokio::test]
async fn included_files_are_not_detached() {
    let edited = Edited::new(Protocol::Three);
    let path = edited.gateway.state.context.instance.config_path.clone();
    crate::apply::write_file(&path.with_file_name("logging.json"), b"{level: 'debug'}").unwrap();
    let text = "{gateway: {mode: 'local'}, logging: {$include: './logging.json'}}";
    crate::apply::write_file(&path, text.as_bytes()).unwrap();
    let merged = json!({"gateway": {"mode": "local"}, "logging": {"level": "info"}});
    let error = edited.edit("config.set", merged).await.unwrap_err();
    assert!(error.message.contains("includes other files"), "{error:?}");
    assert_eq!(edited.text(), text);
}

#[tokio::test]
async fn schema_is_that_of_the_release_of_the_protocol() {
    for (protocol, release) in [(Protocol::Three, "2026.1.30"), (Protocol::Four, "2026.9.6")] {
        let gateway = TestGateway::new();
        let client = connected_client(protocol, &["operator.admin"]);
        let answer = gateway.call(client, "config.schema", json!({})).await.unwrap();
        assert_eq!(answer["version"], release);
        let has_canvas = answer["schema"]["properties"].get("canvasHost").is_some();
        assert_eq!(has_canvas, protocol == Protocol::Three);
        assert!(answer["uiHints"].is_object() && answer["generatedAt"].is_string());
    }
}

#[tokio::test]
async fn config_of_a_newer_release_is_changed_only_together_with_its_version() {
    let edited = Edited::new(Protocol::Four);
    let newer = "{ meta: { lastTouchedVersion: '2031.1.1' }, gateway: { port: 19789 } }";
    crate::apply::write_file(
        &edited.gateway.state.context.instance.config_path,
        newer.as_bytes(),
    )
    .unwrap();
    let logging = json!({"logging": {"level": "debug"}});
    let refused = edited.edit("config.patch", &logging).await.unwrap_err();
    let message = refused.message;
    assert!(
        message.contains("2031.1.1") && message.contains("2026.9.6"),
        "{message}"
    );
    assert_eq!(edited.text(), newer);
    let older = json!({"meta": {"lastTouchedVersion": "2026.9.6"}});
    edited.edit("config.patch", older).await.unwrap();
    edited.edit("config.patch", logging).await.unwrap();
}
