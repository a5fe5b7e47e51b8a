//! The failures of a request to a gateway, distinguished by what can be done about them.

use std::io::{self, ErrorKind};

use serde_json::Value;
use tungstenite::HandshakeError;
use tungstenite::protocol::CloseFrame;

use crate::error::Error;
use crate::i18n::msg;
use crate::text::sanitize;

/// The failure of a request to a gateway.
#[derive(Debug)]
pub(crate) enum ClientFailure {
    /// No address of the gateway accepted the connection.
    Unreachable(io::Error),
    /// The gateway did not answer before the deadline.
    TimedOut,
    /// The program that answers is not a gateway.
    NotGateway,
    /// The gateway refused the credentials, or requires some; with its message.
    Refused(String),
    /// The gateway did not compare the credentials, because there were too many failed attempts to authenticate.
    TooManyAttempts,
    /// The gateway speaks another protocol version; with the version that it expects, where it tells.
    Protocol(Option<u64>),
    /// The gateway answered with an error of the protocol.
    ErrorResponse {
        /// The error code of the response: `INVALID_REQUEST`, `UNAVAILABLE`, ...
        code: String,
        /// The error message of the response.
        message: String,
    },
    /// The gateway closed the connection; with the code and the reason of the close frame.
    Closed(Option<u16>, String),
}

impl ClientFailure {
    /// Creates the failure of a request to a gateway from an error of the open WebSocket.
    pub(super) fn from_socket(error: tungstenite::Error) -> Self {
        use tungstenite::Error as E;
        match error {
            E::Io(error) if error.kind() == ErrorKind::TimedOut => Self::TimedOut,
            E::Io(_) | E::ConnectionClosed | E::AlreadyClosed => Self::Closed(None, String::new()),
            E::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
                Self::Closed(None, String::new())
            }
            _ => Self::NotGateway,
        }
    }

    /// Creates the failure of a request to a gateway from an error of the WebSocket handshake.
    pub(super) fn from_upgrade<R: tungstenite::handshake::HandshakeRole>(error: HandshakeError<R>) -> Self {
        match error {
            HandshakeError::Failure(tungstenite::Error::Io(e)) if e.kind() == ErrorKind::TimedOut => {
                Self::TimedOut
            }
            HandshakeError::Interrupted(_) => Self::TimedOut,
            HandshakeError::Failure(_) => Self::NotGateway,
        }
    }

    /// Creates the failure of a request to a gateway from the WebSocket close frame of the gateway.
    pub(super) fn from_close(frame: Option<CloseFrame>) -> Self {
        match frame {
            Some(frame) => Self::Closed(Some(frame.code.into()), sanitize(&frame.reason)),
            None => Self::Closed(None, String::new()),
        }
    }

    /// Creates the failure of a gateway call from the `error` of its response.
    pub(super) fn from_response(error: &Value) -> Self {
        let text = |name: &str| sanitize(error[name].as_str().unwrap_or_default());
        let (code, message) = (text("code"), text("message"));
        let details = &error["details"];
        if details["code"] == "AUTH_RATE_LIMITED" || is_about_many_attempts(&message) {
            return Self::TooManyAttempts;
        }
        if let Some(expected) = details["expectedProtocol"].as_u64() {
            return Self::Protocol(Some(expected));
        }
        Self::ErrorResponse { code, message }
    }

    /// Converts the failure of a gateway's `connect` request to the kind that the table of
    /// docs/openclaw.md#connection-failures gives for it.
    pub(super) fn at_connect(self) -> Self {
        match self {
            Self::ErrorResponse { code, message }
                if code == "NOT_PAIRED"
                    || message.starts_with("unauthorized")
                    || code.starts_with("AUTH_") =>
            {
                Self::Refused(message)
            }
            Self::ErrorResponse { message, .. } if message == "protocol mismatch" => Self::Protocol(None),
            // The gateway may close before its response is read.
            Self::Closed(Some(1008), reason) if is_about_many_attempts(&reason) => Self::TooManyAttempts,
            Self::Closed(Some(1008), reason) => Self::Refused(reason),
            Self::Closed(Some(1002), _) => Self::Protocol(None),
            other => other,
        }
    }

    /// Converts the failure of a request to an error that names the URL of the gateway.
    pub(crate) fn into_error(self, url: &str) -> Error {
        match self {
            Self::Unreachable(cause) => Error::failed(msg!("client.unreachable", url = url)).because(cause),
            Self::TimedOut => Error::unhealthy(msg!("client.slow", url = url)).hint(msg!("client.more-time")),
            Self::NotGateway => Error::unhealthy(msg!("client.not-gateway", url = url)),
            Self::TooManyAttempts => Error::unhealthy(msg!("client.too-many-attempts", url = url))
                .hint(msg!("client.too-many-attempts-wait")),
            Self::Refused(message) => Error::unhealthy(msg!("client.refused", url = url, words = message)),
            Self::Protocol(_) => Error::unhealthy(msg!("client.protocol", url = url)),
            Self::ErrorResponse { code, message } => {
                Error::failed(msg!("client.answer", code = code, message = message))
            }
            Self::Closed(_, reason) if reason.is_empty() => {
                Error::unhealthy(msg!("client.closed", url = url))
            }
            Self::Closed(_, reason) => {
                Error::unhealthy(msg!("client.closed-saying", url = url, words = reason))
            }
        }
    }
}

/// Returns whether a gateway refuses a client, in these words, because of too many failed attempts to authenticate
/// (docs/openclaw.md#failed-attempts). Protocol 3 and close frames have no code for it.
fn is_about_many_attempts(message: &str) -> bool {
    message.contains("too many failed authentication attempts")
}
