//! One WebSocket connection, from the challenge to the last frame.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ws::{Message, WebSocketUpgrade};
use futures_util::{Sink, Stream};

use super::shared::Shared;

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The address.
    pub address: SocketAddr,
    /// Whether that is this machine, with nobody in between.
    pub local: bool,
}

/// A socket with the limits of the protocol.
pub fn limited(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .max_message_size(26_214_400)
        .max_frame_size(26_214_400)
        .read_buffer_size(4096)
}

/// Serves one session.
pub async fn serve<IO, E>(_shared: Arc<Shared>, _io: IO, _peer: Peer)
where
    IO: Stream<Item = Result<Message, E>> + Sink<Message>,
{
}
