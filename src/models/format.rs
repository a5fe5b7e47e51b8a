//! What a wire format is: pure functions between what this program says and a provider's JSON.

use serde_json::{Value, json};

use super::message::{ModelMessage, ToolSpec};
use super::reply::{GrowingReply, PieceFault};
use super::sse::SseEvent;
use crate::answers::Provider;

/// A format in which models are asked and answer.
pub(super) struct WireFormat {
    /// OpenClaw's name of it (`models.providers.ID.api`).
    pub(super) name: &'static str,
    /// The provider whose base URL, version and headers a server with this format has.
    pub(super) interface: Provider,
    /// Returns the path that is asked for a model, below the base URL.
    pub(super) path: fn(model_id: &str) -> String,
    /// Returns the body of a request.
    pub(super) body: fn(&Question<'_>) -> Value,
    /// Puts an event of the answer into the reply.
    pub(super) read: fn(&mut GrowingReply, &SseEvent) -> Result<(), PieceFault>,
}

/// A request to one model with what its format has to know.
pub(super) struct Question<'a> {
    /// The provider's id of the model.
    pub(super) model_id: &'a str,
    /// The instructions that stand before the conversation.
    pub(super) system: &'a str,
    /// The conversation, in which every call of a tool has its result.
    pub(super) messages: &'a [ModelMessage],
    /// The tools that the model may call.
    pub(super) tools: &'a [ToolSpec],
    /// The maximum number of tokens of the answer, of the request or of the config.
    pub(super) max_tokens: Option<u32>,
    /// The key of that maximum in `OpenAI`'s format, whose servers know one or the other.
    pub(super) max_tokens_key: &'static str,
    /// `true` where a server with `OpenAI`'s format tells the usage of a streamed answer if it is asked to.
    pub(super) tells_usage: bool,
}

/// Adds blocks of content to messages in which nobody speaks twice in a row: behind the last message of the same role.
pub(super) fn add_blocks(messages: &mut Vec<Value>, role: &str, key: &str, mut blocks: Vec<Value>) {
    let last = messages.last_mut().filter(|last| last["role"] == role);
    match last.and_then(|last| last[key].as_array_mut()) {
        Some(known) => known.append(&mut blocks),
        None => messages.push(json!({"role": role, key: blocks})),
    }
}

/// Returns the number at a JSON pointer; 0 where there is none.
pub(super) fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}
