//! Fake gateways on threads: they listen where a profile is set up, and answer by a script.

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

/// How a fake gateway behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It speaks this protocol and refuses a range that says anything else, as strict releases do.
    Speaks(u64),
    /// It takes no token.
    Refuses,
    /// It says that it is not well.
    Unwell,
    /// It names itself, takes a connection, and says no more.
    Stalls,
    /// It names itself, and its session is garbage.
    Babbles,
    /// It is the gateway of this other profile.
    IsOf(&'static str),
    /// It is no gateway at all.
    WebServer,
}

pub struct Fake {
    pub port: u16,
    heard: Arc<Mutex<String>>,
}

impl Fake {
    /// A fake of the gateway of `rescue`.
    pub fn start(listener: TcpListener, sandbox: &Sandbox, manner: Manner) -> Self {
        Self::of(listener, sandbox, "rescue", manner)
    }

    /// A fake of a profile's gateway. Its threads end with the test binary.
    pub fn of(listener: TcpListener, sandbox: &Sandbox, profile: &str, manner: Manner) -> Self {
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::<Mutex<String>>::default();
        let own = match manner {
            Manner::IsOf(other) => other,
            _ => profile,
        };
        let instance = Instance::canonical(&sandbox.home(), ProfileName::parse(own).unwrap());
        let health = json!({
            "ok": true, "status": "live", "profile": own, "instanceId": instance.id(),
            "version": "0.0.0", "pid": std::process::id(), "engine": "native",
            "startedAt": "2026-11-22T10:00:00.000Z",
        });
        let all = heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (health, heard) = (health.clone(), all.clone());
                std::thread::spawn(move || serve(stream, manner, &health, &heard));
            }
        });
        Self { port, heard }
    }

    /// Everything that clients said.
    pub fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

/// The head of the request, left where it is for whoever reads it next.
fn head(stream: &TcpStream) -> String {
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

fn serve(mut stream: TcpStream, manner: Manner, health: &Value, heard: &Mutex<String>) {
    let asked = head(&stream);
    heard.lock().unwrap().push_str(&asked);
    if !asked.to_ascii_lowercase().contains("upgrade: websocket") {
        let body = match manner {
            Manner::WebServer => "<html>".to_owned(),
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
    match manner {
        Manner::Stalls => {
            // Held open until the client gives up.
            let _ = stream.read_to_end(&mut Vec::new());
        }
        Manner::Babbles => {
            let _ = stream.write_all(b"\x00\x01\x02 who is there?\r\n\r\n");
        }
        _ => {
            if let Ok(socket) = tungstenite::accept(stream) {
                session(socket, manner, heard);
            }
        }
    }
}

fn session(mut socket: WebSocket<TcpStream>, manner: Manner, heard: &Mutex<String>) {
    let challenge =
        json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1}});
    let _ = socket.send(Message::text(challenge.to_string()));
    while let Ok(message) = socket.read() {
        let Message::Text(text) = message else { continue };
        heard.lock().unwrap().push_str(&text);
        let request: Value = serde_json::from_str(&text).unwrap();
        let answer = match request["method"].as_str().unwrap() {
            "connect" => connected(&request["params"], manner),
            "health" => Ok(match manner {
                Manner::Unwell => json!({"ok": false, "error": "channel down"}),
                _ => json!({"ok": true}),
            }),
            "status" => Ok(json!({})),
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

fn connected(params: &Value, manner: Manner) -> Result<Value, Value> {
    let protocol = match manner {
        Manner::Speaks(protocol) => protocol,
        _ => 4,
    };
    if params["minProtocol"] != protocol || params["maxProtocol"] != protocol {
        return Err(json!({
            "code": "INVALID_REQUEST", "message": "protocol mismatch", "details": {"expectedProtocol": protocol},
        }));
    }
    if manner == Manner::Refuses || params["auth"]["token"] != TOKEN {
        return Err(json!({
            "code": "INVALID_REQUEST",
            "message": "unauthorized: gateway token mismatch (set gateway.remote.token to match gateway.auth.token)",
        }));
    }
    Ok(
        json!({"type": "hello-ok", "protocol": protocol, "server": {"version": "dev"}, "snapshot": {"uptimeMs": 5}}),
    )
}
