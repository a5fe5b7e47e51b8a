//! The pace at which a growing text is told: the models write faster than anybody reads, and each piece is a frame for each
//! client.

use std::time::{Duration, Instant};

/// Minimum time between two `chat` events with a growing text, as in OpenClaw.
const CHAT_INTERVAL: Duration = Duration::from_millis(150);
/// Minimum time between two `agent` events with a growing text: one for each piece would fill the queue of a client where
/// many come at once.
const AGENT_INTERVAL: Duration = Duration::from_millis(8);

/// A text that grows, as far as the clients were told of it.
#[derive(Debug, Default)]
pub(super) struct TextFlow {
    agent: Stream,
    chat: Stream,
}

#[derive(Debug, Default)]
struct Stream {
    /// The number of bytes of the text that were told.
    told: usize,
    at: Option<Instant>,
}

impl Stream {
    /// Returns what is new of a text, where it is told now.
    fn advance(&mut self, full: &str, now: Instant, interval: Duration) -> Option<String> {
        let is_due = self.at.is_none_or(|at| now.duration_since(at) >= interval);
        if !is_due {
            return None;
        }
        self.at = Some(now);
        self.rest(full)
    }

    /// Returns what was not told of a text yet.
    fn rest(&mut self, full: &str) -> Option<String> {
        let new = full.get(self.told..).filter(|new| !new.is_empty())?;
        self.told = full.len();
        Some(new.to_owned())
    }
}

impl TextFlow {
    /// Returns what is new of a text for an `agent` event; `None` where none is sent now.
    pub(super) fn for_agent(&mut self, full: &str, now: Instant) -> Option<String> {
        self.agent.advance(full, now, AGENT_INTERVAL)
    }

    /// Returns what is new of a text for a `chat` event; `None` where none is sent now.
    pub(super) fn for_chat(&mut self, full: &str, now: Instant) -> Option<String> {
        self.chat.advance(full, now, CHAT_INTERVAL)
    }

    /// Returns what no `agent` event had of a text that does not grow for now.
    pub(super) fn rest_for_agent(&mut self, full: &str) -> Option<String> {
        self.agent.rest(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chat_events_are_150_ms_apart_and_no_piece_of_the_text_is_lost() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut flow = TextFlow::default();
        assert_eq!(flow.for_chat("Hel", at(0)).as_deref(), Some("Hel"));
        assert_eq!(flow.for_chat("Hello", at(149)), None);
        assert_eq!(flow.for_chat("Hello you", at(150)).as_deref(), Some("lo you"));
        assert_eq!(flow.for_agent("H", at(0)).as_deref(), Some("H"));
        assert_eq!(flow.for_agent("He", at(1)), None);
        assert_eq!(flow.for_agent("Hel", at(9)).as_deref(), Some("el"));
        assert_eq!(flow.rest_for_agent("Hello").as_deref(), Some("lo"));
        assert_eq!(flow.rest_for_agent("Hello"), None);
    }
}
