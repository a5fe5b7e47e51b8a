//! The answers about what this engine does not have, compared with those of both releases without an agent.

use serde_json::{Value, json};

use crate::gateway::protocol::{ErrorCode, Protocol};
use crate::gateway::test_support::{TestGateway, connected_client};

/// The keys of the answers of each release, as they were recorded without an agent: protocol, method, parameters, keys.
/// Keys that the release's own schema does not require, and that say nothing about this engine, are left out.
const RECORDED: &str = include_str!("recorded_answers.txt");

/// Returns the parameters with which OpenClaw's pages call a method.
fn params_of(method: &str) -> Value {
    match method {
        "chat.history" | "chat.startup" | "chat.abort" => json!({"sessionKey": "agent:main:main"}),
        "sessions.describe" | "sessions.messages.subscribe" | "sessions.messages.unsubscribe" => {
            json!({"key": "agent:main:main"})
        }
        "sessions.preview" => json!({"keys": ["agent:main:main"]}),
        _ => json!({}),
    }
}

#[tokio::test]
async fn answers_without_an_agent_have_the_keys_that_each_release_was_recorded_with() {
    let gateway = TestGateway::new();
    for line in RECORDED.lines() {
        let mut words = line.split_whitespace();
        let (Some(number), Some(method)) = (words.next(), words.next()) else {
            panic!("{line}");
        };
        let protocol = if number == "3" {
            Protocol::Three
        } else {
            Protocol::Four
        };
        let client = connected_client(protocol, &["operator.admin"]);
        let answer = gateway.call(client, method, params_of(method)).await;
        let answer = answer.unwrap_or_else(|error| panic!("{number} {method}: {error:?}"));
        for key in words {
            assert!(!answer.is_array(), "{number} {method}: {answer}");
            assert!(
                answer.get(key).is_some(),
                "{number} {method}: no {key} in {answer}"
            );
        }
    }
}

#[tokio::test]
async fn list_of_approvals_is_a_bare_array() {
    let gateway = TestGateway::new();
    for method in [
        "exec.approval.list",
        "plugin.approval.list",
        "openclaw.approval.list",
    ] {
        let client = connected_client(Protocol::Four, &["operator.approvals"]);
        assert_eq!(gateway.call(client, method, json!({})).await.unwrap(), json!([]));
    }
}

/// Clients show this error to a person who asks this engine something.
#[tokio::test]
async fn conversation_is_refused_with_the_reason_that_there_is_no_model() {
    let gateway = TestGateway::new();
    for protocol in [Protocol::Three, Protocol::Four] {
        for method in ["sessions.create", "sessions.patchMany", "openclaw.chat"] {
            let client = connected_client(protocol, &["operator.write"]);
            let error = gateway.call(client, method, json!({})).await.unwrap_err();
            assert_eq!(error.code, ErrorCode::Unavailable, "{error:?}");
            assert!(
                error.message.starts_with(method) && error.message.contains("no"),
                "{error:?}"
            );
            assert!(error.message.contains("--engine node"), "{error:?}");
            assert_eq!(error.details.unwrap()["code"], "NO_AGENT");
        }
        let client = connected_client(protocol, &["operator.write"]);
        let aborted = gateway.call(client, "chat.abort", params_of("chat.abort")).await;
        assert_eq!(
            aborted.unwrap(),
            json!({"ok": true, "aborted": false, "runIds": []})
        );
    }
}

#[tokio::test]
async fn required_parameters_are_named_in_the_words_of_the_releases() {
    let gateway = TestGateway::new();
    for (method, key) in [
        ("chat.history", "sessionKey"),
        ("sessions.describe", "key"),
        ("sessions.messages.subscribe", "key"),
        ("config.set", "raw"),
    ] {
        let client = connected_client(Protocol::Four, &["operator.admin"]);
        let error = gateway.call(client, method, json!({})).await.unwrap_err();
        let expected = format!("invalid {method} params: must have required property '{key}'");
        assert_eq!(error.message, expected);
    }
}

#[tokio::test]
async fn sessions_that_openclaw_left_are_listed_with_their_messages() {
    let gateway = TestGateway::new();
    let sessions = gateway.state.context.instance.sessions();
    let store = json!({
        "agent:main:main": {"sessionId": "id-1", "updatedAt": 5, "label": "First", "secret": "x"},
        "agent:main:telegram:group:7": {"sessionId": "../../escape", "updatedAt": 9},
    });
    let transcript = "{\"type\":\"session\",\"id\":\"id-1\"}\n\
        {\"type\":\"message\",\"message\":{\"role\":\"user\",\"content\":\"hi\"}}\n\
        {\"type\":\"message\",\"message\":{\"role\":\"assistant\",\"content\":[]}}\nbroken\n";
    crate::apply::write_file(&sessions.join("sessions.json"), store.to_string().as_bytes()).unwrap();
    crate::apply::write_file(&sessions.join("id-1.jsonl"), transcript.as_bytes()).unwrap();
    for protocol in [Protocol::Three, Protocol::Four] {
        let call = |method: &'static str, params: Value| {
            let client = connected_client(protocol, &["operator.read"]);
            let answer = gateway.call(client, method, params);
            async move { answer.await.unwrap() }
        };
        let list = call("sessions.list", json!({"limit": 1})).await;
        assert_eq!(
            (&list["count"], &list["sessions"][0]["kind"]),
            (&1.into(), &"group".into())
        );
        let list = call("sessions.list", json!({"agentId": "main"})).await;
        assert_eq!(list["sessions"][1]["label"], "First");
        assert_eq!(list["sessions"][1]["secret"], Value::Null);
        let history = call("chat.history", json!({"sessionKey": "main"})).await;
        assert_eq!(history["sessionId"], "id-1");
        let roles = (&history["messages"][0]["role"], &history["messages"][1]["role"]);
        assert_eq!(roles, (&"user".into(), &"assistant".into()));
        let shortened = call("chat.history", json!({"sessionKey": "main", "limit": 1})).await;
        assert_eq!(shortened["messages"][0]["role"], "assistant");
        let other = call(
            "chat.history",
            json!({"sessionKey": "agent:main:telegram:group:7"}),
        )
        .await;
        assert_eq!(
            other["messages"],
            json!([]),
            "an id that is a path is not followed"
        );
    }
}
