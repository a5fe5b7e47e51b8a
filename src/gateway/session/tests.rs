//! Sessions over channels: what each kind of client hears, and how it ends.

use axum::extract::ws::Message;
use serde_json::{Value, json};

use super::stand::{Stand, TOKEN, params};
use crate::device::Identity;
use crate::gateway::shared::Stop;
use crate::host::Host;
use crate::secret::Secret;
use crate::settings::Proof;

mod pairing;
mod refused;

fn device() -> Identity {
    Identity::generate(&Host::fixed(&[], [("", ""); 0]))
}

fn with(protocol: u64, key: &str, value: Value) -> Value {
    let mut params = params(protocol);
    params[key] = value;
    params
}

#[tokio::test]
async fn a_greeting_has_the_shape_of_its_protocol_and_the_paths_of_its_instance() {
    let stand = Stand::new();
    let state = stand.home.path().join(".openclaw-rescue").display().to_string();
    for protocol in [3_u64, 4] {
        let mut client = stand.dial();
        client.challenge().await;
        client.connect(params(protocol)).await;
        let hello = client.next().await["payload"].take();
        assert_eq!(
            (&hello["type"], &hello["protocol"]),
            (&"hello-ok".into(), &protocol.into())
        );
        assert_eq!(hello["snapshot"]["stateDir"], state.as_str());
        assert_eq!(hello["snapshot"]["configPath"], format!("{state}/openclaw.json"));
        assert_eq!(hello["features"]["methods"], json!(super::methods::served()));
        assert_eq!(hello["snapshot"]["presence"][0]["mode"], "gateway");
        assert_eq!(hello["policy"]["tickIntervalMs"], 30_000);
        let canvas = stand.shared.canvas_url().unwrap();
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
            assert!(hello["server"]["buildId"].is_string());
            assert_eq!(hello["snapshot"]["suspension"]["phase"], "accepting");
            assert_eq!(hello["snapshot"]["authMode"], "token");
            assert!(hello["snapshot"]["appliedConfigHash"].is_string());
            assert_eq!(hello["auth"]["method"], "token");
        }
        assert!(!hello.to_string().contains(TOKEN));
    }
}

#[tokio::test]
async fn a_password_opens_where_one_is_asked_for() {
    for protocol in [3, 4] {
        let stand = Stand::with(Proof::Password(Secret::new("pass")));
        for (auth, ok) in [
            (json!({"password": "pass"}), true),
            (json!({"password": "x"}), false),
            (json!({"token": "pass"}), false),
        ] {
            let mut client = stand.dial();
            client.challenge().await;
            client.connect(with(protocol, "auth", auth.clone())).await;
            assert_eq!(client.next().await["ok"], ok, "{auth}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_let_go_after_ten_seconds() {
    let stand = Stand::new();
    let begun = tokio::time::Instant::now();
    let mut client = stand.dial();
    client.challenge().await;
    client.message(Message::Ping(Vec::new().into())).await;
    assert_eq!(client.closed().await, (1000, String::new()));
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn binary_frames_are_read_and_rubbish_ends_nothing() {
    let stand = Stand::new();
    let mut client = stand.friend(3).await;
    let request = br#"{"type":"req","id":"2","method":"health"}"#;
    client.message(Message::Binary(request.to_vec().into())).await;
    assert_eq!(client.answer("2").await["ok"], true);
    for rubbish in ["hello", "{}", "[1", "\u{0}"] {
        client.send(rubbish).await;
        assert_eq!(client.answer("invalid").await["error"]["code"], "INVALID_REQUEST");
    }
    client.message(Message::Binary(vec![0xff, 0xfe].into())).await;
    client.answer("invalid").await;
    client.message(Message::Pong(Vec::new().into())).await;
    client.request("3", "system-presence", Value::Null).await;
    assert_eq!(client.answer("3").await["payload"].as_array().unwrap().len(), 1);
    client.send("x".repeat(512 * 1024 + 1)).await;
    assert_eq!(client.closed().await.0, 1009, "more than protocol 3 takes");
}

#[tokio::test(start_paused = true)]
async fn clients_hear_a_tick_who_came_and_the_health() {
    let stand = Stand::new();
    let mut client = stand.friend(3).await;
    let mut other = stand.dial();
    other.challenge().await;
    let mut named = params(4);
    named["client"] = json!({"id": "gateway-client", "version": "1", "platform": "linux", "mode": "backend", "instanceId": "I-1"});
    other.connect(named).await;
    assert_eq!(other.next().await["ok"], true);
    let presence = client.next().await;
    assert_eq!(presence["event"], "presence", "{presence}");
    assert_eq!(presence["payload"]["presence"][1]["instanceId"], "I-1");
    assert_eq!(presence["stateVersion"]["presence"], 1);
    drop(other);
    let presence = client.next().await;
    assert_eq!(presence["payload"]["presence"][1]["reason"], "disconnect");
    let (tick, health) = (client.next().await, client.next().await);
    assert_eq!(
        (&tick["event"], &tick["stateVersion"]),
        (&"tick".into(), &Value::Null)
    );
    let mut events = vec![health["event"].clone(), client.next().await["event"].clone()];
    events.sort_by_key(ToString::to_string);
    assert_eq!(events, ["health", "tick"]);
    assert!(
        tick["seq"].as_u64() > presence["seq"].as_u64(),
        "events are numbered"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_let_go_and_the_others_are_not() {
    let stand = Stand::new();
    let deaf = stand.friend(3).await;
    let mut client = stand.friend(4).await;
    for at in 0..600 {
        stand.shared.clients.broadcast("tick", &json!({"ts": at}));
        let tick = client.next().await;
        assert_eq!(tick["payload"]["ts"], at);
    }
    assert_eq!(stand.shared.clients.count(), 1, "its queue was full");
    deaf.session.await.unwrap();
    client.request("2", "health", Value::Null).await;
    assert_eq!(client.answer("2").await["ok"], true);
}

#[tokio::test]
async fn when_the_gateway_stops_everybody_is_told_so() {
    let stand = Stand::new();
    let mut client = stand.friend(3).await;
    let mut half = stand.dial();
    half.challenge().await;
    stand.shared.stop(Stop::Asked);
    let shutdown = client.next().await;
    assert_eq!(
        (&shutdown["event"], &shutdown["payload"]["reason"]),
        (&"shutdown".into(), &"gateway stopping".into())
    );
    for client in [&mut client, &mut half] {
        assert_eq!(client.closed().await, (1012, "service restart".to_owned()));
    }
}
