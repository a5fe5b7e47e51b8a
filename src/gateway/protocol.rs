//! The words of the WebSocket protocol: frames, what a client says when it connects, and errors, in the
//! shapes of protocol 3 (OpenClaw 2026.1.30) and 4 (2026.9.6). No socket, no state.

use serde_json::{Map, Value, json};

pub mod connect;
pub mod frame;
pub mod refusal;
pub mod shape;

/// A version of the protocol that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// OpenClaw 2026.1.30.
    Three,
    /// OpenClaw 2026.9.6.
    Four,
}

impl Protocol {
    /// The number on the wire.
    pub fn number(self) -> u64 {
        match self {
            Self::Three => 3,
            Self::Four => 4,
        }
    }

    /// The newest that lies in a client's range.
    pub fn choose(min: u64, max: u64) -> Option<Self> {
        [Self::Four, Self::Three]
            .into_iter()
            .find(|protocol| (min..=max).contains(&protocol.number()))
    }

    /// The largest message that is taken from a connected client, in bytes.
    pub fn max_payload(self) -> usize {
        match self {
            Self::Three => 512 * 1024,
            Self::Four => MAX_PAYLOAD,
        }
    }

    /// What the reference keeps for a client that reads slowly, in bytes, as its clients expect to hear it.
    pub fn max_buffered(self) -> usize {
        match self {
            Self::Three => 3 * 512 * 1024,
            Self::Four => 2 * MAX_PAYLOAD,
        }
    }
}

/// As what a client connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It asks and steers.
    Operator,
    /// It does work that it is asked for.
    Node,
}

impl Role {
    /// The role with this name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Operator, Self::Node]
            .into_iter()
            .find(|role| role.name() == name)
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Node => "node",
        }
    }
}

/// What a method asks of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To look.
    Read,
    /// To do.
    Write,
    /// To let commands pass.
    Approvals,
    /// To let devices in.
    Pairing,
    /// Everything.
    Admin,
}

impl Scope {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "operator.read",
            Self::Write => "operator.write",
            Self::Approvals => "operator.approvals",
            Self::Pairing => "operator.pairing",
            Self::Admin => "operator.admin",
        }
    }

    /// Whether somebody with these scopes has this one: an admin has all, and who may write may read.
    pub fn is_in(self, scopes: &[String]) -> bool {
        let has = |scope: Self| scopes.iter().any(|name| name == scope.name());
        has(Self::Admin) || has(self) || (self == Self::Read && has(Self::Write))
    }
}

/// The largest message of any protocol, in bytes: the limit of the socket itself.
pub const MAX_PAYLOAD: usize = 25 * 1024 * 1024;
/// The largest message of a client that has not proved itself, in bytes.
pub const MAX_HANDSHAKE: usize = 64 * 1024;

/// An error in an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Its kind.
    pub code: Code,
    /// What happened, in the protocol's own words: clients look for them.
    pub message: String,
    /// More, for programs.
    pub details: Option<Value>,
}

/// The kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The request is not right, or not allowed.
    InvalidRequest,
    /// The device is not known here.
    NotPaired,
    /// A scope is missing (protocol 4; in 3 it is an invalid request).
    Forbidden,
    /// It can't be done now, or not by this engine.
    Unavailable,
}

impl Code {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::NotPaired => "NOT_PAIRED",
            Self::Forbidden => "FORBIDDEN",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}

impl Fault {
    /// A request that is not right.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self {
            code: Code::InvalidRequest,
            message: message.into(),
            details: None,
        }
    }

    /// What can't be done.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self {
            code: Code::Unavailable,
            ..Self::invalid(message)
        }
    }

    /// With more for programs.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    fn to_value(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".into(), self.code.name().into());
        error.insert("message".into(), self.message.as_str().into());
        if let Some(details) = &self.details {
            error.insert("details".into(), details.clone());
        }
        error.into()
    }
}

/// What a method answers.
pub type Reply = Result<Value, Fault>;

/// The frame of an answer.
pub fn response(id: &str, reply: &Reply) -> String {
    match reply {
        Ok(payload) => json!({"type": "res", "id": id, "ok": true, "payload": payload}),
        Err(fault) => json!({"type": "res", "id": id, "ok": false, "error": fault.to_value()}),
    }
    .to_string()
}

/// The versions of what a client keeps a copy of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateVersion {
    /// Of the presence list.
    pub presence: u64,
    /// Of the health.
    pub health: u64,
}

impl StateVersion {
    /// As it is sent.
    pub fn to_value(self) -> Value {
        json!({"presence": self.presence, "health": self.health})
    }
}

/// The frame of an event. The one before the handshake (`connect.challenge`) has no number.
pub fn event(name: &str, payload: &Value, seq: Option<u64>, version: Option<StateVersion>) -> String {
    let mut frame = json!({"type": "event", "event": name, "payload": payload});
    if let Some(seq) = seq {
        frame["seq"] = seq.into();
    }
    if let Some(version) = version {
        frame["stateVersion"] = version.to_value();
    }
    frame.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_protocol_of_a_clients_range_is_spoken() {
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
            assert_eq!(Protocol::choose(min, max), protocol, "{min}..{max}");
        }
    }

    #[test]
    fn frames_have_the_keys_of_the_protocol_in_its_order() {
        assert_eq!(
            event("tick", &json!({"ts": 1}), Some(2), None),
            r#"{"type":"event","event":"tick","payload":{"ts":1},"seq":2}"#
        );
        assert_eq!(
            response("9", &Err(Fault::invalid("unknown method: nope"))),
            r#"{"type":"res","id":"9","ok":false,"error":{"code":"INVALID_REQUEST","message":"unknown method: nope"}}"#
        );
        assert_eq!(
            response("9", &Ok(Value::Null)),
            r#"{"type":"res","id":"9","ok":true,"payload":null}"#
        );
    }
}
