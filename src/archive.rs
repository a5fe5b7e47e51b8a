//! Archives of instances: one `.tar.gz` with a manifest, for snapshots and for moving an instance.
//!
//! What is read may come from anywhere, so nothing of it is believed: an archive is read through once,
//! bounded, its names and hashes compared with its manifest, before a single byte of it is written.
//!
//! The manifest is the last entry: each file is read once, and its hash is that of what was stored.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::i18n::msg;

mod contents;
mod gentle;
mod leftover;
mod name;
mod pack;
pub mod transfer;
mod unpack;

pub use contents::{ArchiveSource, FileSet, movable_entries};
pub use leftover::{import_staging_dir, leftover_staging_dirs, restore_staging_dir};
pub use pack::pack;
pub use unpack::{ArchiveOrigin, unpack, verify};

/// The format that is written, and the newest that is read.
const VERSION: u32 = 1;
/// The manifest's name.
const MANIFEST: &str = "manifest.json";

/// What an archive is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArchiveKind {
    /// To go back to, on this host.
    Snapshot,
    /// To make a new instance of, here or elsewhere.
    Export,
}

/// What an archive says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The format.
    pub version: u32,
    /// What it is for.
    pub kind: ArchiveKind,
    /// The profile that it was made of.
    pub profile: String,
    /// When, as OpenClaw writes times.
    pub created: String,
    /// The version of this program that made it.
    pub program: String,
    /// Why a snapshot was made: `asked`, `before-restore`.
    pub reason: String,
    /// Whether its secrets are in it.
    pub secrets: bool,
    /// The home folder then.
    pub home: PathBuf,
    /// The config's path then.
    pub config: PathBuf,
    /// The state folder then.
    pub state: PathBuf,
    /// The workspace then.
    pub workspace: Option<PathBuf>,
    /// Its files by their names in the archive.
    pub files: BTreeMap<String, ArchiveEntry>,
}

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveEntry {
    /// Its path below `config/`, `include/`, `state/` or `workspace/`, that part included.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
}

impl Manifest {
    /// The manifest of an archive that is yet to be made.
    pub fn new(kind: ArchiveKind, profile: &str, created: &str, reason: &str) -> Self {
        Self {
            version: VERSION,
            kind,
            profile: profile.to_owned(),
            created: created.to_owned(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            reason: reason.to_owned(),
            secrets: true,
            home: PathBuf::new(),
            config: PathBuf::new(),
            state: PathBuf::new(),
            workspace: None,
            files: BTreeMap::new(),
        }
    }

    /// The size of all its files, in bytes.
    pub fn size(&self) -> u64 {
        self.files.values().map(|entry| entry.size).sum()
    }
}

/// Why an archive is not used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A name that leads elsewhere, or that no system can hold.
    #[error("unusable name {0:?}")]
    Name(String),
    /// A link, device, FIFO, or another thing that is no file.
    #[error("{0:?} is not a regular file")]
    Type(String),
    /// Two names that are one, at least where case does not count.
    #[error("{0:?} occurs twice")]
    Twice(String),
    /// More, or more densely packed, than any instance is.
    #[error("too large: more than {0} bytes, files, or bytes for each packed one")]
    Bound(u64),
    /// No manifest, or one that can't be understood.
    #[error("no readable manifest")]
    NoManifest,
    /// Made by a later version of this program.
    #[error("format {0}")]
    Newer(u32),
    /// What stands in it is not what its manifest says.
    #[error("{0:?} does not match the manifest")]
    Hash(String),
    /// Cut short, damaged, or not readable.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ArchiveError {
    /// The error for the user: nothing was written.
    pub fn into_error(self, archive: &Path) -> Error {
        let path = archive.display();
        let msg = match &self {
            Self::Name(name) => msg!("archive.name", path = path, name = name.escape_debug()),
            Self::Type(name) => msg!("archive.type", path = path, name = name.escape_debug()),
            Self::Twice(name) => msg!("archive.twice", path = path, name = name.escape_debug()),
            Self::Bound(bound) => msg!("archive.bound", path = path, bound = bound),
            Self::NoManifest => msg!("archive.no-manifest", path = path),
            Self::Newer(version) => msg!("archive.newer", path = path, version = version),
            Self::Hash(name) => msg!("archive.hash", path = path, name = name.escape_debug()),
            Self::Io(_) => msg!("archive.unreadable", path = path),
        };
        let error = Error::failed(msg);
        match self {
            Self::Io(cause) => error.because(cause),
            _ => error,
        }
    }
}
