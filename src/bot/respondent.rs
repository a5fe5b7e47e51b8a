//! The interface between a bot and an agent with a model, which answers what is no command.
//!
//! The bot knows no agent, and an agent reaches the host through the bot's commands only: it may look at everything that
//! an owner may look at, and what changes something it can but propose. The plan, the yes and the history of a proposed
//! change are those of a typed command.

use futures_util::future::BoxFuture;

use super::command::{Command, Order};
use super::turn::{Counterpart, Turn};

/// An answerer of what owners say to a bot and what is no command of the bot.
pub(crate) trait Respondent: Send + Sync {
    /// Returns whether a turn without a command would be answered. Where it would not, the bot says which commands it has.
    fn takes(&self, turn: &Turn) -> bool;

    /// Answers a turn. Strikes it out of the inbox, too.
    fn respond<'a>(
        &'a self,
        turn: &'a Turn,
        desk: &'a dyn Desk,
        other: &'a dyn Counterpart,
    ) -> BoxFuture<'a, ()>;
}

/// The commands of a bot, as an agent may use them.
pub(crate) trait Desk: Send + Sync {
    /// Answers a question about gateways, as plain text without secrets.
    fn look<'a>(&'a self, turn: &'a Turn, command: Command) -> BoxFuture<'a, String>;

    /// Shows the plan of a change to the owner, with the buttons to agree to it or to decline it. Nothing is changed.
    /// Returns what was shown, as plain text without secrets.
    fn propose<'a>(
        &'a self,
        turn: &'a Turn,
        order: Order,
        other: &'a dyn Counterpart,
    ) -> BoxFuture<'a, String>;

    /// Returns a text without the secrets of the instances that the bot is there for.
    fn redact(&self, text: String) -> BoxFuture<'_, String>;
}
