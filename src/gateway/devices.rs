//! The devices that this gateway has paired: `devices/paired.json`, in OpenClaw's own form, so that a state
//! folder can change hands and every device keeps its token (docs/openclaw.md#device-tokens).
//!
//! Read when the first device comes, held in memory, written whole after each change, off the async thread.
//! A file that can't be understood is left alone: nobody is paired then, and nothing is overwritten.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::apply;
use crate::host::read::{self, ReadError};

pub mod book;

pub use book::{Book, Issued, Pairing};

/// As long a device waits to be let in.
const PATIENCE: Duration = Duration::from_mins(5);
/// As many wait at most; a further one takes the place of the first.
const WAITING: usize = 64;

/// The devices of one gateway.
#[derive(Debug)]
pub struct Devices {
    path: PathBuf,
    state: Mutex<State>,
    waiting: std::sync::Mutex<Vec<Waiting>>,
}

/// A device that somebody must let in.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// What is approved or rejected.
    pub request_id: String,
    /// The device.
    pub pairing: Pairing,
    /// Since when, in milliseconds since 1970.
    pub ts: u64,
    since: Instant,
}

#[derive(Debug)]
enum State {
    Unread,
    Ready(Arc<Book>),
    Broken,
}

impl Devices {
    /// The devices that this file holds.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            state: Mutex::new(State::Unread),
            waiting: std::sync::Mutex::default(),
        }
    }

    /// Those who wait to be let in.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.patient().clone()
    }

    fn patient(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|one| one.since.elapsed() < PATIENCE);
        waiting
    }

    /// Has a device wait. The same device waits once; `true` where it is new in the row.
    pub fn wait(&self, pairing: &Pairing, request_id: String, ts: u64) -> (Waiting, bool) {
        let mut waiting = self.patient();
        let known = |one: &&mut Waiting| one.pairing.device_id == pairing.device_id;
        if let Some(one) = waiting.iter_mut().find(known) {
            one.pairing = pairing.clone();
            return (one.clone(), false);
        }
        if waiting.len() >= WAITING {
            waiting.remove(0);
        }
        let one = Waiting {
            request_id,
            pairing: pairing.clone(),
            ts,
            since: Instant::now(),
        };
        waiting.push(one.clone());
        (one, true)
    }

    /// Takes somebody out of the row.
    pub fn decide(&self, request_id: &str) -> Option<Waiting> {
        let mut waiting = self.patient();
        let at = waiting.iter().position(|one| one.request_id == request_id)?;
        Some(waiting.remove(at))
    }

    /// What is known now. `None` where the file can't be understood.
    pub async fn book(&self) -> Option<Arc<Book>> {
        let mut state = self.state.lock().await;
        self.read(&mut state).await
    }

    async fn read(&self, state: &mut State) -> Option<Arc<Book>> {
        if matches!(state, State::Unread) {
            let path = self.path.clone();
            let text = tokio::task::spawn_blocking(move || read::text(&path)).await;
            let parsed: Result<Map<String, Value>, anyhow::Error> = match text {
                Ok(Ok(text)) => serde_json::from_str(&text).map_err(Into::into),
                Ok(Err(ReadError::Missing)) => Ok(Map::new()),
                Ok(Err(error)) => Err(error.into()),
                Err(error) => Err(error.into()),
            };
            *state = match parsed {
                Ok(map) => State::Ready(Arc::new(Book::new(map))),
                Err(error) => {
                    tracing::warn!(path = %self.path.display(), %error, "paired devices can not be read");
                    State::Broken
                }
            };
        }
        match state {
            State::Ready(book) => Some(book.clone()),
            State::Unread | State::Broken => None,
        }
    }

    /// Changes the book: durable before the answer is given. `None` where nothing was changed, or the
    /// change could not be kept; then it is as it was before.
    pub async fn change<T>(&self, change: impl FnOnce(&mut Book) -> Option<T>) -> Option<T> {
        let mut state = self.state.lock().await;
        let before = self.read(&mut state).await?;
        let mut book = Book::clone(&before);
        let answer = change(&mut book)?;
        let (path, text) = (self.path.clone(), book.to_text());
        match tokio::task::spawn_blocking(move || apply::write_file(&path, text.as_bytes())).await {
            Ok(Ok(())) => {
                *state = State::Ready(Arc::new(book));
                Some(answer)
            }
            Ok(Err(error)) => {
                let cause = error.cause.map(|cause| cause.to_string()).unwrap_or_default();
                tracing::warn!(path = %self.path.display(), cause, "paired devices can not be written");
                None
            }
            Err(_) => None,
        }
    }
}
