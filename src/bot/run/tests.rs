//! Tests of an account whose channel fails.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::mpsc;

use super::*;
use crate::bot::channel::RenderedMessage;
use crate::bot::commands::CommandContext;
use crate::bot::pauses::Pauses;
use crate::bot::test_support::rescue_instance;
use crate::rescue::stop::StopSignal;

/// Time limit for the bot to say something.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A channel that answers at once, also where nothing was said, and which can't be told that something was received.
struct FaultyChannel {
    heard: Mutex<Vec<Heard>>,
    looks: mpsc::UnboundedSender<Instant>,
    said: mpsc::UnboundedSender<String>,
}

impl Messenger for FaultyChannel {
    fn start<'a>(&'a self, _: &'a [MenuCommand]) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async { Ok("bot".to_owned()) })
    }

    fn receive<'a>(&'a self, _: Option<&'a str>) -> BoxFuture<'a, Result<Batch, ChannelError>> {
        let heard = std::mem::take(&mut *lock(&self.heard));
        let _ = self.looks.send(Instant::now());
        Box::pin(async move { Ok(Batch { heard, cursor: None }) })
    }

    fn confirm<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async move {
            if batch.heard.is_empty() {
                return Ok(());
            }
            Err(ChannelError::Unreachable("the connection is closed".to_owned()))
        })
    }

    fn send<'a>(
        &'a self,
        _: &'a str,
        message: &'a RenderedMessage,
    ) -> BoxFuture<'a, Result<String, ChannelError>> {
        self.said.send(message.text.clone()).expect("the test waits");
        Box::pin(async { Ok("1".to_owned()) })
    }

    fn edit<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: &'a RenderedMessage,
    ) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async { Ok(()) })
    }

    fn private_chat<'a>(&'a self, person: &'a str) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async move { Ok(person.to_owned()) })
    }
}

/// An account of a faulty channel at work.
struct Running {
    _home: tempfile::TempDir,
    task: tokio::task::JoinHandle<()>,
    looks: mpsc::UnboundedReceiver<Instant>,
    said: mpsc::UnboundedReceiver<String>,
}

impl Running {
    /// Starts an account on whose channel this was said.
    fn start(heard: Vec<Heard>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let own = rescue_instance(home.path(), &[]);
        crate::apply::write_file(&own.instance.config_path, b"{}").unwrap();
        let config = json!({ "channels": { "telegram": { "botToken": "1:own", "allowFrom": ["42"] } } });
        let described = read_accounts(own.borrowed(), &config).remove(0);
        let pauses = Arc::new(Pauses::read(&own.instance.state_dir));
        let context = CommandContext {
            own,
            lang: Lang::english(),
            mark: command::MARK,
            watched: Vec::new(),
            watched_elsewhere: Vec::new(),
        };
        let conversation = Conversation::new(context, pauses, Arc::new(StopSignal::default()));
        let account = Account::new(
            described,
            Arc::new(config),
            Arc::new(conversation),
            Turns::default(),
            Arc::new(|_, _| {}),
        );
        let (look_sender, looks) = mpsc::unbounded_channel();
        let (said_sender, said) = mpsc::unbounded_channel();
        let account = Account {
            messenger: Box::new(FaultyChannel {
                heard: Mutex::new(heard),
                looks: look_sender,
                said: said_sender,
            }),
            ..account.unwrap()
        };
        Self {
            _home: home,
            task: tokio::spawn(Arc::new(account).run()),
            looks,
            said,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn what_is_recorded_is_obeyed_where_the_channel_can_not_be_told_so() {
    let mut running = Running::start(vec![Heard {
        id: "1".to_owned(),
        at: 0,
        chat: "42".to_owned(),
        is_private: true,
        person: "42".to_owned(),
        name: "Ali".to_owned(),
        language: None,
        content: Content::Text("/whoami".to_owned()),
        community: None,
        receipt: None,
        is_addressed: false,
    }]);
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, running.said.recv()).await;
    assert!(answer.expect("an answer").unwrap().contains("42"));
}

#[tokio::test]
async fn channel_that_answers_at_once_that_nothing_was_said_is_not_asked_without_a_pause() {
    let mut running = Running::start(Vec::new());
    let [first, second] = [
        running.looks.recv().await.unwrap(),
        running.looks.recv().await.unwrap(),
    ];
    assert!(second - first >= IDLE_INTERVAL, "{:?}", second - first);
}
