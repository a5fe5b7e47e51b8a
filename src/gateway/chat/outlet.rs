//! Where the bot's messages to the gateway's own clients go: to all of them, as `chat` events of one run.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::intake::keep_answer;
use crate::bot::chat::{Counterpart, Message, PlainMessage};
use crate::error::Result;
use crate::gateway::protocol::event::GatewayEvent;
use crate::gateway::state::GatewayState;
use crate::i18n::Lang;
use crate::sessions::SessionKey;
use crate::sync::lock;
use crate::time::unix_millis;

/// The messages of the bot in one run, as they come.
pub(super) struct Outlet {
    state: Arc<GatewayState>,
    run: String,
    key: SessionKey,
    messages: Mutex<Vec<PlainMessage>>,
}

impl Outlet {
    /// Creates the outlet of a run in a session.
    pub(super) fn new(state: &Arc<GatewayState>, run: &str, key: &SessionKey) -> Self {
        Self {
            state: state.clone(),
            run: run.to_owned(),
            key: key.clone(),
            messages: Mutex::default(),
        }
    }

    /// Returns everything that was said so far as one message.
    fn current(&self) -> PlainMessage {
        let messages = lock(&self.messages);
        let texts: Vec<_> = messages.iter().map(|message| message.text.as_str()).collect();
        PlainMessage {
            text: texts.join("\n\n"),
            buttons: messages
                .iter()
                .flat_map(|message| message.buttons.clone())
                .collect(),
        }
    }

    /// Says a text that is no message of the bot.
    pub(super) fn say_text(&self, text: String) {
        lock(&self.messages).push(PlainMessage {
            text,
            buttons: Vec::new(),
        });
    }

    /// Ends the run: writes down what was said, tells it to the clients as final, and returns it. Nothing happens where
    /// nothing was said.
    pub(super) async fn finish(&self) -> String {
        let said = self.current();
        if !said.text.is_empty() {
            keep_answer(&self.state, &self.key, &said.text).await;
            self.broadcast("final", &said);
        }
        said.text
    }

    /// Sends an event with what was said to every client that may read. The buttons are an extra that OpenClaw's own
    /// clients pass over: the text says which words to send.
    fn broadcast(&self, chat_state: &str, said: &PlainMessage) {
        let buttons = said
            .buttons
            .iter()
            .map(|(label, command)| json!({ "label": label, "command": command }));
        let payload = json!({
            "runId": self.run,
            "sessionKey": self.key.as_str(),
            "seq": 1,
            "state": chat_state,
            "message": {
                "role": "assistant",
                "content": [{ "type": "text", "text": said.text }],
                "timestamp": unix_millis(self.state.context.host.now()),
                "buttons": buttons.collect::<Vec<_>>(),
            },
        });
        self.state.clients.broadcast(GatewayEvent::Chat, &payload);
    }

    /// Renders a message off the async thread, and puts it in place of the message `id`, or behind the last one.
    async fn put(&self, id: Option<usize>, message: &Message, lang: Lang) -> Option<String> {
        let bot = self.state.bot.get()?;
        let rendered = bot.render_plain(message, lang).await;
        let at = {
            let mut messages = lock(&self.messages);
            if let Some(id) = id.filter(|id| *id < messages.len()) {
                messages[id] = rendered;
                id
            } else {
                messages.push(rendered);
                messages.len() - 1
            }
        };
        self.broadcast("delta", &self.current());
        Some(at.to_string())
    }
}

impl Counterpart for Outlet {
    fn say<'a>(&'a self, message: &'a Message, lang: Lang) -> BoxFuture<'a, Option<String>> {
        self.put(None, message, lang).boxed()
    }

    fn replace<'a>(&'a self, id: &'a str, message: &'a Message, lang: Lang) -> BoxFuture<'a, ()> {
        self.put(id.parse().ok(), message, lang).map(drop).boxed()
    }

    // The client sends a request again with the same key where it got no answer; what was begun is in the history.
    fn begin(&self, _change: String) -> BoxFuture<'_, Result<()>> {
        async { Ok(()) }.boxed()
    }

    fn finish(&self) -> BoxFuture<'_, ()> {
        async {}.boxed()
    }
}
