//! Messages that nobody asked for: to an owner in the private chat, in place of an earlier one where that is wanted. Who
//! sends them tries again by itself.

use super::{Account, outgoing};
use crate::bot::channel::ChannelError;
use crate::bot::message::Message;
use crate::i18n::Lang;

impl Account {
    /// Returns the language of a person: the one that was used last, else the bot's.
    pub(crate) fn language_for(&self, person: &str) -> Lang {
        let known = crate::sync::lock(&self.languages).get(person).copied();
        known.unwrap_or(self.conversation.context.lang)
    }

    /// Sends a message to a chat once, and returns its id.
    ///
    /// # Errors
    /// The reason why the channel did not take it.
    pub(crate) async fn send_once(
        &self,
        chat: &str,
        message: &Message,
        lang: Lang,
    ) -> Result<String, ChannelError> {
        let parts = self.render(message, lang).await;
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
