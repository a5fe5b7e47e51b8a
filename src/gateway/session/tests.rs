//! Sessions over channels: greetings, events, and the ends of sessions.

use serde_json::{Value, json};
use tungstenite::Message;

use crate::gateway::methods;
use crate::gateway::protocol::event::GatewayEvent;
use crate::gateway::state::StopReason;
use crate::gateway::test_support::{TOKEN, TestGateway, connect_params};
use crate::secret::Secret;
use crate::settings::ClientAuth;

mod pairing;
mod refusals;

/// Returns the parameters of `connect` with one of them replaced.
fn params_with(protocol: u64, key: &str, value: Value) -> Value {
    let mut params = connect_params(protocol);
    params[key] = value;
    params
}

#[tokio::test]
async fn greeting_has_the_form_of_its_protocol_and_the_paths_of_its_instance() {
    let gateway = TestGateway::new();
    let state = gateway.home.path().join(".openclaw-rescue").display().to_string();
    for protocol in [3_u64, 4] {
        let mut client = gateway.connect();
        client.challenge().await;
        client.send_connect(connect_params(protocol)).await;
        let hello = client.next_frame().await["payload"].take();
        assert_eq!(
            (&hello["type"], &hello["protocol"]),
            (&"hello-ok".into(), &protocol.into())
        );
        assert_eq!(hello["snapshot"]["stateDir"], state.as_str());
        assert_eq!(hello["snapshot"]["configPath"], format!("{state}/openclaw.json"));
        assert_eq!(hello["features"]["methods"], json!(methods::served_names()));
        assert_eq!(hello["snapshot"]["presence"][0]["mode"], "gateway");
        assert_eq!(hello["policy"]["tickIntervalMs"], 30_000);
        let canvas = gateway.state.canvas_url().unwrap();
        assert!(canvas.starts_with("http://127.0.0.1:"), "{canvas}");
        if protocol == 3 {
            assert_eq!(hello["canvasHostUrl"], canvas);
            assert_eq!(hello["policy"]["maxPayload"], 524_288);
            for key in ["pluginSurfaceUrls", "auth"] {
                assert_eq!(hello[key], Value::Null, "{key}");
            }
            assert_eq!(hello["server"]["bootId"], Value::Null);
            // OpenClaw's own schema of protocol 3 allows no key that it does not know.
            let snapshot: Vec<_> = hello["snapshot"].as_object().unwrap().keys().collect();
            let known = [
                "presence",
                "health",
                "stateVersion",
                "uptimeMs",
                "configPath",
                "stateDir",
                "sessionDefaults",
            ];
            assert_eq!(snapshot, known);
        } else {
            assert_eq!(hello["pluginSurfaceUrls"]["canvas"], canvas);
            assert_eq!(hello["canvasHostUrl"], Value::Null);
            assert_eq!(hello["policy"]["maxPayload"], 26_214_400);
            assert_eq!(hello["server"]["bootId"], "boot");
            // The control UI takes another build for a newer one of itself, and reloads until it is gone.
            assert_eq!(hello["server"]["buildId"], Value::Null);
            assert_eq!(hello["server"]["controlUiBuildSource"], "configured");
            assert_eq!(hello["snapshot"]["suspension"]["phase"], "accepting");
            assert_eq!(hello["snapshot"]["authMode"], "token");
            assert!(hello["snapshot"]["appliedConfigHash"].is_string());
            assert_eq!(hello["auth"]["method"], "token");
        }
        assert!(!hello.to_string().contains(TOKEN));
    }
}

#[tokio::test]
async fn password_is_accepted_only_where_one_is_required() {
    for protocol in [3, 4] {
        let gateway = TestGateway::requiring(ClientAuth::Password(Secret::new("pass")));
        for (auth, ok) in [
            (json!({"password": "pass"}), true),
            (json!({"password": "x"}), false),
            (json!({"token": "pass"}), false),
        ] {
            let mut client = gateway.connect();
            client.challenge().await;
            client
                .send_connect(params_with(protocol, "auth", auth.clone()))
                .await;
            assert_eq!(client.next_frame().await["ok"], ok, "{auth}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn silent_client_is_disconnected_after_the_handshake_timeout() {
    let gateway = TestGateway::new();
    let begun = tokio::time::Instant::now();
    let mut client = gateway.connect();
    client.challenge().await;
    client.send_message(Message::Ping(Vec::new().into())).await;
    assert_eq!(client.closed().await, (1000, String::new()));
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn binary_frames_are_read_and_malformed_ones_do_not_end_the_session() {
    let gateway = TestGateway::new();
    let mut client = gateway.accepted_client(3).await;
    let request = br#"{"type":"req","id":"2","method":"health"}"#;
    client
        .send_message(Message::Binary(request.to_vec().into()))
        .await;
    assert_eq!(client.response("2").await["ok"], true);
    for malformed in ["hello", "{}", "[1", "\u{0}"] {
        client.send(malformed).await;
        assert_eq!(
            client.response("invalid").await["error"]["code"],
            "INVALID_REQUEST"
        );
    }
    client
        .send_message(Message::Binary(vec![0xff, 0xfe].into()))
        .await;
    client.response("invalid").await;
    client.send_message(Message::Pong(Vec::new().into())).await;
    client.request("3", "system-presence", Value::Null).await;
    assert_eq!(client.response("3").await["payload"].as_array().unwrap().len(), 1);
    client.send("x".repeat(512 * 1024 + 1)).await;
    assert_eq!(client.closed().await.0, 1009, "more than protocol 3 takes");
}

#[tokio::test(start_paused = true)]
async fn clients_receive_tick_presence_and_health_events() {
    let gateway = TestGateway::new();
    let mut client = gateway.accepted_client(3).await;
    let mut other = gateway.connect();
    other.challenge().await;
    let mut named = connect_params(4);
    named["client"] = json!({"id": "gateway-client", "version": "1", "platform": "linux", "mode": "backend", "instanceId": "I-1"});
    other.send_connect(named).await;
    assert_eq!(other.next_frame().await["ok"], true);
    let presence = client.next_frame().await;
    assert_eq!(presence["event"], "presence", "{presence}");
    assert_eq!(presence["payload"]["presence"][1]["instanceId"], "I-1");
    assert_eq!(presence["stateVersion"]["presence"], 1);
    drop(other);
    let presence = client.next_frame().await;
    assert_eq!(presence["payload"]["presence"][1]["reason"], "disconnect");
    let (tick, health) = (client.next_frame().await, client.next_frame().await);
    assert_eq!(
        (&tick["event"], &tick["stateVersion"]),
        (&"tick".into(), &Value::Null)
    );
    let mut events = vec![
        health["event"].clone(),
        client.next_frame().await["event"].clone(),
    ];
    events.sort_by_key(ToString::to_string);
    assert_eq!(events, ["health", "tick"]);
    assert!(
        tick["seq"].as_u64() > presence["seq"].as_u64(),
        "events are numbered"
    );
}

#[tokio::test(start_paused = true)]
async fn client_that_does_not_read_is_disconnected_alone() {
    let gateway = TestGateway::new();
    let unread = gateway.accepted_client(3).await;
    let mut client = gateway.accepted_client(4).await;
    for at in 0..1600 {
        gateway
            .state
            .clients
            .broadcast(GatewayEvent::Tick, &json!({"ts": at}));
        let tick = client.next_frame().await;
        assert_eq!(tick["payload"]["ts"], at);
    }
    assert_eq!(gateway.state.clients.count(), 1, "its queue was full");
    unread.session.await.unwrap();
    client.request("2", "health", Value::Null).await;
    assert_eq!(client.response("2").await["ok"], true);
}

#[tokio::test]
async fn every_client_is_told_that_the_gateway_stops() {
    let gateway = TestGateway::new();
    let mut client = gateway.accepted_client(3).await;
    let mut half = gateway.connect();
    half.challenge().await;
    gateway.state.stop(StopReason::Signal);
    let shutdown = client.next_frame().await;
    assert_eq!(
        (&shutdown["event"], &shutdown["payload"]["reason"]),
        (&"shutdown".into(), &"gateway stopping".into())
    );
    for client in [&mut client, &mut half] {
        assert_eq!(client.closed().await, (1012, "service restart".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn names_that_a_client_chose_are_safe_and_short_in_lists() {
    let gateway = TestGateway::new();
    let mut client = gateway.connect();
    client.challenge().await;
    let names = json!({
        "id": "gateway-client",
        "mode": "backend",
        "displayName": "a\n\u{1b}[2J\u{202e}",
        "version": "9".repeat(500),
        "platform": "li\u{9b}nux",
        "deviceFamily": "\u{2028}x",
    });
    client.send_connect(params_with(3, "client", names)).await;
    assert_eq!(client.next_frame().await["ok"], true);
    let presence = gateway.state.presence(9);
    let entry = &presence[1];
    assert_eq!(
        (&entry["host"], &entry["platform"], &entry["deviceFamily"]),
        (&"a  [2J".into(), &"li nux".into(), &"x".into())
    );
    assert_eq!(entry["version"].as_str().unwrap().chars().count(), 64);
    assert_eq!(entry["text"], "Node: a  [2J · mode backend");
}
