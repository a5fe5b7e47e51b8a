//! The inbox of a bot: on disk, what it has heard and not dealt with yet, so that nothing is done twice, and no change is lost silently,
//! whenever the bot is killed.
//!
//! ```text
//! received ──► recorded, with the position after it ──► confirmed to the channel
//!                 │
//!                 ├── a question: struck out, then answered. A kill in between costs an answer.
//!                 └── a change: marked as begun, done, struck out. What is marked at the next start was cut
//!                     short: it is told, and not done again.
//! ```

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use super::channel::{Batch, Heard};
use crate::apply;
use crate::error::Result;
use crate::host::read;

/// Number of ids that are remembered, so that what a channel delivers again is heard once.
const MAX_SEEN: usize = 256;

/// The inbox of one account of a channel, kept as a file in the state folder of its instance.
#[derive(Debug)]
pub(crate) struct Inbox {
    state_dir: PathBuf,
    path: PathBuf,
    contents: Contents,
}

/// The contents of the file of an inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Contents {
    version: u32,
    /// The position from which the channel is to be asked.
    cursor: Option<String>,
    /// The entries that are not dealt with, the oldest first.
    waiting: Vec<InboxEntry>,
    /// The ids of what was heard last, the oldest first.
    seen: VecDeque<String>,
}

/// Something that an owner said and that is not dealt with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InboxEntry {
    /// The message or press.
    pub(crate) heard: Heard,
    /// The change that was begun on account of it, as a sentence in the language of the person.
    pub(crate) begun: Option<String>,
    /// The id of the message in which it is being answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shown: Option<String>,
}

impl Inbox {
    /// Opens the inbox of an account of a channel. A file that is missing or broken is empty.
    pub(crate) fn open(state_dir: &Path, channel: &str, account: &str) -> Self {
        let account = utf8_percent_encode(account, NON_ALPHANUMERIC);
        let path = state_dir.join("bot").join(format!("{channel}-{account}.json"));
        let text = read::text(&path).unwrap_or_default();
        Self {
            state_dir: state_dir.to_owned(),
            path,
            contents: serde_json::from_str(&text).unwrap_or_default(),
        }
    }

    /// Returns the position from which the channel is to be asked.
    pub(crate) fn cursor(&self) -> Option<&str> {
        self.contents.cursor.as_deref()
    }

    /// Returns what is not dealt with.
    pub(crate) fn waiting(&self) -> &[InboxEntry] {
        &self.contents.waiting
    }

    /// Records what was received: what `is_kept` wants, and the position after it. Returns what is new of it. After this
    /// the channel may forget the batch.
    ///
    /// # Errors
    /// When the file can't be written. Nothing is recorded then, and the batch must be received again.
    pub(crate) fn record(&mut self, batch: &Batch, is_kept: impl Fn(&Heard) -> bool) -> Result<Vec<Heard>> {
        let before = self.contents.clone();
        let mut new = Vec::new();
        for heard in batch.heard.iter().filter(|heard| is_kept(heard)) {
            if self.contents.seen.contains(&heard.id) {
                continue;
            }
            self.contents.seen.push_back(heard.id.clone());
            self.contents.waiting.push(InboxEntry {
                heard: heard.clone(),
                begun: None,
                shown: None,
            });
            new.push(heard.clone());
        }
        let surplus = self.contents.seen.len().saturating_sub(MAX_SEEN);
        self.contents.seen.drain(..surplus);
        if batch.cursor.is_some() {
            self.contents.cursor.clone_from(&batch.cursor);
        }
        self.save_or_restore(before)?;
        Ok(new)
    }

    /// Marks something as begun, with the change as a sentence, before the change is made.
    ///
    /// # Errors
    /// When the file can't be written: the change must not be made then.
    pub(crate) fn begin(&mut self, id: &str, change: &str) -> Result<()> {
        let before = self.contents.clone();
        for entry in self
            .contents
            .waiting
            .iter_mut()
            .filter(|entry| entry.heard.id == id)
        {
            entry.begun = Some(change.to_owned());
        }
        self.save_or_restore(before)
    }

    /// Writes down in which message something is being answered.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(crate) fn keep_shown(&mut self, id: &str, message: &str) -> Result<()> {
        let before = self.contents.clone();
        let waiting = self.contents.waiting.iter_mut();
        for entry in waiting.filter(|entry| entry.heard.id == id) {
            entry.shown = Some(message.to_owned());
        }
        self.save_or_restore(before)
    }

    /// Strikes something out, because it is dealt with.
    pub(crate) fn finish(&mut self, id: &str) -> Result<()> {
        let before = self.contents.clone();
        self.contents.waiting.retain(|entry| entry.heard.id != id);
        self.save_or_restore(before)
    }

    /// Forgets the position, which the channel does not know any more: it is asked from now on.
    ///
    /// # Errors
    /// When the file can't be written. The position stays then.
    pub(crate) fn forget_cursor(&mut self) -> Result<()> {
        let before = self.contents.clone();
        self.contents.cursor = None;
        self.save_or_restore(before)
    }

    /// Writes the file where the contents differ from those before, which are put back where that fails.
    fn save_or_restore(&mut self, before: Contents) -> Result<()> {
        self.contents.version = 1;
        if self.contents == before {
            return Ok(());
        }
        let text = serde_json::to_string(&self.contents).unwrap_or_default();
        let saved = apply::write_state_file(&self.state_dir, &self.path, text.as_bytes());
        if saved.is_err() {
            self.contents = before;
        }
        saved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::channel::Content;

    fn heard(id: &str, person: &str) -> Heard {
        Heard {
            id: id.to_owned(),
            at: 0,
            chat: person.to_owned(),
            is_private: true,
            person: person.to_owned(),
            name: String::new(),
            language: None,
            content: Content::Text("/repair".to_owned()),
            community: None,
            receipt: None,
            is_addressed: false,
        }
    }

    fn batch(ids: &[&str], cursor: &str) -> Batch {
        Batch {
            heard: ids.iter().map(|id| heard(id, "42")).collect(),
            cursor: Some(cursor.to_owned()),
        }
    }

    #[test]
    fn what_was_recorded_is_there_after_a_kill_and_is_heard_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut inbox = Inbox::open(dir.path(), "telegram", "a/b");
        let new = inbox.record(&batch(&["1", "2"], "3"), |_| true).unwrap();
        assert_eq!(new.len(), 2);
        drop(inbox);
        let mut inbox = Inbox::open(dir.path(), "telegram", "a/b");
        assert_eq!((inbox.cursor(), inbox.waiting().len()), (Some("3"), 2));
        assert!(
            inbox.record(&batch(&["2"], "3"), |_| true).unwrap().is_empty(),
            "delivered again"
        );
        inbox.begin("1", "restart").unwrap();
        inbox.finish("2").unwrap();
        let inbox = Inbox::open(dir.path(), "telegram", "a/b");
        let begun: Vec<_> = inbox
            .waiting()
            .iter()
            .map(|entry| entry.begun.as_deref())
            .collect();
        assert_eq!(begun, [Some("restart")]);
    }

    #[test]
    fn position_that_is_lost_is_forgotten_and_what_waits_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut inbox = Inbox::open(dir.path(), "telegram", "default");
        inbox.record(&batch(&["1"], "2"), |_| true).unwrap();
        inbox.forget_cursor().unwrap();
        let inbox = Inbox::open(dir.path(), "telegram", "default");
        assert_eq!((inbox.cursor(), inbox.waiting().len()), (None, 1));
    }

    #[test]
    fn what_strangers_say_moves_the_position_and_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut inbox = Inbox::open(dir.path(), "telegram", "default");
        inbox
            .record(&batch(&["7"], "8"), |heard| heard.person == "1")
            .unwrap();
        let inbox = Inbox::open(dir.path(), "telegram", "default");
        assert_eq!((inbox.cursor(), inbox.waiting()), (Some("8"), &[][..]));
    }

    #[test]
    fn batch_that_can_not_be_recorded_is_not_recorded() {
        let dir = tempfile::tempdir().unwrap();
        let mut inbox = Inbox::open(&dir.path().join("gone"), "telegram", "default");
        assert!(inbox.record(&batch(&["7"], "8"), |_| true).is_err());
        assert_eq!((inbox.cursor(), inbox.waiting()), (None, &[][..]));
    }
}
