//! `sessions.json`: an entry for each session of an agent. Fields that this program does not know stay.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::key::SessionKey;
use crate::apply;
use crate::error::{Error, Result};
use crate::host::read::{self, ReadError};
use crate::i18n::msg;

/// The fields of a session's entry in `sessions.json`.
pub(crate) type SessionFields = Map<String, Value>;

/// A session of an agent, by its entry in `sessions.json`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Session {
    /// The key.
    pub(crate) key: SessionKey,
    /// The fields of the entry.
    pub(crate) fields: SessionFields,
    /// The folder of the agent's sessions.
    pub(super) folder: PathBuf,
}

impl Session {
    /// Returns the id of a session; empty where the entry has none.
    pub(crate) fn id(&self) -> &str {
        self.text("sessionId").unwrap_or_default()
    }

    /// Returns a text field of a session's entry.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Value::as_str)
    }

    /// Returns the time of a session's last change, in milliseconds since 1970.
    pub(crate) fn updated_at(&self) -> u64 {
        self.fields
            .get("updatedAt")
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    /// Returns the path of a session's transcript; `None` where the id is no plain name of a file.
    pub(crate) fn transcript_path(&self) -> Option<PathBuf> {
        let id = self.id();
        let is_name = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        is_name.then(|| self.folder.join(format!("{id}.jsonl")))
    }
}

/// The entries of an agent's `sessions.json`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct SessionIndex {
    entries: Map<String, Value>,
}

impl SessionIndex {
    /// Reads a `sessions.json`; an empty one where it is missing. One that is no JSON object gets a name beside it if
    /// `keep_broken`, so that the next write does not lose it.
    ///
    /// # Errors
    /// When the file can't be read, or is too large: it must not be replaced then.
    pub(super) fn read(path: &Path, keep_broken: bool) -> Result<Self> {
        let text = match read::text(path) {
            Ok(text) => text,
            Err(ReadError::Missing) => return Ok(Self::default()),
            Err(ReadError::NotText(_)) => String::new(),
            Err(error) => {
                let message = msg!(
                    "transcript.unreadable",
                    path = path.display(),
                    reason = error.to_string()
                );
                return Err(Error::failed(message));
            }
        };
        if let Ok(entries) = serde_json::from_str(&text) {
            return Ok(Self { entries });
        }
        if keep_broken {
            apply::keep_second_name(path, &apply::free_aside_name(path))?;
        }
        Ok(Self::default())
    }

    /// Writes the entries durably.
    ///
    /// # Errors
    /// When the state folder is missing, or the system refuses.
    pub(super) fn write(&self, state_dir: &Path, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.entries).unwrap_or_default();
        apply::write_state_file(state_dir, path, text.as_bytes())
    }

    /// Returns the number of entries.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns the fields of the entry of a key.
    pub(super) fn get(&self, key: &str) -> Option<&SessionFields> {
        self.entries.get(key)?.as_object()
    }

    /// Replaces the fields of the entry of a key, or adds the entry.
    pub(super) fn set(&mut self, key: &str, fields: SessionFields) {
        self.entries.insert(key.to_owned(), Value::Object(fields));
    }

    /// Removes the entry of a key, and returns its fields.
    pub(super) fn remove(&mut self, key: &str) -> Option<SessionFields> {
        match self.entries.shift_remove(key)? {
            Value::Object(fields) => Some(fields),
            _ => Some(SessionFields::new()),
        }
    }

    /// Returns the sessions of an agent whose folder of sessions this is.
    pub(super) fn into_sessions(self, agent: &str, folder: &Path) -> Vec<Session> {
        let session = |(key, fields): (String, Value)| match fields {
            Value::Object(fields) => Some(Session {
                key: SessionKey::stored(agent, &key),
                fields,
                folder: folder.to_owned(),
            }),
            _ => None,
        };
        self.entries.into_iter().filter_map(session).collect()
    }
}
