//! The lines of a transcript: what each kind of entry has, and the ids that make a tree of them.

use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};

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

/// The lines that are to be appended to a transcript, each a child of the one before.
pub(super) struct NewLines {
    parent: Option<String>,
    now: SystemTime,
    lines: Vec<String>,
}

impl NewLines {
    /// Creates lines that follow the entry `parent` of a transcript; `None` follows no entry.
    pub(super) fn after(parent: Option<String>, now: SystemTime) -> Self {
        Self {
            parent,
            now,
            lines: Vec::new(),
        }
    }

    /// Adds the first line of a transcript, which is no entry of the tree.
    pub(super) fn add_header(&mut self, header: &Value) {
        self.lines.push(header.to_string());
    }

    /// Adds an entry of a kind with its fields, and returns its id.
    pub(super) fn add(&mut self, kind: &str, fields: Value) -> String {
        let id = new_id();
        let mut entry = json!({
            "type": kind,
            "id": id,
            "parentId": self.parent,
            "timestamp": format_millis(self.now),
        });
        if let (Some(entry), Value::Object(fields)) = (entry.as_object_mut(), fields) {
            entry.extend(fields);
        }
        self.lines.push(entry.to_string());
        self.parent = Some(id.clone());
        id
    }

    /// Returns the lines, and the id of the last entry.
    pub(super) fn finish(self) -> (Vec<String>, Option<String>) {
        (self.lines, self.parent)
    }
}
