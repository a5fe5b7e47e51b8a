//! The state of a stand-in: its server changes it, and the test waits for the changes.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

use axum::response::Response;
use serde_json::Value;
use tokio::sync::watch;

use super::faults::{Failure, Faults};
use super::seen::{Seen, SeenLog};
use super::server::break_connection;
use crate::support::gateway::WAIT_TIMEOUT;

/// A call of a method of the service.
#[derive(Clone, Debug)]
pub struct Call {
    /// Name of the method, or the HTTP method and the path.
    pub method: String,
    /// Its parameters; `null` where it has none.
    pub parameters: Value,
}

/// What every stand-in keeps, and what only this one keeps.
#[derive(Debug, Default)]
pub struct State<T> {
    /// Every call, the first one first.
    pub calls: Vec<Call>,
    /// The planned failures.
    pub faults: Faults,
    /// What the users saw of the bot.
    pub seen: SeenLog,
    /// The part of this stand-in.
    pub own: T,
}

/// The state of a stand-in, shared by its server and the test.
#[derive(Debug)]
pub struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    version: watch::Sender<u64>,
}

impl<T: Default> Shared<T> {
    /// Creates a state in which nothing has happened.
    pub fn new(own: T) -> Self {
        let state = State {
            own,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            version: watch::Sender::new(0),
        }
    }
}

impl<T> Shared<T> {
    /// Returns the state. A panic of a test that holds it fails that test alone.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs `change` on the state and wakes everybody who waits for a change.
    pub fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        self.version.send_modify(|version| *version += 1);
        result
    }

    /// Waits in the test's thread until `probe` returns a value.
    ///
    /// # Panics
    /// After [`WAIT_TIMEOUT`], with `what`, the calls and the messages.
    #[track_caller]
    pub fn wait<R>(&self, what: &str, mut probe: impl FnMut(&mut State<T>) -> Option<R>) -> R {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut state = self.lock();
        loop {
            if let Some(found) = probe(&mut state) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited in vain: {what}\nmessages: {:#?}\ncalls: {:#?}",
                state.seen.entries(),
                state.calls
            );
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// Waits in the server until `probe` returns a value.
    pub async fn until<R>(&self, mut probe: impl FnMut(&mut State<T>) -> Option<R>) -> R {
        let mut version = self.version.subscribe();
        loop {
            version.borrow_and_update();
            let found = probe(&mut self.lock());
            if let Some(found) = found {
                return found;
            }
            // The sender lives as long as `self`.
            let _ = version.changed().await;
        }
    }

    /// Runs a call of a method unless the test planned a failure for it. `refuse` is the service's own answer to a rate
    /// limit and to an error of the server.
    pub async fn answer(
        &self,
        method: &str,
        refuse: impl FnOnce(Failure) -> Response,
        call: impl Future<Output = Response>,
    ) -> Response {
        let (failure, releases) = self.change(|state| (state.faults.take(method), state.faults.releases()));
        match failure {
            None => call.await,
            Some(failure @ (Failure::RateLimited { .. } | Failure::ServerError)) => refuse(failure),
            Some(Failure::RequestLost) => break_connection(),
            Some(Failure::AnswerLost) => {
                call.await;
                break_connection()
            }
            Some(Failure::Held) => {
                self.until(|state| (state.faults.releases() > releases).then_some(()))
                    .await;
                call.await
            }
        }
    }
}

/// The part of a stand-in's state that every messenger has, whatever else it keeps.
pub trait Record {
    /// Waits in the test's thread for the next message or edit of the bot that is wanted.
    fn next_message(&self, what: &str, wanted: &dyn Fn(&Seen) -> bool) -> Seen;

    /// Returns every message and edit of the bot, the first one first, read or not.
    fn messages(&self) -> Vec<Seen>;

    /// Lets the next `count` calls of any of these methods fail.
    fn fail_next(&self, methods: &[&str], failure: Failure, count: usize);

    /// Answers the calls that [`Failure::Held`] holds.
    fn release(&self);

    /// Returns the number of calls that came before a rate limit ended.
    fn early_calls(&self) -> usize;
}

impl<T> Record for Shared<T> {
    #[track_caller]
    fn next_message(&self, what: &str, wanted: &dyn Fn(&Seen) -> bool) -> Seen {
        self.wait(what, |state| state.seen.next(wanted))
    }

    fn messages(&self) -> Vec<Seen> {
        self.change(|state| state.seen.entries().to_vec())
    }

    fn fail_next(&self, methods: &[&str], failure: Failure, count: usize) {
        self.change(|state| state.faults.plan(methods, failure, count));
    }

    fn release(&self) {
        self.change(|state| state.faults.release());
    }

    fn early_calls(&self) -> usize {
        self.change(|state| state.faults.early_calls())
    }
}
