//! The events that a gateway sends without being asked, each with the scope that receiving it requires.

use serde_json::{Value, json};

use super::{OperatorScope, StateVersion};

/// An event that a gateway sends to its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GatewayEvent {
    /// The challenge with the nonce that a device signs; the first frame of every connection.
    ConnectChallenge,
    /// The presence list changed.
    Presence,
    /// The periodic sign that the gateway is alive.
    Tick,
    /// The gateway stops or restarts.
    Shutdown,
    /// The health document.
    Health,
    /// A part or the whole of an answer of the bot or an agent.
    Chat,
    /// A step of an agent's run.
    Agent,
    /// A message was added to a session.
    SessionMessage,
    /// A session began, changed or ended.
    SessionsChanged,
    /// A device waits for approval.
    PairingRequested,
    /// A device was approved or rejected.
    PairingResolved,
}

impl GatewayEvent {
    /// Every event that the gateway sends to its clients, in the order in which `hello-ok` names them.
    pub(crate) const ALL: [Self; 11] = [
        Self::ConnectChallenge,
        Self::Presence,
        Self::Tick,
        Self::Shutdown,
        Self::Health,
        Self::Chat,
        Self::Agent,
        Self::SessionMessage,
        Self::SessionsChanged,
        Self::PairingRequested,
        Self::PairingResolved,
    ];

    /// Returns the name of a gateway event in the WebSocket protocol.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ConnectChallenge => "connect.challenge",
            Self::Presence => "presence",
            Self::Tick => "tick",
            Self::Shutdown => "shutdown",
            Self::Health => "health",
            Self::Chat => "chat",
            Self::Agent => "agent",
            Self::SessionMessage => "session.message",
            Self::SessionsChanged => "sessions.changed",
            Self::PairingRequested => "device.pair.requested",
            Self::PairingResolved => "device.pair.resolved",
        }
    }

    /// Returns the permission scope that a client needs to receive an event of the gateway, or `None` where every
    /// authenticated client receives it.
    pub(crate) fn required_scope(self) -> Option<OperatorScope> {
        // Without a `_` arm: whoever adds an event decides who may see it.
        match self {
            Self::ConnectChallenge | Self::Presence | Self::Tick | Self::Shutdown | Self::Health => None,
            Self::Chat | Self::Agent | Self::SessionMessage | Self::SessionsChanged => {
                Some(OperatorScope::Read)
            }
            Self::PairingRequested | Self::PairingResolved => Some(OperatorScope::Pairing),
        }
    }

    /// Renders an event of the gateway as a WebSocket frame that lacks the sequence number of its client.
    pub(crate) fn render(self, payload: &Value, version: Option<StateVersion>) -> EventFrame {
        let frame = json!({"type": "event", "event": self.name(), "payload": payload}).to_string();
        EventFrame {
            start: frame.strip_suffix('}').unwrap_or_default().to_owned(),
            end: version.map_or_else(String::new, |version| {
                format!(",\"stateVersion\":{}", version.to_value())
            }),
        }
    }

    /// Returns whether an event of the gateway carries the version numbers of the presence list and the health
    /// document.
    pub(crate) fn has_state_version(self) -> bool {
        matches!(self, Self::Presence | Self::Health)
    }
}

/// The WebSocket frame of an event without its sequence number, which each client counts by itself.
#[derive(Clone, Debug)]
pub(crate) struct EventFrame {
    start: String,
    end: String,
}

impl EventFrame {
    /// Returns the text of an event's frame for a client whose event with this number it is.
    pub(crate) fn with_seq(&self, seq: u64) -> String {
        format!("{},\"seq\":{seq}{}}}", self.start, self.end)
    }

    /// Returns the text of an event's frame before the handshake, when no event has a number.
    pub(crate) fn without_seq(&self) -> String {
        format!("{}{}}}", self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            GatewayEvent::ALL.iter().map(|event| event.name()).collect();
        assert_eq!(names.len(), GatewayEvent::ALL.len());
    }

    #[test]
    fn events_about_devices_need_the_pairing_scope() {
        for event in GatewayEvent::ALL {
            let needs_pairing = event.required_scope() == Some(OperatorScope::Pairing);
            assert_eq!(needs_pairing, event.name().starts_with("device."), "{event:?}");
        }
    }

    #[test]
    fn events_have_the_keys_of_the_protocol_in_its_order() {
        assert_eq!(
            GatewayEvent::Tick.render(&json!({"ts": 1}), None).with_seq(2),
            r#"{"type":"event","event":"tick","payload":{"ts":1},"seq":2}"#
        );
    }
}
