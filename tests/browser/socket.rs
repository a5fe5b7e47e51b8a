//! `browser.request` over the gateway's WebSocket, in both protocols.

use std::net::TcpStream;

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use super::{configure, done};
use crate::support::Sandbox;
use crate::support::gateway::{Gateway, TOKEN, WAIT_TIMEOUT, free_base};

/// A session of one protocol.
struct Session {
    socket: WebSocket<TcpStream>,
    protocol: Value,
}

impl Session {
    fn open(port: u16, protocol: u64, scopes: &[&str]) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_read_timeout(Some(WAIT_TIMEOUT)).expect("a socket");
        let url = format!("ws://127.0.0.1:{port}/");
        let (socket, _) = tungstenite::client(url, stream).expect("a socket");
        let mut session = Self {
            socket,
            protocol: Value::Null,
        };
        let hello = session.ask(
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

    /// Asks, and reads until the answer is there.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
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
fn the_browser_is_asked_over_the_socket_in_both_protocols() {
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &json!({}));
    let gateway = Gateway::start(&sandbox, "main");
    let status = json!({ "method": "GET", "path": "/", "timeoutMs": 20_000 });
    for protocol in [3, 4] {
        let mut session = Session::open(gateway.port, protocol, &["operator.write"]);
        assert_eq!(session.protocol, protocol);
        let answer = session.ask("browser.request", &status);
        assert_eq!(answer["ok"], true, "{answer}");
        assert_eq!(answer["payload"]["cdpPort"], gateway.port + 11);
        assert_eq!(answer["payload"]["state"], "stopped");
        // What is refused brings the route's status and words.
        let wrong = json!({ "method": "GET", "path": "/", "query": { "profile": "nope" } });
        let refused = session.ask("browser.request", &wrong);
        assert_eq!(
            (&refused["ok"], &refused["error"]["code"]),
            (&json!(false), &json!("INVALID_REQUEST"))
        );
        assert_eq!(refused["error"]["details"]["status"], 404, "{refused}");
        let words = refused["error"]["message"].as_str().unwrap();
        assert!(words.contains("nope") && words.contains("openclaw"), "{words}");
        let empty = session.ask("browser.request", &json!({}));
        assert_eq!(empty["error"]["code"], "INVALID_REQUEST", "{empty}");

        // Who may read only drives no browser.
        let mut reader = Session::open(gateway.port, protocol, &["operator.read"]);
        let refused = reader.ask("browser.request", &status);
        assert_eq!(refused["ok"], false, "{refused}");
        assert_eq!(refused["error"]["message"], "missing scope: operator.write");
    }
    // The same through the command line.
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
    assert_eq!(called["cdpPort"], done(&sandbox, "main", "status")["cdpPort"]);
}
