//! A client of a gateway's WebSocket protocol, blocking: the command line's side of docs/openclaw.md#websocket-handshake.
//!
//! It speaks protocol 3 and 4, shows the instance's own token, and knows what the gateway answered: a
//! result, the protocol's error, or nothing in time. It shows no device: the shared token alone is
//! enough for a command line, in either release, and a device would be paired without being asked for.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::WebSocketConfig;

use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::settings::Proof;
use crate::url::ServerUrl;

mod failure;
mod stream;
#[cfg(test)]
mod tests;

pub use failure::Failure;
pub use stream::Timed;

/// The protocols that we speak: 3 of OpenClaw 2026.1.30, 4 of 2026.9.6.
const PROTOCOLS: (u64, u64) = (3, 4);
/// The largest message that is taken, in bytes: what OpenClaw 2026.9.6 sends at most, and some more.
const MAX_MESSAGE: usize = 32 * 1024 * 1024;

/// Where and as whom to connect.
#[derive(Clone, Debug)]
pub struct Target {
    /// `ws://127.0.0.1:19789`.
    pub url: String,
    /// What proves us.
    pub proof: Proof,
}

impl Target {
    /// The gateway that listens at an address.
    pub fn at(address: SocketAddr, proof: Proof) -> Self {
        Self {
            url: format!("ws://{address}"),
            proof,
        }
    }

    /// Resolves the host of the URL.
    ///
    /// # Errors
    /// The URL is not `ws://HOST:PORT`, or the host is unknown.
    fn addresses(&self) -> Result<Vec<SocketAddr>> {
        let invalid = || Error::usage(msg!("client.url", url = self.url));
        let url = ServerUrl::parse(&self.url).filter(|url| url.scheme() == "ws" && !url.has_credentials());
        let url = url.ok_or_else(invalid)?;
        // A gateway's port is never the default one of `ws`: a URL without it is a mistake.
        let port = url.port().ok_or_else(invalid)?;
        let resolved = (url.host(), port).to_socket_addrs();
        Ok(resolved.map_err(|cause| invalid().because(cause))?.collect())
    }
}

/// What a client asks to be allowed (docs/openclaw.md#scopes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// To look.
    Read,
    /// Everything: for a method that the user names.
    Admin,
}

impl Scopes {
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Read => &["operator.read"],
            Self::Admin => &["operator.admin", "operator.read", "operator.write"],
        }
    }
}

/// Calls one method of a gateway: connects, proves itself, asks, and closes. At most `limit` in all.
pub fn call(target: &Target, method: &str, params: Option<&Value>, limit: Duration) -> Result<Value> {
    let addresses = target.addresses()?;
    let deadline = Instant::now() + limit;
    let failed = |failure: Failure| failure.error(&target.url);
    let mut connection =
        Connection::open(&addresses, &target.proof, Scopes::Admin, deadline).map_err(failed)?;
    let answer = connection.request(method, params).map_err(failed)?;
    connection.close();
    Ok(answer)
}

/// A gateway that let us in.
#[derive(Debug)]
pub struct Connection {
    socket: tungstenite::WebSocket<Timed>,
    /// What it greeted us with: `hello-ok`.
    pub hello: Value,
    /// How long it took to get in.
    pub latency: Duration,
    requests: u32,
}

impl Connection {
    /// Connects to the first of these addresses that takes the connection, and gets in.
    pub fn open(
        addresses: &[SocketAddr],
        proof: &Proof,
        scopes: Scopes,
        deadline: Instant,
    ) -> std::result::Result<Self, Failure> {
        match Self::offer(addresses, proof, scopes, deadline, PROTOCOLS) {
            // Releases refuse a range that they do not like even where it contains theirs.
            Err(Failure::Protocol(Some(expected))) if (PROTOCOLS.0..=PROTOCOLS.1).contains(&expected) => {
                Self::offer(addresses, proof, scopes, deadline, (expected, expected))
            }
            outcome => outcome,
        }
    }

    fn offer(
        addresses: &[SocketAddr],
        proof: &Proof,
        scopes: Scopes,
        deadline: Instant,
        protocols: (u64, u64),
    ) -> std::result::Result<Self, Failure> {
        let since = Instant::now();
        let (stream, address) = Timed::connect(addresses, deadline)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        let request = format!("ws://{address}/");
        let (socket, _) = tungstenite::client::client_with_config(request, stream, Some(config))
            .map_err(Failure::of_handshake)?;
        let mut connection = Self {
            socket,
            hello: Value::Null,
            latency: Duration::ZERO,
            requests: 0,
        };
        connection.challenged()?;
        let params = introduction(proof, scopes, protocols);
        connection.hello = connection
            .request("connect", Some(&params))
            .map_err(Failure::of_connect)?;
        if connection.hello["type"] != "hello-ok" {
            return Err(Failure::NotGateway);
        }
        connection.latency = since.elapsed();
        Ok(connection)
    }

    /// The protocol that was agreed on.
    pub fn protocol(&self) -> Option<u64> {
        self.hello["protocol"].as_u64()
    }

    /// Waits for the challenge, which every gateway opens with.
    fn challenged(&mut self) -> std::result::Result<(), Failure> {
        loop {
            let frame = self.frame()?;
            if frame["type"] == "event" && frame["event"] == "connect.challenge" {
                return Ok(());
            }
        }
    }

    /// Calls a method and waits for its answer; events in between are passed over.
    pub fn request(&mut self, method: &str, params: Option<&Value>) -> std::result::Result<Value, Failure> {
        self.requests += 1;
        let id = self.requests.to_string();
        let mut frame = json!({ "type": "req", "id": id, "method": method });
        if let Some(params) = params {
            frame["params"] = params.clone();
        }
        self.socket
            .send(Message::text(frame.to_string()))
            .map_err(Failure::of_socket)?;
        loop {
            let mut frame = self.frame()?;
            if frame["type"] != "res" || frame["id"] != *id {
                continue;
            }
            return if frame["ok"] == true {
                Ok(frame["payload"].take())
            } else {
                Err(Failure::of_answer(&frame["error"]))
            };
        }
    }

    fn frame(&mut self) -> std::result::Result<Value, Failure> {
        loop {
            // A peer that talks without end must not hold us.
            self.socket.get_ref().in_time()?;
            match self.socket.read().map_err(Failure::of_socket)? {
                Message::Text(text) => {
                    return serde_json::from_str(&text).map_err(|_| Failure::NotGateway);
                }
                Message::Close(frame) => return Err(Failure::of_close(frame)),
                Message::Binary(_) => return Err(Failure::NotGateway),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Says goodbye; the answer is not waited for.
    pub fn close(mut self) {
        let _ = self.socket.close(None);
        let _ = self.socket.flush();
    }
}

/// The parameters of `connect`.
fn introduction(proof: &Proof, scopes: Scopes, (least, most): (u64, u64)) -> Value {
    let mut params = json!({
        "minProtocol": least,
        "maxProtocol": most,
        "client": {
            "id": "cli",
            "version": env!("CARGO_PKG_VERSION"),
            "platform": std::env::consts::OS,
            "mode": "cli",
        },
        "caps": [],
        "role": "operator",
        "scopes": scopes.names(),
    });
    match proof {
        Proof::Token(token) => params["auth"] = json!({ "token": token.expose() }),
        Proof::Password(password) => params["auth"] = json!({ "password": password.expose() }),
        Proof::None => {}
    }
    params
}
