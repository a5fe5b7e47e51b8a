//! One WebSocket connection, from the challenge to the last frame.
