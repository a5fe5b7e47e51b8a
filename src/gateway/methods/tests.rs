//! The table of methods: names, scopes, parameters, and the answers to calls that are refused.

use std::collections::{BTreeMap, BTreeSet};

mod config_edit;
mod empty_answers;

use super::method::MethodParams;
use super::*;
use crate::agent::roster;
use crate::gateway::test_support::{TestGateway, connected_client};

/// The methods of OpenClaw's gateway that this one serves, one a line: the name, the scope that OpenClaw 2026.1.30
/// requires (`-` where it has no such method), and the one that OpenClaw 2026.9.6 requires.
const REFERENCE_SCOPES: &str = include_str!("tests/scopes.txt");

#[test]
fn each_method_is_openclaws_or_has_our_prefix_and_the_scope_of_the_reference() {
    let reference: BTreeMap<&str, [&str; 2]> = REFERENCE_SCOPES
        .lines()
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let [name, early, late] = words[..] else {
                panic!("{line}");
            };
            (name, [early, late])
        })
        .collect();
    let mut seen = BTreeSet::new();
    for method in served() {
        let name = method.name;
        assert!(seen.insert(name), "{name} twice");
        if name.starts_with("instance.") {
            assert!(!known::is_known(name), "{name} is OpenClaw's");
            continue;
        }
        assert!(known::is_known(name), "{name} is no method of OpenClaw");
        if known::NODE_METHODS.contains(&name) {
            continue;
        }
        let [early, late] = reference[name];
        let own = method.scopes.map(OperatorScope::name);
        let early = if early == "-" { late } else { early };
        assert_eq!(own, [early, late], "{name}: as OpenClaw has it");
    }
}

#[tokio::test]
async fn served_methods_answer_and_all_others_say_why_not() {
    let gateway = TestGateway::new();
    let needs_none = |method: &&Method| match method.params {
        MethodParams::Ignored => true,
        MethodParams::Fields(fields) => fields.is_empty(),
        MethodParams::Unchecked => false,
    };
    for method in served().filter(needs_none) {
        let admin = connected_client(Protocol::Three, &["operator.admin"]);
        let reply = gateway.call(admin, method.name, Value::Null).await;
        assert!(reply.is_ok(), "{}: {reply:?}", method.name);
    }
    let lacking = |method: &'static str| {
        let admin = connected_client(Protocol::Four, &["operator.admin"]);
        let answer = gateway.call(admin, method, Value::Null);
        async move { answer.await.unwrap_err() }
    };
    for method in [
        "poll",
        "sessions.create",
        "cron.add",
        "skills.install",
        "update.run",
    ] {
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
        (&["operator.read"], "browser.request", "operator.write"),
        (&["operator.read"], "device.pair.list", "operator.pairing"),
        (&["operator.pairing"], "device.pair.list", ""),
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

/// The command line of a client that asks for `operator.write` would else be told to ask for another scope, in vain.
#[tokio::test]
async fn absent_method_is_reported_before_a_missing_scope() {
    let gateway = TestGateway::new();
    for protocol in [Protocol::Three, Protocol::Four] {
        for (method, code) in [
            ("poll", ErrorCode::Unavailable),
            ("update.run", ErrorCode::Unavailable),
            ("nope", ErrorCode::InvalidRequest),
            ("connect", ErrorCode::InvalidRequest),
        ] {
            let client = connected_client(protocol, &["operator.read"]);
            let error = gateway.call(client, method, Value::Null).await.unwrap_err();
            assert_eq!(error.code, code, "{method}: {error:?}");
            assert!(!error.message.contains("scope"), "{method}: {error:?}");
        }
    }
}

/// The answers to other parameters were captured from OpenClaw 2026.9.6.
#[tokio::test]
async fn url_of_the_canvas_is_refreshed_to_the_one_that_the_greeting_offers() {
    let gateway = TestGateway::new();
    let url = gateway.state.canvas_url().unwrap();
    for (method, role) in [
        ("plugin.surface.refresh", ClientRole::Operator),
        ("node.pluginSurface.refresh", ClientRole::Node),
    ] {
        let refresh = |params: Value| {
            let mut client = connected_client(Protocol::Four, &["operator.read"]);
            client.role = role;
            gateway.call(client, method, params)
        };
        let answer = refresh(json!({"surface": "canvas", "observedUrl": url}))
            .await
            .unwrap();
        assert_eq!(
            answer,
            json!({"surface": "canvas", "pluginSurfaceUrls": {"canvas": url}})
        );
        let error = refresh(json!({"surface": "other"})).await.unwrap_err();
        assert_eq!(
            error,
            ErrorResponse::unavailable("other plugin surface unavailable")
        );
        for params in [Value::Null, json!({"surface": " "}), json!({"surface": 1})] {
            let error = refresh(params).await.unwrap_err();
            assert_eq!(error, ErrorResponse::invalid_request("surface required"));
        }
    }
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
fn agents_of_both_config_dialects_are_found_and_their_ids_are_names_of_folders() {
    let ids = |config: Value| roster::agent_ids(&config);
    assert_eq!(ids(json!({})), ["main"]);
    assert_eq!(
        ids(json!({"agents": {"list": [{"id": "a"}, {"id": "b", "default": true}]}})),
        ["b", "a"]
    );
    assert_eq!(ids(json!({"agents": {"entries": {"x": {}}}})), ["x"]);
    assert_eq!(
        ids(json!({"agents": {"list": [{"id": "../../etc"}, {"id": ""}]}})),
        ["etc"]
    );
}
