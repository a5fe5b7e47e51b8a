//! The sessions of agents on the disk, as OpenClaw 2026.1.30 writes them (docs/openclaw.md#sessions): `sessions.json`, which
//! has an entry for each conversation, and one transcript of JSON lines for each session. The one reader and writer of both.
//!
//! A message is on the disk before anybody is told of it, and carries the key of the request that brought it, so that a
//! gateway which was killed neither loses one nor takes one twice. Fields that this program does not know stay. The
//! database of a later release is neither read nor written.

mod index;
mod key;
mod line;
mod message;
mod store;
mod transcript;

pub(crate) use index::{Session, SessionFields};
pub(crate) use key::{SessionKey, SessionKeyRules};
pub(crate) use message::{AssistantMessage, ContentPart, SessionMessage, SessionStop, SessionUsage};
pub(crate) use store::{DeletedSession, NewSession, SessionStore};
pub(crate) use transcript::{EntryPlace, ModelContext, Transcript};
