//! Tests of `browser.request` over the gateway's WebSocket, in both protocol versions.

use std::net::TcpStream;

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::{browser_json, configure};
use crate::support::Sandbox;
use crate::support::gateway::{Gateway, TOKEN, WAIT_TIMEOUT, free_base};

/// A WebSocket session in one protocol version.
struct Session {
    socket: WebSocket<TcpStream>,
    protocol: Value,
}

impl Session {
    /// Connects and completes the handshake.
    fn open(port: u16, protocol: u64, scopes: &[&str]) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_read_timeout(Some(WAIT_TIMEOUT)).expect("a socket");
        let url = format!("ws://127.0.0.1:{port}/");
        let (socket, _) = tungstenite::client(url, stream).expect("a socket");
        let mut session = Self {
            socket,
            protocol: Value::Null,
        };
        let hello = session.request(
            "connect",
            &json!({
                "minProtocol": protocol, "maxProtocol": protocol,
                "client": { "id": "cli", "version": "dev", "platform": "linux", "mode": "cli" },
                "role": "operator", "scopes": scopes, "auth": { "token": TOKEN },
            }),
        );
        session.protocol = hello["payload"]["protocol"].clone();
        session
    }

    /// Sends a request and returns its response.
    fn request(&mut self, method: &str, params: &Value) -> Value {
        let frame = json!({ "type": "req", "id": method, "method": method, "params": params });
        self.socket
            .send(Message::text(frame.to_string()))
            .expect("it is sent");
        loop {
            let Message::Text(text) = self.socket.read().expect("an answer") else {
                continue;
            };
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            if frame["type"] == "res" {
                return frame;
            }
        }
    }
}

#[test]
fn browser_request_works_in_both_protocols_and_requires_the_write_scope() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &json!({}));
    let gateway = Gateway::start(&sandbox, "main");
    let status = json!({ "method": "GET", "path": "/", "timeoutMs": 20_000 });
    for protocol in [3, 4] {
        let mut session = Session::open(gateway.port, protocol, &["operator.write"]);
        assert_eq!(session.protocol, protocol);
        let answer = session.request("browser.request", &status);
        assert_eq!(answer["ok"], true, "{answer}");
        assert_eq!(answer["payload"]["cdpPort"], gateway.port + 11);
        assert_eq!(answer["payload"]["state"], "stopped");
        // A refused request has the status and the message of the route.
        let wrong = json!({ "method": "GET", "path": "/", "query": { "profile": "nope" } });
        let refused = session.request("browser.request", &wrong);
        assert_eq!(
            (&refused["ok"], &refused["error"]["code"]),
            (&json!(false), &json!("INVALID_REQUEST"))
        );
        assert_eq!(refused["error"]["details"]["status"], 404, "{refused}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(
            message.contains("nope") && message.contains("openclaw"),
            "{message}"
        );
        let empty = session.request("browser.request", &json!({}));
        assert_eq!(empty["error"]["code"], "INVALID_REQUEST", "{empty}");

        // The read scope does not allow driving a browser.
        let mut reader = Session::open(gateway.port, protocol, &["operator.read"]);
        let refused = reader.request("browser.request", &status);
        assert_eq!(refused["ok"], false, "{refused}");
        assert_eq!(refused["error"]["message"], "missing scope: operator.write");
    }
    // `gateway call` sends the same request from the command line.
    let ran = sandbox.run([
        "--profile",
        "main",
        "gateway",
        "call",
        "browser.request",
        "--params",
        &status.to_string(),
    ]);
    let called = ran.exits(0).json();
    assert_eq!(
        called["cdpPort"],
        browser_json(&sandbox, "main", "status")["cdpPort"]
    );
}
