//! The failure table of docs/openclaw.md#connection-failures, as a client understands it.

use serde_json::{Value, json};

use super::*;

fn met(error: &Value) -> String {
    match Failure::of_answer(error).of_connect() {
        Failure::Refused(_) => "refused".to_owned(),
        Failure::Protocol(expected) => format!("protocol {expected:?}"),
        Failure::Answer { code, .. } => code,
        other => format!("{other:?}"),
    }
}

#[test]
fn refusals_of_both_releases_are_told_apart() {
    let mismatch =
        "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token)";
    let cases = [
        (json!({"code": "INVALID_REQUEST", "message": mismatch}), "refused"),
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
        assert_eq!(met(&error), expected, "{error}");
    }
}

#[test]
fn words_of_a_peer_can_not_move_the_cursor() {
    let Failure::Answer { message, .. } =
        Failure::of_answer(&json!({"code": "X", "message": "a\u{1b}[2Jb\n"}))
    else {
        panic!("an answer");
    };
    assert_eq!(message, "a [2Jb");
}

#[test]
fn an_url_names_a_host_and_a_port() {
    let at = |url: &str| {
        let target = Target {
            url: url.to_owned(),
            proof: Proof::None,
        };
        target
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
    ] {
        assert_eq!(at(wrong), Err("client.url"), "{wrong}");
    }
}
