//! The runs of a gateway: which of them are at work and how they ended, and what its clients are told of them
//! (docs/openclaw.md#chat-events).
//!
//! An agent tells of every run, whichever channel it came from. Each version of the protocol makes its own frames of the
//! same events, in its own order and with its own numbers.

mod book;
mod early;
mod late;
mod moment;
mod text_flow;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::watch;

use super::clients::Clients;
use crate::agent::{RunEnd, RunEvent, RunInfo, RunObserver};
use crate::host;
use crate::i18n::Lang;
use crate::sync::lock;
use crate::time::unix_millis;

pub(crate) use book::{RunBook, RunOutcome, RunSource, RunState};
use early::EarlyRun;
use late::LateRun;
use moment::Moment;

/// The runs of a gateway, and the clients that are told of them.
#[derive(Debug)]
pub(crate) struct Runs {
    /// What is known of the runs.
    pub(crate) book: RunBook,
    clients: Arc<Clients>,
    lang: Lang,
    frames: Mutex<HashMap<String, RunFrames>>,
    /// `true` once the gateway knows its agents, and what an earlier process left unanswered.
    is_ready: watch::Sender<bool>,
}

/// What the clients of each version of the protocol were told of one run.
#[derive(Debug)]
struct RunFrames {
    early: EarlyRun,
    late: LateRun,
}

impl Runs {
    /// Creates the runs of a gateway with these clients, whose texts are in this language.
    pub(crate) fn new(clients: Arc<Clients>, lang: Lang) -> Self {
        Self {
            book: RunBook::default(),
            clients,
            lang,
            frames: Mutex::default(),
            is_ready: watch::Sender::default(),
        }
    }

    /// Lets what clients say be answered from now on.
    pub(crate) fn set_ready(&self) {
        self.is_ready.send_replace(true);
    }

    /// Waits until what clients say can be answered.
    pub(crate) async fn ready(&self) {
        let _ = self.is_ready.subscribe().wait_for(|is_ready| *is_ready).await;
    }

    /// Tells the clients of the end of a run that ended before its agent could tell of it; does nothing where it told.
    pub(crate) fn end_untold(&self, run: &RunInfo, end: &RunEnd) {
        if self.book.is_running(&run.id) {
            self.tell(run, &RunEvent::Ended(end.clone()));
        }
    }

    /// Tells the clients of an event of a run.
    fn tell(&self, run: &RunInfo, event: &RunEvent) {
        let now = Moment {
            millis: unix_millis(host::now()),
            instant: Instant::now(),
        };
        let source = self.book.source(&run.id);
        let mut all = lock(&self.frames);
        let frames = all.entry(run.id.clone()).or_insert_with(|| RunFrames {
            early: EarlyRun::default(),
            late: LateRun::new(source),
        });
        let mut events = frames.early.events(run, event, now, self.lang);
        events.extend(frames.late.events(run, event, now, self.lang));
        if let RunEvent::Ended(end) = event {
            all.remove(&run.id);
            self.book.end(run, RunOutcome::of(end, now.millis, self.lang));
        }
        // Under the lock: the numbers of a run's events are in the order of their frames.
        self.clients.publish(&events);
    }
}

impl RunObserver for Arc<Runs> {
    fn note(&self, run: &RunInfo, event: &RunEvent) {
        self.tell(run, event);
    }
}

#[cfg(test)]
mod tests;
