//! A plan: the changes that a command would make, as data that can be shown before anything is written.
//!
//! A plan names every path, port and change. It carries the bytes that [`crate::apply`] will write, with the
//! secrets among them marked, so that a plan on the screen never shows a secret. Planning is pure: the host is
//! read before, into [`PlanInput`] and [`disk::DiskSnapshot`], and nothing in this module opens a file or a socket.

use std::path::{Path, PathBuf};

mod config;
pub(crate) mod disk;
mod input;
pub(crate) mod isolation;
mod keys;
mod onboard;
mod ports;
mod remove;
mod reset;
mod restore;
mod workspace;

use crate::answers::Start;
use crate::i18n::{Msg, msg};
use crate::ports::PortFamily;
use crate::record::Engine;
use crate::secret::{SecretOrigin, TextPiece};

pub(crate) use input::{OtherInstance, PlanInput, PlanStamp, ResolvedPaths};
pub(crate) use keys::{holds_key, stored_key};
pub(crate) use onboard::{onboard, paths_to_read};
pub(crate) use ports::{bind_addresses, known_base, port_notices};
pub(crate) use remove::{ExistingPaths, remove};
pub(crate) use restore::{config_write, stamped_sibling};

/// An ordered list of changes to the disk, and what the user should know about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The instance that the plan sets up; `None` for plans that only edit files.
    pub instance: Option<InstanceSummary>,
    /// The changes in the order in which they are carried out. The config, which makes an instance exist, is last.
    pub changes: Vec<Change>,
    /// Notices for the user before the plan is confirmed: costs, paths that are set aside.
    pub notices: Vec<Msg>,
}

/// The instance that a plan sets up, as it is shown to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSummary {
    /// The name of its profile.
    pub profile: String,
    /// The config file.
    pub config: PathBuf,
    /// The state folder.
    pub state: PathBuf,
    /// The workspace.
    pub workspace: PathBuf,
    /// The ports.
    pub(crate) ports: PortFamily,
    /// The reason why the base port, which the instance has already, would be refused as a new one; `None` where nothing
    /// is in its way.
    pub(crate) port_refusal: Option<Msg>,
    /// The program that runs as its gateway.
    pub(crate) engine: Engine,
    /// The mode of its gateway, by OpenClaw's name: `local`, or `remote` for one on another host.
    pub mode: String,
    /// The addresses that its gateway listens on, by OpenClaw's name.
    pub bind: String,
    /// The authentication method of clients, by OpenClaw's name.
    pub auth: String,
    /// The origin of the token or password; `None` where there is none.
    pub credential: Option<SecretOrigin>,
    /// The profiles of the instances that its gateway watches and repairs.
    pub(crate) watched: Vec<String>,
    /// The way in which its gateway is started once the plan is carried out.
    pub(crate) start: Start,
    /// `true` if a service of the instance is installed already.
    pub has_service: bool,
    /// `true` if the service will go on after logout and start at boot, `false` if it will end; `None` where that does not
    /// change.
    pub linger: Option<bool>,
    /// The releases of OpenClaw that the config is written for, by name.
    pub release: Msg,
}

/// A change of the disk that a plan makes: it creates a folder, writes or renames a file, or sets a mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Creates a folder with mode 0700, and its missing parents. Planned only where it does not exist.
    MakeDir {
        /// The folder.
        path: PathBuf,
    },
    /// Writes a whole file with mode 0600.
    Write(FileWrite),
    /// Renames a file or folder within its file system: to keep a replaced file, or to put a prepared one in its place.
    /// Nothing is ever deleted.
    Rename {
        /// The old name.
        path: PathBuf,
        /// The new name, which is free when the plan is made.
        to: PathBuf,
    },
    /// Changes the mode of a file or folder, on systems that have modes.
    SetMode {
        /// The file or folder. A link is not followed: a plan that names one is refused.
        path: PathBuf,
        /// The mode when the plan was made: `apply` stops where it is another one by then.
        from: u32,
        /// The new mode.
        to: u32,
    },
}

/// A file that a plan writes as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileWrite {
    /// The file. A symbolic link is kept: what it points to is written.
    pub path: PathBuf,
    /// The new content.
    pub content: Content,
    /// The bytes of the file when the plan was made; `None` where there was no file. `apply` stops where they
    /// have changed since.
    pub before: Option<Vec<u8>>,
    /// `true` if the old file is kept as the newest of five backups (docs/openclaw.md#config-backups).
    pub backup: bool,
    /// The role of the file, for the review.
    pub kind: FileKind,
}

impl FileWrite {
    /// Returns the planned write of an instance's config file. `before` are the bytes of the old file, which becomes
    /// the newest backup.
    pub fn config(path: PathBuf, content: Content, before: Option<Vec<u8>>) -> Self {
        Self {
            path,
            content,
            backup: before.is_some(),
            before,
            kind: FileKind::Config,
        }
    }
}

/// The role of a file that a plan writes, such as config or workspace file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `openclaw.json`.
    Config,
    /// `instance.toml`: engine, language, port record.
    Record,
    /// The host's registry of instances.
    Registry,
    /// A first file of the workspace, such as `AGENTS.md`.
    Workspace,
    /// A file with the key of a model provider.
    Keys,
    /// The file that the wizard's answers are saved to on request.
    Answers,
}

/// The text of a file that a plan writes, with the places of its secrets. The places are known and not searched for,
/// because a config may write the characters of a secret in many ways (`\"`, `\u0041`).
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    text: String,
    /// The whole text in pieces; empty where it has no secret.
    pieces: Vec<TextPiece>,
}

impl Content {
    /// Creates the content of a planned file that has no secrets.
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            pieces: Vec::new(),
        }
    }

    /// Creates the content of a planned file from pieces, of which the secret ones are hidden on a screen.
    pub fn in_pieces(text: impl Into<String>, pieces: Vec<TextPiece>) -> Self {
        Self {
            text: text.into(),
            pieces,
        }
    }

    /// Returns the bytes that a plan writes to a file, secrets included.
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Returns the text of a planned file for a screen: each secret is replaced by what `name` returns for its
    /// origin.
    pub fn redacted(&self, name: impl Fn(SecretOrigin) -> String) -> String {
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
        f.write_str(&self.redacted(|_| "(hidden)".to_owned()))
    }
}

impl Change {
    /// Returns the path of the file or folder that a planned change creates, changes or moves.
    pub fn path(&self) -> &Path {
        match self {
            Self::MakeDir { path } | Self::Rename { path, .. } | Self::SetMode { path, .. } => path,
            Self::Write(write) => &write.path,
        }
    }

    /// Returns `true` if a planned change creates a file or a folder.
    pub(crate) fn creates(&self) -> bool {
        match self {
            Self::MakeDir { .. } => true,
            Self::Write(write) => write.before.is_none(),
            Self::Rename { .. } | Self::SetMode { .. } => false,
        }
    }
}

impl Plan {
    /// Returns the reason why the base port of the planned instance, which it has already, would be refused as a new one.
    pub(crate) fn port_refusal(&self) -> Option<&Msg> {
        self.instance.as_ref()?.port_refusal.as_ref()
    }

    /// Returns what the user should know about the plan: what is in the way of the base port first.
    pub(crate) fn all_notices(&self) -> impl Iterator<Item = &Msg> {
        self.port_refusal().into_iter().chain(&self.notices)
    }

    /// Returns how many files and folders the plan creates, changes and moves aside, for a person.
    pub(crate) fn change_counts(&self) -> Msg {
        let count = |is_counted: fn(&Change) -> bool| self.changes.iter().filter(|c| is_counted(c)).count();
        let is_changed = |change: &Change| match change {
            Change::Write(write) => write.before.is_some(),
            Change::SetMode { .. } => true,
            Change::MakeDir { .. } | Change::Rename { .. } => false,
        };
        let is_moved = |change: &Change| matches!(change, Change::Rename { .. });
        let (created, changed, moved) = (count(Change::creates), count(is_changed), count(is_moved));
        let counts = [
            (created > 0).then(|| msg!("plan.count-created", count = created)),
            (changed > 0).then(|| msg!("plan.count-changed", count = changed)),
            (moved > 0).then(|| msg!("plan.count-moved", count = moved)),
        ];
        let joined = counts.into_iter().flatten();
        let joined =
            joined.reduce(|before, last| msg!("ui.and").with_msg("before", before).with_msg("last", last));
        joined.unwrap_or_else(|| Msg::new("plan.nothing"))
    }

    /// Returns `true` if the plan changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

#[cfg(test)]
mod tests;
