//! The interface of a bot's channels: what they hear, what they can do, and how they fail.
//!
//! A channel is one file below `channels` and one row of its table. The file knows the protocol of the channel and
//! nothing else: who may speak, what a command means and which language is spoken is decided above it, once for all
//! channels.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::account::{AccountKeys, AccountSettings};
use super::markup::MessageFormat;
use crate::https::{HttpsClient, HttpsError};
use crate::i18n::{Msg, msg};

/// A kind of channel, such as Telegram: its names, its messages, and how to connect to it.
#[derive(Debug)]
pub(crate) struct ChannelType {
    /// The key below `channels` in the config, and the name on the command line.
    pub(crate) name: &'static str,
    /// The name that people know.
    pub(crate) label: &'static str,
    /// The form of its messages.
    pub(crate) format: MessageFormat,
    /// `true` where a message can have buttons. Without them a message says which words to send.
    pub(crate) has_buttons: bool,
    /// The mark before a command as people type it there: `/`, or `!` where the programs of the channel keep texts that
    /// start with a slash to themselves. A bot understands both.
    pub(crate) command_mark: char,
    /// The keys of its accounts in the config.
    pub(crate) keys: AccountKeys,
    /// Creates the messenger of an account. Nothing is sent yet.
    pub(crate) connect: fn(AccountSettings, HttpsClient) -> Box<dyn Messenger>,
}

/// One account of a channel: a bot as the channel's servers know it.
///
/// All methods can be dropped at any time; nothing is sent twice on account of that.
pub(crate) trait Messenger: Send + Sync {
    /// Makes the account ready: asks who it is, and sets up what has to be set up once, such as the menu of commands.
    /// Returns the name of the bot.
    fn start<'a>(&'a self, menu: &'a [MenuCommand]) -> BoxFuture<'a, Result<String, ChannelError>>;

    /// Asks the channel's servers who the bot is, and returns its name. Changes nothing, so that it may be asked while
    /// another program receives. A channel whose [`start`](Self::start) changes something there has one of its own.
    fn identify(&self) -> BoxFuture<'_, Result<String, ChannelError>> {
        self.start(&[])
    }

    /// Waits for what was said after the position `cursor`, or from now on where none is known. Returns at the latest
    /// after a minute, with nothing.
    fn receive<'a>(&'a self, cursor: Option<&'a str>) -> BoxFuture<'a, Result<Batch, ChannelError>>;

    /// Tells the channel's servers that a batch was received and recorded, where they wait for that.
    fn confirm<'a>(&'a self, _batch: &'a Batch) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async { Ok(()) })
    }

    /// Sends a message to a chat, and returns its id.
    fn send<'a>(
        &'a self,
        chat: &'a str,
        message: &'a RenderedMessage,
    ) -> BoxFuture<'a, Result<String, ChannelError>>;

    /// Replaces a message that this bot sent.
    fn edit<'a>(
        &'a self,
        chat: &'a str,
        id: &'a str,
        message: &'a RenderedMessage,
    ) -> BoxFuture<'a, Result<(), ChannelError>>;

    /// Tells the person who pressed a button, or chose a command, that this was heard, where the channel shows that.
    fn acknowledge<'a>(&'a self, _press: &'a str) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async { Ok(()) })
    }

    /// Shows in a chat that the bot is writing, for a few seconds or until it sends a message, where the channel can show
    /// that.
    fn show_typing<'a>(&'a self, _chat: &'a str) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async { Ok(()) })
    }

    /// Accepts the invitation of a person to a chat. Returns whether the chat is a private one with that person.
    fn join<'a>(&'a self, _chat: &'a str, _person: &'a str) -> BoxFuture<'a, Result<bool, ChannelError>> {
        Box::pin(async { Ok(true) })
    }

    /// Declines an invitation to a chat, or leaves it.
    fn leave<'a>(&'a self, _chat: &'a str) -> BoxFuture<'a, Result<(), ChannelError>> {
        Box::pin(async { Ok(()) })
    }

    /// Returns the private chat with a person.
    fn private_chat<'a>(&'a self, person: &'a str) -> BoxFuture<'a, Result<String, ChannelError>>;
}

/// A command in the menu that a channel offers while a command is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MenuCommand {
    /// The word, without its slash: lower-case ASCII letters.
    pub(crate) word: &'static str,
    /// The description of the command, in the language of the bot.
    pub(crate) description: String,
}

/// A message in the language of its reader and in the markup of its channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RenderedMessage {
    /// The text, no longer than the channel allows.
    pub(crate) text: String,
    /// The labels of the buttons, each with the command that a press stands for.
    pub(crate) buttons: Vec<(String, String)>,
    /// A UUID that tells the message from all others, by which a channel knows one that it has taken already: a message
    /// whose response was lost is not sent twice.
    pub(crate) key: String,
}

/// A batch of what a channel received at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The messages and presses, the oldest first.
    pub(crate) heard: Vec<Heard>,
    /// The position after it, where the channel has one.
    pub(crate) cursor: Option<String>,
}

/// Something that somebody said to a bot, or a button that somebody pressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Heard {
    /// The id by which the channel would say it again: unique in the account.
    pub(crate) id: String,
    /// The time at which it was said, in milliseconds since 1970, by the clock of the channel.
    pub(crate) at: u64,
    /// The chat in which it was said.
    pub(crate) chat: String,
    /// `true` for a chat with nobody but the bot and the person.
    pub(crate) is_private: bool,
    /// The id of the person who said it.
    pub(crate) person: String,
    /// The name of the person, as the person chose it.
    pub(crate) name: String,
    /// The language of the person's program, as a code such as `tr`.
    pub(crate) language: Option<String>,
    /// The content.
    pub(crate) content: Content,
    /// The community that the chat is a part of, such as a server of Discord, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) community: Option<String>,
    /// The id by which the channel is told that this was received, where that is another than the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) receipt: Option<String>,
    /// `true` for a text that mentioned the bot as the channel marks that, and is here without the mention. A mention by
    /// the name alone is part of the text.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_addressed: bool,
}

/// The content of something that was said to a bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Content {
    /// A text that the person typed.
    Text(String),
    /// A command that the person chose from the menu of the channel, which waits for a word that it was received.
    Chosen {
        /// The command, as if it had been typed.
        text: String,
        /// The id by which the choice is acknowledged.
        press: String,
    },
    /// A press of a button.
    Press {
        /// The command of the button.
        command: String,
        /// The id by which the press is acknowledged.
        press: String,
        /// The id of the message that has the button.
        message: String,
    },
    /// An invitation to a chat, which the bot has to accept before it hears and says anything there.
    Invitation,
    /// The first message of a chat that is encrypted, so that the bot can't read it.
    Encrypted,
    /// Anything that is no command: a sticker, a picture, an edited or a forwarded message.
    Other,
}

/// The reason why a channel did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChannelError {
    /// The token is refused: it is wrong, or was revoked.
    #[error("the token is refused")]
    Unauthorized,
    /// Another program receives what is said to this bot.
    #[error("another program polls this bot")]
    PolledElsewhere,
    /// The position is no longer good: what was said since can't be had, and the channel is to be asked from now on.
    #[error("the position is lost")]
    LostPosition,
    /// The account can't be used as it is set, with the sentence that says what to change.
    #[error("the settings can't be used")]
    Settings(Msg),
    /// The channel asks for a pause.
    #[error("asked to wait {} s", .0.as_secs())]
    RateLimited(Duration),
    /// The channel refuses this request, and would refuse it again, with its own words.
    #[error("{0}")]
    Refused(String),
    /// The channel's servers can't be reached, or don't work.
    #[error("{0}")]
    Unreachable(String),
}

impl From<HttpsError> for ChannelError {
    fn from(error: HttpsError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl ChannelError {
    /// Returns the sentence that tells why a channel does not work.
    pub(crate) fn msg(&self) -> Msg {
        match self {
            Self::Unauthorized => msg!("bot.error-unauthorized"),
            Self::PolledElsewhere => msg!("bot.error-polled-elsewhere"),
            Self::LostPosition => msg!("bot.error-lost-position"),
            Self::Settings(msg) => msg.clone(),
            Self::RateLimited(pause) => msg!("bot.error-rate-limited", seconds = pause.as_secs()),
            Self::Refused(why) => msg!("bot.error-refused", why = why),
            Self::Unreachable(why) => msg!("bot.error-unreachable", why = why),
        }
    }
}
