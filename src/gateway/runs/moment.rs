//! The moment of an event of a run, and a text as the message of an event.

use std::time::Instant;

use serde_json::{Value, json};

/// The moment of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// The milliseconds since 1970.
    pub(super) millis: u64,
    /// The time by the clock that only goes forward.
    pub(super) instant: Instant,
}

/// Returns a text of an assistant as a message of an event.
pub(super) fn assistant_message(text: &str, timestamp: u64) -> Value {
    json!({ "role": "assistant", "content": [{ "type": "text", "text": text }], "timestamp": timestamp })
}
