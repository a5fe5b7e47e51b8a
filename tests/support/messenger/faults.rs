//! Failures that a test plans for calls to a stand-in.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A way in which a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is refused: the caller has to wait for this number of seconds. A call before their end is refused too, and
    /// counted by [`Faults::early_calls`].
    RateLimited {
        /// Seconds to wait, at least 1.
        seconds: u32,
    },
    /// The service answers with an internal error and does nothing.
    ServerError,
    /// The connection breaks before anything was done.
    RequestLost,
    /// It is done, and the connection breaks before the answer.
    AnswerLost,
    /// Nothing is done before the test releases the call.
    Held,
}

/// Failures of the next calls of some methods.
#[derive(Debug)]
struct Planned {
    methods: Vec<String>,
    failure: Failure,
    left: usize,
    /// How often calls had been released when this was planned.
    releases: usize,
}

/// The planned failures of a stand-in, and the rate limits that callers have to wait for.
#[derive(Debug, Default)]
pub struct Faults {
    planned: Vec<Planned>,
    limited_until: BTreeMap<String, Instant>,
    early_calls: usize,
    releases: usize,
}

impl Faults {
    /// Lets the next `count` calls of any of these methods fail.
    pub fn plan(&mut self, methods: &[&str], failure: Failure, count: usize) {
        self.planned.push(Planned {
            methods: methods.iter().map(ToString::to_string).collect(),
            failure,
            left: count,
            releases: self.releases,
        });
    }

    /// Returns how this call of a method fails, or `None` where it does not.
    pub fn take(&mut self, method: &str) -> Option<Failure> {
        let now = Instant::now();
        if let Some(left) = self
            .limited_until
            .get(method)
            .and_then(|until| until.checked_duration_since(now))
        {
            self.early_calls += 1;
            let seconds = u32::try_from(left.as_secs()).expect("a short wait") + 1;
            return Some(Failure::RateLimited { seconds });
        }
        let releases = self.releases;
        let is_next = |planned: &&mut Planned| {
            let is_released = planned.failure == Failure::Held && planned.releases < releases;
            planned.left > 0 && !is_released && planned.methods.iter().any(|name| name == method)
        };
        let planned = self.planned.iter_mut().find(is_next)?;
        planned.left -= 1;
        if let Failure::RateLimited { seconds } = planned.failure {
            let until = now + Duration::from_secs(seconds.into());
            self.limited_until
                .extend(planned.methods.iter().map(|name| (name.clone(), until)));
        }
        Some(planned.failure)
    }

    /// Returns how many calls came before the end of a rate limit.
    pub fn early_calls(&self) -> usize {
        self.early_calls
    }

    /// Returns how often held calls have been released.
    pub fn releases(&self) -> usize {
        self.releases
    }

    /// Releases the calls that are held, and those that were to be held.
    pub fn release(&mut self) {
        self.releases += 1;
    }
}
