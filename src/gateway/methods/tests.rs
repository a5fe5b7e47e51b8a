//! Tables over the rows of methods.

use std::collections::BTreeSet;

use super::*;
use crate::gateway::session::stand::{Stand, caller};

#[test]
fn each_method_has_one_row_and_is_one_of_openclaw_or_says_that_it_is_ours() {
    let mut seen = BTreeSet::new();
    for row in ROWS {
        assert!(seen.insert(row.name), "{} twice", row.name);
        if row.name.starts_with("instance.") {
            assert!(!known::is_known(row.name), "{} is OpenClaw's", row.name);
            continue;
        }
        assert!(known::is_known(row.name), "{} is no method of OpenClaw", row.name);
        assert_eq!(
            row.scopes[0],
            known::scope(row.name),
            "{}: as OpenClaw has it",
            row.name
        );
    }
}

#[tokio::test]
async fn every_served_method_answers_and_every_other_says_why_not() {
    let stand = Stand::new();
    // The browsers come with a listener of their own; without it there are none to ask.
    let asked = ROWS.iter().filter(|row| row.name != "browser.request");
    for row in asked.filter(|row| row.keys.is_none_or(<[_]>::is_empty)) {
        let reply = answer(row.name, stand.call(caller(Protocol::Three, &["operator.admin"]))).await;
        assert!(reply.is_ok(), "{}: {reply:?}", row.name);
    }
    let lacking = |method: &'static str| {
        let call = stand.call(caller(Protocol::Four, &["operator.admin"]));
        async move { answer(method, call).await.unwrap_err() }
    };
    for method in ["send", "chat.send", "config.set", "sessions.list", "update.run"] {
        let fault = lacking(method).await;
        assert_eq!(fault.code, Code::Unavailable, "{method}");
        assert!(fault.message.contains(method), "{}", fault.message);
    }
    assert_eq!(lacking("nope").await, Fault::invalid("unknown method: nope"));
}

/// As both releases answer, captured from them.
#[tokio::test]
async fn a_scope_that_is_missing_is_named() {
    let stand = Stand::new();
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
            let reply = answer(method, stand.call(caller(protocol, scopes))).await;
            if missing.is_empty() {
                assert!(reply.is_ok(), "{method}: {reply:?}");
                continue;
            }
            let fault = reply.unwrap_err();
            assert_eq!(fault.message, format!("missing scope: {missing}"), "{method}");
            if protocol == Protocol::Three {
                assert_eq!((fault.code, fault.details), (Code::InvalidRequest, None));
            } else {
                assert_eq!(fault.code, Code::Forbidden);
                assert_eq!(fault.details.unwrap()["missingScope"], missing);
            }
        }
    }
    let read = |protocol| stand.call(caller(protocol, &["operator.read"]));
    let early = answer("config.get", read(Protocol::Three)).await.unwrap_err();
    assert_eq!(early.message, "missing scope: operator.admin");
    assert!(answer("config.get", read(Protocol::Four)).await.is_ok());
}

#[tokio::test]
async fn a_role_does_only_its_own_work() {
    let stand = Stand::new();
    let mut node = caller(Protocol::Three, &[]);
    node.role = Role::Node;
    let fault = answer("health", stand.call(node)).await.unwrap_err();
    assert_eq!(fault, Fault::invalid("unauthorized role: node"));
    let operator = stand.call(caller(Protocol::Three, &["operator.admin"]));
    let fault = answer("node.event", operator).await.unwrap_err();
    assert_eq!(fault, Fault::invalid("unauthorized role: operator"));
}

#[tokio::test]
async fn no_secret_leaves_with_the_config() {
    let stand = Stand::new();
    let text = r#"{gateway: {mode: "local", auth: {token: "s3cr3t-token"}}, channels: {telegram: {botToken: "123:abc"}}}"#;
    crate::apply::write_file(&stand.shared.instance.config_path, text.as_bytes()).unwrap();
    for protocol in [Protocol::Three, Protocol::Four] {
        let call = stand.call(caller(protocol, &["operator.admin"]));
        let answer = answer("config.get", call).await.unwrap();
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
fn the_agents_of_both_dialects_are_known_and_none_leaves_the_folder() {
    let ids = |config: Value| config::agents(&config);
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
