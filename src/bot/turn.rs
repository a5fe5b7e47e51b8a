//! One turn of a conversation with a bot: what was said, by whom and where, and the other side to which answers go.
//!
//! Channels and the gateway make turns; commands and the agent take them.

use futures_util::future::BoxFuture;

use super::command::Typed;
use super::consent::Asked;
use super::message::Message;
use crate::error::Result;
use crate::i18n::Lang;
use crate::rescue::history::RequestedBy;

/// The name of the channel of a gateway's own clients, as OpenClaw has it.
pub(crate) const GATEWAY_CHANNEL: &str = "webchat";

/// One turn of a conversation: what was said, by whom, and where.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    /// The person, and the chat.
    pub(crate) asked: Asked,
    /// The text as it was said; empty where something else than a text was said.
    pub(crate) text: String,
    /// The place in which it was said.
    pub(crate) origin: Origin,
    /// The command.
    pub(crate) typed: Typed,
    /// The language of the answer.
    pub(crate) lang: Lang,
    /// The name of the channel that people know.
    pub(crate) channel: &'static str,
    /// The mark before the commands that the answer names.
    pub(crate) mark: char,
    /// The person as the history names it.
    pub(crate) by: RequestedBy,
    /// The id of the message whose button was pressed.
    pub(crate) pressed: Option<String>,
}

/// The place in which something was said to a bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The name of the channel as the config has it, such as `telegram`.
    pub(crate) channel: &'static str,
    /// The name of the channel's account.
    pub(crate) account: String,
    /// The id of the chat.
    pub(crate) chat: String,
    /// The community that the chat is a part of, such as a server of Discord, where there is one.
    pub(crate) community: Option<String>,
    /// `true` for a chat with nobody but the bot and the person.
    pub(crate) is_private: bool,
    /// The id of the message, by which the channel would deliver it again.
    pub(crate) message: String,
}

/// The other side of a conversation: where answers go, and where it is written down that a change begins and ends.
pub(crate) trait Counterpart: Send + Sync {
    /// Sends a message, and returns its id; `None` where it could not be sent, which is no fault of the turn.
    fn say<'a>(&'a self, message: &'a Message, lang: Lang) -> BoxFuture<'a, Option<String>>;

    /// Replaces a message, or sends a new one where that is not possible.
    fn replace<'a>(&'a self, id: &'a str, message: &'a Message, lang: Lang) -> BoxFuture<'a, ()>;

    /// Shows that an answer is on its way, for a few seconds, where the channel can show that.
    fn show_typing(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// Returns the id of the message in which the last gateway had begun to answer this, before it ended; `None` where it
    /// had not.
    fn shown(&self) -> Option<String> {
        None
    }

    /// Writes down in which message this is being answered, so that another gateway goes on there.
    fn keep_shown(&self, _message: &str) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// Writes down that a change begins, before it begins.
    ///
    /// # Errors
    /// When that is not possible. The change is not made then.
    fn begin(&self, change: String) -> BoxFuture<'_, Result<()>>;

    /// Writes down that the turn needs no more work: nothing of it is done again at the next start.
    fn finish(&self) -> BoxFuture<'_, ()>;
}
