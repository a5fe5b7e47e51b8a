//! A conversation as every provider takes it: each call of a tool with its result right behind it, and nothing that is empty.
//!
//! A run may have been stopped between a call and its result, and a conversation may be cut anywhere when it is compacted.
//! Providers refuse what is left of such a conversation, each in its own words.

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::message::{ModelMessage, Part, ToolCall};

/// What stands in place of a result that a tool never gave.
const NO_RESULT: &str = "The tool was stopped before it gave a result.";
/// What stands in place of a picture that the model can't see.
const UNSEEN_IMAGE: &str = "[A picture that this model can’t see.]";
/// Maximum length of the id of a call that every provider takes, in bytes.
const MAX_ID_BYTES: usize = 40;

/// Returns a conversation as every provider takes it, without pictures where the model sees none.
pub(super) fn complete(messages: &[ModelMessage], sees_images: bool) -> Vec<ModelMessage> {
    let mut whole = Vec::with_capacity(messages.len());
    let mut rest = messages.iter().peekable();
    while let Some(message) = rest.next() {
        match message {
            ModelMessage::User(parts) => {
                let parts: Vec<_> = parts
                    .iter()
                    .filter_map(|part| seen_part(part, sees_images))
                    .collect();
                if !parts.is_empty() {
                    whole.push(ModelMessage::User(parts));
                }
            }
            ModelMessage::Assistant { text, calls } => {
                if text.trim().is_empty() && calls.is_empty() {
                    continue;
                }
                let mut results = Vec::new();
                while let Some(result) = rest.next_if(|next| matches!(next, ModelMessage::ToolResult { .. }))
                {
                    results.push(result);
                }
                whole.push(ModelMessage::Assistant {
                    text: text.clone(),
                    calls: calls.iter().map(portable_call).collect(),
                });
                whole.extend(calls.iter().map(|call| result_of(call, &results)));
            }
            // The result of a call that is no longer there.
            ModelMessage::ToolResult { .. } => {}
        }
    }
    whole
}

/// Returns a part as the model sees it; `None` for an empty text.
fn seen_part(part: &Part, sees_images: bool) -> Option<Part> {
    match part {
        Part::Text(text) if text.trim().is_empty() => None,
        Part::Image { .. } if !sees_images => Some(Part::Text(UNSEEN_IMAGE.to_owned())),
        seen => Some(seen.clone()),
    }
}

/// Returns the result of a call among the results behind it.
fn result_of(call: &ToolCall, results: &[&ModelMessage]) -> ModelMessage {
    let found = results.iter().find_map(|result| match result {
        ModelMessage::ToolResult {
            call_id,
            text,
            is_error,
            ..
        } if *call_id == call.id => Some((text.clone(), *is_error)),
        _ => None,
    });
    let (text, is_error) = found.unwrap_or_else(|| (NO_RESULT.to_owned(), true));
    ModelMessage::ToolResult {
        call_id: portable_id(&call.id),
        tool: call.name.clone(),
        text,
        is_error,
    }
}

/// Returns a call as every provider takes it: its arguments are an object, whatever the model wrote.
fn portable_call(call: &ToolCall) -> ToolCall {
    let arguments = Some(&call.arguments).filter(|arguments| arguments.is_object());
    ToolCall {
        id: portable_id(&call.id),
        arguments: arguments.cloned().unwrap_or_else(|| Value::Object(Map::new())),
        ..call.clone()
    }
}

/// Returns the id of a call in characters and of a length that every provider takes: the next model may be another provider's.
fn portable_id(id: &str) -> String {
    let is_taken = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !id.is_empty() && id.len() <= MAX_ID_BYTES && id.chars().all(is_taken) {
        return id.to_owned();
    }
    hex::encode(&Sha256::digest(id)[..MAX_ID_BYTES / 2])
}
