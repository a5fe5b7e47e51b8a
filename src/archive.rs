//! Archives of instances: a `.tar.gz` with a manifest, for snapshots and for moving an instance.
//!
//! An archive may come from anywhere, so nothing in it is believed: it is read through once, bounded, its names and hashes
//! compared with its manifest, before a single byte of it is written.
//!
//! The manifest is the last entry: each file is read once, and its hash is that of what was stored.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::i18n::msg;

#[cfg_attr(unix, path = "archive/database_lock.rs")]
#[cfg_attr(windows, path = "archive/database_lock_windows.rs")]
mod database_lock;
mod entry_name;
pub(crate) mod export;
mod file_set;
pub(crate) mod import;
mod includes;
mod left_out;
mod link;
mod listing;
mod movable;
mod pack;
mod ratio_limited_writer;
mod sqlite;
mod staging_dirs;
mod unpack;

pub(crate) use file_set::{Exclusions, FileSet};
pub(crate) use left_out::{LeftOut, LeftOutReason};
pub(crate) use movable::movable_entries;
pub(crate) use pack::{create, pack};
pub(crate) use staging_dirs::{StagingDir, leftover_staging_dirs, remove_leftover_staging_dirs};
pub(crate) use unpack::{ArchiveOrigin, MAX_UNPACKED_BYTES, read_reason, unpack, verify, verify_stream};

/// Newest version of the format of an instance's archive that is read.
const VERSION: u32 = 2;
/// Version of the format of an instance's archive without links, which earlier releases of this program read too.
const VERSION_WITHOUT_LINKS: u32 = 1;
/// Name of the file in an instance's archive that describes the archive and lists its files.
const MANIFEST: &str = "manifest.json";

/// The purpose for which an archive of an instance is made: a snapshot, or an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ArchiveKind {
    /// A state of the instance that can be restored on this host.
    Snapshot,
    /// A copy from which a new instance is made, on this host or another.
    Export,
}

/// The description of an archive of an instance, kept as the last entry of the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    /// Version of the format.
    pub(crate) version: u32,
    /// The purpose of the archive.
    pub(crate) kind: ArchiveKind,
    /// The profile of the instance.
    pub(crate) profile: String,
    /// Time of creation, as OpenClaw writes times.
    pub(crate) created: String,
    /// Version of this program that made the archive.
    pub(crate) program: String,
    /// The reason for a snapshot: `asked`, `before-restore`.
    pub(crate) reason: String,
    /// True when the archive holds the instance's secrets.
    pub(crate) secrets: bool,
    /// The home folder at the time of creation.
    pub(crate) home: PathBuf,
    /// The path of the config at the time of creation.
    pub(crate) config: PathBuf,
    /// The state folder at the time of creation.
    pub(crate) state: PathBuf,
    /// The workspace at the time of creation.
    pub(crate) workspace: Option<PathBuf>,
    /// The files by their names in the archive.
    pub(crate) files: BTreeMap<String, ArchiveEntry>,
    /// The targets of symbolic links by their paths, which begin as those of files do. They are no entries of the
    /// archive: whoever unpacks it with another program gets files only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) links: BTreeMap<String, String>,
    /// The paths of folders in which nothing else lies.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) folders: BTreeSet<String>,
}

/// Path of the config in an archive of an instance.
pub(crate) const CONFIG_ENTRY: &str = "config/openclaw.json";
/// Folder of the state in an archive of an instance.
pub(crate) const STATE_ENTRY: &str = "state";

/// The line of an archive's manifest about one file: its path, size and hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArchiveEntry {
    /// Path of the file, which begins with `config/`, `include/`, `state/` or `workspace/`.
    pub(crate) path: String,
    /// Size in bytes.
    pub(crate) size: u64,
    /// SHA-256 of the content, in hex.
    pub(crate) sha256: String,
    /// True when the owner may execute the file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) executable: bool,
}

impl Manifest {
    /// Returns the manifest of an archive that is to be made, without files and paths.
    pub(crate) fn new(kind: ArchiveKind, profile: &str, created: &str, reason: &str) -> Self {
        Self {
            version: VERSION_WITHOUT_LINKS,
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
            links: BTreeMap::new(),
            folders: BTreeSet::new(),
        }
    }

    /// Sets the links of an archive that is to be made. A release that can't make links must not read it.
    fn set_links(&mut self, links: BTreeMap<String, String>) {
        self.version = if links.is_empty() {
            VERSION_WITHOUT_LINKS
        } else {
            VERSION
        };
        self.links = links;
    }

    /// Returns the size of all files of an archive together, unpacked, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.files.values().map(|entry| entry.size).sum()
    }
}

/// The reason why an archive of an instance is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// A name leads elsewhere, or some system can't hold it.
    #[error("unusable name {0:?}")]
    Name(String),
    /// A link leads out of the folder that is unpacked.
    #[error("{0:?} leads outside")]
    Link(String),
    /// An entry is a link, device or FIFO, or the archive itself is no regular file.
    #[error("{0:?} is not a regular file")]
    Type(String),
    /// Two names are one, at least where case does not count.
    #[error("{0:?} occurs twice")]
    Twice(String),
    /// The archive is larger, or packed more densely, than any instance is; this is the bound.
    #[error("too large: more than {0} bytes, files, or bytes for each packed one")]
    Bound(u64),
    /// The manifest is missing or can't be parsed.
    #[error("no readable manifest")]
    NoManifest,
    /// A later version of this program made the archive; this is its format.
    #[error("format {0}")]
    Newer(u32),
    /// A file is not what the manifest says.
    #[error("{0:?} does not match the manifest")]
    Hash(String),
    /// The archive is cut short, damaged, or not readable.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ArchiveError {
    /// Returns the error for the user about the refused archive of an instance at this path.
    pub(crate) fn into_error(self, archive: &Path) -> Error {
        let path = archive.display();
        let msg = match &self {
            Self::Name(name) => msg!("archive.name", path = path, name = name.escape_debug()),
            Self::Link(name) => msg!("archive.link", path = path, name = name.escape_debug()),
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
