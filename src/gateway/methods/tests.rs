//! The table of methods: names, scopes, parameters, and the answers to calls that are refused.

use std::collections::BTreeSet;

use super::*;
use crate::gateway::test_support::{TestGateway, connected_client};

#[test]
fn each_method_is_openclaws_or_has_our_prefix_and_the_scope_of_the_reference() {
    let mut seen = BTreeSet::new();
    for method in METHODS {
        assert!(seen.insert(method.name), "{} twice", method.name);
        if method.name.starts_with("instance.") {
            assert!(!known::is_known(method.name), "{} is OpenClaw's", method.name);
            continue;
        }
        assert!(
            known::is_known(method.name),
            "{} is no method of OpenClaw",
            method.name
        );
        assert_eq!(
            method.scopes[0],
            known::required_scope(method.name),
            "{}: as OpenClaw has it",
            method.name
        );
    }
}

#[tokio::test]
async fn served_methods_answer_and_all_others_say_why_not() {
    let gateway = TestGateway::new();
    // Browsers are created with the listener of their port, and there is none in this test.
    let asked = METHODS.iter().filter(|method| method.name != "browser.request");
    let needs_none =
        |method: &&Method| !matches!(method.params, MethodParams::Fields(fields) if !fields.is_empty());
    for method in asked.filter(needs_none) {
        let admin = connected_client(Protocol::Three, &["operator.admin"]);
        let reply = gateway.call(admin, method.name, Value::Null).await;
        assert!(reply.is_ok(), "{}: {reply:?}", method.name);
    }
    let lacking = |method: &'static str| {
        let admin = connected_client(Protocol::Four, &["operator.admin"]);
        let answer = gateway.call(admin, method, Value::Null);
        async move { answer.await.unwrap_err() }
    };
    for method in ["send", "chat.send", "config.set", "sessions.list", "update.run"] {
        let error = lacking(method).await;
        assert_eq!(error.code, ErrorCode::Unavailable, "{method}");
        assert!(error.message.contains(method), "{}", error.message);
    }
    assert_eq!(
        lacking("nope").await,
        ErrorResponse::invalid_request("unknown method: nope")
    );
}

/// The expected answers were captured from both releases.
#[tokio::test]
async fn missing_scope_is_named_in_the_form_of_the_protocol() {
    let gateway = TestGateway::new();
    let cases = [
        (&["operator.read"][..], "health", ""),
        (&["operator.write"], "health", ""),
        (&["foo"], "health", "operator.read"),
        (&[], "status", "operator.read"),
        (&["operator.read"], "send", "operator.write"),
        (&["operator.read"], "browser.request", "operator.write"),
        (&["operator.read"], "device.pair.list", "operator.pairing"),
        (&["operator.pairing"], "device.pair.list", ""),
        (&["operator.read"], "exec.approval.request", "operator.approvals"),
        (&["operator.read"], "config.set", "operator.admin"),
        (&["operator.read"], "nope", "operator.admin"),
    ];
    for (scopes, method, missing) in cases {
        for protocol in [Protocol::Three, Protocol::Four] {
            let client = connected_client(protocol, scopes);
            let reply = gateway.call(client, method, Value::Null).await;
            if missing.is_empty() {
                assert!(reply.is_ok(), "{method}: {reply:?}");
                continue;
            }
            let error = reply.unwrap_err();
            assert_eq!(error.message, format!("missing scope: {missing}"), "{method}");
            if protocol == Protocol::Three {
                assert_eq!((error.code, error.details), (ErrorCode::InvalidRequest, None));
            } else {
                assert_eq!(error.code, ErrorCode::Forbidden);
                assert_eq!(error.details.unwrap()["missingScope"], missing);
            }
        }
    }
    let read = |protocol| {
        let client = connected_client(protocol, &["operator.read"]);
        gateway.call(client, "config.get", Value::Null)
    };
    let early = read(Protocol::Three).await.unwrap_err();
    assert_eq!(early.message, "missing scope: operator.admin");
    assert!(read(Protocol::Four).await.is_ok());
}

#[tokio::test]
async fn methods_of_another_role_are_refused() {
    let gateway = TestGateway::new();
    let mut node = connected_client(Protocol::Three, &[]);
    node.role = ClientRole::Node;
    let error = gateway.call(node, "health", Value::Null).await.unwrap_err();
    assert_eq!(error, ErrorResponse::invalid_request("unauthorized role: node"));
    let operator = connected_client(Protocol::Three, &["operator.admin"]);
    let error = gateway
        .call(operator, "node.event", Value::Null)
        .await
        .unwrap_err();
    assert_eq!(
        error,
        ErrorResponse::invalid_request("unauthorized role: operator")
    );
}

#[tokio::test]
async fn config_get_contains_no_secret() {
    let gateway = TestGateway::new();
    let text = r#"{gateway: {mode: "local", auth: {token: "s3cr3t-token"}}, channels: {telegram: {botToken: "123:abc"}}}"#;
    crate::apply::write_file(&gateway.state.context.instance.config_path, text.as_bytes()).unwrap();
    for protocol in [Protocol::Three, Protocol::Four] {
        let admin = connected_client(protocol, &["operator.admin"]);
        let answer = gateway.call(admin, "config.get", Value::Null).await.unwrap();
        assert_eq!(
            (&answer["exists"], &answer["valid"]),
            (&true.into(), &true.into())
        );
        assert_eq!(answer["parsed"]["gateway"]["mode"], "local");
        let text = answer.to_string();
        assert!(!text.contains("s3cr3t") && !text.contains("123:abc"), "{text}");
        assert!(text.contains("__OPENCLAW_REDACTED__"));
    }
}

#[test]
fn agents_of_both_config_dialects_are_found_and_path_like_ids_ignored() {
    let ids = |config: Value| config::agent_ids(&config);
    assert_eq!(ids(json!({})), ["main"]);
    assert_eq!(
        ids(json!({"agents": {"list": [{"id": "a"}, {"id": "b", "default": true}]}})),
        ["b", "a"]
    );
    assert_eq!(ids(json!({"agents": {"entries": {"x": {}}}})), ["x"]);
    assert_eq!(
        ids(json!({"agents": {"list": [{"id": "../../etc"}, {"id": ""}]}})),
        ["main"]
    );
}
