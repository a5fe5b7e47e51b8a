//! The methods of the WebSocket protocol, one row each.
