//! Who is connected over the WebSocket, and how events reach them all.

/// The connected clients.
#[derive(Debug, Default)]
pub struct Clients {}
