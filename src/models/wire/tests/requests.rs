//! Requests as the providers document them.

use serde_json::{Value, json};

use super::{FORMATS, call};
use crate::models::conversation::complete;
use crate::models::format::Question;
use crate::models::message::{ModelMessage, Part, ToolSpec};
use crate::models::wire::find_format;

/// Returns the body of a request in a format.
fn body(format: &str, messages: &[ModelMessage]) -> Value {
    let tools = [ToolSpec {
        name: "read",
        description: "Reads a file.".to_owned(),
        parameters: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
    }];
    (find_format(format).unwrap().body)(&Question {
        model_id: "m1",
        system: "Be brief.",
        messages: &complete(messages, true),
        tools: &tools,
        max_tokens: Some(100),
        max_tokens_key: "max_completion_tokens",
        tells_usage: true,
    })
}

/// A conversation with everything in it: a picture, tools that were called at once, one that failed, another message.
fn conversation() -> Vec<ModelMessage> {
    let result = |id: &str, text: &str, is_error| ModelMessage::ToolResult {
        call_id: id.to_owned(),
        tool: "read".to_owned(),
        text: text.to_owned(),
        is_error,
    };
    let image = Part::Image {
        mime_type: "image/png".to_owned(),
        base64: "iVBOR".to_owned(),
    };
    vec![
        ModelMessage::User(vec![Part::Text("What is it?".to_owned()), image]),
        ModelMessage::Assistant {
            text: "I look.".to_owned(),
            calls: vec![
                call("call_a", "read", json!({"path": "a"})),
                call("call_b", "read", json!({"path": "b"})),
            ],
        },
        result("call_a", "one", false),
        result("call_b", "no such file", true),
        ModelMessage::Assistant {
            text: String::new(),
            calls: vec![call("call_c", "read", Value::Null)],
        },
        result("call_c", "three", false),
        ModelMessage::User(vec![Part::Text("And now?".to_owned())]),
    ]
}

#[test]
fn request_in_the_format_of_openai_is_as_documented() {
    let function = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "read", "arguments": arguments}});
    let expected = json!({
        "model": "m1",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBOR"}}]},
            {"role": "assistant", "content": "I look.", "tool_calls": [
                function("call_a", r#"{"path":"a"}"#), function("call_b", r#"{"path":"b"}"#)]},
            {"role": "tool", "tool_call_id": "call_a", "content": "one"},
            {"role": "tool", "tool_call_id": "call_b", "content": "no such file"},
            {"role": "assistant", "content": null, "tool_calls": [function("call_c", "{}")]},
            {"role": "tool", "tool_call_id": "call_c", "content": "three"},
            {"role": "user", "content": "And now?"},
        ],
        "stream": true,
        "stream_options": {"include_usage": true},
        "tools": [{"type": "function", "function": {"name": "read", "description": "Reads a file.",
            "parameters": {"type": "object", "properties": {"path": {"type": "string"}}}}}],
        "max_completion_tokens": 100,
    });
    assert_eq!(body(FORMATS[0], &conversation()), expected);
}

#[test]
fn request_in_the_format_of_anthropic_is_as_documented() {
    let cached = json!({"type": "ephemeral"});
    let tool_use =
        |id: &str, input: Value| json!({"type": "tool_use", "id": id, "name": "read", "input": input});
    let expected = json!({
        "model": "m1",
        "max_tokens": 100,
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "What is it?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBOR"}}]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "I look."},
                tool_use("call_a", json!({"path": "a"})), tool_use("call_b", json!({"path": "b"}))]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_a", "content": "one"},
                {"type": "tool_result", "tool_use_id": "call_b", "content": "no such file", "is_error": true}]},
            {"role": "assistant", "content": [tool_use("call_c", json!({}))]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_c", "content": "three"},
                {"type": "text", "text": "And now?", "cache_control": cached}]},
        ],
        "stream": true,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": cached}],
        "tools": [{"name": "read", "description": "Reads a file.",
            "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}],
    });
    assert_eq!(body(FORMATS[1], &conversation()), expected);
}

#[test]
fn request_in_the_format_of_google_is_as_documented() {
    let made =
        |id: &str, arguments: Value| json!({"functionCall": {"id": id, "name": "read", "args": arguments}});
    let signed = |mut part: Value| {
        part["thoughtSignature"] = "skip_thought_signature_validator".into();
        part
    };
    let result = |id: &str, key: &str, text: &str| json!({"functionResponse": {"id": id, "name": "read", "response": {key: text}}});
    let expected = json!({
        "contents": [
            {"role": "user", "parts": [
                {"text": "What is it?"},
                {"inlineData": {"mimeType": "image/png", "data": "iVBOR"}}]},
            {"role": "model", "parts": [
                {"text": "I look."},
                signed(made("call_a", json!({"path": "a"}))), made("call_b", json!({"path": "b"}))]},
            {"role": "user", "parts": [result("call_a", "output", "one"), result("call_b", "error", "no such file")]},
            {"role": "model", "parts": [signed(made("call_c", json!({})))]},
            {"role": "user", "parts": [result("call_c", "output", "three"), {"text": "And now?"}]},
        ],
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "tools": [{"functionDeclarations": [{"name": "read", "description": "Reads a file.",
            "parametersJsonSchema": {"type": "object", "properties": {"path": {"type": "string"}}}}]}],
        "generationConfig": {"maxOutputTokens": 100},
    });
    assert_eq!(body(FORMATS[2], &conversation()), expected);
}

#[test]
fn conversation_that_was_cut_is_one_that_every_provider_takes() {
    let orphan = ModelMessage::ToolResult {
        call_id: "gone".to_owned(),
        tool: "read".to_owned(),
        text: "x".to_owned(),
        is_error: false,
    };
    let cut = [
        orphan,
        ModelMessage::Assistant {
            text: String::new(),
            calls: vec![call("a|b:c", "read", json!({}))],
        },
        ModelMessage::Assistant {
            text: " ".to_owned(),
            calls: vec![],
        },
        ModelMessage::User(vec![Part::Text(String::new())]),
        ModelMessage::User(vec![Part::Text("go on".to_owned())]),
    ];
    let openai = body(FORMATS[0], &cut);
    let messages = openai["messages"].as_array().unwrap();
    let roles: Vec<_> = messages
        .iter()
        .map(|message| message["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["system", "assistant", "tool", "user"]);
    assert_eq!(messages[1]["tool_calls"][0]["id"], messages[2]["tool_call_id"]);
    let id = messages[2]["tool_call_id"].as_str().unwrap();
    assert!(
        id.len() == 40 && id.chars().all(|c| c.is_ascii_hexdigit()),
        "{id}"
    );
    for (format, key) in [(FORMATS[1], "messages"), (FORMATS[2], "contents")] {
        let body = body(format, &cut);
        let roles: Vec<_> = body[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|message| &message["role"])
            .collect();
        let model = if format == FORMATS[1] {
            "assistant"
        } else {
            "model"
        };
        assert_eq!(roles, ["user", model, "user"], "{format}");
    }
}

#[test]
fn picture_is_left_out_where_the_model_sees_none() {
    let seen = complete(&conversation(), false);
    let ModelMessage::User(parts) = &seen[0] else {
        panic!("{seen:?}");
    };
    assert!(
        parts.iter().all(|part| matches!(part, Part::Text(_))),
        "{parts:?}"
    );
}

#[test]
fn id_of_a_model_of_google_is_escaped_in_the_path() {
    let path = (find_format(FORMATS[2]).unwrap().path)("tuned/../x?y");
    assert_eq!(path, "/models/tuned%2F..%2Fx%3Fy:streamGenerateContent?alt=sse");
}
