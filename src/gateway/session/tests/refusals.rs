//! Clients that are refused: the response and the close frame of each.

use serde_json::{Value, json};

use super::params_with;
use crate::gateway::devices::key::test_support::TestDevice;
use crate::gateway::test_support::{TestClient, TestGateway, connect_params, signed};
use crate::secret::Secret;
use crate::settings::ClientAuth;

/// A first message, and what the client must get for it.
struct Case {
    sent: String,
    /// Code, message and `details.code` of the response, where there is one. Protocol 3 has no `details.code`.
    error: Option<(&'static str, String, &'static str)>,
    /// Code and reason of the close frame.
    close: (u16, String),
}

impl Case {
    /// Creates the case of a request that is refused with an error, which is also the reason of the close.
    fn refused(request: &Value, code: &'static str, message: &str, detail: &'static str) -> Self {
        Self {
            sent: request.to_string(),
            error: Some((code, message.to_owned(), detail)),
            close: (1008, message.to_owned()),
        }
    }

    /// Creates the case of a message that can't be answered.
    fn unanswered(sent: impl Into<String>, code: u16, reason: &str) -> Self {
        Self {
            sent: sent.into(),
            error: None,
            close: (code, reason.to_owned()),
        }
    }
}

/// Returns the cases of first messages that are not a `connect` request.
fn malformed_cases() -> Vec<Case> {
    let not_connect = json!({"type": "req", "id": "1", "method": "health"});
    let message = "invalid handshake: first request must be connect";
    vec![
        Case::refused(&not_connect, "INVALID_REQUEST", message, ""),
        Case::unanswered(r#"{"foo":1}"#, 1008, "invalid request frame"),
        Case::unanswered("[]", 1008, "invalid request frame"),
        Case::unanswered("hello", 1000, ""),
        Case::unanswered(format!("\"{}\"", "x".repeat(600 * 1024)), 1009, ""),
    ]
}

/// Returns the cases of `connect` requests that are refused.
fn connect_cases(protocol: u64) -> Vec<Case> {
    let refused = |params: Value, code, message: &str, detail| {
        let request = json!({"type": "req", "id": "1", "method": "connect", "params": params});
        Case::refused(&request, code, message, detail)
    };
    let with = |key, value| params_with(protocol, key, value);
    let client = |id, mode| json!({"id": id, "version": "1", "platform": "linux", "mode": mode});
    let wrong_token = |id, mode| {
        let mut params = with("client", client(id, mode));
        params["auth"]["token"] = "wrong".into();
        params
    };
    let (cli_hint, unknown_id) = if protocol == 3 {
        (
            "set gateway.remote.token to match gateway.auth.token",
            "must be equal to constant; at /client/id: must match a schema in anyOf",
        )
    } else {
        (
            "use this gateway's gateway.auth.token or pair the device",
            "must be equal to one of the allowed values",
        )
    };
    let mismatch = |hint| format!("unauthorized: gateway token mismatch ({hint})");
    let unknown_id = format!("invalid connect params: at /client/id: {unknown_id}");
    let extra = "invalid connect params: at root: unexpected property 'zzz'";
    let control_ui = client("openclaw-control-ui", "webchat");
    let control_ui_error = "control ui requires HTTPS or localhost (secure context)";
    let (invalid, unpaired) = ("INVALID_REQUEST", "NOT_PAIRED");
    let (wrong, no_device) = ("AUTH_TOKEN_MISMATCH", "DEVICE_IDENTITY_REQUIRED");
    let no_device_error = "device identity required";
    let (cli, backend) = (
        wrong_token("cli", "cli"),
        wrong_token("gateway-client", "backend"),
    );
    vec![
        refused(cli, invalid, &mismatch(cli_hint), wrong),
        refused(backend, invalid, &mismatch("provide gateway auth token"), wrong),
        refused(with("auth", json!({})), unpaired, no_device_error, no_device),
        refused(
            with("auth", json!({"token": ""})),
            unpaired,
            no_device_error,
            no_device,
        ),
        refused(
            with("client", control_ui),
            invalid,
            control_ui_error,
            "CONTROL_UI_DEVICE_IDENTITY_REQUIRED",
        ),
        refused(with("client", client("nope", "cli")), invalid, &unknown_id, ""),
        refused(with("zzz", json!(1)), invalid, extra, ""),
        refused(with("role", json!("king")), invalid, "invalid role", ""),
    ]
}

/// The table of docs/openclaw.md#connection-failures: the answers of the references to the same frames.
#[tokio::test(start_paused = true)]
async fn refused_clients_get_the_answers_of_the_references() {
    for protocol in [3, 4] {
        for case in connect_cases(protocol).into_iter().chain(malformed_cases()) {
            let gateway = TestGateway::new();
            let mut client = gateway.connect();
            client.challenge().await;
            client.send(case.sent.clone()).await;
            let brief: String = case.sent.chars().take(200).collect();
            if let Some((code, message, detail)) = case.error {
                let frame = client.next_frame().await;
                let error = &frame["error"];
                assert_eq!(
                    (&frame["ok"], &frame["id"]),
                    (&false.into(), &"1".into()),
                    "{brief}"
                );
                assert_eq!(
                    (error["code"].as_str(), error["message"].as_str()),
                    (Some(code), Some(&*message)),
                    "{brief}"
                );
                let details = error["details"]["code"].as_str().unwrap_or_default();
                assert_eq!(details, if protocol == 4 { detail } else { "" }, "{brief}");
            }
            assert_eq!(client.closed().await, case.close, "{brief}");
            client.to = None;
            client.session.await.unwrap();
            assert_eq!(gateway.state.clients.count(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unserved_protocol_range_is_refused_with_the_nearest_version() {
    for (range, expected) in [((1, 2), 3), ((5, 9), 4)] {
        let gateway = TestGateway::new();
        let mut client = gateway.connect();
        client.challenge().await;
        let mut params = connect_params(range.0);
        params["maxProtocol"] = range.1.into();
        client.send_connect(params).await;
        let error = client.next_frame().await["error"].take();
        assert_eq!(
            (&error["code"], &error["message"]),
            (&"INVALID_REQUEST".into(), &"protocol mismatch".into())
        );
        assert_eq!(error["details"]["expectedProtocol"], expected);
        assert_eq!(error["details"]["code"], "PROTOCOL_MISMATCH");
        assert_eq!(error["details"]["minimumProbeProtocol"], 3);
        assert_eq!(client.closed().await, (1002, "protocol mismatch".to_owned()));
    }
}

/// A change that makes the proof of a device invalid, and the message and `details.code` of the answer.
type InvalidProof = (fn(&mut Value), &'static str, &'static str);

#[tokio::test(start_paused = true)]
async fn invalid_device_proof_is_refused_with_its_reason() {
    let id = |params: &mut Value| params["device"]["id"] = "abc".into();
    let key = |params: &mut Value| params["device"]["publicKey"] = "abc".into();
    let stale = |params: &mut Value| params["device"]["signedAt"] = 1_000.into();
    let nonce = |params: &mut Value| params["device"]["nonce"] = "another".into();
    let token = |params: &mut Value| params["auth"]["token"] = "another".into();
    let cases: [InvalidProof; 5] = [
        (id, "device identity mismatch", "DEVICE_AUTH_DEVICE_ID_MISMATCH"),
        (key, "device identity mismatch", "DEVICE_AUTH_DEVICE_ID_MISMATCH"),
        (stale, "device signature expired", "DEVICE_AUTH_SIGNATURE_EXPIRED"),
        (nonce, "device nonce mismatch", "DEVICE_AUTH_NONCE_MISMATCH"),
        (token, "device signature invalid", "DEVICE_AUTH_SIGNATURE_INVALID"),
    ];
    for protocol in [3, 4] {
        for (change, message, detail) in cases {
            let gateway = TestGateway::new();
            let mut client = gateway.connect();
            let nonce = client.challenge().await;
            let mut params = signed(connect_params(protocol), &TestDevice::generate(), Some(&nonce));
            change(&mut params);
            client.send_connect(params).await;
            let error = client.next_frame().await["error"].take();
            assert_eq!(
                (&error["code"], &error["message"]),
                (&"INVALID_REQUEST".into(), &message.into())
            );
            assert_eq!(
                error["details"]["code"].as_str(),
                (protocol == 4).then_some(detail)
            );
            assert_eq!(client.closed().await, (1008, message.to_owned()));
        }
    }
    // From another machine the challenge must be signed: a claim of version 1 could be replayed.
    let gateway = TestGateway::new();
    let mut client = gateway.connect_from("10.0.0.9", false);
    client.challenge().await;
    client
        .send_connect(signed(connect_params(3), &TestDevice::generate(), None))
        .await;
    assert_eq!(
        client.next_frame().await["error"]["message"],
        "device nonce required"
    );
}

#[tokio::test(start_paused = true)]
async fn wrong_tokens_are_delayed_more_and_more_until_a_right_one() {
    let gateway = TestGateway::new();
    let wrong = async || {
        let begun = tokio::time::Instant::now();
        let mut client = gateway.connect();
        client.challenge().await;
        client
            .send_connect(params_with(3, "auth", json!({"token": "wrong"})))
            .await;
        assert_eq!(client.next_frame().await["ok"], false);
        begun.elapsed()
    };
    let mut last = std::time::Duration::ZERO;
    for _ in 0..8 {
        last = wrong().await;
    }
    assert!(last.as_millis() >= 250, "{last:?}");
    gateway.accepted_client(3).await;
    assert!(wrong().await.as_millis() < 250);
}

/// Returns a client of protocol 4, or 3, that has sent its `connect` request with these credentials.
async fn sent_connect(gateway: &TestGateway, protocol: u64, auth: Value) -> TestClient {
    let mut client = gateway.connect();
    client.challenge().await;
    client.send_connect(params_with(protocol, "auth", auth)).await;
    client
}

/// Makes as many wrong attempts to authenticate as are compared at once. Their answers are late: until the returned
/// clients wait for them, no time passes.
async fn used_up_rate(gateway: &TestGateway, protocol: u64) -> Vec<TestClient> {
    let mut guesses = Vec::new();
    for _ in 0..10 {
        guesses.push(sent_connect(gateway, protocol, json!({"token": "wrong"})).await);
    }
    guesses
}

#[tokio::test(start_paused = true)]
async fn too_many_failed_attempts_are_told_from_a_wrong_token() {
    for (token, protocol) in [("short", 3), ("short", 4), ("a-token-that-nobody-guesses", 4)] {
        let gateway = TestGateway::requiring(ClientAuth::Token(Secret::new(token)));
        let guesses = used_up_rate(&gateway, protocol).await;
        let mut client = sent_connect(&gateway, protocol, json!({"token": "wrong"})).await;
        let error = client.next_frame().await["error"].take();
        let message = "unauthorized: too many failed authentication attempts (retry later)";
        assert_eq!(
            (&error["code"], &error["message"], &error["retryable"]),
            (&"INVALID_REQUEST".into(), &message.into(), &true.into())
        );
        assert!(error["retryAfterMs"].as_u64().unwrap() <= 1000, "{error}");
        let details = json!({
            "code": "AUTH_RATE_LIMITED",
            "authReason": "rate_limited",
            "canRetryWithDeviceToken": false,
            "recommendedNextStep": "wait_then_retry",
        });
        assert_eq!(
            error["details"],
            if protocol == 4 { details } else { Value::Null }
        );
        assert_eq!(client.closed().await, (1008, message.to_owned()));
        let mut client = sent_connect(&gateway, protocol, json!({"token": token})).await;
        let right = client.next_frame().await;
        assert_eq!(
            right["ok"],
            token.len() > 16,
            "a short token is not compared: {right}"
        );
        for mut guess in guesses {
            let wrong = guess.next_frame().await;
            let message = wrong["error"]["message"].as_str().unwrap();
            assert!(message.contains("gateway token mismatch"), "{wrong}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn token_of_a_device_is_accepted_beside_guesses_of_a_short_token() {
    let gateway = TestGateway::requiring(ClientAuth::Token(Secret::new("short")));
    let device = TestDevice::generate();
    let connect = async |auth: Value| {
        let mut client = gateway.connect();
        let nonce = client.challenge().await;
        let params = signed(params_with(4, "auth", auth), &device, Some(&nonce));
        client.send_connect(params).await;
        client.next_frame().await
    };
    let paired = connect(json!({"token": "short"})).await;
    let token = paired["payload"]["auth"]["deviceToken"].clone();
    assert!(token.is_string(), "{paired}");
    let _guesses = used_up_rate(&gateway, 4).await;
    let refused = connect(json!({"token": "short"})).await;
    assert_eq!(refused["error"]["details"]["code"], "AUTH_RATE_LIMITED");
    let accepted = connect(json!({"deviceToken": token})).await;
    assert_eq!(accepted["ok"], true, "{accepted}");
}
