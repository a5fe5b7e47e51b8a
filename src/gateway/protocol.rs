//! The WebSocket protocol as data: frames, the parameters of `connect`, events and errors, in the forms of
//! protocol 3 (OpenClaw 2026.1.30) and 4 (2026.9.6). No socket, no state.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::time::millis;

pub mod connect;
pub(crate) mod event;
pub mod frame;
pub mod refusal;
pub(crate) mod shape;

/// Time that a client of the gateway has from connecting until its `connect` request is answered.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two `tick` events that the gateway sends to its clients.
pub(crate) const TICK_INTERVAL: Duration = Duration::from_secs(30);
/// Maximum size of a message in any version of the gateway's WebSocket protocol, in bytes.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 25 * 1024 * 1024;
/// Maximum size of a WebSocket message from a client that the gateway has not authenticated yet, in bytes.
pub(crate) const MAX_HANDSHAKE_BYTES: usize = 64 * 1024;

/// A version of the WebSocket protocol that the gateway serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// The protocol of OpenClaw 2026.1.30.
    Three,
    /// The protocol of OpenClaw 2026.9.6.
    Four,
}

impl Protocol {
    /// Returns the number by which messages name a version of the gateway's WebSocket protocol.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Three => 3,
            Self::Four => 4,
        }
    }

    /// Returns the newest version of the gateway protocol in a client's range of versions, both ends included.
    pub(crate) fn negotiate(min: u64, max: u64) -> Option<Self> {
        [Self::Four, Self::Three]
            .into_iter()
            .find(|protocol| (min..=max).contains(&protocol.number()))
    }

    /// Returns the maximum size of a WebSocket message that the gateway accepts from an authenticated client, in
    /// bytes.
    pub(crate) fn max_payload(self) -> usize {
        match self {
            Self::Three => 512 * 1024,
            Self::Four => MAX_PAYLOAD_BYTES,
        }
    }

    /// Returns the number of bytes that OpenClaw's gateway buffers for a client that reads slowly, as its clients
    /// expect to be told.
    pub(crate) fn max_buffered(self) -> usize {
        match self {
            Self::Three => 3 * 512 * 1024,
            Self::Four => 2 * MAX_PAYLOAD_BYTES,
        }
    }
}

/// The role in which a client connects to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientRole {
    /// The client calls methods of the gateway.
    Operator,
    /// The client does work that the gateway asks it for.
    Node,
}

impl ClientRole {
    /// Returns the role of a gateway client that has this name in the WebSocket protocol.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Operator, Self::Node]
            .into_iter()
            .find(|role| role.name() == name)
    }

    /// Returns the name of a gateway client's role in the WebSocket protocol.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Node => "node",
        }
    }
}

/// A permission of an operator, which methods and events of the gateway may require.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperatorScope {
    /// Reading the state of the gateway.
    Read,
    /// Changing the state of the gateway.
    Write,
    /// Approving commands that agents want to run.
    Approvals,
    /// Answering the questions of agents; since protocol 4.
    Questions,
    /// Pairing devices.
    Pairing,
    /// Every permission of an operator.
    Admin,
}

impl OperatorScope {
    /// Every scope that a client of the gateway can have as an operator.
    pub(crate) const ALL: [Self; 6] = [
        Self::Read,
        Self::Write,
        Self::Approvals,
        Self::Questions,
        Self::Pairing,
        Self::Admin,
    ];

    /// Returns the name of a gateway client's role in the WebSocket protocol.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "operator.read",
            Self::Write => "operator.write",
            Self::Approvals => "operator.approvals",
            Self::Questions => "operator.questions",
            Self::Pairing => "operator.pairing",
            Self::Admin => "operator.admin",
        }
    }

    /// Returns whether an operator with these scope names has this permission scope: `operator.admin` grants all of
    /// them, and `operator.write` grants reading.
    pub(crate) fn is_granted_by(self, names: &[String]) -> bool {
        let has = |scope: Self| names.iter().any(|name| name == scope.name());
        has(Self::Admin) || has(self) || (self == Self::Read && has(Self::Write))
    }
}

/// The error in a response frame of the gateway's WebSocket protocol.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ErrorResponse {
    /// The kind of error.
    pub code: ErrorCode,
    /// The message, in the protocol's own words: clients compare them.
    pub message: String,
    /// Machine-readable details.
    pub details: Option<Value>,
    /// The time after which the client may send the same request again; `None` where that would be of no use.
    pub retry_after: Option<Duration>,
}

/// The kinds of errors in the gateway's WebSocket protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorCode {
    /// The request is malformed or not allowed.
    InvalidRequest,
    /// The device is not paired.
    NotPaired,
    /// A scope is missing. Protocol 4 only; protocol 3 calls it an invalid request.
    Forbidden,
    /// The method can't be served now, or not by this engine.
    Unavailable,
}

impl ErrorCode {
    /// Returns the name of a gateway client's role in the WebSocket protocol.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::NotPaired => "NOT_PAIRED",
            Self::Forbidden => "FORBIDDEN",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}

impl ErrorResponse {
    /// Creates an error of the gateway's WebSocket protocol from a code and a message, without details.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: None,
            retry_after: None,
        }
    }

    /// Creates the error that answers a client's request to the gateway which is malformed or not allowed.
    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// Creates the error that answers a client's request which the gateway can't serve.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Unavailable, message)
    }

    /// Adds machine-readable details to an error of the gateway's WebSocket protocol.
    #[must_use]
    pub(crate) fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// Adds to an error of the gateway's WebSocket protocol the time after which the client may try again.
    #[must_use]
    pub(crate) fn with_retry_after(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    fn to_value(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".into(), self.code.name().into());
        error.insert("message".into(), self.message.as_str().into());
        if let Some(details) = &self.details {
            error.insert("details".into(), details.clone());
        }
        if let Some(retry_after) = self.retry_after {
            error.insert("retryable".into(), true.into());
            error.insert("retryAfterMs".into(), millis(retry_after).into());
        }
        error.into()
    }
}

/// The result of a method of the gateway's WebSocket protocol: the payload of its response, or its error.
pub(crate) type MethodResult = Result<Value, ErrorResponse>;

/// Renders the gateway's WebSocket response frame to the client's request with this id.
pub(crate) fn response_frame(id: &str, result: &MethodResult) -> String {
    match result {
        Ok(payload) => json!({"type": "res", "id": id, "ok": true, "payload": payload}),
        Err(error) => json!({"type": "res", "id": id, "ok": false, "error": error.to_value()}),
    }
    .to_string()
}

/// The version numbers of the gateway's presence list and health document, which clients keep a copy of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StateVersion {
    /// The version of the presence list.
    pub presence: u64,
    /// The version of the health document.
    pub health: u64,
}

impl StateVersion {
    /// Returns the JSON form of the version numbers of the gateway's presence list and health document.
    pub(crate) fn to_value(self) -> Value {
        json!({"presence": self.presence, "health": self.health})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_protocol_in_the_range_of_the_client_is_negotiated() {
        let cases = [
            ((3, 3), Some(Protocol::Three)),
            ((4, 4), Some(Protocol::Four)),
            ((3, 4), Some(Protocol::Four)),
            ((1, 9), Some(Protocol::Four)),
            ((1, 2), None),
            ((5, 9), None),
            ((4, 3), None),
        ];
        for ((min, max), protocol) in cases {
            assert_eq!(Protocol::negotiate(min, max), protocol, "{min}..{max}");
        }
    }

    #[test]
    fn responses_have_the_keys_of_the_protocol_in_its_order() {
        assert_eq!(
            response_frame("9", &Err(ErrorResponse::invalid_request("unknown method: nope"))),
            r#"{"type":"res","id":"9","ok":false,"error":{"code":"INVALID_REQUEST","message":"unknown method: nope"}}"#
        );
        assert_eq!(
            response_frame("9", &Ok(Value::Null)),
            r#"{"type":"res","id":"9","ok":true,"payload":null}"#
        );
    }
}
