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

/// A channel on which one thing is said, and which can't be told that it was received.
struct UnconfirmedChannel {
    heard: Mutex<Vec<Heard>>,
    said: mpsc::UnboundedSender<String>,
}

impl Messenger for UnconfirmedChannel {
    fn start<'a>(&'a self, _: &'a [MenuCommand]) -> BoxFuture<'a, Result<String, ChannelError>> {
        Box::pin(async { Ok("bot".to_owned()) })
    }

    fn receive<'a>(&'a self, _: Option<&'a str>) -> BoxFuture<'a, Result<Batch, ChannelError>> {
        let heard = std::mem::take(&mut *lock(&self.heard));
        Box::pin(async move {
            if heard.is_empty() {
                std::future::pending::<()>().await;
            }
            Ok(Batch { heard, cursor: None })
        })
    }

    fn confirm<'a>(&'a self, _: &'a Batch) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async { Err(ChannelError::Unreachable("the connection is closed".to_owned())) })
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

#[tokio::test]
async fn what_is_recorded_is_obeyed_where_the_channel_can_not_be_told_so() {
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
    };
    let conversation = Arc::new(Conversation::new(
        context,
        pauses,
        Arc::new(StopSignal::default()),
    ));
    let account = Account::new(
        described,
        Arc::new(config),
        conversation,
        Turns::default(),
        Arc::new(|_, _| {}),
    );
    let heard = Heard {
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
    };
    let (said, mut answers) = mpsc::unbounded_channel();
    let account = Account {
        messenger: Box::new(UnconfirmedChannel {
            heard: Mutex::new(vec![heard]),
            said,
        }),
        ..account.unwrap()
    };
    let account = Arc::new(account);
    let running = tokio::spawn(account.clone().run());
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, answers.recv()).await;
    assert!(answer.expect("an answer").unwrap().contains("42"));
    running.abort();
}
