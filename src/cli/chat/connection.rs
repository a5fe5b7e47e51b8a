//! The connections of a conversation: one that hears the events of the gateway in a thread of its own and is made anew when the
//! gateway restarts, and one for each thing that is said, so that a slow gateway never holds the keys.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::talk::Talk;
use crate::client::{self, GatewayEndpoint, RequestedScopes};
use crate::error::{Error, Result};
use crate::host::random_bytes;
use crate::i18n::{Lang, msg};
use crate::wizard::terminal::conversation::{Counterpart, Utterance};

/// Time within which the gateway has to take what is said, and to tell what it knows about a session.
pub(super) const SESSION_TIMEOUT: Duration = Duration::from_secs(10);
/// Time without any event after which a connection counts as lost: a gateway says every half minute that it is there.
const SILENCE_LIMIT: Duration = Duration::from_mins(2);
/// Pause before the connection is tried again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);

/// Something that a thread of the conversation tells.
enum News {
    /// An event of the gateway.
    Event(Value),
    /// The connection is there; with the messages of the session.
    Connected(Vec<Value>),
    /// The connection is lost.
    Lost,
    /// A message could not be sent: the id of its run, and why.
    Unsent(String, String),
}

/// A conversation with an agent of a running gateway.
pub(super) struct GatewayTalk {
    endpoint: GatewayEndpoint,
    talk: Talk,
    sender: Sender<News>,
    news: Receiver<News>,
    lang: Lang,
}

impl GatewayTalk {
    /// Starts to hear the events of a gateway, and waits until it does.
    ///
    /// # Errors
    /// When the gateway can't be reached, or the system has no room for another thread.
    pub(super) fn start(endpoint: GatewayEndpoint, talk: Talk, lang: Lang) -> Result<Self> {
        let client = client::connect(&endpoint, RequestedScopes::Read, SESSION_TIMEOUT)?;
        let (sender, news) = channel();
        let listener = Listener {
            endpoint: endpoint.clone(),
            key: talk.key.clone(),
            news: sender.clone(),
        };
        spawn(move || listener.listen(client))?;
        Ok(Self {
            endpoint,
            talk,
            sender,
            news,
            lang,
        })
    }

    /// Takes in what the threads have told.
    fn hear(&mut self) {
        while let Ok(news) = self.news.try_recv() {
            match news {
                News::Event(frame) => self.talk.on_event(&frame),
                News::Connected(messages) => self.talk.reconnect(&messages),
                News::Lost => self.talk.lose(),
                News::Unsent(run, why) => self.talk.fail(&run, &why),
            }
        }
    }

    /// Calls a method in a thread of its own, and tells where it fails.
    fn call(&self, method: &'static str, params: Value, run: String) {
        let (endpoint, sender, lang) = (self.endpoint.clone(), self.sender.clone(), self.lang);
        let told = self.sender.clone();
        let failed_run = run.clone();
        let calling = spawn(move || {
            if let Err(error) = client::call(&endpoint, method, Some(&params), SESSION_TIMEOUT) {
                let _ = sender.send(News::Unsent(run, error.msg.render(lang)));
            }
        });
        if let Err(error) = calling {
            let _ = told.send(News::Unsent(failed_run, error.msg.render(self.lang)));
        }
    }
}

impl Counterpart for GatewayTalk {
    fn take_said(&mut self) -> Vec<Utterance> {
        self.hear();
        self.talk.take_said()
    }

    fn growing(&self) -> Option<&str> {
        self.talk.growing()
    }

    fn is_answering(&self) -> bool {
        self.talk.is_answering()
    }

    fn say(&mut self, text: &str) {
        let run = hex::encode(random_bytes::<16>());
        self.talk.say(run.clone(), text);
        let params = json!({ "sessionKey": self.talk.key, "message": text, "idempotencyKey": run });
        self.call("chat.send", params, run);
    }

    fn abort(&mut self) {
        self.call(
            "chat.abort",
            json!({ "sessionKey": self.talk.key }),
            String::new(),
        );
    }
}

/// Starts a thread of a conversation, which ends with the program.
fn spawn(work: impl FnOnce() + Send + 'static) -> Result<()> {
    let spawned = thread::Builder::new().name("chat".to_owned()).spawn(work);
    spawned
        .map(drop)
        .map_err(|cause| Error::failed(msg!("verify.no-thread")).because(cause))
}

/// The thread that hears the events of a gateway.
struct Listener {
    endpoint: GatewayEndpoint,
    key: String,
    news: Sender<News>,
}

impl Listener {
    /// Passes on every event, and connects again after each loss, until nobody listens any more.
    fn listen(self, mut client: client::GatewayClient) {
        loop {
            while let Ok(event) = client.next_event(SILENCE_LIMIT) {
                if self.news.send(News::Event(event)).is_err() {
                    return;
                }
            }
            client = match self.connect_again() {
                Some(client) => client,
                None => return,
            };
        }
    }

    /// Connects again as often as it takes; `None` where nobody listens any more.
    fn connect_again(&self) -> Option<client::GatewayClient> {
        loop {
            self.news.send(News::Lost).ok()?;
            thread::sleep(RECONNECT_PAUSE);
            let Ok(client) = client::connect(&self.endpoint, RequestedScopes::Read, SESSION_TIMEOUT) else {
                continue;
            };
            let params = json!({ "sessionKey": self.key, "limit": 2 });
            // A gateway that still starts is asked again.
            if let Ok(history) = client::call(&self.endpoint, "chat.history", Some(&params), SESSION_TIMEOUT)
            {
                let messages = history["messages"].as_array().cloned().unwrap_or_default();
                self.news.send(News::Connected(messages)).ok()?;
                return Some(client);
            }
        }
    }
}
