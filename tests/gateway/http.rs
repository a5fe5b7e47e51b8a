//! Tests of the routes of the base port, and of the credentials that they require.

use crate::support::Sandbox;
use crate::support::gateway::{Gateway, TOKEN, request};

fn bearer() -> String {
    format!("Authorization: Bearer {TOKEN}")
}

#[test]
fn liveness_readiness_and_startup_probes_identify_the_gateway() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    for path in [
        "/health",
        "/healthz",
        "/ready",
        "/readyz",
        "/startup",
        "/startupz",
    ] {
        let answer = gateway.get(path).expect("an answer");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let identity = answer.json();
        assert_eq!(identity["profile"], "rescue", "{path}");
        assert_eq!(identity["engine"], "native", "{path}");
        assert_eq!(identity["pid"], gateway.pid(), "{path}");
        for key in ["instanceId", "bootId", "version", "startedAt"] {
            assert!(
                identity[key].as_str().is_some_and(|value| !value.is_empty()),
                "{path}: {key}"
            );
        }
    }
    let live = gateway.get("/health").expect("an answer").json();
    assert_eq!((&live["ok"], &live["status"]), (&true.into(), &"live".into()));
    let ready = gateway.get("/ready").expect("an answer").json();
    assert_eq!(ready["ready"], true);
    assert_eq!(ready["failing"], serde_json::json!([]));
    assert_eq!(ready["warnings"], serde_json::json!([]));
    assert!(ready["uptimeMs"].is_u64());
    let started = gateway.get("/startupz").expect("an answer").json();
    assert_eq!(
        (&started["ok"], &started["status"]),
        (&true.into(), &"started".into())
    );
    assert!(started["uptimeMs"].is_u64());
}

#[test]
fn every_other_route_requires_the_token() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let table = [
        ("GET", "/nowhere", 404),
        ("GET", "/api/x", 404),
        ("GET", "/v1/models", 404),
        ("POST", "/tools/invoke", 404),
        ("GET", "/tools/invoke", 405),
        ("GET", "/__openclaw__/ws", 426),
        ("GET", "/__openclaw__/a2ui/", 404),
        ("GET", "/__openclaw__/canvas/", 200),
        ("GET", "/__openclaw__/canvas/none.html", 404),
        ("POST", "/__openclaw__/canvas/", 405),
    ];
    for (method, path, status) in table {
        let ask = |headers: &[&str]| request(gateway.port, method, path, headers).expect("an answer");
        let without = ask(&[]);
        assert_eq!(without.status, 401, "{method} {path}: {without:?}");
        assert_eq!(
            without.json(),
            serde_json::json!({"error": {"message": "Unauthorized", "type": "unauthorized"}})
        );
        assert_eq!(
            ask(&["Authorization: Bearer wrong"]).status,
            401,
            "{method} {path}"
        );
        let with = ask(&[&bearer()]);
        assert_eq!(with.status, status, "{method} {path}: {with:?}");
    }
    for path in ["/health", "/ready"] {
        let posted = request(gateway.port, "POST", path, &[]).expect("an answer");
        assert_eq!(posted.status, 405, "{path}");
    }
}

#[test]
fn every_reply_has_security_headers_and_none_a_cors_header() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let foreign = "Origin: https://evil.example";
    let asked = [
        ("GET", "/health", vec![foreign]),
        ("GET", "/nowhere", vec![foreign]),
        ("GET", "/health", vec!["Host: evil.example"]),
        (
            "OPTIONS",
            "/health",
            vec![foreign, "Access-Control-Request-Method: GET"],
        ),
        (
            "OPTIONS",
            "/tools/invoke",
            vec![foreign, "Access-Control-Request-Method: POST"],
        ),
    ];
    for (method, path, headers) in asked {
        let answer = request(gateway.port, method, path, &headers).expect("an answer");
        let head = answer.head.to_ascii_lowercase();
        assert!(!head.contains("access-control-"), "{method} {path}: {head}");
        for header in [
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
            "content-security-policy: default-src 'none'",
            "cross-origin-resource-policy: same-origin",
        ] {
            assert!(head.contains(header), "{method} {path}: no {header} in {head}");
        }
    }
}

#[test]
fn interfaces_of_models_that_are_off_are_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let headers = [bearer(), "Content-Length: 0".to_owned()];
    let headers: Vec<_> = headers.iter().map(String::as_str).collect();
    for (path, why) in [
        (
            "/v1/chat/completions",
            "gateway.http.endpoints.chatCompletions.enabled",
        ),
        ("/v1/responses", "/v1/chat/completions"),
    ] {
        let answer = request(gateway.port, "POST", path, &headers).expect("an answer");
        assert_eq!(
            (answer.status, &answer.json()["error"]["type"]),
            (404, &"model_not_found".into())
        );
        assert!(answer.body.contains(why), "{answer:?}");
    }
}
