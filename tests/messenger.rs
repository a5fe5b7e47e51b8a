//! The stand-ins of messengers, tested over plain HTTP and `WebSocket`s as a bot would call them: what the services
//! document, no more and no less.

mod discord;
mod every;
mod matrix;
mod slack;
mod telegram;

use std::net::TcpStream;

use serde_json::Value;
use tungstenite::{Message, WebSocket};

use crate::support::gateway::WAIT_TIMEOUT;

/// Returns an agent that takes every status for an answer.
fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config.timeout_global(Some(WAIT_TIMEOUT)).build().into()
}

/// The client's end of a WebSocket.
struct Client(WebSocket<TcpStream>);

impl Client {
    /// Connects to a URL with the scheme `ws`; `None` where the server refuses.
    fn connect(url: &str) -> Option<Self> {
        let authority = url
            .parse::<http::Uri>()
            .expect("a URL")
            .authority()
            .expect("an address")
            .to_string();
        let stream = TcpStream::connect(authority).expect("a connection");
        stream.set_read_timeout(Some(WAIT_TIMEOUT)).expect("a timeout");
        Some(Self(tungstenite::client(url, stream).ok()?.0))
    }

    /// Sends a document.
    fn send(&mut self, document: &Value) {
        self.0
            .send(Message::text(document.to_string()))
            .expect("it is sent");
    }

    /// Returns the next document, or the code with which the connection was closed; `None` where it broke.
    fn next(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match self.0.read() {
                Ok(Message::Text(text)) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Ok(Message::Close(frame)) => return Err(frame.map(|frame| frame.code.into())),
                Ok(_) => {}
                Err(_) => return Err(None),
            }
        }
    }

    /// Closes the connection with a code.
    fn close(mut self, code: u16) {
        let frame = tungstenite::protocol::CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        self.0.close(Some(frame)).expect("it is closed");
        while self.next().is_ok() {}
    }
}
