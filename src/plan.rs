//! What would be done: pure data, computed from a survey and answers, printable and serialisable.
//!
//! A plan names every path, port and change before anything is written. It carries the bytes that
//! [`crate::apply`] will write, with the secrets among them marked, so that showing a plan never shows
//! a secret. Nothing here touches the disk or assumes that `apply` runs on this host.

use std::path::{Path, PathBuf};

mod config;
pub mod ground;
pub mod isolation;
mod keys;
mod onboard;
mod ports;
mod record;
mod remove;
mod reset;
mod restore;
mod workspace;

use crate::answers::{Auth, Bind};
use crate::i18n::Msg;
use crate::ports::PortFamily;
use crate::secret::{SecretOrigin, TextPiece};

pub use onboard::{Stamp, folder_stamp, onboard, targets};
pub use ports::{addresses, said};
pub use record::text as record_text;
pub use remove::remove;
pub use restore::{config_write, named_beside};

/// An ordered list of changes and what the user should know about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The instance that comes to be, as a user should see it; `None` for plans that only edit a file.
    pub instance: Option<Summary>,
    /// In the order in which they are carried out. What makes an instance exist (its config) is last.
    pub changes: Vec<Change>,
    /// What the user should know before confirming: costs, paths set aside, parts that are not there yet.
    pub notices: Vec<Msg>,
}

/// The instance that a plan sets up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its profile.
    pub profile: String,
    /// Its config file.
    pub config: PathBuf,
    /// Its state folder.
    pub state: PathBuf,
    /// Its workspace.
    pub workspace: PathBuf,
    /// Its ports.
    pub ports: PortFamily,
    /// Where it listens.
    pub bind: Bind,
    /// How clients prove themselves, and where the token or password comes from.
    pub auth: Auth,
    /// Where the token or password comes from.
    pub credential: Option<SecretOrigin>,
    /// Whether a service shall run it.
    pub service: bool,
}

/// One change of the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Make a folder, mode 0700, and its missing parents. Planned only where it does not exist.
    MakeDir {
        /// The folder.
        path: PathBuf,
    },
    /// Write a file whole, mode 0600.
    Write(FileWrite),
    /// Move a file or a folder out of the way, within its file system. Nothing is ever deleted.
    MoveAside {
        /// What is moved.
        path: PathBuf,
        /// Where it will be found; does not exist before.
        to: PathBuf,
    },
    /// Give a file or a folder another mode, where the system has modes.
    SetMode {
        /// What gets it. A link is not followed: a plan that names one is refused.
        path: PathBuf,
        /// The mode that it has, as the plan saw it: `apply` refuses to go on where it has another.
        from: u32,
        /// The mode that it gets.
        to: u32,
    },
}

/// A file that is written whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileWrite {
    /// The file. A symbolic link is kept: what it points to is written.
    pub path: PathBuf,
    /// What will stand in it.
    pub content: Content,
    /// The bytes that stood there when the plan was made; `None` where there was no file. `apply`
    /// refuses to go on where they changed since.
    pub before: Option<Vec<u8>>,
    /// Whether what stood there moves into the ring of five backups first (docs/openclaw.md#config-backups).
    pub backup: bool,
    /// What the file is, for the review.
    pub kind: FileKind,
}

/// What a written file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `openclaw.json`.
    Config,
    /// `instance.toml`: engine, language, port record.
    Record,
    /// The host's registry of instances.
    Registry,
    /// A file of the workspace: AGENTS.md and its kin.
    Workspace,
    /// Keys of a model provider.
    Keys,
    /// Where the wizard's answers are kept on request.
    Answers,
}

/// The text of a file, and how it is shown: the places of its secrets are known, not guessed from their
/// characters, which a config may write in many ways (`\"`, `\u0041`).
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    text: String,
    /// The text in pieces; empty where all of it may be shown.
    pieces: Vec<TextPiece>,
}

impl Content {
    /// A text without secrets.
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            pieces: Vec::new(),
        }
    }

    /// A text that is shown in these pieces.
    pub fn in_pieces(text: impl Into<String>, pieces: Vec<TextPiece>) -> Self {
        Self {
            text: text.into(),
            pieces,
        }
    }

    /// What is written to the file.
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The text with each secret replaced by what `name` says of its origin: fit for a screen.
    pub fn shown(&self, name: impl Fn(SecretOrigin) -> String) -> String {
        if self.pieces.is_empty() {
            return self.text.clone();
        }
        let pieces = self.pieces.iter().map(|piece| match piece {
            TextPiece::Text(text) => text.clone(),
            TextPiece::Hidden(origin) => name(*origin),
        });
        pieces.collect()
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown(|_| "(hidden)".to_owned()))
    }
}

impl Change {
    /// The path that comes to be, changes, or goes.
    pub fn path(&self) -> &Path {
        match self {
            Self::MakeDir { path } | Self::MoveAside { path, .. } | Self::SetMode { path, .. } => path,
            Self::Write(write) => &write.path,
        }
    }
}

impl Plan {
    /// Whether carrying it out would change nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

#[cfg(test)]
mod tests;
