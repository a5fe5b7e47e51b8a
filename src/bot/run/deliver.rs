//! The messages of an account: answers, which are tried again where the channel asks for a pause, and what nobody asked for,
//! which is sent once, because its sender tries again by itself.

use super::Account;
use crate::bot::channel::{ChannelError, RenderedMessage};
use crate::bot::message::Message;
use crate::bot::outgoing::{self, SecretFilter};
use crate::i18n::Lang;
use crate::sync::spawn_blocking;

impl Account {
    /// Returns the language of a person: the one that was used last, else the bot's.
    pub(crate) fn language_for(&self, person: &str) -> Lang {
        let known = crate::sync::lock(&self.languages).get(person).copied();
        known.unwrap_or(self.conversation.context.lang)
    }

    /// Sends a message to a chat, and returns the id of its last part; `None` where it could not be sent.
    pub(crate) async fn say(&self, chat: &str, message: &Message, lang: Lang) -> Option<String> {
        self.send(chat, message, lang).await.ok().flatten()
    }

    /// Sends a message to a chat, and returns the id of its last part.
    ///
    /// # Errors
    /// The reason why it could not be sent.
    pub(crate) async fn send(
        &self,
        chat: &str,
        message: &Message,
        lang: Lang,
    ) -> Result<Option<String>, ChannelError> {
        let parts = self.render(message, lang).await;
        let sent = outgoing::send(self.messenger.as_ref(), chat, &parts).await;
        match &sent {
            Ok(_) => self.note_sent(),
            Err(error) => self.note_unsent(error),
        }
        sent
    }

    /// Replaces a message; where that is not possible, or the new text is too long for one message, sends it anew.
    pub(crate) async fn replace(&self, chat: &str, id: &str, message: &Message, lang: Lang) {
        let parts = self.render(message, lang).await;
        let Some((first, rest)) = parts.split_first() else {
            return;
        };
        let edited = outgoing::retried(|| self.messenger.edit(chat, id, first)).await;
        let rest = if edited.is_ok() { rest } else { &parts[..] };
        match outgoing::send(self.messenger.as_ref(), chat, rest).await {
            Ok(_) => self.note_sent(),
            Err(error) => self.note_unsent(&error),
        }
    }

    /// Renders a message for this channel, without secrets.
    async fn render(&self, message: &Message, lang: Lang) -> Vec<RenderedMessage> {
        let context = &self.conversation.context;
        let (own, watched, secrets) = (
            context.own.clone(),
            context.watched.clone(),
            self.settings.secrets.clone(),
        );
        let (channel, message) = (self.channel, message.clone());
        let rendered = spawn_blocking(move || {
            let filter = SecretFilter::read(&own, &watched, &secrets);
            outgoing::render(channel, &message, lang, &filter)
        });
        rendered.await.unwrap_or_default()
    }

    /// Sends a message to a chat once, and returns its id. `key` tells it from all others: a channel that has taken a
    /// message with it already does not take it again.
    ///
    /// # Errors
    /// The reason why the channel did not take it.
    pub(crate) async fn send_once(
        &self,
        chat: &str,
        message: &Message,
        lang: Lang,
        key: &str,
    ) -> Result<String, ChannelError> {
        let mut parts = self.render(message, lang).await;
        outgoing::set_keys(&mut parts, key);
        let id = outgoing::send_once(self.messenger.as_ref(), chat, &parts).await?;
        self.note_sent();
        Ok(id)
    }

    /// Replaces a message in a chat once.
    ///
    /// # Errors
    /// The reason why the channel did not take it.
    pub(crate) async fn edit_once(
        &self,
        chat: &str,
        id: &str,
        message: &Message,
        lang: Lang,
    ) -> Result<(), ChannelError> {
        let mut parts = self.render(message, lang).await;
        parts.truncate(1);
        for part in &parts {
            self.messenger.edit(chat, id, part).await?;
        }
        self.note_sent();
        Ok(())
    }
}
