//! Fake gateways on threads, which listen on the port of a profile and have a chosen behaviour.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openclaw::instance::Instance;
use openclaw::profile::ProfileName;
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::support::Sandbox;
use crate::support::gateway::TOKEN;

/// The behaviour of a fake gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// The gateway is healthy, speaks this protocol, and refuses any other range of protocols, as strict releases do.
    Speaks(u64),
    /// The gateway refuses every token.
    Refuses,
    /// The gateway reports that it is not healthy.
    Unhealthy,
    /// The gateway identifies itself, accepts a connection, and sends nothing more.
    Stalls,
    /// The gateway identifies itself, and sends garbage in place of a session.
    SendsGarbage,
    /// The gateway belongs to another profile.
    OtherProfile(&'static str),
    /// The program is a web server and no gateway.
    WebServer,
}

/// A fake gateway, which records what clients send.
pub struct FakeGateway {
    pub port: u16,
    received: Arc<Mutex<String>>,
}

impl FakeGateway {
    /// Starts a fake gateway of the profile `rescue`.
    pub fn start(listener: TcpListener, sandbox: &Sandbox, behaviour: Behaviour) -> Self {
        Self::start_for(listener, sandbox, "rescue", behaviour)
    }

    /// Starts a fake gateway of a profile. Its threads end with the test binary.
    pub fn start_for(listener: TcpListener, sandbox: &Sandbox, profile: &str, behaviour: Behaviour) -> Self {
        let port = listener.local_addr().unwrap().port();
        let received = Arc::<Mutex<String>>::default();
        let own = match behaviour {
            Behaviour::OtherProfile(other) => other,
            _ => profile,
        };
        let instance = Instance::canonical(&sandbox.home(), ProfileName::parse(own).unwrap());
        let health = json!({
            "ok": true, "status": "live", "profile": own, "instanceId": instance.id(),
            "version": "0.0.0", "pid": std::process::id(), "engine": "native",
            "startedAt": "2026-11-22T10:00:00.000Z",
        });
        let recorded = received.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (health, received) = (health.clone(), recorded.clone());
                std::thread::spawn(move || serve(stream, behaviour, &health, &received));
            }
        });
        Self { port, received }
    }

    /// Returns everything that clients sent.
    pub fn received(&self) -> String {
        self.received.lock().unwrap().clone()
    }
}

/// Returns the head of the request without consuming it from the stream.
fn peek_request_head(stream: &TcpStream) -> String {
    let mut buffer = [0; 4096];
    loop {
        let length = stream.peek(&mut buffer).unwrap_or(0);
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if length == 0 || text.contains("\r\n\r\n") {
            return text;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn serve(mut stream: TcpStream, behaviour: Behaviour, health: &Value, received: &Mutex<String>) {
    let head = peek_request_head(&stream);
    received.lock().unwrap().push_str(&head);
    if !head.to_ascii_lowercase().contains("upgrade: websocket") {
        let body = match behaviour {
            Behaviour::WebServer => "<html>".to_owned(),
            _ => health.to_string(),
        };
        let _ = stream.read(&mut [0; 4096]);
        let length = body.len();
        let _ = write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        return;
    }
    match behaviour {
        Behaviour::Stalls => {
            // The connection is held open until the client gives up.
            let _ = stream.read_to_end(&mut Vec::new());
        }
        Behaviour::SendsGarbage => {
            let _ = stream.write_all(b"\x00\x01\x02 who is there?\r\n\r\n");
        }
        _ => {
            if let Ok(socket) = tungstenite::accept(stream) {
                serve_session(socket, behaviour, received);
            }
        }
    }
}

fn serve_session(mut socket: WebSocket<TcpStream>, behaviour: Behaviour, received: &Mutex<String>) {
    let challenge =
        json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1}});
    let _ = socket.send(Message::text(challenge.to_string()));
    while let Ok(message) = socket.read() {
        let Message::Text(text) = message else { continue };
        received.lock().unwrap().push_str(&text);
        let request: Value = serde_json::from_str(&text).unwrap();
        let answer = match request["method"].as_str().unwrap() {
            "connect" => answer_connect(&request["params"], behaviour),
            "health" => Ok(match behaviour {
                Behaviour::Unhealthy => json!({"ok": false, "error": "channel down"}),
                _ => json!({"ok": true}),
            }),
            "status" => Ok(json!({})),
            "browser.request" => answer_browser_request(&request["params"]),
            other => Err(json!({"code": "INVALID_REQUEST", "message": format!("unknown method: {other}")})),
        };
        let _ = socket.send(Message::text(
            json!({"type": "event", "event": "tick"}).to_string(),
        ));
        let mut frame = json!({"type": "res", "id": request["id"], "ok": answer.is_ok()});
        match answer {
            Ok(payload) => frame["payload"] = payload,
            Err(error) => frame["error"] = error,
        }
        let _ = socket.send(Message::text(frame.to_string()));
    }
}

/// The status of a browser in the form of OpenClaw 2026.9.6.
pub const BROWSER_STATUS: &str =
    r#"{"enabled":true,"profile":"openclaw","running":true,"headless":true,"noSandbox":false}"#;

/// Answers a request for the browser control service in the form of OpenClaw 2026.9.6.
fn answer_browser_request(params: &Value) -> Result<Value, Value> {
    match (
        params["method"].as_str().unwrap(),
        params["path"].as_str().unwrap(),
    ) {
        ("GET", "/") => Ok(serde_json::from_str(BROWSER_STATUS).unwrap()),
        ("GET", "/profiles") => Ok(json!({"profiles": []})),
        ("POST", "/start") => Ok(json!({"ok": true, "profile": "openclaw"})),
        ("GET", "/snapshot") => Ok(json!({"ok": true, "format": "ai",
            "snapshot": "- heading \"Hi\" [ref=e1]\n  - textbox \"Name\" [ref=e2]: \u{9b}Ada\n  - link"})),
        _ => Err(json!({"code": "INVALID_REQUEST", "message": "browser navigation blocked by policy"})),
    }
}

fn answer_connect(params: &Value, behaviour: Behaviour) -> Result<Value, Value> {
    let protocol = match behaviour {
        Behaviour::Speaks(protocol) => protocol,
        _ => 4,
    };
    if params["minProtocol"] != protocol || params["maxProtocol"] != protocol {
        return Err(json!({
            "code": "INVALID_REQUEST", "message": "protocol mismatch", "details": {"expectedProtocol": protocol},
        }));
    }
    if behaviour == Behaviour::Refuses || params["auth"]["token"] != TOKEN {
        return Err(json!({
            "code": "INVALID_REQUEST",
            "message": "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token)",
        }));
    }
    Ok(
        json!({"type": "hello-ok", "protocol": protocol, "server": {"version": "dev"}, "snapshot": {"uptimeMs": 5}}),
    )
}
