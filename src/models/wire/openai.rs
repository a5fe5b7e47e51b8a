//! `OpenAI`'s chat completions, which most other servers speak too (<https://platform.openai.com/docs/api-reference/chat>).

use serde_json::{Map, Value, json};

use crate::answers::Provider;
use crate::models::format::{Question, WireFormat, number};
use crate::models::message::{ModelMessage, Part, StopReason, ToolCall, ToolSpec};
use crate::models::reply::{CallPiece, GrowingReply, PieceFault};
use crate::models::sse::SseEvent;

/// The row of `OpenAI`'s chat completions.
pub(super) const COMPLETIONS: WireFormat = WireFormat {
    name: "openai-completions",
    interface: Provider::OpenAi,
    path: |_| "/chat/completions".to_owned(),
    body,
    read,
};

/// Returns the body of a request.
fn body(question: &Question<'_>) -> Value {
    let mut messages = Vec::new();
    if !question.system.is_empty() {
        messages.push(json!({"role": "system", "content": question.system}));
    }
    messages.extend(question.messages.iter().map(message));
    let mut body = json!({
        "model": question.model_id,
        "messages": messages,
        "stream": true,
    });
    if question.tells_usage {
        body["stream_options"] = json!({"include_usage": true});
    }
    if !question.tools.is_empty() {
        body["tools"] = question.tools.iter().map(tool).collect();
    }
    if let Some(max) = question.max_tokens {
        body[question.max_tokens_key] = max.into();
    }
    body
}

/// Returns a message in the format.
fn message(message: &ModelMessage) -> Value {
    match message {
        ModelMessage::User(parts) => json!({"role": "user", "content": content(parts)}),
        ModelMessage::Assistant { text, calls } => {
            let mut value = Map::new();
            value.insert("role".into(), "assistant".into());
            let is_silent = text.is_empty() && !calls.is_empty();
            value.insert(
                "content".into(),
                if is_silent {
                    Value::Null
                } else {
                    text.as_str().into()
                },
            );
            if !calls.is_empty() {
                value.insert("tool_calls".into(), calls.iter().map(call).collect());
            }
            Value::Object(value)
        }
        ModelMessage::ToolResult { call_id, text, .. } => {
            json!({"role": "tool", "tool_call_id": call_id, "content": text})
        }
    }
}

/// Returns the content of a user's message: a text where it has only texts, since not every server knows parts.
fn content(parts: &[Part]) -> Value {
    let texts: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Image { .. } => None,
        })
        .collect();
    if let Some(texts) = texts {
        return texts.join("\n\n").into();
    }
    let part = |part: &Part| match part {
        Part::Text(text) => json!({"type": "text", "text": text}),
        Part::Image { mime_type, base64 } => {
            json!({"type": "image_url", "image_url": {"url": format!("data:{mime_type};base64,{base64}")}})
        }
    };
    parts.iter().map(part).collect()
}

fn call(call: &ToolCall) -> Value {
    let function = json!({"name": call.name, "arguments": call.arguments.to_string()});
    json!({"id": call.id, "type": "function", "function": function})
}

fn tool(tool: &ToolSpec) -> Value {
    let function = json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters});
    json!({"type": "function", "function": function})
}

/// Puts a piece of an answer into the reply. A server that does not stream sends the whole answer as one piece.
fn read(reply: &mut GrowingReply, event: &SseEvent) -> Result<(), PieceFault> {
    if event.data.trim() == "[DONE]" {
        reply.is_complete = true;
        return Ok(());
    }
    let piece: Value = serde_json::from_str(&event.data).map_err(|_| PieceFault::Malformed)?;
    if piece.get("error").is_some_and(|error| !error.is_null()) {
        return Err(PieceFault::Reported(piece));
    }
    if let Some(usage) = piece.get("usage").filter(|usage| usage.is_object()) {
        read_usage(reply, usage);
    }
    // The last piece has the usage alone.
    let Some(choice) = piece.pointer("/choices/0") else {
        return Ok(());
    };
    let whole = choice.get("message");
    let delta = whole.or_else(|| choice.get("delta")).unwrap_or(&Value::Null);
    if let Some(text) = delta["content"].as_str() {
        reply.add_text(text)?;
    }
    for (at, call) in delta["tool_calls"].as_array().into_iter().flatten().enumerate() {
        read_call(reply, at as u64, call)?;
    }
    if let Some(reason) = choice["finish_reason"].as_str() {
        reply.stop = Some(match reason {
            "length" => StopReason::Length,
            "tool_calls" | "function_call" => StopReason::ToolUse,
            "content_filter" => StopReason::Filtered,
            _ => StopReason::Stop,
        });
    }
    reply.is_complete |= whole.is_some();
    Ok(())
}

/// Reads a piece of a call. Servers without a number for it send it whole.
fn read_call(reply: &mut GrowingReply, at: u64, call: &Value) -> Result<(), PieceFault> {
    let function = &call["function"];
    let index = call["index"].as_u64().unwrap_or(at);
    let arguments = match &function["arguments"] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    reply.add_call(&CallPiece {
        index,
        id: call["id"].as_str(),
        name: function["name"].as_str(),
        arguments: &arguments,
        signature: None,
    })
}

/// Reads the tokens that were used. `OpenAI` counts those of its cache among the others.
fn read_usage(reply: &mut GrowingReply, usage: &Value) {
    let cached = number(usage, "/prompt_tokens_details/cached_tokens");
    reply.usage.cache_read = cached;
    reply.usage.input = number(usage, "/prompt_tokens").saturating_sub(cached);
    reply.usage.output = number(usage, "/completion_tokens");
}
