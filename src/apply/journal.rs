//! The journal: every step of a transaction, written down before the first one is made.
//!
//! Its name says how far the transaction came, so that each turn of it is one rename, which needs no
//! room on a full disk. It holds paths, never the content of a file: no secret stands in it.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::fault::{During as _, IoFailure, Operation};
use super::file_ops::{exists, remove, rename, sync_folder};
use super::system;

/// The format of the file.
const VERSION: u32 = 1;
/// What the journal is called while it is being written down itself; nothing has been done then.
const DRAFT: &str = "journal.tmp";

/// How far a transaction came, and with it what the next run does about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// New files are put beside the old ones; goes back.
    Staging,
    /// New files take the old ones' names; goes on.
    Committing,
    /// A commit that failed gives the old files their names back; goes back, then to staging.
    Undoing,
    /// The new state is there, and only names that were kept for an undo are left. Making a commit step
    /// again would be wrong by now: its user may have moved things since.
    Tidying,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Staging, Self::Committing, Self::Undoing, Self::Tidying];

    fn file(self) -> &'static str {
        match self {
            Self::Staging => "journal.json",
            Self::Committing => "journal.commit.json",
            Self::Undoing => "journal.undo.json",
            Self::Tidying => "journal.done.json",
        }
    }

    /// Where the journal of this phase lies.
    pub(super) fn path(self, state_home: &Path) -> PathBuf {
        state_home.join(self.file())
    }
}

/// The steps of one transaction.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    version: u32,
    /// The instance's config, or what else the transaction is mainly about: for the message.
    pub(super) about: PathBuf,
    /// Made before the commit: nothing that counts changes by them.
    pub(super) stage: Vec<Stage>,
    /// Made after it, in this order.
    pub(super) commit: Vec<Commit>,
}

/// A step before the commit: something new beside what is there.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub(super) enum Stage {
    /// Make a folder.
    Folder { path: PathBuf },
    /// Write a new file to a temporary name.
    File { path: PathBuf },
    /// Give the file that is at `of` a second name, from which a rename can put it back.
    Keep { of: PathBuf, path: PathBuf },
    /// The same for a backup, which nobody else may read: a copy where the file is open to others.
    Backup { of: PathBuf, path: PathBuf },
}

/// A step of the commit: it may be repeated, and it can be taken back.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub(super) enum Commit {
    /// Make a folder whose name is free only now.
    Folder { path: PathBuf },
    /// Put a staged file in its place. What was there is kept as `old`.
    Place {
        from: PathBuf,
        to: PathBuf,
        old: Option<PathBuf>,
    },
    /// Move something out of the way.
    Move { from: PathBuf, to: PathBuf },
    /// Give something another mode.
    Mode { path: PathBuf, from: u32, to: u32 },
}

impl Journal {
    pub(super) fn new(about: PathBuf, stage: Vec<Stage>, commit: Vec<Commit>) -> Self {
        Self {
            version: VERSION,
            about,
            stage,
            commit,
        }
    }

    /// Understands what stands in a journal, or says why not.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let journal: Self = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if journal.version == VERSION {
            Ok(journal)
        } else {
            Err(format!("version {}", journal.version))
        }
    }

    /// Writes it down: whole or not at all.
    pub(super) fn write(&self, state_home: &Path) -> Result<(), IoFailure> {
        let draft = state_home.join(DRAFT);
        remove(&draft)?;
        let put = || -> io::Result<File> {
            let mut file = system::create(&draft)?;
            // Fails for a path that is not Unicode, which is then named by the error of the plan's path.
            let text = serde_json::to_vec(self).map_err(io::Error::other)?;
            file.write_all(&text)?;
            Ok(file)
        };
        let written = put()
            .during(Operation::Write, &draft)
            .and_then(|file| file.sync_all().during(Operation::Sync, &draft));
        let placed = written.and_then(|()| rename(&draft, &Phase::Staging.path(state_home)));
        if placed.is_err() {
            // The first fault is the one to tell; the draft means nothing and the next run clears it.
            let _ = remove(&draft);
        }
        placed?;
        sync_folder(state_home)
    }

    /// Turns from one phase to the next.
    pub(super) fn turn(state_home: &Path, from: Phase, to: Phase) -> Result<(), IoFailure> {
        rename(&from.path(state_home), &to.path(state_home))?;
        sync_folder(state_home)
    }

    /// Forgets the transaction. No fsync: a journal of the last phase, staging or tidying, that a power
    /// cut brings back only names temporary files that are gone.
    pub(super) fn forget(state_home: &Path, phase: Phase) -> Result<(), IoFailure> {
        remove(&phase.path(state_home))
    }

    /// Clears the draft that a killed run may have left.
    pub(super) fn clear_draft(state_home: &Path) -> Result<(), IoFailure> {
        remove(&state_home.join(DRAFT))
    }
}

/// The phase of the transaction that was cut short here, if there is one.
pub(super) fn unfinished(state_home: &Path) -> Option<Phase> {
    Phase::ALL
        .into_iter()
        .find(|phase| exists(&phase.path(state_home)))
}
