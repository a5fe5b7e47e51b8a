//! Whom an event of a conversation is for: the clients of one protocol, those with a capability, or those that subscribed.

use std::collections::HashSet;

use crate::gateway::protocol::Protocol;

/// Maximum number of sessions whose messages one client subscribes to.
const MAX_SESSIONS: usize = 256;

/// The clients that an event of the gateway is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// All clients that speak this version of the protocol.
    Protocol(Protocol),
    /// Clients that speak this version of the protocol and named this capability.
    Capability(Protocol, &'static str),
    /// Clients that subscribed to the list of sessions.
    SessionList,
    /// Clients that subscribed to the messages of the session with this key.
    Messages(String),
}

/// What a client of the gateway subscribed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Subscriptions {
    session_list: bool,
    sessions: HashSet<String>,
}

impl Subscriptions {
    /// Subscribes a client to the list of sessions.
    pub(crate) fn add_session_list(&mut self) {
        self.session_list = true;
    }

    /// Subscribes a client to the messages of a session.
    pub(crate) fn add_session(&mut self, key: &str) {
        if self.sessions.len() < MAX_SESSIONS {
            self.sessions.insert(key.to_owned());
        }
    }

    /// Ends the subscription of a client to the messages of a session.
    pub(crate) fn remove_session(&mut self, key: &str) {
        self.sessions.remove(key);
    }
}

impl Audience {
    /// Returns whether an event for this audience is for a client that speaks a version of the protocol, with these
    /// capabilities and subscriptions.
    pub(super) fn includes(&self, spoken: Protocol, caps: &[String], subscriptions: &Subscriptions) -> bool {
        match self {
            Self::Protocol(protocol) => spoken == *protocol,
            Self::Capability(protocol, name) => spoken == *protocol && caps.iter().any(|own| own == name),
            Self::SessionList => spoken == Protocol::Four && subscriptions.session_list,
            Self::Messages(key) => spoken == Protocol::Four && subscriptions.sessions.contains(key),
        }
    }
}
