//! What the users of a messenger see of the bot: its messages and edits in their order.

use serde_json::Value;

/// A message of the bot at the moment when it was sent or edited.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Id of the message. An edit has the id of the message that it changed.
    pub id: String,
    /// Id of the chat.
    pub chat: String,
    /// The text as people read it: without markup.
    pub text: String,
    /// Labels of the buttons, row by row.
    pub buttons: Vec<String>,
    /// Whether this is an edit.
    pub is_edit: bool,
    /// Whether it alerts everybody in the chat, as a text from a log must never do.
    pub alerts_all: bool,
    /// The message as the service has it.
    pub raw: Value,
}

/// The messages and edits of a bot, and how far the test has read.
#[derive(Debug, Default)]
pub struct SeenLog {
    entries: Vec<Seen>,
    read: usize,
}

impl SeenLog {
    /// Enters a message or an edit.
    pub fn enter(&mut self, seen: Seen) {
        self.entries.push(seen);
    }

    /// Returns the first unread entry that is wanted and counts it and everything before it as read.
    pub fn next(&mut self, wanted: &dyn Fn(&Seen) -> bool) -> Option<Seen> {
        let at = self.read + self.entries[self.read..].iter().position(wanted)?;
        self.read = at + 1;
        Some(self.entries[at].clone())
    }

    /// Returns every entry, read or not.
    pub fn entries(&self) -> &[Seen] {
        &self.entries
    }
}
