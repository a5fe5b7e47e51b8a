//! Clients that are refused: the response and the close frame of each.

use serde_json::{Value, json};

use super::params_with;
use crate::gateway::devices::key::test_support::TestDevice;
use crate::gateway::test_support::{TestGateway, connect_params, signed};

/// The first message; the expected response (code, message, `details.code` of protocol 4); the expected close
/// code and reason.
struct Case(String, Option<(&'static str, String, &'static str)>, u16, String);

fn cases(protocol: u64) -> Vec<Case> {
    let frame =
        |params: Value| json!({"type": "req", "id": "1", "method": "connect", "params": params}).to_string();
    let refused = |params: Value, code, message: &str, detail, close| {
        Case(
            frame(params),
            Some((code, message.to_owned(), detail)),
            close,
            message.to_owned(),
        )
    };
    let with = |key, value| params_with(protocol, key, value);
    let program = |id, mode| json!({"id": id, "version": "1", "platform": "linux", "mode": mode});
    let wrong = |id, mode| {
        let mut params = with("client", program(id, mode));
        params["auth"]["token"] = "wrong".into();
        params
    };
    let (invalid, unpaired) = ("INVALID_REQUEST", "NOT_PAIRED");
    let mismatch = "AUTH_TOKEN_MISMATCH";
    let hint = if protocol == 3 {
        "set gateway.remote.token to match gateway.auth.token"
    } else {
        "use this gateway's gateway.auth.token or pair the device"
    };
    let cli = format!("unauthorized: gateway token mismatch ({hint})");
    let bad_id = if protocol == 3 {
        "invalid connect params: at /client/id: must be equal to constant; at /client/id: must match a schema in anyOf"
    } else {
        "invalid connect params: at /client/id: must be equal to one of the allowed values"
    };
    let page = "control ui requires HTTPS or localhost (secure context)";
    let extra = "invalid connect params: at root: unexpected property 'zzz'";
    let first = "invalid handshake: first request must be connect";
    let request = json!({"type": "req", "id": "1", "method": "health"}).to_string();
    vec![
        refused(wrong("cli", "cli"), invalid, &cli, mismatch, 1008),
        refused(
            wrong("gateway-client", "backend"),
            invalid,
            "unauthorized: gateway token mismatch (provide gateway auth token)",
            mismatch,
            1008,
        ),
        refused(
            with("auth", json!({})),
            unpaired,
            "device identity required",
            "DEVICE_IDENTITY_REQUIRED",
            1008,
        ),
        refused(
            with("auth", json!({"token": ""})),
            unpaired,
            "device identity required",
            "DEVICE_IDENTITY_REQUIRED",
            1008,
        ),
        refused(
            with("client", program("openclaw-control-ui", "webchat")),
            invalid,
            page,
            "CONTROL_UI_DEVICE_IDENTITY_REQUIRED",
            1008,
        ),
        refused(with("client", program("nope", "cli")), invalid, bad_id, "", 1008),
        refused(with("zzz", json!(1)), invalid, extra, "", 1008),
        refused(with("role", json!("king")), invalid, "invalid role", "", 1008),
        Case(
            request,
            Some((invalid, first.to_owned(), "")),
            1008,
            first.to_owned(),
        ),
        Case(
            r#"{"foo":1}"#.to_owned(),
            None,
            1008,
            "invalid request frame".to_owned(),
        ),
        Case("[]".to_owned(), None, 1008, "invalid request frame".to_owned()),
        Case("hello".to_owned(), None, 1000, String::new()),
        Case(
            format!("\"{}\"", "x".repeat(600 * 1024)),
            None,
            1009,
            String::new(),
        ),
    ]
}

/// The table of docs/openclaw.md#connection-failures: the answers of the references to the same frames.
#[tokio::test(start_paused = true)]
async fn refused_clients_get_the_answers_of_the_references() {
    for protocol in [3, 4] {
        for Case(sent, answer, code, reason) in cases(protocol) {
            let gateway = TestGateway::new();
            let mut client = gateway.connect();
            client.challenge().await;
            client.send(sent.clone()).await;
            if let Some((kind, message, detail)) = answer {
                let frame = client.next_frame().await;
                let error = &frame["error"];
                assert_eq!(
                    (&frame["ok"], &frame["id"]),
                    (&false.into(), &"1".into()),
                    "{sent}"
                );
                assert_eq!(
                    (error["code"].as_str(), error["message"].as_str()),
                    (Some(kind), Some(&*message)),
                    "{sent}"
                );
                let details = error["details"]["code"].as_str().unwrap_or_default();
                assert_eq!(details, if protocol == 4 { detail } else { "" }, "{sent}");
            }
            let brief: String = sent.chars().take(80).collect();
            assert_eq!(client.closed().await, (code, reason), "{brief}");
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
