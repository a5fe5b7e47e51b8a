//! Answers as the providers document them.

use serde_json::{Value, json};

use super::find_format;
use crate::models::message::{ModelName, ModelReply, StopReason, TokenUsage, ToolCall};
use crate::models::reply::{GrowingReply, PieceFault};
use crate::models::sse::{SseEvent, SseParser};

mod requests;

const FORMATS: [&str; 3] = ["openai-completions", "anthropic-messages", "google-generative-ai"];

/// Reads a recorded answer.
fn read(format: &str, recorded: &str) -> Result<ModelReply, PieceFault> {
    let (mut parser, mut events) = (SseParser::default(), Vec::new());
    parser.push(recorded.as_bytes(), &mut events).unwrap();
    parser.finish(&mut events).unwrap();
    read_events(format, &events)
}

fn read_events(format: &str, events: &[SseEvent]) -> Result<ModelReply, PieceFault> {
    let format = find_format(format).unwrap();
    let mut reply = GrowingReply::default();
    let mut text = String::new();
    for event in events {
        (format.read)(&mut reply, event)?;
        text.extend(reply.take_new_text());
    }
    assert!(reply.is_complete || reply.stop.is_some(), "{events:?}");
    let reply = reply.finish(&ModelName::parse("x/y").unwrap(), "", || "new".to_owned());
    assert_eq!(reply.text, text, "what was passed on is the whole text");
    Ok(reply)
}

/// Reads an answer that a server sent as one document.
fn read_document(format: &str, document: &Value) -> ModelReply {
    let event = SseEvent {
        data: document.to_string(),
        ..SseEvent::default()
    };
    read_events(format, &[event]).unwrap()
}

fn call(id: &str, name: &str, arguments: Value) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments,
        signature: None,
    }
}

fn usage(input: u64, output: u64, cache_read: u64, cache_write: u64) -> TokenUsage {
    TokenUsage {
        input,
        output,
        cache_read,
        cache_write,
    }
}

/// A text as `OpenAI` streams it.
const OPENAI_TEXT: &str = r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","model":"gpt-5","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}],"usage":null}

: OPENROUTER PROCESSING

data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":" there"},"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}

data: {"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":25,"completion_tokens":15,"total_tokens":40,"prompt_tokens_details":{"cached_tokens":5}}}

data: [DONE]

"#;

/// A text as Anthropic streams it, with a thought before it.
const ANTHROPIC_TEXT: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude-opus-5","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":20,"cache_creation_input_tokens":7,"cache_read_input_tokens":5,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"They greet."}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hello"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" there"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

"#;

/// A text as Google streams it, with a thought before it.
const GOOGLE_TEXT: &str = concat!(
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"They greet.\", \"thought\": true}],\"role\": \"model\"},\"index\": 0}]}\r\n\r\n",
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Hello\"}],\"role\": \"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 25,\"totalTokenCount\": 25}}\r\n\r\n",
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \" there\",\"thoughtSignature\":\"EjQKMg\"}],\"role\": \"model\"},\"finishReason\": \"STOP\",\"index\": 0}],",
    "\"usageMetadata\": {\"promptTokenCount\": 25,\"candidatesTokenCount\": 11,\"thoughtsTokenCount\": 4,\"cachedContentTokenCount\": 5,\"totalTokenCount\": 40},\"modelVersion\": \"gemini-3\"}\r\n\r\n",
);

#[test]
fn text_of_each_format_is_read_with_its_usage() {
    for (format, recorded, expected) in [
        (FORMATS[0], OPENAI_TEXT, usage(20, 15, 5, 0)),
        (FORMATS[1], ANTHROPIC_TEXT, usage(20, 15, 5, 7)),
        (FORMATS[2], GOOGLE_TEXT, usage(20, 15, 5, 0)),
    ] {
        let reply = read(format, recorded).unwrap();
        assert_eq!(reply.text, "Hello there", "{format}");
        assert_eq!(
            (reply.usage, reply.stop),
            (expected, StopReason::Stop),
            "{format}"
        );
        assert!(reply.calls.is_empty(), "{format}");
    }
}

#[test]
fn tools_that_are_called_at_once_are_read_in_each_format() {
    let openai = r#"data: {"choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"read","arguments":""}}]},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"path\":"}}]},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"list","arguments":""}}]},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\"a\"}"}}]},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: [DONE]

"#;
    let anthropic = r#"event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"call_a","name":"read","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"path\": \"a"}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"\"}"}}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"call_b","name":"list","input":{}}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":89}}

event: message_stop
data: {"type":"message_stop"}

"#;
    let google = r#"data: {"candidates":[{"content":{"parts":[{"functionCall":{"id":"call_a","name":"read","args":{"path":"a"}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"call_b","name":"list","args":{}}}],"role":"model"},"finishReason":"STOP","index":0}]}

"#;
    for (format, recorded) in FORMATS.into_iter().zip([openai, anthropic, google]) {
        let mut reply = read(format, recorded).unwrap();
        let signature = reply.calls[0].signature.take();
        assert_eq!(
            signature.as_deref(),
            (format == FORMATS[2]).then_some("c2ln"),
            "{format}"
        );
        let expected = [
            call("call_a", "read", json!({"path": "a"})),
            call("call_b", "list", json!({})),
        ];
        assert_eq!(reply.calls, expected, "{format}");
        assert_eq!(reply.stop, StopReason::ToolUse, "{format}");
    }
}

#[test]
fn habits_of_servers_with_the_format_of_openai_are_understood() {
    // Every call has the number 0, or none, and comes whole; the end has no mark of tools.
    let numbers = |first: Value, second: Value| {
        let part = |index: &Value, id: &str| {
            json!({"choices": [{"delta": {"tool_calls": [
                {"index": index, "id": id, "function": {"name": "list", "arguments": {"of": id}}}]}, "finish_reason": "stop"}]})
        };
        format!("data: {}\n\ndata: {}\n\n", part(&first, "a"), part(&second, "b"))
    };
    let expected = [
        call("a", "list", json!({"of": "a"})),
        call("b", "list", json!({"of": "b"})),
    ];
    for (first, second) in [
        (json!(0), json!(0)),
        (json!(null), json!(null)),
        (json!(0), json!(1)),
    ] {
        let reply = read(FORMATS[0], &numbers(first, second)).unwrap();
        assert_eq!(
            (reply.calls.as_slice(), reply.stop),
            (expected.as_slice(), StopReason::ToolUse)
        );
    }
    // Without an id the call gets one; without arguments that can be read it has none; without a name it is none.
    let reply = read(
        FORMATS[0],
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"list\",\"arguments\":\"{broken\"}},{\"index\":1,\"id\":\"z\"}]},\"finish_reason\":\"tool_calls\"}]}\n\n",
    );
    assert_eq!(reply.unwrap().calls, [call("new", "list", Value::Null)]);
}

#[test]
fn answer_as_one_document_is_read_in_each_format() {
    let openai = json!({"choices": [{"message": {"role": "assistant", "content": "Hi", "tool_calls": [
        {"id": "call_a", "type": "function", "function": {"name": "list", "arguments": "{}"}}]}, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2}});
    let anthropic = json!({"type": "message", "content": [{"type": "text", "text": "Hi"},
        {"type": "tool_use", "id": "call_a", "name": "list", "input": {}}], "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 2}});
    let google = json!([{"candidates": [{"content": {"parts": [{"text": "Hi"}]}}]},
        {"candidates": [{"content": {"parts": [{"functionCall": {"id": "call_a", "name": "list"}}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2}}]);
    for (format, document) in FORMATS.into_iter().zip([openai, anthropic, google]) {
        let reply = read_document(format, &document);
        assert_eq!(reply.text, "Hi", "{format}");
        assert_eq!(reply.calls, [call("call_a", "list", json!({}))], "{format}");
        assert_eq!(
            (reply.stop, reply.usage),
            (StopReason::ToolUse, usage(3, 2, 0, 0)),
            "{format}"
        );
    }
}

#[test]
fn reasons_for_the_end_of_an_answer_are_understood() {
    let of = |format: &str, document: Value| read_document(format, &document).stop;
    let openai = |reason: &str| json!({"choices": [{"message": {"content": "x"}, "finish_reason": reason}]});
    let anthropic = |reason: &str| json!({"type": "message", "content": [], "stop_reason": reason});
    let google = |reason: &str| json!({"candidates": [{"finishReason": reason}]});
    for (reply, expected) in [
        (of(FORMATS[0], openai("length")), StopReason::Length),
        (of(FORMATS[0], openai("content_filter")), StopReason::Filtered),
        (of(FORMATS[1], anthropic("max_tokens")), StopReason::Length),
        (of(FORMATS[1], anthropic("refusal")), StopReason::Filtered),
        (of(FORMATS[1], anthropic("stop_sequence")), StopReason::Stop),
        (of(FORMATS[2], google("MAX_TOKENS")), StopReason::Length),
        (of(FORMATS[2], google("SAFETY")), StopReason::Filtered),
        (
            of(FORMATS[2], json!({"promptFeedback": {"blockReason": "SAFETY"}})),
            StopReason::Filtered,
        ),
    ] {
        assert_eq!(reply, expected);
    }
}

#[test]
fn error_in_the_middle_of_an_answer_is_one_in_each_format() {
    let openai = r#"data: {"choices":[{"delta":{"content":"Hel"}}]}

data: {"error":{"code":502,"message":"Provider returned error"}}

"#;
    let anthropic = r#"event: error
data: {"type":"error","error":{"details":null,"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}

"#;
    let google = r#"data: {"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}

"#;
    for (format, recorded) in FORMATS.into_iter().zip([openai, anthropic, google]) {
        assert!(
            matches!(read(format, recorded), Err(PieceFault::Reported(_))),
            "{format}"
        );
        for garbage in ["data: {\n\n", "data: <html>\n\n"] {
            assert_eq!(
                read(format, garbage).unwrap_err(),
                PieceFault::Malformed,
                "{format}"
            );
        }
    }
}

#[test]
fn endless_answers_are_refused_in_each_format() {
    let long = "x".repeat(300 << 10);
    let text = [
        json!({"choices": [{"delta": {"content": long}}]}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": long}}),
        json!({"candidates": [{"content": {"parts": [{"text": long}]}}]}),
    ];
    let arguments = [
        json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": long}}]}}]}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": long}}),
        json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "x", "args": {"a": long}}}]}}]}),
    ];
    let calls = |at: usize| {
        let id = at.to_string();
        [
            json!({"choices": [{"delta": {"tool_calls": [{"index": at, "id": id, "function": {"name": "x"}}]}}]}),
            json!({"type": "content_block_start", "index": at, "content_block": {"type": "tool_use", "id": id, "name": "x"}}),
            json!({"candidates": [{"content": {"parts": [{"functionCall": {"id": id, "name": "x"}}]}}]}),
        ]
    };
    for (at, format) in FORMATS.into_iter().enumerate() {
        let endless = [
            format!("data: {}\n\n", text[at]).repeat(5),
            format!("data: {}\n\n", arguments[at]).repeat(5),
            (0..100)
                .map(|number| ["data: ", &calls(number)[at].to_string(), "\n\n"].concat())
                .collect(),
        ];
        for recorded in endless {
            assert_eq!(
                read(format, &recorded).unwrap_err(),
                PieceFault::TooLarge,
                "{format}"
            );
        }
    }
}

#[test]
fn arguments_that_are_nested_too_deep_are_none() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let piece = json!({"choices": [{"delta": {"tool_calls": [
        {"index": 0, "id": "a", "function": {"name": "x", "arguments": deep}}]}, "finish_reason": "tool_calls"}]});
    let reply = read(FORMATS[0], &format!("data: {piece}\n\n")).unwrap();
    assert_eq!(reply.calls, [call("a", "x", Value::Null)]);
}
