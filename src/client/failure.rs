//! Why a gateway gave no answer, told apart by what must be done about it.

use std::io::{self, ErrorKind};

use serde_json::Value;
use tungstenite::HandshakeError;
use tungstenite::protocol::CloseFrame;

use crate::error::Error;
use crate::i18n::msg;
use crate::letters::sanitize;

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// Nobody takes the connection.
    Unreachable(io::Error),
    /// The time was over.
    Slow,
    /// Somebody answers, and it is no gateway.
    NotGateway,
    /// It does not take our token, password, or the lack of one: its words.
    Refused(String),
    /// It speaks another protocol: the one that it expects.
    Protocol(Option<u64>),
    /// It answered with the protocol's error: code and words.
    Answer {
        /// `INVALID_REQUEST`, `UNAVAILABLE`, ...
        code: String,
        /// Its words.
        message: String,
    },
    /// It closed the connection: the code of the close frame and its words.
    Closed(Option<u16>, String),
}

impl Failure {
    pub(super) fn of_socket(error: tungstenite::Error) -> Self {
        use tungstenite::Error as E;
        match error {
            E::Io(error) if error.kind() == ErrorKind::TimedOut => Self::Slow,
            E::Io(_) | E::ConnectionClosed | E::AlreadyClosed => Self::Closed(None, String::new()),
            E::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
                Self::Closed(None, String::new())
            }
            _ => Self::NotGateway,
        }
    }

    pub(super) fn of_handshake<R: tungstenite::handshake::HandshakeRole>(error: HandshakeError<R>) -> Self {
        match error {
            HandshakeError::Failure(tungstenite::Error::Io(e)) if e.kind() == ErrorKind::TimedOut => {
                Self::Slow
            }
            HandshakeError::Interrupted(_) => Self::Slow,
            HandshakeError::Failure(_) => Self::NotGateway,
        }
    }

    pub(super) fn of_close(frame: Option<CloseFrame>) -> Self {
        match frame {
            Some(frame) => Self::Closed(Some(frame.code.into()), sanitize(&frame.reason)),
            None => Self::Closed(None, String::new()),
        }
    }

    /// The `error` of a response.
    pub(super) fn of_answer(error: &Value) -> Self {
        let text = |name: &str| sanitize(error[name].as_str().unwrap_or_default());
        let (code, message) = (text("code"), text("message"));
        let details = &error["details"];
        if let Some(expected) = details["expectedProtocol"].as_u64() {
            return Self::Protocol(Some(expected));
        }
        Self::Answer { code, message }
    }

    /// The same, where it was `connect` that failed: the failure table of docs/openclaw.md#connection-failures.
    pub(super) fn of_connect(self) -> Self {
        match self {
            Self::Answer { code, message }
                if code == "NOT_PAIRED"
                    || message.starts_with("unauthorized")
                    || code.starts_with("AUTH_") =>
            {
                Self::Refused(message)
            }
            Self::Answer { message, .. } if message == "protocol mismatch" => Self::Protocol(None),
            // A gateway may close before its answer is read.
            Self::Closed(Some(1008), reason) => Self::Refused(reason),
            Self::Closed(Some(1002), _) => Self::Protocol(None),
            other => other,
        }
    }

    /// In words, for whoever asked the gateway at this URL.
    pub fn error(self, url: &str) -> Error {
        match self {
            Self::Unreachable(cause) => Error::failed(msg!("client.unreachable", url = url)).because(cause),
            Self::Slow => Error::unhealthy(msg!("client.slow", url = url)).hint(msg!("client.more-time")),
            Self::NotGateway => Error::unhealthy(msg!("client.not-gateway", url = url)),
            Self::Refused(words) => Error::unhealthy(msg!("client.refused", url = url, words = words)),
            Self::Protocol(_) => Error::unhealthy(msg!("client.protocol", url = url)),
            Self::Answer { code, message } => {
                Error::failed(msg!("client.answer", code = code, message = message))
            }
            Self::Closed(_, words) if words.is_empty() => Error::unhealthy(msg!("client.closed", url = url)),
            Self::Closed(_, words) => {
                Error::unhealthy(msg!("client.closed-saying", url = url, words = words))
            }
        }
    }
}
