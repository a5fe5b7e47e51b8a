//! What is said to a model and what it answers, in no provider's form.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// The name of a model: its provider and its id there, as in `anthropic/claude-opus-5`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ModelName {
    /// The id of the provider in the config.
    pub(crate) provider: String,
    /// The provider's id of the model, which may hold slashes itself.
    pub(crate) id: String,
}

impl ModelName {
    /// Parses the name of a model; `None` where it names no provider or no model.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (provider, id) = text.trim().split_once('/')?;
        let (provider, id) = (provider.trim(), id.trim());
        (!provider.is_empty() && !id.is_empty()).then(|| Self {
            provider: provider.to_owned(),
            id: id.to_owned(),
        })
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.id)
    }
}

/// A request to a model: what it is told, and the tools that it may call.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ModelRequest {
    /// The id of the agent that asks: its own keys count before those of the agent `main`.
    pub(crate) agent: String,
    /// The instructions that stand before the conversation.
    pub(crate) system: String,
    /// The conversation, the oldest message first.
    pub(crate) messages: Vec<ModelMessage>,
    /// The tools that the model may call.
    pub(crate) tools: Arc<[ToolSpec]>,
    /// The maximum number of tokens of the answer; `None` for what the provider or the config says.
    pub(crate) max_output_tokens: Option<u32>,
}

/// A message of a conversation with a model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ModelMessage {
    /// The user's.
    User(Vec<Part>),
    /// The model's, with the tools that it called.
    Assistant {
        /// The text; empty where it only called tools.
        text: String,
        /// The tools that it called, in order.
        calls: Vec<ToolCall>,
    },
    /// The result of a tool that the model called.
    ToolResult {
        /// The id of the call.
        call_id: String,
        /// The name of the tool.
        tool: String,
        /// The result.
        text: String,
        /// `true` where the tool failed.
        is_error: bool,
    },
}

/// A part of a user's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A text.
    Text(String),
    /// A picture.
    Image {
        /// The type, such as `image/png`.
        mime_type: String,
        /// The bytes in base 64.
        base64: String,
    },
}

/// A tool as a model is told about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ToolSpec {
    /// The name by which the model calls it.
    pub(crate) name: &'static str,
    /// The description for the model: what the tool does.
    pub(crate) description: String,
    /// The JSON schema of its arguments.
    pub(crate) parameters: Value,
}

/// A call of a tool by a model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ToolCall {
    /// The id by which its result is told from those of other calls.
    pub(crate) id: String,
    /// The name of the tool.
    pub(crate) name: String,
    /// The arguments; `Null` where the model wrote none that can be read.
    pub(crate) arguments: Value,
    /// What the provider wants back with the call, whatever it means (Google's `thoughtSignature`).
    pub(crate) signature: Option<String>,
}

/// The whole answer of a model.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ModelReply {
    /// The model that answered.
    pub(crate) model: ModelName,
    /// OpenClaw's name of the format in which it answered, such as `openai-completions`.
    pub(crate) api: &'static str,
    /// The text.
    pub(crate) text: String,
    /// The tools that it calls, in order.
    pub(crate) calls: Vec<ToolCall>,
    /// The tokens that were used.
    pub(crate) usage: TokenUsage,
    /// The reason why the answer ends.
    pub(crate) stop: StopReason,
}

/// The numbers of tokens that a request used, as the provider counted them; 0 where it did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenUsage {
    /// Tokens of the request that were read anew.
    pub(crate) input: u64,
    /// Tokens of the answer.
    pub(crate) output: u64,
    /// Tokens of the request that the provider had in its cache.
    pub(crate) cache_read: u64,
    /// Tokens of the request that the provider put into its cache.
    pub(crate) cache_write: u64,
}

impl TokenUsage {
    /// Returns the sum of two usages, each kind of tokens for itself.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            output: self.output.saturating_add(other.output),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
        }
    }

    /// Returns the number of all tokens.
    pub(crate) fn total(self) -> u64 {
        [self.input, self.output, self.cache_read, self.cache_write]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// The reason why a model's answer ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// It is complete.
    #[default]
    Stop,
    /// It is as long as it may be.
    Length,
    /// It waits for the results of tools.
    ToolUse,
    /// The provider's rules about content forbid more.
    Filtered,
}
