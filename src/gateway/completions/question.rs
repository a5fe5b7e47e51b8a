//! What a request to `/v1/chat/completions` asks: which agent, in which session, and what is said to it.
//!
//! An agent has a session of its own, and a client of this interface sends the whole conversation each time. What was said before
//! goes along with the last message, as OpenClaw does it.

use http::HeaderMap;
use serde_json::Value;

use crate::sessions::ContentPart;

/// Names of models that stand for the default agent.
const DEFAULT_NAMES: [&str; 3] = ["openclaw", "openclaw/default", "default"];
/// What stands before the id of an agent in the name of a model.
const AGENT_PREFIXES: [&str; 4] = ["openclaw/", "openclaw:", "agent:", "agent/"];
/// The header with the id of the agent.
const AGENT_HEADER: &str = "x-openclaw-agent-id";
/// The header with the key of the session.
const SESSION_HEADER: &str = "x-openclaw-session-key";

/// A question to an agent.
#[derive(Debug, PartialEq)]
pub(super) struct Question {
    /// The name of the model, as the client calls it.
    pub(super) model: String,
    /// The id of the agent; `None` for the default one.
    pub(super) agent: Option<String>,
    /// The key of the session, or the rest of it behind the agent; `None` for one of its own.
    pub(super) session: Option<String>,
    /// What is said.
    pub(super) text: String,
    /// The pictures of the last message.
    pub(super) images: Vec<ContentPart>,
    /// `true` where the answer is to be streamed.
    pub(super) is_streamed: bool,
}

impl Question {
    /// Reads a request; the reason in the words of the interface where it is none.
    pub(super) fn read(headers: &HeaderMap, body: &Value) -> Result<Self, &'static str> {
        let messages = body["messages"].as_array().ok_or("`messages` must be a list")?;
        let turns: Vec<_> = messages.iter().filter_map(turn).collect();
        let last = turns.iter().rposition(|(speaker, _)| *speaker == "User");
        let last = last.ok_or("Missing user message in `messages`.")?;
        let images = messages
            .iter()
            .rev()
            .find(|message| message["role"] == "user")
            .map(images);
        let images = images.unwrap_or_default();
        let text = said(&turns, last);
        if text.is_empty() && images.is_empty() {
            return Err("Missing user message in `messages`.");
        }
        let header = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let model = body["model"].as_str().unwrap_or("openclaw").to_owned();
        let user = body["user"]
            .as_str()
            .map(str::trim)
            .filter(|user| !user.is_empty());
        Ok(Self {
            agent: header(AGENT_HEADER).or_else(|| agent_of_model(&model)),
            session: header(SESSION_HEADER).or_else(|| Some(format!("openai-user:{}", user?))),
            model,
            text,
            images,
            is_streamed: body["stream"] == true,
        })
    }
}

/// Returns the agent that the name of a model stands for.
fn agent_of_model(model: &str) -> Option<String> {
    if DEFAULT_NAMES.contains(&model) {
        return None;
    }
    let agent = AGENT_PREFIXES
        .iter()
        .find_map(|prefix| model.strip_prefix(prefix))?;
    (!agent.is_empty()).then(|| agent.to_owned())
}

/// Returns who says a message, and its text; `None` for a message of neither side.
fn turn(message: &Value) -> Option<(&'static str, String)> {
    let speaker = match message["role"].as_str()? {
        "user" => "User",
        "assistant" => "Assistant",
        "system" | "developer" => "System",
        "tool" | "function" => "Tool",
        _ => return None,
    };
    let content = &message["content"];
    let parts = content.as_array().into_iter().flatten();
    let texts = parts.filter_map(|part| part["text"].as_str());
    let text = content
        .as_str()
        .map_or_else(|| texts.collect::<Vec<_>>().join("\n"), str::to_owned);
    Some((speaker, text.trim().to_owned()))
}

/// Returns what is said to the agent: the message at `last`, with what was said before it.
fn said(turns: &[(&str, String)], last: usize) -> String {
    let line = |(speaker, text): &(&str, String)| format!("{speaker}: {text}");
    let before = turns[..last].iter().chain(&turns[last + 1..]);
    let before: Vec<_> = before.filter(|(_, text)| !text.is_empty()).map(line).collect();
    let message = &turns[last].1;
    if before.is_empty() {
        return message.clone();
    }
    format!(
        "[What was said before, for context]\n{}\n\n[Current message, to be answered]\nUser: {message}",
        before.join("\n")
    )
}

/// Returns the pictures of a message that are in the message itself. Others are not fetched.
fn images(message: &Value) -> Vec<ContentPart> {
    let parts = message["content"].as_array().into_iter().flatten();
    let image = |part: &Value| {
        let url = part.pointer("/image_url/url")?.as_str()?;
        let (kind, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
        let is_image = kind.starts_with("image/");
        is_image.then(|| ContentPart::Image {
            base64: data.to_owned(),
            mime_type: kind.to_owned(),
        })
    };
    parts.filter_map(image).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(headers: &[(&'static str, &str)], body: &Value) -> Result<Question, &'static str> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Question::read(&headers.collect(), body)
    }

    fn user(text: &str) -> Value {
        json!({"role": "user", "content": text})
    }

    #[test]
    fn agent_and_session_are_those_of_headers_then_of_model_and_user() {
        let of = |headers: &[(&'static str, &str)], model: &str, name: Option<&str>| {
            let question = read(
                headers,
                &json!({"model": model, "user": name, "messages": [user("hi")]}),
            )
            .unwrap();
            (question.agent, question.session)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of(&[], "openclaw", None), (None, None));
        assert_eq!(of(&[], "gpt-5", Some("ali")), (None, some("openai-user:ali")));
        assert_eq!(of(&[], "openclaw/ops", None), (some("ops"), None));
        assert_eq!(of(&[], "openclaw/default", None), (None, None));
        assert_eq!(of(&[], "agent:ops", None), (some("ops"), None));
        let headers = [(AGENT_HEADER, "one"), (SESSION_HEADER, "agent:one:work")];
        assert_eq!(
            of(&headers, "agent:ops", Some("ali")),
            (some("one"), some("agent:one:work"))
        );
    }

    #[test]
    fn last_message_is_answered_with_what_was_said_before() {
        let messages = json!([
            {"role": "system", "content": "Be brief."},
            user("hi"),
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": [{"type": "text", "text": "and"}, {"type": "text", "text": "now?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBOR"}},
                {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}]},
        ]);
        let question = read(&[], &json!({"messages": messages, "stream": true})).unwrap();
        assert_eq!(
            question.text,
            "[What was said before, for context]\nSystem: Be brief.\nUser: hi\nAssistant: Hello\n\n\
             [Current message, to be answered]\nUser: and\nnow?"
        );
        assert_eq!((question.images.len(), question.is_streamed), (1, true));
        let alone = read(&[], &json!({"messages": [user(" hi ")]})).unwrap();
        assert_eq!((alone.text.as_str(), alone.is_streamed), ("hi", false));
    }

    #[test]
    fn request_without_a_message_of_the_user_is_refused() {
        for body in [
            json!({}),
            json!({"messages": "hi"}),
            json!({"messages": []}),
            json!({"messages": [{"role": "assistant", "content": "x"}]}),
            json!({"messages": [user(" ")]}),
        ] {
            assert!(read(&[], &body).is_err(), "{body}");
        }
    }
}
