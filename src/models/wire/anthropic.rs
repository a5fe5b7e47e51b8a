//! Anthropic's messages (<https://platform.claude.com/docs/en/api/messages>).
//!
//! The instructions, the tools and the conversation so far are marked for the provider's cache, which an agent's next step
//! reads for a tenth of the price.

use serde_json::{Value, json};

use crate::answers::Provider;
use crate::models::format::{Question, WireFormat, add_blocks, number};
use crate::models::message::{ModelMessage, Part, StopReason, ToolCall, ToolSpec};
use crate::models::reply::{CallPiece, GrowingReply, PieceFault};
use crate::models::sse::SseEvent;

/// The maximum number of tokens of an answer where nobody says one: the format wants one.
const USUAL_MAX_TOKENS: u32 = 8192;

/// The row of Anthropic's messages.
pub(super) const MESSAGES: WireFormat = WireFormat {
    name: "anthropic-messages",
    interface: Provider::Anthropic,
    path: |_| "/messages".to_owned(),
    body,
    read,
};

/// Returns the body of a request.
fn body(question: &Question<'_>) -> Value {
    let mut messages = Vec::new();
    for message in question.messages {
        let (role, blocks) = blocks(message);
        if messages.is_empty() && role != "user" {
            add_blocks(&mut messages, "user", "content", vec![text_block("…")]);
        }
        add_blocks(&mut messages, role, "content", blocks);
    }
    if let Some(blocks) = messages
        .last_mut()
        .and_then(|last| last["content"].as_array_mut())
    {
        blocks.last_mut().into_iter().for_each(mark_for_cache);
    }
    let mut body = json!({
        "model": question.model_id,
        "max_tokens": question.max_tokens.unwrap_or(USUAL_MAX_TOKENS),
        "messages": messages,
        "stream": true,
    });
    if !question.system.is_empty() {
        let mut system = text_block(question.system);
        mark_for_cache(&mut system);
        body["system"] = json!([system]);
    }
    if !question.tools.is_empty() {
        body["tools"] = question.tools.iter().map(tool).collect();
    }
    body
}

fn mark_for_cache(block: &mut Value) {
    block["cache_control"] = json!({"type": "ephemeral"});
}

fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn tool(tool: &ToolSpec) -> Value {
    json!({"name": tool.name, "description": tool.description, "input_schema": tool.parameters})
}

/// Returns the role of a message and its blocks. Results of tools are the user's.
fn blocks(message: &ModelMessage) -> (&'static str, Vec<Value>) {
    match message {
        ModelMessage::User(parts) => ("user", parts.iter().map(part).collect()),
        ModelMessage::Assistant { text, calls } => {
            // The format refuses blank texts.
            let text = Some(text).filter(|text| !text.trim().is_empty());
            let text = text.map(|text| text_block(text.trim_end()));
            (
                "assistant",
                text.into_iter().chain(calls.iter().map(call)).collect(),
            )
        }
        ModelMessage::ToolResult {
            call_id,
            text,
            is_error,
            ..
        } => {
            let mut block = json!({"type": "tool_result", "tool_use_id": call_id, "content": text});
            if *is_error {
                block["is_error"] = true.into();
            }
            ("user", vec![block])
        }
    }
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(text) => text_block(text),
        Part::Image { mime_type, base64 } => {
            json!({"type": "image", "source": {"type": "base64", "media_type": mime_type, "data": base64}})
        }
    }
}

fn call(call: &ToolCall) -> Value {
    json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments})
}

/// Puts an event of an answer into the reply. A server that does not stream sends the whole message as one event.
fn read(reply: &mut GrowingReply, event: &SseEvent) -> Result<(), PieceFault> {
    let data: Value = serde_json::from_str(&event.data).map_err(|_| PieceFault::Malformed)?;
    let kind = data["type"].as_str().unwrap_or(&event.name);
    let index = data["index"].as_u64().unwrap_or(0);
    match kind {
        "message_start" => read_usage(reply, &data["message"]["usage"]),
        "content_block_start" => read_block(reply, index, &data["content_block"])?,
        "content_block_delta" => {
            let delta = &data["delta"];
            match delta["type"].as_str() {
                Some("text_delta") => reply.add_text(delta["text"].as_str().unwrap_or_default())?,
                Some("input_json_delta") => reply.add_call(&CallPiece {
                    index,
                    arguments: delta["partial_json"].as_str().unwrap_or_default(),
                    ..CallPiece::default()
                })?,
                // Thoughts, their signatures, citations.
                _ => {}
            }
        }
        "message_delta" => {
            read_usage(reply, &data["usage"]);
            read_stop(reply, &data["delta"]);
        }
        "message_stop" => reply.is_complete = true,
        "error" => return Err(PieceFault::Reported(data)),
        "message" => {
            for (at, block) in data["content"].as_array().into_iter().flatten().enumerate() {
                read_block(reply, at as u64, block)?;
            }
            read_usage(reply, &data["usage"]);
            read_stop(reply, &data);
            reply.is_complete = true;
        }
        // The end of a block, a ping, and what is added to the format one day.
        _ => {}
    }
    Ok(())
}

/// Reads the beginning of a block, or a whole one.
fn read_block(reply: &mut GrowingReply, index: u64, block: &Value) -> Result<(), PieceFault> {
    match block["type"].as_str() {
        Some("text") => reply.add_text(block["text"].as_str().unwrap_or_default()),
        Some("tool_use") => {
            let input = block["input"].as_object().filter(|input| !input.is_empty());
            let arguments = input.map_or_else(String::new, |_| block["input"].to_string());
            reply.add_call(&CallPiece {
                index,
                id: block["id"].as_str(),
                name: block["name"].as_str(),
                arguments: &arguments,
                signature: None,
            })
        }
        _ => Ok(()),
    }
}

/// Reads the tokens that were used; what an event does not say stays as it was.
fn read_usage(reply: &mut GrowingReply, usage: &Value) {
    for (known, pointer) in [
        (&mut reply.usage.input, "/input_tokens"),
        (&mut reply.usage.output, "/output_tokens"),
        (&mut reply.usage.cache_read, "/cache_read_input_tokens"),
        (&mut reply.usage.cache_write, "/cache_creation_input_tokens"),
    ] {
        // Other servers with the format say 0 at first, and the number at the end.
        *known = number(usage, pointer).max(*known);
    }
}

fn read_stop(reply: &mut GrowingReply, message: &Value) {
    let Some(reason) = message["stop_reason"].as_str() else {
        return;
    };
    reply.stop = Some(match reason {
        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
        "tool_use" => StopReason::ToolUse,
        "refusal" => StopReason::Filtered,
        _ => StopReason::Stop,
    });
}
