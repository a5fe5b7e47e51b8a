//! The times that a model and its provider are given.

use std::time::Duration;

/// The times that a model and its provider are given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Time within which an answer has to begin. A server on the same host may have to load its model first.
    pub(super) start: Duration,
    /// Time for which an answer may pause.
    pub(super) pause: Duration,
    /// The first pause before a server in trouble is asked again.
    pub(super) first_retry: Duration,
    /// The time for which a key is left alone after a limit whose end the provider does not say.
    pub(super) usual_rate_limit: Duration,
    /// The longest time that one request waits in all, for limits and for servers in trouble.
    pub(super) waiting: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start: Duration::from_mins(5),
            pause: Duration::from_mins(2),
            first_retry: Duration::from_millis(500),
            usual_rate_limit: Duration::from_secs(5),
            waiting: Duration::from_secs(30),
        }
    }
}
