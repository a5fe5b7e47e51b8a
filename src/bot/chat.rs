//! The parts of a bot that a gateway needs to let its own clients talk to it.

use super::command::{self, Typed};
use super::markup::{Markup, MessageFormat};

pub(crate) use super::command::{
    Action, Command, MARK as COMMAND_MARK, Order, Scope, profile as parse_profile,
};
pub(crate) use super::consent::Asked;
pub(crate) use super::message::{Line, Message};
pub(crate) use super::respondent::{Desk, Respondent};
pub(crate) use super::turn::{Counterpart, GATEWAY_CHANNEL, Origin, Turn};
pub(crate) use crate::rescue::history::RequestedBy;

/// The form of the messages for OpenClaw's clients, which show text.
pub(super) const FORMAT: MessageFormat = MessageFormat {
    markup: Markup::Plain,
    max_length: 16_000,
};

/// A message for OpenClaw's clients: its text, and its buttons as (label, command).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PlainMessage {
    /// The text, which also says which words stand for the buttons.
    pub(crate) text: String,
    /// The labels of the buttons, each with the command that a press stands for.
    pub(crate) buttons: Vec<(String, String)>,
}

/// Reads a text of a client as a command.
pub(crate) fn parse_command(text: &str) -> Typed {
    command::parse(text, "")
}
