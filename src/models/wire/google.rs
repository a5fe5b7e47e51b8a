//! Google's Gemini API (<https://ai.google.dev/api/generate-content>).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::answers::Provider;
use crate::models::format::{Question, WireFormat, add_blocks, number};
use crate::models::message::{ModelMessage, Part, StopReason, ToolCall, ToolSpec};
use crate::models::reply::{CallPiece, GrowingReply, PieceFault};
use crate::models::sse::SseEvent;

/// What stands in place of the signature of a call that another model made: without one, Gemini 3 refuses the conversation.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// The characters of a model's id that are escaped in a path.
static ESCAPED_CHARACTERS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// The row of Google's API.
pub(super) const GENERATIVE: WireFormat = WireFormat {
    name: "google-generative-ai",
    interface: Provider::Google,
    path,
    body,
    read,
};

fn path(model_id: &str) -> String {
    let id = utf8_percent_encode(model_id, ESCAPED_CHARACTERS);
    format!("/models/{id}:streamGenerateContent?alt=sse")
}

/// Returns the body of a request.
fn body(question: &Question<'_>) -> Value {
    let mut contents = Vec::new();
    for message in question.messages {
        let (role, parts) = parts(message);
        if contents.is_empty() && role != "user" {
            add_blocks(&mut contents, "user", "parts", vec![json!({"text": "…"})]);
        }
        add_blocks(&mut contents, role, "parts", parts);
    }
    let mut body = json!({"contents": contents});
    if !question.system.is_empty() {
        body["systemInstruction"] = json!({"parts": [{"text": question.system}]});
    }
    if !question.tools.is_empty() {
        let declarations: Vec<Value> = question.tools.iter().map(declaration).collect();
        body["tools"] = json!([{"functionDeclarations": declarations}]);
    }
    if let Some(max) = question.max_tokens {
        body["generationConfig"] = json!({"maxOutputTokens": max});
    }
    body
}

fn declaration(tool: &ToolSpec) -> Value {
    json!({"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters})
}

/// Returns the role of a message and its parts. Results of tools are the user's.
fn parts(message: &ModelMessage) -> (&'static str, Vec<Value>) {
    match message {
        ModelMessage::User(parts) => ("user", parts.iter().map(part).collect()),
        ModelMessage::Assistant { text, calls } => {
            let text = Some(text).filter(|text| !text.is_empty());
            let text = text.map(|text| json!({"text": text}));
            // Calls that were made at once have one signature, the first one's.
            let calls = calls.iter().enumerate().map(|(at, made)| call(made, at == 0));
            ("model", text.into_iter().chain(calls).collect())
        }
        ModelMessage::ToolResult {
            call_id,
            tool,
            text,
            is_error,
        } => {
            let key = if *is_error { "error" } else { "output" };
            let response = json!({"id": call_id, "name": tool, "response": {key: text}});
            ("user", vec![json!({"functionResponse": response})])
        }
    }
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({"text": text}),
        Part::Image { mime_type, base64 } => json!({"inlineData": {"mimeType": mime_type, "data": base64}}),
    }
}

fn call(call: &ToolCall, needs_signature: bool) -> Value {
    let mut part = json!({"functionCall": {"id": call.id, "name": call.name, "args": call.arguments}});
    let missing = needs_signature.then_some(NO_SIGNATURE);
    if let Some(signature) = call.signature.as_deref().or(missing) {
        part["thoughtSignature"] = signature.into();
    }
    part
}

/// Puts a piece of an answer into the reply. A server that does not stream sends the pieces as a list.
fn read(reply: &mut GrowingReply, event: &SseEvent) -> Result<(), PieceFault> {
    let data: Value = serde_json::from_str(&event.data).map_err(|_| PieceFault::Malformed)?;
    match data {
        Value::Array(pieces) => pieces.into_iter().try_for_each(|piece| read_piece(reply, piece)),
        piece => read_piece(reply, piece),
    }
}

fn read_piece(reply: &mut GrowingReply, piece: Value) -> Result<(), PieceFault> {
    if piece.get("error").is_some() {
        return Err(PieceFault::Reported(piece));
    }
    let candidate = &piece["candidates"][0];
    let parts = candidate["content"]["parts"].as_array();
    for part in parts.into_iter().flatten() {
        read_part(reply, part)?;
    }
    if let Some(usage) = piece.get("usageMetadata") {
        let cached = number(usage, "/cachedContentTokenCount");
        let thoughts = number(usage, "/thoughtsTokenCount");
        reply.usage.cache_read = cached;
        reply.usage.input = number(usage, "/promptTokenCount").saturating_sub(cached);
        reply.usage.output = number(usage, "/candidatesTokenCount").saturating_add(thoughts);
    }
    let is_blocked = piece["promptFeedback"]["blockReason"].is_string();
    reply.stop = match candidate["finishReason"].as_str() {
        Some("MAX_TOKENS") => Some(StopReason::Length),
        Some("MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL") => return Err(PieceFault::Malformed),
        Some("SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE") => {
            Some(StopReason::Filtered)
        }
        Some(_) => Some(StopReason::Stop),
        None if is_blocked => Some(StopReason::Filtered),
        None => reply.stop,
    };
    Ok(())
}

/// Reads a part: a text that is no thought, or a whole call of a tool.
fn read_part(reply: &mut GrowingReply, part: &Value) -> Result<(), PieceFault> {
    if let Some(call) = part.get("functionCall") {
        let arguments = call.get("args").map(Value::to_string).unwrap_or_default();
        return reply.add_call(&CallPiece {
            index: reply.call_count(),
            id: call["id"].as_str(),
            name: call["name"].as_str(),
            arguments: &arguments,
            signature: part["thoughtSignature"].as_str(),
        });
    }
    match part["text"].as_str() {
        Some(text) if part["thought"] != true => reply.add_text(text),
        _ => Ok(()),
    }
}
