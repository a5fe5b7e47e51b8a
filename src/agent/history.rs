//! The conversation of a session as a model is asked with it, and a model's answer as a session keeps it.

use std::collections::HashSet;

use crate::models::{ModelMessage, ModelReply, Part, StopReason, ToolCall};
use crate::sessions::{
    AssistantMessage, ContentPart, ModelContext, SessionMessage, SessionStop, SessionUsage,
};

/// Result of a tool that has none, because the gateway ended while the tool worked.
const LOST_RESULT: &str = "the gateway ended before this tool had a result";

/// Returns a conversation as a model is asked with it. Every call of a tool has its result: providers refuse a conversation
/// in which one has none.
pub(super) fn messages(conversation: ModelContext) -> Vec<ModelMessage> {
    let summary = conversation.summary.map(|summary| {
        let text = format!("Summary of the conversation so far:\n{summary}");
        ModelMessage::User(vec![Part::Text(text)])
    });
    let mut messages: Vec<_> = summary.into_iter().collect();
    let mut open: Vec<(String, String)> = Vec::new();
    for (_, message) in conversation.messages {
        match message {
            SessionMessage::ToolResult {
                call_id,
                tool,
                text,
                is_error,
                ..
            } => {
                let Some(index) = open.iter().position(|(id, _)| *id == call_id) else {
                    continue;
                };
                open.remove(index);
                messages.push(ModelMessage::ToolResult {
                    call_id,
                    tool,
                    text,
                    is_error,
                });
            }
            SessionMessage::User { parts, .. } => {
                close(&mut messages, &mut open);
                messages.push(ModelMessage::User(user_parts(parts)));
            }
            SessionMessage::Assistant(answer) => {
                close(&mut messages, &mut open);
                if let Some((message, calls)) = assistant(answer) {
                    open = calls;
                    messages.push(message);
                }
            }
        }
    }
    close(&mut messages, &mut open);
    messages
}

/// Gives each call of a tool that is without a result one that says so.
fn close(messages: &mut Vec<ModelMessage>, open: &mut Vec<(String, String)>) {
    let lost = open.drain(..).map(|(call_id, tool)| ModelMessage::ToolResult {
        call_id,
        tool,
        text: LOST_RESULT.to_owned(),
        is_error: true,
    });
    messages.extend(lost);
}

fn user_parts(parts: Vec<ContentPart>) -> Vec<Part> {
    let part = |part| match part {
        ContentPart::Text(text) => Some(Part::Text(text)),
        ContentPart::Image { mime_type, base64 } => Some(Part::Image { mime_type, base64 }),
        ContentPart::ToolCall { .. } => None,
    };
    parts.into_iter().filter_map(part).collect()
}

/// Returns an answer as a model is told of it, with the ids and tools of its calls; `None` for one that says nothing.
fn assistant(answer: AssistantMessage) -> Option<(ModelMessage, Vec<(String, String)>)> {
    let text = ContentPart::texts_of(&answer.parts);
    let mut seen = HashSet::new();
    let calls: Vec<_> = answer
        .parts
        .into_iter()
        .filter_map(|part| match part {
            ContentPart::ToolCall { id, name, arguments } if seen.insert(id.clone()) => Some(ToolCall {
                id,
                name,
                arguments,
                signature: None,
            }),
            _ => None,
        })
        .collect();
    if text.is_empty() && calls.is_empty() {
        return None;
    }
    let open = calls
        .iter()
        .map(|call| (call.id.clone(), call.name.clone()))
        .collect();
    Some((ModelMessage::Assistant { text, calls }, open))
}

/// Returns a model's answer as a session keeps it.
pub(super) fn assistant_message(reply: &ModelReply, timestamp: u64) -> AssistantMessage {
    let text = (!reply.text.is_empty()).then(|| ContentPart::Text(reply.text.clone()));
    let calls = reply.calls.iter().map(|call| ContentPart::ToolCall {
        id: call.id.clone(),
        name: call.name.clone(),
        arguments: call.arguments.clone(),
    });
    AssistantMessage {
        parts: text.into_iter().chain(calls).collect(),
        api: reply.api.to_owned(),
        provider: reply.model.provider.clone(),
        model: reply.model.id.clone(),
        usage: SessionUsage {
            input: reply.usage.input,
            output: reply.usage.output,
            cache_read: reply.usage.cache_read,
            cache_write: reply.usage.cache_write,
        },
        stop: match reply.stop {
            StopReason::Length => SessionStop::Length,
            StopReason::ToolUse => SessionStop::ToolUse,
            StopReason::Stop | StopReason::Filtered => SessionStop::Stop,
        },
        error_message: None,
        timestamp,
    }
}

/// Returns the text that answered a request; `None` where it was not answered.
pub(super) fn answer_to(conversation: ModelContext, request: &str) -> Option<String> {
    let came = |message: &SessionMessage| match message {
        SessionMessage::User { idempotency_key, .. } => idempotency_key.as_deref() == Some(request),
        _ => false,
    };
    let messages = conversation.messages;
    let at = messages.iter().rposition(|(_, message)| came(message))?;
    let after = messages[at + 1..].iter();
    let answers: Vec<_> = after
        .map_while(|(_, message)| match message {
            SessionMessage::Assistant(answer) => Some(Some(answer)),
            SessionMessage::ToolResult { .. } => Some(None),
            SessionMessage::User { .. } => None,
        })
        .flatten()
        .collect();
    let is_complete = answers.last()?.stop != SessionStop::ToolUse;
    let texts = answers.iter().map(|answer| ContentPart::texts_of(&answer.parts));
    let texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
    is_complete.then(|| texts.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(id: &str) -> ContentPart {
        ContentPart::ToolCall {
            id: id.to_owned(),
            name: "status".to_owned(),
            arguments: json!({}),
        }
    }

    fn answer(parts: Vec<ContentPart>) -> SessionMessage {
        SessionMessage::Assistant(AssistantMessage {
            parts,
            ..AssistantMessage::default()
        })
    }

    fn result(id: &str) -> SessionMessage {
        SessionMessage::ToolResult {
            call_id: id.to_owned(),
            tool: "status".to_owned(),
            text: "fine".to_owned(),
            is_error: false,
            timestamp: 0,
        }
    }

    fn conversation(messages: Vec<SessionMessage>) -> Vec<ModelMessage> {
        let messages = messages
            .into_iter()
            .map(|message| (String::new(), message))
            .collect();
        super::messages(ModelContext {
            summary: None,
            messages,
        })
    }

    #[test]
    fn call_without_a_result_gets_one() {
        let said = conversation(vec![
            SessionMessage::user("hi", None, 0),
            answer(vec![call("1"), call("2")]),
            result("2"),
            SessionMessage::user("still there?", None, 0),
        ]);
        let results = said.iter().filter_map(|message| match message {
            ModelMessage::ToolResult {
                call_id, is_error, ..
            } => Some((call_id.as_str(), *is_error)),
            _ => None,
        });
        assert_eq!(results.collect::<Vec<_>>(), [("2", false), ("1", true)]);
        assert!(matches!(said.last(), Some(ModelMessage::User(_))));
    }

    #[test]
    fn result_without_a_call_and_answer_without_words_are_left_out() {
        let said = conversation(vec![
            result("9"),
            SessionMessage::user("hi", None, 0),
            answer(Vec::new()),
        ]);
        assert_eq!(said.len(), 1);
    }
}
