//! Tests of the kinds of failures (docs/openclaw.md#connection-failures), and of URLs.

use serde_json::{Value, json};

use super::*;

/// Returns the kind of failure for the error of a `connect` response.
fn kind_of(error: &Value) -> String {
    match ClientFailure::from_response(error).at_connect() {
        ClientFailure::Refused(_) => "refused".to_owned(),
        ClientFailure::TooManyAttempts => "too many attempts".to_owned(),
        ClientFailure::Protocol(expected) => format!("protocol {expected:?}"),
        ClientFailure::ErrorResponse { code, .. } => code,
        other => format!("{other:?}"),
    }
}

#[test]
fn refusals_of_both_releases_are_distinguished() {
    let mismatch =
        "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token)";
    let many = "unauthorized: too many failed authentication attempts (retry later)";
    let cases = [
        (json!({"code": "INVALID_REQUEST", "message": mismatch}), "refused"),
        (
            json!({"code": "INVALID_REQUEST", "message": many}),
            "too many attempts",
        ),
        (
            json!({"code": "INVALID_REQUEST", "message": "", "details": {"code": "AUTH_RATE_LIMITED"}}),
            "too many attempts",
        ),
        (
            json!({"code": "NOT_PAIRED", "message": "device identity required"}),
            "refused",
        ),
        (
            json!({"code": "INVALID_REQUEST", "message": "protocol mismatch", "details": {"expectedProtocol": 3}}),
            "protocol Some(3)",
        ),
        (
            json!({"code": "INVALID_REQUEST", "message": "protocol mismatch"}),
            "protocol None",
        ),
        (
            json!({"code": "INVALID_REQUEST", "message": "invalid connect params: at root"}),
            "INVALID_REQUEST",
        ),
        (
            json!({"code": "UNAVAILABLE", "message": "starting"}),
            "UNAVAILABLE",
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(kind_of(&error), expected, "{error}");
    }
    let closed = ClientFailure::Closed(Some(1008), many.to_owned()).at_connect();
    assert!(matches!(closed, ClientFailure::TooManyAttempts), "{closed:?}");
}

#[test]
fn control_characters_of_a_peer_are_removed() {
    let ClientFailure::ErrorResponse { message, .. } =
        ClientFailure::from_response(&json!({"code": "X", "message": "a\u{1b}[2Jb\n"}))
    else {
        panic!("an answer");
    };
    assert_eq!(message, "a [2Jb");
}

#[test]
fn url_must_be_ws_with_a_host_and_a_port() {
    let at = |url: &str| {
        let endpoint = GatewayEndpoint {
            url: url.to_owned(),
            auth: ClientAuth::None,
        };
        endpoint
            .addresses()
            .map(|addresses| addresses[0].to_string())
            .map_err(|e| e.code())
    };
    assert_eq!(at("ws://127.0.0.1:4000/x").as_deref(), Ok("127.0.0.1:4000"));
    assert_eq!(at("ws://[::1]:4000").as_deref(), Ok("[::1]:4000"));
    for wrong in [
        "wss://127.0.0.1:4000",
        "http://127.0.0.1:1",
        "ws://",
        "ws://127.0.0.1",
        "ws://user@127.0.0.1:4000",
    ] {
        assert_eq!(at(wrong), Err("client.url"), "{wrong}");
    }
}
