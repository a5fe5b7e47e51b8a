//! What is said in one session, as the events of a gateway tell it: a pure state, without a terminal and without a socket.

use serde_json::Value;

use crate::i18n::msg;
use crate::text::{replace_unsafe, sanitize};
use crate::wizard::terminal::conversation::Utterance;

/// The mark that OpenClaw 2026.1.30 puts behind what a client says, which is no part of it.
const MESSAGE_MARK: &str = "\n[message_id: ";

/// What is said in one session.
#[derive(Debug, Default)]
pub(super) struct Talk {
    /// The key of the session.
    pub(super) key: String,
    said: Vec<Utterance>,
    /// The run whose answer grows, and the answer so far.
    growing: Option<(String, String)>,
    /// The runs of this client that are not over.
    awaited: Vec<String>,
    /// The run that was over last.
    last_over: String,
    /// `true` while there is no connection.
    is_lost: bool,
}

impl Talk {
    /// Creates the state of a session in which nothing is said yet.
    pub(super) fn new(key: String) -> Self {
        Self {
            key,
            ..Self::default()
        }
    }

    /// Shows the last messages of the session's history, at most so many.
    pub(super) fn remember(&mut self, messages: &[Value], limit: usize) {
        let utterance = |message: &Value| {
            let text = message_text(message);
            let text = text
                .split(MESSAGE_MARK)
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned();
            match message["role"].as_str()? {
                _ if text.is_empty() => None,
                "user" => Some(Utterance::Person(text)),
                "assistant" => Some(Utterance::Counterpart(text)),
                _ => None,
            }
        };
        let mut said: Vec<_> = messages.iter().filter_map(utterance).collect();
        said.drain(..said.len().saturating_sub(limit));
        self.said.extend(said);
    }

    /// Takes note that the person said something, in a run with this id.
    pub(super) fn say(&mut self, run: String, text: &str) {
        self.awaited.push(run);
        self.said.push(Utterance::Person(text.to_owned()));
    }

    /// Takes note that a run could not be begun, and why.
    pub(super) fn fail(&mut self, run: &str, why: &str) {
        self.awaited.retain(|awaited| awaited != run);
        self.said
            .push(Utterance::Note(msg!("conversation.failed", why = sanitize(why))));
    }

    /// Takes note that the connection was lost; once, however often that is tried to mend.
    pub(super) fn lose(&mut self) {
        if !std::mem::replace(&mut self.is_lost, true) {
            self.growing = None;
            self.said.push(Utterance::Note(msg!("conversation.lost")));
        }
    }

    /// Takes note that the connection is there again. What was said meanwhile is in the history.
    pub(super) fn reconnect(&mut self, messages: &[Value]) {
        if !std::mem::replace(&mut self.is_lost, false) {
            return;
        }
        self.said.push(Utterance::Note(msg!("conversation.back")));
        // Whoever waits for an answer gets the one that follows what was said, where there is one.
        let is_answered = |run: &String| {
            let said = messages.iter().rposition(|message| is_message_of(message, run));
            said.is_some_and(|at| {
                messages[at..]
                    .iter()
                    .any(|message| message["role"] == "assistant")
            })
        };
        let is_answer = messages.last().is_some_and(|last| last["role"] == "assistant");
        if is_answer && self.awaited.last().is_some_and(is_answered) {
            self.awaited.clear();
            self.remember(messages, 1);
        }
    }

    /// Takes note of an event of the gateway.
    pub(super) fn on_event(&mut self, frame: &Value) {
        let payload = &frame["payload"];
        let run = payload["runId"].as_str().unwrap_or_default().to_owned();
        let key = payload["sessionKey"].as_str().unwrap_or_default();
        // A session that does not exist yet gets its whole key with the first message.
        if self.awaited.contains(&run) {
            key.clone_into(&mut self.key);
        }
        if frame["event"] != "chat" || key != self.key {
            return;
        }
        let text = message_text(&payload["message"]);
        match payload["state"].as_str() {
            Some("delta") => self.growing = Some((run, text)),
            Some("final") => self.end(run, text),
            Some("aborted") => {
                self.end(run, text);
                self.said.push(Utterance::Note(msg!("conversation.aborted")));
            }
            // OpenClaw 2026.9.6 tells an error twice.
            Some("error") if run != self.last_over => {
                self.end(run, String::new());
                let why = payload["errorMessage"].as_str().unwrap_or_default();
                let why = replace_unsafe(why.trim().to_owned());
                self.said
                    .push(Utterance::Note(msg!("conversation.failed", why = why)));
            }
            _ => {}
        }
    }

    /// Ends a run with its whole answer; without one, with what has grown.
    fn end(&mut self, run: String, text: String) {
        let grown = self.growing.take_if(|(growing, _)| *growing == run);
        let text = if text.trim().is_empty() {
            grown.map(|(_, text)| text).unwrap_or_default()
        } else {
            text
        };
        if !text.trim().is_empty() {
            self.said.push(Utterance::Counterpart(text.trim_end().to_owned()));
        }
        self.awaited.retain(|awaited| *awaited != run);
        self.last_over = run;
    }

    /// Takes out what is complete since the last time.
    pub(super) fn take_said(&mut self) -> Vec<Utterance> {
        std::mem::take(&mut self.said)
    }

    /// Returns the answer that still grows.
    pub(super) fn growing(&self) -> Option<&str> {
        let (_, text) = self.growing.as_ref()?;
        (!text.is_empty()).then_some(text)
    }

    /// Returns whether an answer is awaited.
    pub(super) fn is_answering(&self) -> bool {
        self.growing.is_some() || !self.awaited.is_empty()
    }
}

/// Returns the text of a message of a session.
fn message_text(message: &Value) -> String {
    let content = &message["content"];
    let parts = content.as_array().into_iter().flatten();
    let texts = parts
        .filter(|part| part["type"] == "text")
        .filter_map(|part| part["text"].as_str());
    let text = content
        .as_str()
        .map_or_else(|| texts.collect::<Vec<_>>().join("\n\n"), str::to_owned);
    replace_unsafe(text)
}

/// Returns whether a message of a history is what the person said in a run of this client: each release notes the id of the
/// run in another place.
fn is_message_of(message: &Value, run: &str) -> bool {
    let keys = ["/idempotencyKey", "/__openclaw/idempotencyKey"];
    let mut known = keys.iter().filter_map(|key| message.pointer(key)?.as_str());
    let is_known = known.any(|known| known.strip_suffix(":user").unwrap_or(known) == run);
    let has_mark = || message_text(message).ends_with(&format!("{MESSAGE_MARK}{run}]"));
    message["role"] == "user" && (is_known || has_mark())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "agent:main:main";

    fn event(run: &str, state: &str, text: &str) -> Value {
        let content = json!([{"type": "text", "text": text}]);
        json!({"type": "event", "event": "chat", "payload": {
            "runId": run, "sessionKey": KEY, "state": state, "message": {"role": "assistant", "content": content}}})
    }

    fn talk() -> Talk {
        Talk::new(KEY.to_owned())
    }

    #[test]
    fn answer_grows_until_it_is_complete() {
        let mut talk = talk();
        talk.say("r1".to_owned(), "hi");
        assert_eq!(talk.take_said(), [Utterance::Person("hi".to_owned())]);
        assert!(talk.is_answering() && talk.growing().is_none());
        talk.on_event(&event("r1", "delta", "Hel"));
        talk.on_event(&event("r1", "delta", "Hello"));
        assert_eq!(talk.growing(), Some("Hello"));
        talk.on_event(&event("r1", "final", "Hello.\u{1b}[2J\n"));
        assert_eq!(
            talk.take_said(),
            [Utterance::Counterpart("Hello. [2J".to_owned())]
        );
        assert!(!talk.is_answering() && talk.growing().is_none());
    }

    #[test]
    fn key_of_a_new_session_is_that_of_its_first_event() {
        let mut talk = Talk::new("main".to_owned());
        talk.on_event(&event("r0", "final", "of another"));
        talk.say("r1".to_owned(), "hi");
        talk.on_event(&event("r1", "final", "Hello"));
        talk.on_event(&event("r2", "final", "by itself"));
        assert_eq!(talk.key, KEY);
        let said = ["Hello", "by itself"].map(|text| Utterance::Counterpart(text.to_owned()));
        assert_eq!(talk.take_said()[1..], said);
    }

    #[test]
    fn end_without_a_message_keeps_what_has_grown() {
        let mut talk = talk();
        talk.say("r1".to_owned(), "hi");
        talk.say("r2".to_owned(), "and");
        talk.on_event(&event("r1", "delta", "Hel"));
        // The second message was put into the first run.
        talk.on_event(
            &json!({"event": "chat", "payload": {"runId": "r2", "sessionKey": KEY, "state": "final"}}),
        );
        assert!(talk.is_answering());
        talk.on_event(
            &json!({"event": "chat", "payload": {"runId": "r1", "sessionKey": KEY, "state": "aborted"}}),
        );
        let said = talk.take_said();
        assert_eq!(
            said[2..],
            [
                Utterance::Counterpart("Hel".to_owned()),
                Utterance::Note(msg!("conversation.aborted"))
            ]
        );
        assert!(!talk.is_answering());
    }

    #[test]
    fn error_is_told_once_and_other_sessions_are_not() {
        let mut talk = talk();
        talk.say("r1".to_owned(), "hi");
        talk.take_said();
        let error = json!({"event": "chat", "payload": {
            "runId": "r1", "sessionKey": KEY, "state": "error", "errorMessage": "refused"}});
        talk.on_event(&error);
        talk.on_event(&error);
        assert_eq!(
            talk.take_said(),
            [Utterance::Note(msg!("conversation.failed", why = "refused"))]
        );
        let mut other = event("r3", "final", "not ours");
        other["payload"]["sessionKey"] = "agent:main:other".into();
        talk.on_event(&other);
        assert_eq!(talk.take_said(), []);
    }

    #[test]
    fn history_shows_its_last_texts_without_marks_and_tools() {
        let messages = [
            json!({"role": "user", "content": "old"}),
            json!({"role": "user", "content": [{"type": "text", "text": "read it\n[message_id: w-1]"}]}),
            json!({"role": "assistant", "content": [{"type": "toolCall", "id": "c", "name": "read"}]}),
            json!({"role": "toolResult", "content": [{"type": "text", "text": "secret"}]}),
            json!({"role": "assistant", "content": [{"type": "text", "text": "done"}]}),
        ];
        let mut talk = talk();
        talk.remember(&messages, 2);
        assert_eq!(
            talk.take_said(),
            [
                Utterance::Person("read it".to_owned()),
                Utterance::Counterpart("done".to_owned())
            ]
        );
    }

    #[test]
    fn answer_that_came_while_the_connection_was_lost_is_shown() {
        let mut talk = talk();
        talk.say("r1".to_owned(), "hi");
        talk.take_said();
        talk.lose();
        talk.lose();
        let messages = [
            json!({"role": "assistant", "content": "an earlier answer"}),
            json!({"role": "user", "content": "hi", "idempotencyKey": "r1:user"}),
            json!({"role": "assistant", "content": "Hello"}),
        ];
        talk.reconnect(&messages[..1]);
        assert_eq!(
            talk.take_said(),
            [
                Utterance::Note(msg!("conversation.lost")),
                Utterance::Note(msg!("conversation.back"))
            ]
        );
        assert!(talk.is_answering());
        talk.lose();
        talk.reconnect(&messages);
        let said = talk.take_said();
        assert_eq!(said[2], Utterance::Counterpart("Hello".to_owned()));
        assert!(!talk.is_answering());
    }
}
