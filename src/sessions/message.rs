//! The messages of a session, in the form of OpenClaw's transcripts and of `chat.history`.

use serde_json::{Map, Value, json};

/// The text before the key of the request that brought a message of a person, as OpenClaw 2026.1.30 adds it to the text.
const MESSAGE_ID_MARK: &str = "\n[message_id: ";
/// What a later release appends to the key of a request for the message of the person.
const USER_KEY_ENDING: &str = ":user";

/// A message of a session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SessionMessage {
    /// What a person said.
    User {
        /// The texts and images.
        parts: Vec<ContentPart>,
        /// The idempotency key of the request that brought the message.
        idempotency_key: Option<String>,
        /// The time, in milliseconds since 1970.
        timestamp: u64,
    },
    /// What a model answered.
    Assistant(AssistantMessage),
    /// The result of a tool that a model called.
    ToolResult {
        /// The id of the call.
        call_id: String,
        /// The name of the tool.
        tool: String,
        /// The result.
        text: String,
        /// `true` where the tool failed.
        is_error: bool,
        /// The time, in milliseconds since 1970.
        timestamp: u64,
    },
}

/// A part of the content of a message in a session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ContentPart {
    /// A text.
    Text(String),
    /// An image.
    Image {
        /// The media type, such as `image/png`.
        mime_type: String,
        /// The image in base64.
        base64: String,
    },
    /// The call of a tool.
    ToolCall {
        /// The id of the call.
        id: String,
        /// The name of the tool.
        name: String,
        /// The arguments, an object.
        arguments: Value,
    },
}

/// The answer of a model in a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AssistantMessage {
    /// The texts and tool calls.
    pub(crate) parts: Vec<ContentPart>,
    /// The wire format of the provider, such as `openai-completions`.
    pub(crate) api: String,
    /// The name of the provider.
    pub(crate) provider: String,
    /// The id of the model.
    pub(crate) model: String,
    /// The tokens that were used.
    pub(crate) usage: SessionUsage,
    /// The reason why the answer ended.
    pub(crate) stop: SessionStop,
    /// What the provider said where the answer failed.
    pub(crate) error_message: Option<String>,
    /// The time, in milliseconds since 1970.
    pub(crate) timestamp: u64,
}

/// The tokens that one answer of a model used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionUsage {
    /// The tokens of the request that no cache had.
    pub(crate) input: u64,
    /// The tokens of the answer.
    pub(crate) output: u64,
    /// The tokens that were read from a cache.
    pub(crate) cache_read: u64,
    /// The tokens that were written to a cache.
    pub(crate) cache_write: u64,
}

/// The reason why the answer of a model ended, in the words of OpenClaw's transcripts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SessionStop {
    /// The answer is complete.
    #[default]
    Stop,
    /// The answer reached its limit of tokens.
    Length,
    /// The model calls tools.
    ToolUse,
    /// The request failed.
    Error,
    /// The run was aborted.
    Aborted,
    /// No model wrote it: a command's answer, or what a client put there.
    Injected,
}

impl SessionStop {
    /// Every reason why the answer of a model ends.
    const ALL: [Self; 6] = [
        Self::Stop,
        Self::Length,
        Self::ToolUse,
        Self::Error,
        Self::Aborted,
        Self::Injected,
    ];

    /// Returns the word for the reason in a transcript.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolUse => "toolUse",
            Self::Error => "error",
            Self::Aborted => "aborted",
            Self::Injected => "injected",
        }
    }

    /// Returns the reason of a word in a transcript; [`Self::Stop`] for an unknown one.
    fn from_name(name: &str) -> Self {
        let found = Self::ALL.into_iter().find(|stop| stop.name() == name);
        found.unwrap_or_default()
    }
}

impl SessionUsage {
    /// Returns the sum of all tokens.
    pub(crate) fn total(self) -> u64 {
        [self.input, self.output, self.cache_read, self.cache_write]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// Returns the tokens in the form of a transcript. What they cost is not known here.
    pub(crate) fn to_value(self) -> Value {
        json!({
            "input": self.input,
            "output": self.output,
            "cacheRead": self.cache_read,
            "cacheWrite": self.cache_write,
            "totalTokens": self.total(),
            "cost": { "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0 },
        })
    }

    fn from_value(value: Option<&Value>) -> Self {
        let count = |key: &str| {
            value
                .and_then(|value| value.get(key)?.as_u64())
                .unwrap_or_default()
        };
        Self {
            input: count("input"),
            output: count("output"),
            cache_read: count("cacheRead"),
            cache_write: count("cacheWrite"),
        }
    }
}

impl ContentPart {
    fn to_value(&self) -> Value {
        match self {
            Self::Text(text) => json!({ "type": "text", "text": text }),
            Self::Image { mime_type, base64 } => {
                json!({ "type": "image", "data": base64, "mimeType": mime_type })
            }
            Self::ToolCall { id, name, arguments } => {
                json!({ "type": "toolCall", "id": id, "name": name, "arguments": arguments })
            }
        }
    }

    fn from_value(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        match value.get("type")?.as_str()? {
            "text" => Some(Self::Text(text("text")?)),
            "image" => Some(Self::Image {
                mime_type: text("mimeType")?,
                base64: text("data")?,
            }),
            "toolCall" => Some(Self::ToolCall {
                id: text("id")?,
                name: text("name")?,
                arguments: value.get("arguments").cloned().unwrap_or_else(|| json!({})),
            }),
            // What a model thought is of no use to another one.
            _ => None,
        }
    }

    /// Returns the parts of a content, which later releases write as a plain text where it is one.
    fn all_from(content: Option<&Value>) -> Vec<Self> {
        match content {
            Some(Value::String(text)) => vec![Self::Text(text.clone())],
            Some(Value::Array(parts)) => parts.iter().filter_map(Self::from_value).collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the texts of several parts as one.
    pub(crate) fn texts_of(parts: &[Self]) -> String {
        let texts = parts.iter().filter_map(|part| match part {
            Self::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }
}

impl AssistantMessage {
    /// Returns a text that no model wrote as a message of a session.
    pub(crate) fn injected(text: &str, timestamp: u64) -> Self {
        Self {
            parts: vec![ContentPart::Text(text.to_owned())],
            stop: SessionStop::Injected,
            timestamp,
            ..Self::default()
        }
    }

    fn to_value(&self) -> Value {
        let mut value = json!({ "role": "assistant", "content": values(&self.parts) });
        if self.stop != SessionStop::Injected {
            value["api"] = self.api.as_str().into();
            value["provider"] = self.provider.as_str().into();
            value["model"] = self.model.as_str().into();
        }
        value["usage"] = self.usage.to_value();
        value["stopReason"] = self.stop.name().into();
        if let Some(error) = &self.error_message {
            value["errorMessage"] = error.as_str().into();
        }
        value["timestamp"] = self.timestamp.into();
        value
    }

    fn from_map(message: &Map<String, Value>, timestamp: u64) -> Self {
        let text = |key: &str| message.get(key).and_then(Value::as_str).map(str::to_owned);
        Self {
            parts: ContentPart::all_from(message.get("content")),
            api: text("api").unwrap_or_default(),
            provider: text("provider").unwrap_or_default(),
            model: text("model").unwrap_or_default(),
            usage: SessionUsage::from_value(message.get("usage")),
            stop: SessionStop::from_name(&text("stopReason").unwrap_or_default()),
            error_message: text("errorMessage"),
            timestamp,
        }
    }
}

impl SessionMessage {
    /// Returns what a person said as a message of a session.
    #[cfg(test)]
    pub(crate) fn user(text: &str, idempotency_key: Option<&str>, timestamp: u64) -> Self {
        Self::User {
            parts: vec![ContentPart::Text(text.to_owned())],
            idempotency_key: idempotency_key.map(str::to_owned),
            timestamp,
        }
    }

    /// Returns the idempotency key of the request that brought a message of a person.
    pub(crate) fn request(&self) -> Option<&str> {
        match self {
            Self::User { idempotency_key, .. } => idempotency_key.as_deref(),
            Self::Assistant(_) | Self::ToolResult { .. } => None,
        }
    }

    /// Returns a message in the form of a transcript and of `chat.history`.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::User {
                parts,
                idempotency_key,
                timestamp,
            } => {
                let mut value = json!({ "role": "user", "content": values(parts), "timestamp": timestamp });
                if let Some(key) = idempotency_key {
                    value["idempotencyKey"] = format!("{key}{USER_KEY_ENDING}").into();
                }
                value
            }
            Self::Assistant(message) => message.to_value(),
            Self::ToolResult {
                call_id,
                tool,
                text,
                is_error,
                timestamp,
            } => json!({
                "role": "toolResult",
                "toolCallId": call_id,
                "toolName": tool,
                "content": [{ "type": "text", "text": text }],
                "isError": is_error,
                "timestamp": timestamp,
            }),
        }
    }

    /// Reads a message of a transcript; `None` for one of a kind that no model is asked with.
    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let message = value.as_object()?;
        let text = |key: &str| message.get(key).and_then(Value::as_str).map(str::to_owned);
        let timestamp = message
            .get("timestamp")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        let parts = || ContentPart::all_from(message.get("content"));
        match message.get("role")?.as_str()? {
            "user" => {
                let mut parts = parts();
                for part in &mut parts {
                    if let ContentPart::Text(text) = part {
                        *text = without_message_id(text).to_owned();
                    }
                }
                Some(Self::User {
                    parts,
                    idempotency_key: request_key(value),
                    timestamp,
                })
            }
            "assistant" => Some(Self::Assistant(AssistantMessage::from_map(message, timestamp))),
            "toolResult" => Some(Self::ToolResult {
                call_id: text("toolCallId")?,
                tool: text("toolName").unwrap_or_default(),
                text: ContentPart::texts_of(&parts()),
                is_error: message.get("isError") == Some(&true.into()),
                timestamp,
            }),
            _ => None,
        }
    }
}

/// Returns the idempotency key of the request that brought a person's message of a transcript, in the form of any release.
pub(super) fn request_key(message: &Value) -> Option<String> {
    if message.get("role")? != "user" {
        return None;
    }
    if let Some(key) = message.get("idempotencyKey").and_then(Value::as_str) {
        return Some(key.strip_suffix(USER_KEY_ENDING).unwrap_or(key).to_owned());
    }
    let text = ContentPart::texts_of(&ContentPart::all_from(message.get("content")));
    let (_, id) = text.trim_end().strip_suffix(']')?.rsplit_once(MESSAGE_ID_MARK)?;
    Some(id.to_owned())
}

/// Returns a text without the line that has the key of its request.
pub(super) fn without_message_id(text: &str) -> &str {
    let ended = text.trim_end().strip_suffix(']');
    let plain = ended.and_then(|text| text.rsplit_once(MESSAGE_ID_MARK));
    plain.map_or(text, |(plain, _)| plain)
}

fn values(parts: &[ContentPart]) -> Vec<Value> {
    parts.iter().map(ContentPart::to_value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_both_releases_are_read_and_written_again() {
        let early = json!({"role": "user", "content": [{"type": "text", "text": "hi\n[message_id: w-1]"}], "timestamp": 5});
        let late = json!({"role": "user", "content": "hi", "timestamp": 5, "idempotencyKey": "w-1:user"});
        let expected = SessionMessage::user("hi", Some("w-1"), 5);
        for message in [&early, &late, &expected.to_value()] {
            assert_eq!(SessionMessage::from_value(message), Some(expected.clone()));
        }
        let answer = json!({
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "?"},
                {"type": "toolCall", "id": "c", "name": "read", "arguments": {"path": "a"}}],
            "api": "openai-completions", "provider": "stub", "model": "m1",
            "usage": {"input": 100, "output": 5, "cacheRead": 1, "cacheWrite": 0, "totalTokens": 106},
            "stopReason": "toolUse", "timestamp": 6,
        });
        let Some(SessionMessage::Assistant(read)) = SessionMessage::from_value(&answer) else {
            panic!("an answer");
        };
        assert_eq!(
            (read.parts.len(), read.stop, read.usage.total()),
            (1, SessionStop::ToolUse, 106)
        );
        let again = SessionMessage::Assistant(read).to_value();
        for key in ["api", "provider", "model", "stopReason", "timestamp"] {
            assert_eq!(again[key], answer[key], "{key}");
        }
        assert_eq!(again["usage"]["totalTokens"], 106);
        let result = SessionMessage::ToolResult {
            call_id: "c".to_owned(),
            tool: "read".to_owned(),
            text: "# AGENTS".to_owned(),
            is_error: false,
            timestamp: 7,
        };
        assert_eq!(SessionMessage::from_value(&result.to_value()), Some(result));
        assert_eq!(
            SessionMessage::from_value(&json!({"role": "system", "content": "x"})),
            None
        );
    }
}
