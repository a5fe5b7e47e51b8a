//! A blocking client of the WebSocket protocol of a gateway, for the command line
//! (docs/openclaw.md#websocket-handshake).
//!
//! The client speaks the protocols 3 and 4, and authenticates with the instance's own token or password. It sends no
//! device identity: the token alone is enough for a command line in either release, and a device would be paired
//! although nobody asked for that.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::Message;
use tungstenite::protocol::WebSocketConfig;

use crate::error::{self, Error};
use crate::i18n::msg;
use crate::settings::ClientAuth;
use crate::url::ServerUrl;

mod failure;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use failure::ClientFailure;
use stream::DeadlineStream;

/// The range of versions of the gateway protocol that this client speaks: 3 of OpenClaw 2026.1.30, 4 of 2026.9.6.
const PROTOCOL_RANGE: (u64, u64) = (3, 4);
/// Maximum size of a message that the client receives from a gateway, in bytes: the largest that OpenClaw 2026.9.6
/// sends, and some more.
const MAX_MESSAGE_BYTES: usize = 32 * 1024 * 1024;

/// The URL of a gateway and the credentials for it.
#[derive(Clone, Debug)]
pub(crate) struct GatewayEndpoint {
    /// The URL of the gateway, such as `ws://127.0.0.1:19789`.
    pub(crate) url: String,
    /// The credentials with which the client authenticates.
    pub(crate) auth: ClientAuth,
}

impl GatewayEndpoint {
    /// Resolves the host of a gateway's URL to socket addresses.
    ///
    /// # Errors
    /// When the URL is not `ws://HOST:PORT`, or the host is unknown.
    fn addresses(&self) -> error::Result<Vec<SocketAddr>> {
        let invalid = || Error::usage(msg!("client.url", url = self.url));
        let url = ServerUrl::parse(&self.url).filter(|url| url.scheme() == "ws" && !url.has_credentials());
        let url = url.ok_or_else(invalid)?;
        // A gateway's port is never the default one of `ws`: a URL without it is a mistake.
        let port = url.port().ok_or_else(invalid)?;
        let resolved = (url.host(), port).to_socket_addrs();
        Ok(resolved.map_err(|cause| invalid().because(cause))?.collect())
    }
}

/// The scopes (permissions) that a client requests from a gateway (docs/openclaw.md#scopes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestedScopes {
    /// The scope for reading the state of the gateway.
    Read,
    /// All scopes, for a method that the user names.
    Admin,
}

impl RequestedScopes {
    /// Returns the names that requested scopes have in the gateway protocol.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Read => &["operator.read"],
            Self::Admin => &["operator.admin", "operator.read", "operator.write"],
        }
    }
}

/// Calls one method of a gateway over a WebSocket connection of its own. `timeout` limits the whole call.
///
/// # Errors
/// When the URL is invalid, or the gateway is not reached, refuses the credentials, or answers with an error.
pub(crate) fn call(
    endpoint: &GatewayEndpoint,
    method: &str,
    params: Option<&Value>,
    timeout: Duration,
) -> error::Result<Value> {
    let failed = |failure: ClientFailure| failure.into_error(&endpoint.url);
    let mut client = connect(endpoint, RequestedScopes::Admin, timeout)?;
    let answer = client.request(method, params).map_err(failed)?;
    client.close();
    Ok(answer)
}

/// Calls one method of a gateway that answers twice, such as `agent`, over a connection of its own, and returns the second answer.
/// `timeout` limits the whole call.
///
/// # Errors
/// As [`call`].
pub(crate) fn call_for_result(
    endpoint: &GatewayEndpoint,
    method: &str,
    params: &Value,
    timeout: Duration,
) -> error::Result<Value> {
    let failed = |failure: ClientFailure| failure.into_error(&endpoint.url);
    let mut client = connect(endpoint, RequestedScopes::Admin, timeout)?;
    let answer = client.request_result(method, params).map_err(failed)?;
    client.close();
    Ok(answer)
}

/// Connects to a gateway. `timeout` limits the connection and what is asked over it.
///
/// # Errors
/// When the URL is invalid, or the gateway is not reached or refuses the credentials.
pub(crate) fn connect(
    endpoint: &GatewayEndpoint,
    scopes: RequestedScopes,
    timeout: Duration,
) -> error::Result<GatewayClient> {
    let addresses = endpoint.addresses()?;
    let client = GatewayClient::connect(&addresses, &endpoint.auth, scopes, Instant::now() + timeout);
    client.map_err(|failure| failure.into_error(&endpoint.url))
}

/// A WebSocket connection to a gateway that has accepted this client.
#[derive(Debug)]
pub(crate) struct GatewayClient {
    socket: tungstenite::WebSocket<DeadlineStream>,
    /// The greeting of the gateway: the payload of `hello-ok`.
    pub(crate) hello: Value,
    /// The time from connecting to the greeting.
    pub(crate) latency: Duration,
    /// The number of requests so far; each is the id of the last one.
    requests: u32,
}

impl GatewayClient {
    /// Connects a client to the gateway at the first of these addresses that accepts the connection, and
    /// authenticates.
    pub(crate) fn connect(
        addresses: &[SocketAddr],
        auth: &ClientAuth,
        scopes: RequestedScopes,
        deadline: Instant,
    ) -> Result<Self, ClientFailure> {
        match Self::connect_with_range(addresses, auth, scopes, deadline, PROTOCOL_RANGE) {
            // Some releases refuse a range although it contains their version: it is offered alone then.
            Err(ClientFailure::Protocol(Some(expected)))
                if (PROTOCOL_RANGE.0..=PROTOCOL_RANGE.1).contains(&expected) =>
            {
                Self::connect_with_range(addresses, auth, scopes, deadline, (expected, expected))
            }
            outcome => outcome,
        }
    }

    fn connect_with_range(
        addresses: &[SocketAddr],
        auth: &ClientAuth,
        scopes: RequestedScopes,
        deadline: Instant,
        range: (u64, u64),
    ) -> Result<Self, ClientFailure> {
        let since = Instant::now();
        let (stream, address) = DeadlineStream::connect(addresses, deadline)?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let request = format!("ws://{address}/");
        let (socket, _) = tungstenite::client::client_with_config(request, stream, Some(config))
            .map_err(ClientFailure::from_upgrade)?;
        let mut client = Self {
            socket,
            hello: Value::Null,
            latency: Duration::ZERO,
            requests: 0,
        };
        client.receive_challenge()?;
        let params = connect_params(auth, scopes, range);
        client.hello = client
            .request("connect", Some(&params))
            .map_err(ClientFailure::at_connect)?;
        if client.hello["type"] != "hello-ok" {
            return Err(ClientFailure::NotGateway);
        }
        client.latency = since.elapsed();
        Ok(client)
    }

    /// Returns the version of the gateway protocol that the client and the gateway negotiated.
    pub(crate) fn protocol(&self) -> Option<u64> {
        self.hello["protocol"].as_u64()
    }

    /// Waits for the authentication challenge, the first frame that every gateway sends to a client.
    fn receive_challenge(&mut self) -> Result<(), ClientFailure> {
        loop {
            let frame = self.receive_frame()?;
            if frame["type"] == "event" && frame["event"] == "connect.challenge" {
                return Ok(());
            }
        }
    }

    /// Calls a method of the gateway's WebSocket protocol, and returns the payload of its response. Events before the
    /// response are skipped.
    pub(crate) fn request(&mut self, method: &str, params: Option<&Value>) -> Result<Value, ClientFailure> {
        let id = self.send(method, params)?;
        self.response(&id)
    }

    /// Calls a method that answers twice: at once that the request is accepted, and later with its result, whose payload is
    /// returned.
    fn request_result(&mut self, method: &str, params: &Value) -> Result<Value, ClientFailure> {
        let id = self.send(method, Some(params))?;
        loop {
            let payload = self.response(&id)?;
            if payload["status"] != "accepted" {
                return Ok(payload);
            }
        }
    }

    /// Waits for the next event of the gateway, at most so long, and returns it.
    pub(crate) fn next_event(&mut self, limit: Duration) -> Result<Value, ClientFailure> {
        self.socket.get_mut().set_deadline(Instant::now() + limit);
        loop {
            let frame = self.receive_frame()?;
            if frame["type"] == "event" {
                return Ok(frame);
            }
        }
    }

    /// Sends a request, and returns its id.
    fn send(&mut self, method: &str, params: Option<&Value>) -> Result<String, ClientFailure> {
        self.requests += 1;
        let id = self.requests.to_string();
        let mut frame = json!({ "type": "req", "id": id, "method": method });
        if let Some(params) = params {
            frame["params"] = params.clone();
        }
        self.socket
            .send(Message::text(frame.to_string()))
            .map_err(ClientFailure::from_socket)?;
        Ok(id)
    }

    /// Waits for the next response to a request, and returns its payload.
    fn response(&mut self, id: &str) -> Result<Value, ClientFailure> {
        loop {
            let mut frame = self.receive_frame()?;
            if frame["type"] != "res" || frame["id"] != *id {
                continue;
            }
            return if frame["ok"] == true {
                Ok(frame["payload"].take())
            } else {
                Err(ClientFailure::from_response(&frame["error"]))
            };
        }
    }

    /// Waits for the next frame of the gateway protocol, and returns it.
    fn receive_frame(&mut self) -> Result<Value, ClientFailure> {
        loop {
            // A peer that sends without a pause must not hold this client beyond its deadline.
            self.socket.get_ref().check_deadline()?;
            match self.socket.read().map_err(ClientFailure::from_socket)? {
                Message::Text(text) => {
                    return serde_json::from_str(&text).map_err(|_| ClientFailure::NotGateway);
                }
                Message::Close(frame) => return Err(ClientFailure::from_close(frame)),
                Message::Binary(_) => return Err(ClientFailure::NotGateway),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// Sends a WebSocket close frame to the gateway, without waiting for that of the gateway.
    pub(crate) fn close(mut self) {
        let _ = self.socket.close(None);
        let _ = self.socket.flush();
    }
}

/// Returns the parameters of the `connect` request, with which a client authenticates to a gateway.
fn connect_params(auth: &ClientAuth, scopes: RequestedScopes, (min, max): (u64, u64)) -> Value {
    let mut params = json!({
        "minProtocol": min,
        "maxProtocol": max,
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
    match auth {
        ClientAuth::Token(token) => params["auth"] = json!({ "token": token.expose() }),
        ClientAuth::Password(password) => params["auth"] = json!({ "password": password.expose() }),
        ClientAuth::None => {}
    }
    params
}
