//! The errors of a WebSocket.

use crate::gateway::protocol::refusal::CloseReason;

/// The reason why nothing more can be received over a WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WebSocketError {
    /// A message is larger than allowed.
    TooLarge,
    /// A text message is not UTF-8.
    InvalidText,
    /// The bytes are not the WebSocket protocol.
    Violation,
    /// The client sent more than it may before it is authenticated, or a large message too slowly.
    Refused,
    /// The client does not accept what is sent to it.
    Stalled,
    /// The connection is broken.
    Broken,
}

impl WebSocketError {
    /// Returns the reason with which the gateway closes a WebSocket after an error; `None` where a close frame would
    /// not arrive.
    pub(crate) fn close_reason(self) -> Option<CloseReason> {
        match self {
            Self::TooLarge => Some(CloseReason::new(1009, "")),
            Self::InvalidText => Some(CloseReason::new(1007, "")),
            Self::Violation => Some(CloseReason::new(1002, "")),
            Self::Refused => Some(CloseReason::new(1008, "")),
            Self::Stalled | Self::Broken => None,
        }
    }
}
