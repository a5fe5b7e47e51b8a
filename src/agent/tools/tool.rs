//! A tool of an agent, and the surroundings in which it works.

use std::path::Path;

use futures_util::future::BoxFuture;

use super::arguments::Arguments;
use crate::bot::chat::{Counterpart, Desk, Turn};

/// Maximum size of a result, in bytes; a longer one is cut.
pub(super) const MAX_RESULT_BYTES: usize = 16 << 10;

/// The result of a tool: a text for the model, or the reason why there is none.
pub(super) type ToolResult = Result<String, String>;

/// The surroundings in which a tool works.
#[derive(Clone, Copy)]
pub(in crate::agent) struct ToolContext<'a> {
    /// The turn of the conversation.
    pub(in crate::agent) turn: &'a Turn,
    /// The commands of the bot.
    pub(in crate::agent) desk: &'a dyn Desk,
    /// The other side of the conversation, to which a plan is shown.
    pub(in crate::agent) other: &'a dyn Counterpart,
    /// The folder of the agent.
    pub(in crate::agent) workspace: &'a Path,
    /// The date, as in `2026-11-30`.
    pub(in crate::agent) today: &'a str,
}

/// A tool: what a model is told about it, and what it does.
pub(super) struct Tool {
    /// The name.
    pub(super) name: &'static str,
    /// The description for the model: what the tool does.
    pub(super) description: &'static str,
    /// The JSON schema of the arguments.
    pub(super) parameters: &'static str,
    /// Calls it.
    pub(super) call: for<'a> fn(ToolContext<'a>, Arguments) -> BoxFuture<'a, ToolResult>,
}

/// The JSON schema of no arguments.
pub(super) const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;
