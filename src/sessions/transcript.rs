//! The transcript of a session, read within bounds: the last part of a long one, without the lines that are broken or too
//! long, and of its tree the branch that ends in the last entry.

use std::collections::HashMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde_json::{Value, json};

use super::message::{self, SessionMessage};
use crate::host::read;

/// Maximum number of bytes at the end of a transcript that are read.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// Maximum number of bytes of a line that is read.
const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// Type of an entry with a command of a person, or the answer to one, which no model is told of.
pub(super) const COMMAND_TYPE: &str = "openclaw.command";
/// Type of an entry with a message of a person that waits until an earlier one is answered.
pub(super) const TAKEN_IN_TYPE: &str = "openclaw.taken-in";
/// Field of the entry of a message that a client of the gateway was told is taken in.
pub(super) const TAKEN_IN_FIELD: &str = "takenIn";

/// The branch of a transcript that ends in its last entry, the oldest entry first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transcript {
    entries: Vec<Value>,
}

/// The place of a message in a transcript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EntryPlace {
    /// The id of its entry.
    pub(crate) id: String,
    /// Its number among the messages, from 1.
    pub(crate) number: usize,
}

/// The part of a conversation that a model is asked with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ModelContext {
    /// The summary of what was said before, where the session was compacted.
    pub(crate) summary: Option<String>,
    /// The messages after it, each with the id of its entry.
    pub(crate) messages: Vec<(String, SessionMessage)>,
}

impl Transcript {
    /// Reads the transcript of a session; an empty one where the file is missing or can't be read.
    pub(crate) fn read(path: &Path) -> Self {
        let text = read_end(path).unwrap_or_default();
        let lines = text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty() && line.len() <= MAX_LINE_BYTES);
        let entries = lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok());
        let is_entry = |entry: &Value| entry.is_object() && entry["type"] != "session";
        Self {
            entries: last_branch(entries.filter(is_entry).collect()),
        }
    }

    /// Returns the number of messages.
    pub(super) fn message_count(&self) -> usize {
        let messages = self.entries.iter().filter(|entry| entry["type"] == "message");
        messages.count()
    }

    /// Returns the id of the last entry, which the next one follows.
    pub(super) fn last_id(&self) -> Option<String> {
        let id = self.entries.last()?.get("id")?.as_str()?;
        Some(id.to_owned())
    }

    /// Returns the model that was used last, as (provider, model).
    pub(super) fn last_model(&self) -> Option<(&str, &str)> {
        let change = self.entries.iter().rev().find(|e| e["type"] == "model_change")?;
        Some((change["provider"].as_str()?, change["modelId"].as_str()?))
    }

    /// Returns the messages as `chat.history` has them, each with the id of its entry. The place of a summary is marked by
    /// a message of the system.
    pub(crate) fn history(&self) -> Vec<(String, Value)> {
        let shown = self.entries.iter().filter_map(|entry| {
            let id = entry["id"].as_str().unwrap_or_default().to_owned();
            match entry["type"].as_str()? {
                "message" => Some((id, visible_message(entry.get("message")?)?)),
                "custom" if entry["customType"] == COMMAND_TYPE => {
                    Some((id, visible_message(entry["data"].get("message")?)?))
                }
                "compaction" => Some((id.clone(), compaction_mark(entry, &id))),
                _ => None,
            }
        });
        let waiting = self.waiting().into_iter();
        let waiting = waiting.map(|(id, message)| (id.to_owned(), message.clone()));
        shown.chain(waiting).collect()
    }

    /// Returns the messages of people that were taken in and wait for their turn, each with the id of its entry.
    fn waiting(&self) -> Vec<(&str, &Value)> {
        let taken_in = self
            .entries
            .iter()
            .filter(|entry| entry["customType"] == TAKEN_IN_TYPE);
        let messages =
            taken_in.filter_map(|entry| Some((entry["id"].as_str()?, entry["data"].get("message")?)));
        let waits =
            |message: &Value| message::request_key(message).is_some_and(|own| self.place_of(&own).is_none());
        messages.filter(|(_, message)| waits(message)).collect()
    }

    /// Returns the requests of the gateway's clients that nobody has answered yet: their idempotency keys and messages.
    pub(crate) fn unanswered(&self) -> Vec<(String, SessionMessage)> {
        let begun = self.entries.iter().filter(|entry| entry[TAKEN_IN_FIELD] == true);
        let begun = begun.filter_map(|entry| entry.get("message"));
        let all = begun.chain(self.waiting().into_iter().map(|(_, message)| message));
        let open = all.filter_map(|message| {
            let request = message::request_key(message)?;
            let is_open = self.is_answered(&request) == Some(false);
            is_open.then_some(())?;
            Some((request, SessionMessage::from_value(message)?))
        });
        open.collect()
    }

    /// Returns what a model is asked with: the last summary, and the messages that it does not cover.
    pub(crate) fn context(&self) -> ModelContext {
        let is_compaction = |entry: &&Value| entry["type"] == "compaction";
        let compaction = self.entries.iter().rfind(is_compaction);
        let kept = compaction.and_then(|compaction| {
            let first = compaction["firstKeptEntryId"].as_str()?;
            self.entries.iter().position(|entry| entry["id"] == first)
        });
        let after = self
            .entries
            .iter()
            .rposition(|entry| entry["type"] == "compaction");
        let start = kept.or(after).unwrap_or_default();
        let messages = self.entries[start..].iter().filter_map(|entry| {
            let message = entry.get("message").filter(|_| entry["type"] == "message")?;
            let id = entry["id"].as_str().unwrap_or_default().to_owned();
            Some((id, SessionMessage::from_value(message)?))
        });
        ModelContext {
            summary: compaction.and_then(|entry| entry["summary"].as_str().map(str::to_owned)),
            messages: messages.collect(),
        }
    }

    /// Returns the place of the message of a request, where it is among the messages.
    pub(crate) fn place_of(&self, request: &str) -> Option<EntryPlace> {
        let mut messages = self.entries.iter().filter(|entry| entry["type"] == "message");
        let is_it = |entry: &Value| message::request_key(&entry["message"]).as_deref() == Some(request);
        let at = messages.clone().position(is_it)?;
        let entry = messages.nth(at)?;
        Some(EntryPlace {
            id: entry["id"].as_str().unwrap_or_default().to_owned(),
            number: at + 1,
        })
    }

    /// Returns what became of the request with an idempotency key: `None` where no message came with it, else whether an
    /// answer that is not the call of a tool follows its message.
    pub(crate) fn is_answered(&self, request: &str) -> Option<bool> {
        let messages: Vec<_> = self.entries.iter().filter_map(|e| e.get("message")).collect();
        let commands = self.entries.iter().filter(|e| e["customType"] == COMMAND_TYPE);
        let commands: Vec<_> = commands.filter_map(|e| e["data"].get("message")).collect();
        let came = |message: &&Value| message::request_key(message).as_deref() == Some(request);
        if let Some(at) = commands.iter().rposition(came) {
            return Some(
                commands[at..]
                    .iter()
                    .any(|message| message["role"] == "assistant"),
            );
        }
        let Some(at) = messages.iter().rposition(came) else {
            let waiting = self.waiting();
            let waits = waiting.iter().any(|(_, message)| came(message));
            return waits.then_some(false);
        };
        let is_answer =
            |message: &&Value| message["role"] == "assistant" && message["stopReason"] != "toolUse";
        Some(messages[at..].iter().any(is_answer))
    }
}

/// Returns a message as `chat.history` shows it: that of a person without the key of its request in the text.
fn visible_message(message: &Value) -> Option<Value> {
    let mut shown = message.is_object().then(|| message.clone())?;
    if shown["role"] == "user"
        && let Some(parts) = shown.get_mut("content").and_then(Value::as_array_mut)
    {
        for text in parts.iter_mut().filter_map(|part| part.get_mut("text")) {
            if let Some(own) = text.as_str() {
                *text = message::without_message_id(own).into();
            }
        }
    }
    Some(shown)
}

/// Returns the message that marks the place of a summary in a history.
fn compaction_mark(entry: &Value, id: &str) -> Value {
    json!({
        "role": "system",
        "content": [{ "type": "text", "text": "Compaction" }],
        "timestamp": entry["timestamp"],
        "__openclaw": { "kind": "compaction", "id": id },
    })
}

/// Reads the end of a transcript, from the first whole line on.
fn read_end(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = read::open(path)?;
    let size = file.seek(SeekFrom::End(0))?;
    let start = size.saturating_sub(MAX_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    if start > 0 {
        let cut = bytes.iter().position(|byte| *byte == b'\n');
        bytes.drain(..cut.map_or(bytes.len(), |at| at + 1));
    }
    Ok(bytes)
}

/// Returns the entries from the root of a tree, or the first that was read, to the last entry. An entry whose parent is not
/// there follows the one before it in the file: the line of its parent was broken, or a release wrote none.
fn last_branch(entries: Vec<Value>) -> Vec<Value> {
    let ids = entries
        .iter()
        .enumerate()
        .filter_map(|(at, entry)| Some((entry.get("id")?.as_str()?, at)));
    let places: HashMap<&str, usize> = ids.collect();
    let mut is_on_branch = vec![false; entries.len()];
    let mut next = entries.len().checked_sub(1);
    while let Some(at) = next {
        is_on_branch[at] = true;
        next = match entries[at].get("parentId") {
            Some(Value::Null) => None,
            Some(Value::String(parent)) => places
                .get(parent.as_str())
                .copied()
                .filter(|place| *place < at)
                .or_else(|| at.checked_sub(1)),
            _ => at.checked_sub(1),
        };
    }
    let mut on_branch = is_on_branch.into_iter();
    let mut branch = entries;
    branch.retain(|_| on_branch.next().unwrap_or_default());
    branch
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests make their own files")]

    use super::*;

    fn transcript(lines: &[&str]) -> Transcript {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        std::fs::write(&path, lines.join("\n")).unwrap();
        Transcript::read(&path)
    }

    fn said(id: &str, parent: &str, text: &str) -> String {
        json!({"type": "message", "id": id, "parentId": parent, "message": {"role": "user", "content": text}})
            .to_string()
    }

    fn texts(transcript: &Transcript) -> Vec<String> {
        let messages = transcript.history().into_iter();
        messages
            .filter_map(|(_, message)| message["content"].as_str().map(str::to_owned))
            .collect()
    }

    #[test]
    fn only_the_branch_of_the_last_entry_is_read() {
        let root = r#"{"type":"model_change","id":"r","parentId":null,"provider":"p","modelId":"m"}"#;
        let lines = [said("a", "r", "a"), said("b", "a", "left"), said("c", "a", "c")];
        let read = transcript(&[r#"{"type":"session"}"#, root, &lines[0], &lines[1], &lines[2]]);
        assert_eq!(texts(&read), ["a", "c"]);
        assert_eq!(
            (read.last_id().as_deref(), read.last_model()),
            (Some("c"), Some(("p", "m")))
        );
    }

    #[test]
    fn broken_lines_and_a_cut_last_one_are_passed_over() {
        let (a, c) = (said("a", "r", "a"), said("c", "b", "c"));
        let read = transcript(&[&a, "{\"type\":\"message\",\"id\":\"b\",\"par", "7", &c, "{\"ty"]);
        assert_eq!(texts(&read), ["a", "c"]);
    }

    #[test]
    fn context_begins_with_what_the_last_summary_keeps() {
        let compaction = r#"{"type":"compaction","id":"d","parentId":"c","summary":"S","firstKeptEntryId":"c","tokensBefore":9}"#;
        let lines = [said("a", "r", "a"), said("c", "a", "c"), said("e", "d", "e")];
        let read = transcript(&[&lines[0], &lines[1], compaction, &lines[2]]);
        let context = read.context();
        let ids: Vec<_> = context.messages.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!((context.summary.as_deref(), ids), (Some("S"), vec!["c", "e"]));
        assert_eq!(read.history().len(), 4);
    }
}
