//! The store of the sessions of all agents of an instance: finds, begins, continues, resets, compacts and deletes them.
//!
//! One process writes, that of the gateway, which holds the lock of the instance. Its threads take turns.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::index::{Session, SessionFields, SessionIndex};
use super::key::SessionKey;
use super::line::{self, NewLines, TranscriptEnd};
use super::message::SessionMessage;
use super::transcript::{COMMAND_TYPE, EntryPlace, TAKEN_IN_FIELD, TAKEN_IN_TYPE, Transcript};
use crate::apply;
use crate::error::{Error, Result};
use crate::host;
use crate::i18n::msg;
use crate::sync::lock;
use crate::time::{file_stamp, format_millis, unix_millis};

/// The fields of a session's entry that tell of its transcript, and go when a new one begins.
const FIELDS_OF_TRANSCRIPT: [&str; 8] = [
    "sessionFile",
    "inputTokens",
    "outputTokens",
    "totalTokens",
    "totalTokensFresh",
    "compactionCount",
    "systemPromptReport",
    "lastRunId",
];

/// Maximum number of transcripts whose end is known without reading them.
const MAX_KNOWN_ENDS: usize = 256;

/// The sessions of all agents of an instance. Every method waits for the disk.
#[derive(Debug)]
pub(crate) struct SessionStore {
    state_dir: PathBuf,
    /// Held while a file is changed: the ends of the transcripts that were written last.
    writing: Mutex<HashMap<PathBuf, TranscriptEnd>>,
}

/// What a session that begins is made with.
#[derive(Clone, Debug)]
pub(crate) struct NewSession<'a> {
    /// The workspace of the agent.
    pub(crate) workspace: &'a Path,
    /// Further fields of the entry: where the conversation takes place. They replace those of a session that is there.
    pub(crate) fields: SessionFields,
    /// The time.
    pub(crate) now: SystemTime,
}

/// A session that was deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeletedSession {
    /// `true` where there was an entry.
    pub(crate) existed: bool,
    /// The new names of the transcripts that were kept.
    pub(crate) archived: Vec<PathBuf>,
}

impl SessionStore {
    /// Creates the store of the instance with this state folder. Nothing is read yet.
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self {
            state_dir: state_dir.to_owned(),
            writing: Mutex::default(),
        }
    }

    /// Returns the folder of an agent's sessions.
    fn folder(&self, agent: &str) -> PathBuf {
        self.state_dir.join("agents").join(agent).join("sessions")
    }

    /// Returns the path of an agent's `sessions.json`.
    pub(crate) fn index_path(&self, agent: &str) -> PathBuf {
        self.folder(agent).join("sessions.json")
    }

    /// Returns the database of a later release in which this agent's sessions are, where there is one. It is neither read
    /// nor written here.
    pub(crate) fn later_release_database(&self, agent: &str) -> Option<PathBuf> {
        let folder = self.state_dir.join("agents").join(agent).join("agent");
        let path = folder.join("openclaw-agent.sqlite");
        path.is_file().then_some(path)
    }

    /// Returns the number of an agent's sessions; 0 where they can't be read.
    pub(crate) fn count(&self, agent: &str) -> usize {
        SessionIndex::read(&self.index_path(agent), false).map_or(0, |index| index.len())
    }

    /// Returns the sessions of an agent, in the order of their file; none where it can't be read.
    pub(crate) fn list(&self, agent: &str) -> Vec<Session> {
        let index = SessionIndex::read(&self.index_path(agent), false);
        index
            .unwrap_or_default()
            .into_sessions(agent, &self.folder(agent))
    }

    /// Returns the session of a key.
    pub(crate) fn get(&self, key: &SessionKey) -> Option<Session> {
        let index = SessionIndex::read(&self.index_path(key.agent()), false).ok()?;
        let fields = index.get(key.as_str())?.clone();
        Some(self.session(key, fields))
    }

    /// Returns a session that is not stored, with these fields.
    pub(crate) fn absent(&self, key: &SessionKey, fields: SessionFields) -> Session {
        self.session(key, fields)
    }

    fn session(&self, key: &SessionKey, fields: SessionFields) -> Session {
        Session {
            key: key.clone(),
            fields,
            folder: self.folder(key.agent()),
        }
    }

    /// Returns the session of a key, which begins where there is none yet.
    ///
    /// # Errors
    /// When the entry or the transcript can't be written.
    pub(crate) fn open(&self, key: &SessionKey, new: &NewSession<'_>) -> Result<Session> {
        let _turn = lock(&self.writing);
        let path = self.index_path(key.agent());
        let mut index = SessionIndex::read(&path, true)?;
        let old = index.get(key.as_str()).cloned();
        let mut fields = old.clone().unwrap_or_else(|| begun_fields(new.now));
        fields.extend(new.fields.clone());
        let mut session = self.session(key, fields);
        if session.transcript_path().is_none() {
            session.fields.insert("sessionId".to_owned(), new_session_id());
        }
        self.begin_transcript(&session, new.workspace, new.now)?;
        if old.as_ref() != Some(&session.fields) {
            index.set(key.as_str(), session.fields.clone());
            index.write(&self.state_dir, &path)?;
        }
        Ok(session)
    }

    /// Writes the first line of a transcript that is not there yet.
    fn begin_transcript(&self, session: &Session, workspace: &Path, now: SystemTime) -> Result<()> {
        let path = transcript_path(session)?;
        if path.exists() {
            return Ok(());
        }
        let header = line::header(session.id(), workspace, now).to_string();
        apply::append_state_lines(&self.state_dir, &path, &[header])
    }

    /// Changes the fields of a session's entry, where there is one, and sets the time of its change. Returns the session.
    ///
    /// # Errors
    /// When the entry can't be written.
    pub(crate) fn update(
        &self,
        key: &SessionKey,
        now: SystemTime,
        change: impl FnOnce(&mut SessionFields),
    ) -> Result<Option<Session>> {
        let _turn = lock(&self.writing);
        let path = self.index_path(key.agent());
        let mut index = SessionIndex::read(&path, true)?;
        let Some(mut fields) = index.get(key.as_str()).cloned() else {
            return Ok(None);
        };
        change(&mut fields);
        fields.insert("updatedAt".to_owned(), unix_millis(now).into());
        index.set(key.as_str(), fields.clone());
        index.write(&self.state_dir, &path)?;
        Ok(Some(self.session(key, fields)))
    }

    /// Appends messages to a session's transcript, and returns the places of their entries. They are on the disk then.
    ///
    /// # Errors
    /// When the transcript can't be written.
    pub(crate) fn append(
        &self,
        session: &Session,
        messages: &[SessionMessage],
        now: SystemTime,
    ) -> Result<Vec<EntryPlace>> {
        self.append_entries(session, now, |lines| {
            let message =
                |message: &SessionMessage| lines.add_message(json!({ "message": message.to_value() }));
            messages.iter().map(message).collect()
        })
    }

    /// Appends the message of a request, unless a message with its idempotency key is there. Returns the place of the new
    /// entry, or `None` where there was one.
    ///
    /// # Errors
    /// When the transcript can't be written.
    pub(crate) fn append_once(
        &self,
        session: &Session,
        message: &SessionMessage,
        now: SystemTime,
    ) -> Result<Option<EntryPlace>> {
        if let Some(request) = message.request()
            && SessionStore::transcript(session).place_of(request).is_some()
        {
            return Ok(None);
        }
        let places = self.append(session, std::slice::from_ref(message), now)?;
        Ok(places.into_iter().next())
    }

    /// Takes in the message of a client's request, so that it outlives the gateway: as the next message of the session, or
    /// beside the messages where it `waits` until an earlier one is answered. Returns what became of the request where it
    /// was taken in before: whether it is answered.
    ///
    /// # Errors
    /// When the transcript can't be written.
    pub(crate) fn take_in(
        &self,
        session: &Session,
        message: &SessionMessage,
        waits: bool,
        now: SystemTime,
    ) -> Result<Option<bool>> {
        let request = message.request().unwrap_or_default();
        let known = SessionStore::transcript(session).is_answered(request);
        if known.is_some() {
            return Ok(known);
        }
        let value = message.to_value();
        self.append_entries(session, now, |lines| {
            if waits {
                let data = json!({ "message": value });
                lines.add("custom", json!({ "customType": TAKEN_IN_TYPE, "data": data }));
            } else {
                lines.add_message(json!({ "message": value, TAKEN_IN_FIELD: true }));
            }
        })?;
        Ok(None)
    }

    /// Writes down a command of a person or the answer to one, which the history shows and no model is told of. Returns
    /// what became of the request where it was written down before: whether it is answered.
    ///
    /// # Errors
    /// When the transcript can't be written.
    pub(crate) fn note_command(
        &self,
        session: &Session,
        message: &SessionMessage,
        now: SystemTime,
    ) -> Result<Option<bool>> {
        let known = message
            .request()
            .and_then(|request| SessionStore::transcript(session).is_answered(request));
        if known.is_some() {
            return Ok(known);
        }
        let data = json!({ "message": message.to_value() });
        self.append_entries(session, now, |lines| {
            lines.add("custom", json!({ "customType": COMMAND_TYPE, "data": data }));
        })?;
        Ok(None)
    }

    /// Writes down which model a session uses from now on, where it is another than before.
    ///
    /// # Errors
    /// When the transcript can't be written.
    pub(crate) fn note_model(
        &self,
        session: &Session,
        provider: &str,
        model: &str,
        now: SystemTime,
    ) -> Result<()> {
        let used = (provider.to_owned(), model.to_owned());
        self.append_entries(session, now, |lines| lines.change_model(used))
    }

    /// Writes down a summary of what was said before the entry `first_kept`, which models are asked with from now on.
    ///
    /// # Errors
    /// When the transcript can't be written.
    pub(crate) fn compact(
        &self,
        session: &Session,
        summary: &str,
        first_kept: &str,
        tokens_before: u64,
        now: SystemTime,
    ) -> Result<()> {
        let fields = json!({
            "summary": summary,
            "firstKeptEntryId": first_kept,
            "tokensBefore": tokens_before,
        });
        self.append_entries(session, now, |lines| {
            lines.add("compaction", fields);
        })
    }

    /// Appends what `write` adds to a transcript.
    fn append_entries<T>(
        &self,
        session: &Session,
        now: SystemTime,
        write: impl FnOnce(&mut NewLines) -> T,
    ) -> Result<T> {
        let path = transcript_path(session)?;
        let mut ends = lock(&self.writing);
        let size = || std::fs::metadata(&path).map_or(0, |meta| meta.len());
        let known = ends.remove(&path).filter(|end| end.bytes == size());
        let end = known.unwrap_or_else(|| TranscriptEnd::of(&Transcript::read(&path)));
        let mut lines = NewLines::after(end, now);
        let result = write(&mut lines);
        let (lines, mut end) = lines.finish();
        if !lines.is_empty() {
            apply::append_state_lines(&self.state_dir, &path, &lines)?;
        }
        end.bytes = size();
        if ends.len() >= MAX_KNOWN_ENDS {
            ends.clear();
        }
        ends.insert(path, end);
        Ok(result)
    }

    /// Reads the transcript of a session.
    pub(crate) fn transcript(session: &Session) -> Transcript {
        session
            .transcript_path()
            .map_or_else(Transcript::default, |path| Transcript::read(&path))
    }

    /// Begins a new transcript for a session, which need not be there. The old one stays under its own name.
    ///
    /// # Errors
    /// When the entry or the transcript can't be written.
    pub(crate) fn reset(&self, key: &SessionKey, workspace: &Path, now: SystemTime) -> Result<Session> {
        let _turn = lock(&self.writing);
        let path = self.index_path(key.agent());
        let mut index = SessionIndex::read(&path, true)?;
        let mut fields = index.get(key.as_str()).cloned().unwrap_or_default();
        for field in FIELDS_OF_TRANSCRIPT {
            fields.shift_remove(field);
        }
        fields.extend(begun_fields(now));
        let session = self.session(key, fields);
        self.begin_transcript(&session, workspace, now)?;
        index.set(key.as_str(), session.fields.clone());
        index.write(&self.state_dir, &path)?;
        Ok(session)
    }

    /// Deletes a session. Its transcript gets a name that tells so where `archive`, and stays as it is else.
    ///
    /// # Errors
    /// When the entry can't be written, or the transcript not be renamed.
    pub(crate) fn delete(&self, key: &SessionKey, archive: bool, now: SystemTime) -> Result<DeletedSession> {
        let _turn = lock(&self.writing);
        let path = self.index_path(key.agent());
        let mut index = SessionIndex::read(&path, true)?;
        let Some(fields) = index.remove(key.as_str()) else {
            return Ok(DeletedSession::default());
        };
        index.write(&self.state_dir, &path)?;
        let mut deleted = DeletedSession {
            existed: true,
            ..DeletedSession::default()
        };
        let transcript = self.session(key, fields).transcript_path();
        if let Some(transcript) = transcript.filter(|path| archive && path.is_file()) {
            let mut name = transcript.clone().into_os_string();
            name.push(format!(".deleted.{}", file_stamp(&format_millis(now))));
            let kept = PathBuf::from(name);
            apply::keep_second_name(&transcript, &kept)?;
            apply::remove_file(&transcript)?;
            deleted.archived.push(kept);
        }
        Ok(deleted)
    }
}

/// Returns the path of a session's transcript.
fn transcript_path(session: &Session) -> Result<PathBuf> {
    let path = session.transcript_path();
    path.ok_or_else(|| Error::failed(msg!("transcript.bad-id", key = &session.key)))
}

/// Creates the id of a session.
fn new_session_id() -> Value {
    host::random_uuid().to_string().into()
}

/// Returns the fields of the entry of a session that begins.
fn begun_fields(now: SystemTime) -> SessionFields {
    let fields = json!({
        "sessionId": new_session_id(),
        "updatedAt": unix_millis(now),
        "systemSent": false,
        "abortedLastRun": false,
    });
    fields.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests;
