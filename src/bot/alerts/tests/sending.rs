//! The task that sends alerts, with recipients that fail.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use super::*;
use crate::bot::alerts::outlets::Outlets;
use crate::bot::alerts::schedule::AlertPolicy;
use crate::bot::alerts::store::{self, BookFile};
use crate::bot::alerts::task::{AlertEntrance, AlertTask};
use crate::bot::channel::ChannelError;
use crate::bot::command::Pause;
use crate::bot::commands::CommandContext;
use crate::bot::pauses::{Pausable, Pauses};
use crate::bot::test_support::rescue_instance;
use crate::i18n::Lang;
use crate::profile::ProfileName;
use crate::record::RescueTable;
use crate::rescue::watch::WatchEvent;
use crate::sync::lock;

/// A recipient whose next answers are planned; each attempt is told.
struct PlannedOutlet {
    /// `true` until an owner is known.
    is_empty: AtomicBool,
    answers: Mutex<VecDeque<ChannelError>>,
    attempts: mpsc::UnboundedSender<(String, bool)>,
}

impl Outlets for PlannedOutlet {
    fn addresses(&self) -> Vec<Address> {
        let is_empty = self.is_empty.load(Ordering::Relaxed);
        (!is_empty).then(|| owner("42")).into_iter().collect()
    }

    fn deliver<'a>(
        &'a self,
        _: &'a Address,
        due: &'a Due,
    ) -> BoxFuture<'a, Result<Option<SentMessage>, ChannelError>> {
        let Due::Incident(incident, delivery) = due else {
            panic!("no incident");
        };
        let failure = lock(&self.answers).pop_front();
        let shown = format!("{:?}", incident.state());
        self.attempts.send((shown, delivery.edited.is_some())).unwrap();
        Box::pin(async move {
            failure.map_or(Ok(()), Err)?;
            Ok(Some(SentMessage {
                chat: "42".to_owned(),
                id: "1".to_owned(),
            }))
        })
    }
}

/// A running task with its recipient.
struct Running {
    home: tempfile::TempDir,
    outlet: Arc<PlannedOutlet>,
    entrance: AlertEntrance,
    pauses: Arc<Pauses>,
    attempts: mpsc::UnboundedReceiver<(String, bool)>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    fn start(home: tempfile::TempDir, answers: Vec<ChannelError>) -> Self {
        let own = rescue_instance(home.path(), &[("HOME", home.path().to_str().unwrap())]);
        crate::apply::write_file(&own.instance.config_path, b"{}").unwrap();
        let pauses = Arc::new(Pauses::read(&own.instance.state_dir));
        let context = CommandContext {
            mark: '/',
            own,
            lang: Lang::english(),
            watched: vec![ProfileName::default_profile()],
            watched_elsewhere: Vec::new(),
        };
        let policy = AlertPolicy::from_record(&RescueTable {
            patience: Some(0),
            ..RescueTable::default()
        });
        let (sender, attempts) = mpsc::unbounded_channel();
        let outlet = Arc::new(PlannedOutlet {
            is_empty: AtomicBool::new(false),
            answers: Mutex::new(answers.into()),
            attempts: sender,
        });
        let (task, entrance) = AlertTask::new(
            context,
            policy,
            pauses.clone(),
            outlet.clone(),
            Arc::new(|_, _| {}),
        );
        Self {
            home,
            outlet,
            entrance,
            pauses,
            attempts,
            task: tokio::spawn(task.run()),
        }
    }

    fn report(&self, event: &WatchEvent) {
        let now = crate::time::unix_millis(crate::host::now());
        self.entrance
            .report(&ProfileName::default_profile().into(), event, now);
    }

    async fn attempt(&mut self) -> (String, bool) {
        self.attempts.recv().await.expect("the task runs")
    }

    async fn end(self) -> tempfile::TempDir {
        self.entrance.close();
        self.task.await.unwrap();
        self.home
    }
}

#[tokio::test]
async fn alert_is_sent_again_until_it_is_taken_and_then_edited() {
    let unreachable = || ChannelError::Unreachable("no route".to_owned());
    let home = tempfile::tempdir().unwrap();
    let mut running = Running::start(
        home,
        vec![unreachable(), ChannelError::RateLimited(Duration::ZERO)],
    );
    running.report(&WatchEvent::Lost(None));
    for _ in 0..3 {
        assert_eq!(running.attempt().await, ("Lost".to_owned(), false));
    }
    running.report(&WatchEvent::Recovered);
    assert_eq!(running.attempt().await, ("Recovered".to_owned(), true));
    running.end().await;
}

#[tokio::test]
async fn alert_that_was_not_taken_is_sent_by_the_next_run() {
    let home = tempfile::tempdir().unwrap();
    let away = (0..50).map(|_| ChannelError::RateLimited(Duration::from_hours(1)));
    let mut running = Running::start(home, away.collect());
    running.report(&WatchEvent::Lost(None));
    assert_eq!(running.attempt().await, ("Lost".to_owned(), false));
    running.report(&WatchEvent::InVain(None));
    let home = running.end().await;
    let mut running = Running::start(home, Vec::new());
    assert_eq!(running.attempt().await, ("InVain".to_owned(), false));
    let home = running.end().await;
    // What was taken is not sent again: the next thing that is heard of it is new.
    let mut running = Running::start(home, Vec::new());
    running.report(&WatchEvent::Watching);
    assert_eq!(running.attempt().await, ("Watching".to_owned(), true));
    running.end().await;
}

#[tokio::test]
async fn recipient_that_is_new_is_told_at_once() {
    let mut running = Running::start(tempfile::tempdir().unwrap(), Vec::new());
    running.outlet.is_empty.store(true, Ordering::Relaxed);
    running.report(&WatchEvent::Lost(None));
    let state_dir = running.home.path().join(".openclaw-rescue");
    let is_kept = || {
        let book = store::read(&state_dir, BookFile::Watched);
        book.is_some_and(|book| book.open_incident("default").is_some())
    };
    while !is_kept() {
        tokio::task::yield_now().await;
    }
    running.outlet.is_empty.store(false, Ordering::Relaxed);
    running.entrance.note_recipients();
    let told = tokio::time::timeout(Duration::from_secs(20), running.attempt()).await;
    assert_eq!(told.unwrap(), ("Lost".to_owned(), false));
    running.end().await;
}

#[tokio::test]
async fn refused_alert_is_not_repeated_and_the_next_state_is_sent_anew() {
    let home = tempfile::tempdir().unwrap();
    let mut running = Running::start(home, vec![ChannelError::Refused("chat not found".to_owned())]);
    running.report(&WatchEvent::Lost(None));
    assert_eq!(running.attempt().await, ("Lost".to_owned(), false));
    running.report(&WatchEvent::Repairing);
    assert_eq!(running.attempt().await, ("Repairing".to_owned(), false));
    running.end().await;
}

#[tokio::test]
async fn muted_alert_waits_for_the_end_of_the_pause() {
    let home = tempfile::tempdir().unwrap();
    let running = Running::start(home, Vec::new());
    let now = crate::host::now();
    running
        .pauses
        .set(Pausable::Alerts, Pause::UntilEnded, now)
        .unwrap();
    running.report(&WatchEvent::Lost(None));
    running.report(&WatchEvent::Recovered);
    running.report(&WatchEvent::Lost(None));
    let home = running.end().await;
    let mut running = Running::start(home, Vec::new());
    assert!(running.attempts.try_recv().is_err());
    running.pauses.set(Pausable::Alerts, Pause::End, now).unwrap();
    running.report(&WatchEvent::Repairing);
    // Of the outage that was over, nothing.
    assert_eq!(running.attempt().await, ("Lost".to_owned(), false));
    assert_eq!(running.attempt().await, ("Repairing".to_owned(), true));
    running.end().await;
}
