//! The conversation with the bot over the WebSocket: its last messages, and the runs that answered them.
//!
//! OpenClaw's clients talk to the main session of the default agent. The messages are kept in a file of this program,
//! since OpenClaw's own stores belong to OpenClaw.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::apply;
use crate::host::read;
use crate::i18n::Lang;
use crate::sync::lock;

/// Maximum number of messages that are kept.
const MAX_MESSAGES: usize = 200;
/// Maximum number of ended runs that are remembered, so that a repeated request is not obeyed twice.
const MAX_RUNS: usize = 256;

/// The conversation with the bot over the WebSocket.
#[derive(Debug)]
pub(crate) struct ChatLog {
    state_dir: PathBuf,
    contents: Mutex<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    messages: VecDeque<Value>,
    runs: HashMap<String, RunState>,
    /// The ids of the runs, the oldest first.
    order: VecDeque<String>,
    lang: Option<Lang>,
}

/// The state of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunState {
    /// The run is being answered.
    Running,
    /// The run was answered.
    Ended,
}

/// The one who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// The person at the client.
    User,
    /// The bot.
    Bot,
}

impl ChatLog {
    /// Reads the conversation of the instance with this state folder.
    pub(crate) fn read(state_dir: &Path) -> Self {
        let text = read::text(&path(state_dir)).unwrap_or_default();
        let messages: VecDeque<Value> = serde_json::from_str(&text).unwrap_or_default();
        Self {
            state_dir: state_dir.to_owned(),
            contents: Mutex::new(Contents {
                messages,
                ..Contents::default()
            }),
        }
    }

    /// Begins a run, unless there was one with this id; then its state is returned.
    pub(crate) fn begin(&self, run: &str) -> Option<RunState> {
        let mut contents = lock(&self.contents);
        if let Some(state) = contents.runs.get(run) {
            return Some(*state);
        }
        contents.runs.insert(run.to_owned(), RunState::Running);
        contents.order.push_back(run.to_owned());
        if contents.order.len() > MAX_RUNS
            && let Some(oldest) = contents.order.pop_front()
        {
            contents.runs.remove(&oldest);
        }
        None
    }

    /// Ends a run.
    pub(crate) fn end(&self, run: &str) {
        if let Some(state) = lock(&self.contents).runs.get_mut(run) {
            *state = RunState::Ended;
        }
    }

    /// Returns how far a run is; `None` for one that is not known.
    pub(crate) fn run(&self, run: &str) -> Option<RunState> {
        lock(&self.contents).runs.get(run).copied()
    }

    /// Returns the ids of the runs that are being answered.
    pub(crate) fn active_runs(&self) -> Vec<String> {
        let contents = lock(&self.contents);
        let running = contents
            .order
            .iter()
            .filter(|run| contents.runs.get(*run) == Some(&RunState::Running));
        running.cloned().collect()
    }

    /// Adds a message, and writes the conversation down. Waits for the disk. What can't be written is kept until the
    /// gateway ends.
    pub(crate) fn add(&self, author: Author, text: &str, at: u64) {
        let role = match author {
            Author::User => "user",
            Author::Bot => "assistant",
        };
        let message = json!({ "role": role, "content": [{ "type": "text", "text": text }], "timestamp": at });
        let text = {
            let mut contents = lock(&self.contents);
            contents.messages.push_back(message);
            let surplus = contents.messages.len().saturating_sub(MAX_MESSAGES);
            contents.messages.drain(..surplus);
            serde_json::to_string(&contents.messages).unwrap_or_default()
        };
        let _ = apply::write_state_file(&self.state_dir, &path(&self.state_dir), text.as_bytes());
    }

    /// Returns the messages, the oldest first, in the form of OpenClaw's `chat.history`.
    pub(crate) fn messages(&self) -> Vec<Value> {
        lock(&self.contents).messages.iter().cloned().collect()
    }

    /// Returns the language of an answer: that of the word which was used, else the one that was used last, else the
    /// given one.
    pub(crate) fn language(&self, used: Option<Lang>, default: Lang) -> Lang {
        let mut contents = lock(&self.contents);
        contents.lang = used.or(contents.lang);
        contents.lang.unwrap_or(default)
    }
}

/// Returns the path of the file that keeps the conversation.
fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("bot").join("chat.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_outlive_the_gateway_and_are_bounded_in_number() {
        let dir = tempfile::tempdir().unwrap();
        let log = ChatLog::read(dir.path());
        for number in 0..=MAX_MESSAGES as u64 {
            log.add(Author::User, "/status", number);
        }
        let messages = ChatLog::read(dir.path()).messages();
        assert_eq!(
            (messages.len(), &messages[0]["timestamp"]),
            (MAX_MESSAGES, &json!(1))
        );
    }

    #[test]
    fn run_is_begun_once() {
        let dir = tempfile::tempdir().unwrap();
        let log = ChatLog::read(dir.path());
        assert_eq!(log.begin("a"), None);
        assert_eq!(
            (log.begin("a"), log.active_runs()),
            (Some(RunState::Running), vec!["a".to_owned()])
        );
        log.end("a");
        assert_eq!((log.begin("a"), log.run("b")), (Some(RunState::Ended), None));
        assert!(log.active_runs().is_empty());
    }
}
