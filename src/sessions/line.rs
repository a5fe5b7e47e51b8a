//! The lines of a transcript: what each kind of entry has, and the ids that make a tree of them.

use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::transcript::{EntryPlace, Transcript};
use crate::host;
use crate::time::format_millis;

/// Version of the format of a transcript, as OpenClaw 2026.1.30 writes it.
const FORMAT_VERSION: u32 = 3;

/// Creates an id of an entry in a transcript: eight hexadecimal digits.
fn new_id() -> String {
    hex::encode(host::random_bytes::<4>())
}

/// Returns the first line of the transcript of a session.
pub(super) fn header(session_id: &str, workspace: &Path, now: SystemTime) -> Value {
    json!({
        "type": "session",
        "version": FORMAT_VERSION,
        "id": session_id,
        "timestamp": format_millis(now),
        "cwd": workspace.display().to_string(),
    })
}

/// What the next entry of a transcript depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TranscriptEnd {
    /// The size of the file.
    pub(super) bytes: u64,
    /// The id of the last entry.
    last_id: Option<String>,
    /// The model that was used last, as (provider, model).
    model: Option<(String, String)>,
    /// The number of messages.
    messages: usize,
}

impl TranscriptEnd {
    /// Returns the end of a transcript that was read.
    pub(super) fn of(transcript: &Transcript) -> Self {
        let model = transcript.last_model();
        Self {
            bytes: 0,
            last_id: transcript.last_id(),
            model: model.map(|(provider, model)| (provider.to_owned(), model.to_owned())),
            messages: transcript.message_count(),
        }
    }
}

/// The lines that are to be appended to a transcript, each a child of the one before.
pub(super) struct NewLines {
    end: TranscriptEnd,
    now: SystemTime,
    lines: Vec<String>,
}

impl NewLines {
    /// Creates lines that follow the end of a transcript.
    pub(super) fn after(end: TranscriptEnd, now: SystemTime) -> Self {
        Self {
            end,
            now,
            lines: Vec::new(),
        }
    }

    /// Adds an entry of a kind with its fields, and returns its id.
    pub(super) fn add(&mut self, kind: &str, fields: Value) -> String {
        let id = new_id();
        let mut entry = json!({
            "type": kind,
            "id": id,
            "parentId": self.end.last_id,
            "timestamp": format_millis(self.now),
        });
        if let (Some(entry), Value::Object(fields)) = (entry.as_object_mut(), fields) {
            entry.extend(fields);
        }
        self.lines.push(entry.to_string());
        self.end.last_id = Some(id.clone());
        id
    }

    /// Adds the entry of a message with its fields, and returns its place.
    pub(super) fn add_message(&mut self, fields: Value) -> EntryPlace {
        let id = self.add("message", fields);
        self.end.messages += 1;
        EntryPlace {
            id,
            number: self.end.messages,
        }
    }

    /// Adds an entry that says which model, as (provider, model), is used from now on, where that is another than before.
    pub(super) fn change_model(&mut self, used: (String, String)) {
        if self.end.model.as_ref() != Some(&used) {
            self.add("model_change", json!({ "provider": used.0, "modelId": used.1 }));
            self.end.model = Some(used);
        }
    }

    /// Returns the lines, and the end of the transcript after them.
    pub(super) fn finish(self) -> (Vec<String>, TranscriptEnd) {
        (self.lines, self.end)
    }
}
