//! The task that sends alerts: it takes the events of the watcher, keeps the book, and tells each recipient what it has not
//! got. Recipients don't wait for each other, and the watcher waits for nobody.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::book::{AlertBook, Due};
use super::history::{Behind, behind};
use super::incident::{Happening, Observation, Upgrade};
use super::outlets::Outlets;
use super::recipients::{Address, SentMessage};
use super::schedule::AlertPolicy;
use super::sentence::Sentence;
use super::store::{self, BookFile};
use crate::bot::backoff::Backoff;
use crate::bot::channel::ChannelError;
use crate::bot::commands::CommandContext;
use crate::bot::outgoing::SecretFilter;
use crate::bot::pauses::{Pausable, Pauses};
use crate::bot::run::{Reporter, Severity};
use crate::host;
use crate::i18n::msg;
use crate::rescue;
use crate::rescue::history::History;
use crate::rescue::watch::{WatchEvent, WatchTarget};
use crate::sync::{lock, spawn_blocking};
use crate::time::unix_millis;

/// Maximum number of events that wait for the task.
const MAX_QUEUED: usize = 256;
/// Longest time between two looks at the clock: quiet hours end, and pauses are ended by their owners.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Shortest time between two looks at the clock.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
/// Time between two looks at the history of repairs, for a repair that is still being made.
const HISTORY_INTERVAL: Duration = Duration::from_millis(500);
/// Longest time that an event waits for the history of repairs.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that deliveries have to end when the bot ends.
const END_TIMEOUT: Duration = Duration::from_secs(3);

/// An event of a watcher, as it is passed to the task.
#[derive(Clone, Debug)]
pub(super) struct Reported {
    profile: String,
    event: WatchEvent,
    /// The time, in milliseconds since 1970.
    at: u64,
    received: Instant,
}

/// The entrance to the alerts of a bot.
#[derive(Debug)]
pub(crate) struct AlertEntrance {
    sender: std::sync::Mutex<Option<mpsc::Sender<Reported>>>,
    recipients_changed: Arc<Notify>,
}

impl AlertEntrance {
    /// Reports an event of a watcher that happens at this time, in milliseconds since 1970. Never waits.
    pub(crate) fn report(&self, target: &WatchTarget, event: &WatchEvent, at: u64) {
        if let Some(sender) = &*lock(&self.sender) {
            // A full queue means that nothing works here any more.
            let _ = sender.try_send(Reported {
                profile: target.to_string(),
                event: event.clone(),
                at,
                received: Instant::now(),
            });
        }
    }

    /// Tells the task that there are other recipients: what is due is sent to them at once.
    pub(crate) fn note_recipients(&self) {
        self.recipients_changed.notify_one();
    }

    /// Tells the task to end.
    pub(crate) fn close(&self) {
        lock(&self.sender).take();
    }
}

/// The state of the deliveries to one recipient.
#[derive(Debug, Default)]
struct Attempts {
    backoff: Backoff,
    /// The time before which nothing is tried.
    not_before: Option<Instant>,
    is_in_flight: bool,
    /// `true` once the log has told that it does not work.
    is_reported: bool,
}

/// An attempt that has ended.
struct Finished {
    address: Address,
    due: Due,
    result: Result<Option<SentMessage>, ChannelError>,
}

/// The task that sends the alerts of a bot.
pub(crate) struct AlertTask {
    events: mpsc::Receiver<Reported>,
    recipients_changed: Arc<Notify>,
    context: CommandContext,
    policy: AlertPolicy,
    pauses: Arc<Pauses>,
    outlets: Arc<dyn Outlets>,
    report: Reporter,
    book: AlertBook,
    /// `true` where the book differs from the file.
    is_unsaved: bool,
    /// The events that wait for the history of repairs, the oldest first.
    waiting: Vec<Reported>,
    attempts: HashMap<Address, Attempts>,
    in_flight: JoinSet<Finished>,
}

impl AlertTask {
    /// Creates the task, and its entrance. Waits for the file of alerts.
    pub(crate) fn new(
        context: CommandContext,
        policy: AlertPolicy,
        pauses: Arc<Pauses>,
        outlets: Arc<dyn Outlets>,
        report: Reporter,
    ) -> (Self, AlertEntrance) {
        let (sender, events) = mpsc::channel(MAX_QUEUED);
        let now = unix_millis(context.own.host.now());
        let book = AlertBook::open(
            store::read(&context.own.instance.state_dir, BookFile::Watched),
            now,
        );
        let recipients_changed = Arc::new(Notify::new());
        let task = Self {
            events,
            recipients_changed: recipients_changed.clone(),
            context,
            policy,
            pauses,
            outlets,
            report,
            book,
            is_unsaved: false,
            waiting: Vec::new(),
            attempts: HashMap::new(),
            in_flight: JoinSet::new(),
        };
        let entrance = AlertEntrance {
            sender: std::sync::Mutex::new(Some(sender)),
            recipients_changed,
        };
        (task, entrance)
    }

    /// Sends alerts until the entrance is closed.
    pub(crate) async fn run(mut self) {
        loop {
            self.enter_waiting().await;
            let due_again = self.tell().await;
            tokio::select! {
                biased;
                reported = self.events.recv() => match reported {
                    Some(reported) => self.waiting.push(reported),
                    None => break,
                },
                Some(Ok(finished)) = self.in_flight.join_next() => self.finish(finished),
                () = self.recipients_changed.notified() => {}
                () = tokio::time::sleep(due_again) => {}
            }
        }
        let last = async {
            while let Some(finished) = self.in_flight.join_next().await {
                if let Ok(finished) = finished {
                    self.finish(finished);
                }
            }
        };
        let _ = tokio::time::timeout(END_TIMEOUT, last).await;
        self.save().await;
    }

    /// Enters the events that need not wait for the history of repairs any more.
    async fn enter_waiting(&mut self) {
        let mut held_back = HashSet::new();
        for reported in std::mem::take(&mut self.waiting) {
            // The events of a gateway stay in their order.
            if held_back.contains(&reported.profile) {
                self.waiting.push(reported);
                continue;
            }
            let open = self.book.open_incident(reported.profile.as_str());
            let since = open.map_or(reported.at, super::incident::Incident::last_outage);
            let (context, lag, asked) = (self.context.clone(), self.policy.lag, reported.clone());
            let observed = spawn_blocking(move || observe(&context, &asked, since, lag)).await;
            match observed {
                Ok(Some(observation)) => self.is_unsaved |= self.book.observe(observation),
                Ok(None) => {
                    held_back.insert(reported.profile.clone());
                    self.waiting.push(reported);
                }
                Err(_) => {}
            }
        }
    }

    /// Tells each recipient what is due. Returns the time until something may be due again.
    async fn tell(&mut self) -> Duration {
        let time = self.context.own.host.now();
        let now = unix_millis(time);
        let local = i64::try_from(now / 1000).unwrap_or_default() + self.context.own.host.utc_offset(time);
        let is_hushed = self.policy.is_quiet(local) || self.pauses.is_paused(Pausable::Alerts, time);
        self.is_unsaved |= self.book.tick(now, self.policy.patience, is_hushed);
        if let Some(day) = self.policy.word_day(local) {
            self.is_unsaved |= self.book.write_word(day, now);
        }
        let outlets = self.outlets.clone();
        let addresses = spawn_blocking(move || outlets.addresses()).await;
        let addresses = addresses.unwrap_or_default();
        self.is_unsaved |= self.book.update_recipients(&addresses, now);
        let mut wait = LONGEST_WAIT;
        let mut ready = Vec::new();
        for address in addresses {
            let attempts = self.attempts.entry(address.clone()).or_default();
            if attempts.is_in_flight {
                continue;
            }
            let Some(due) = self.book.due(&address, now, is_hushed) else {
                continue;
            };
            let pause = attempts
                .not_before
                .map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
            if !pause.is_zero() {
                wait = wait.min(pause);
                continue;
            }
            attempts.is_in_flight = true;
            self.is_unsaved |= self.book.note_attempt(&address, &due);
            ready.push((address, due));
        }
        self.save().await;
        for (address, due) in ready {
            let outlets = self.outlets.clone();
            self.in_flight.spawn(async move {
                let result = outlets.deliver(&address, &due).await;
                Finished { address, due, result }
            });
        }
        if let Some(at) = self.book.next_tick(self.policy.patience) {
            wait = wait.min(Duration::from_millis(at.saturating_sub(now)));
        }
        if !self.waiting.is_empty() {
            wait = wait.min(HISTORY_INTERVAL);
        }
        wait.max(SHORTEST_WAIT)
    }

    /// Records what came of an attempt.
    fn finish(&mut self, finished: Finished) {
        let Finished { address, due, result } = finished;
        let now = unix_millis(self.context.own.host.now());
        let attempts = self.attempts.entry(address.clone()).or_default();
        attempts.is_in_flight = false;
        attempts.not_before = None;
        match result {
            Ok(message) => {
                attempts.backoff.reset();
                attempts.is_reported = false;
                self.book.record(&address, &due, message, now);
                self.is_unsaved = true;
            }
            Err(error) => {
                let is_refused = matches!(error, ChannelError::Refused(_));
                if is_refused {
                    // It would be refused again; the next state of the incident is sent anew.
                    self.book.record(&address, &due, None, now);
                    self.is_unsaved = true;
                } else {
                    let pause = match &error {
                        ChannelError::RateLimited(pause) => *pause,
                        _ => attempts.backoff.next_pause(host::random_bytes::<1>()[0]),
                    };
                    attempts.not_before = Some(Instant::now() + pause);
                }
                if !std::mem::replace(&mut attempts.is_reported, true) {
                    self.report_failure(&address, &error, is_refused);
                }
            }
        }
    }

    /// Logs that an alert was not delivered.
    fn report_failure(&self, address: &Address, error: &ChannelError, is_refused: bool) {
        let outlet = address.outlet();
        let failed = if is_refused {
            msg!("bot.alert-refused", outlet = outlet)
        } else {
            msg!("bot.alert-kept", outlet = outlet)
        };
        (self.report)(Severity::Warning, failed.with_msg("why", error.msg()));
    }

    /// Writes the book where it has changed. A failure is logged, and no reason not to send anything.
    async fn save(&mut self) {
        if !std::mem::take(&mut self.is_unsaved) {
            return;
        }
        let (book, state_dir) = (self.book.clone(), self.context.own.instance.state_dir.clone());
        let written = spawn_blocking(move || store::write(&state_dir, BookFile::Watched, &book)).await;
        if let Ok(Err(error)) = written {
            (self.report)(Severity::Warning, error.msg);
        }
    }
}

/// Returns an event with what the history of repairs says of it; `None` where a repair is still being made. Waits for
/// files.
fn observe(context: &CommandContext, reported: &Reported, since: u64, lag: Duration) -> Option<Observation> {
    let what = Happening::of(&reported.event);
    let (own, profile) = (&context.own, reported.profile.as_str());
    let history = History::read(&rescue::shared_dir(&own.host, &own.env));
    let change = match behind(&history, profile, what, reported.at, since, lag) {
        Behind::Unfinished if reported.received.elapsed() < HISTORY_TIMEOUT => return None,
        Behind::Unfinished | Behind::Nothing => None,
        Behind::Change(change) => Some(change),
    };
    let why = match &reported.event {
        WatchEvent::Lost(why) | WatchEvent::InVain(why) => why.as_ref(),
        WatchEvent::Absent(why) => Some(why),
        _ => None,
    };
    // Nothing secret of a watched gateway is kept in the bot's files.
    let why = why.map(|why| {
        let filter = SecretFilter::read(own, &context.watched, &[]);
        Sentence::new(why, &|text| filter.redact(text))
    });
    let upgrade = match &reported.event {
        WatchEvent::Upgraded { from, to } => Some(Upgrade {
            from: from.clone(),
            to: to.clone(),
        }),
        _ => None,
    };
    Some(Observation {
        profile: profile.to_owned(),
        at: reported.at,
        what,
        why,
        change,
        upgrade,
        by_hand: None,
    })
}
