//! The journal: every step of a transaction, written down before the first one is made.
//!
//! The name of its file is the phase of the transaction, so that each change of phase is one rename, which needs
//! no room on a full disk. It holds paths, never the content of a file: no secret is in it.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::file_ops::{exists, remove, rename, sync_folder};
use super::io_failure::{During as _, IoFailure, Operation};
use super::run_id::is_temporary;
use super::system;

/// Version of the format in which a transaction's journal is written.
const VERSION: u32 = 1;
/// Maximum number of bytes that are read of a transaction's journal: more than any plan needs.
const MAX_JOURNAL_BYTES: u64 = 64 * 1024 * 1024;
/// Name of a transaction's journal while the journal itself is being written; no step has been made then.
const TEMPORARY_FILE: &str = "journal.tmp";

/// The phase of a disk transaction, which decides whether the next run undoes or completes one that was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// New files are written beside the old ones. The next run removes them.
    Staging,
    /// New files are renamed to the names of the old ones. The next run makes the renames that are missing.
    Committing,
    /// The old files get their names back after a commit that failed. The next run continues with that, and then
    /// removes the staged files.
    Undoing,
    /// The new state is complete, and only names that were kept for an undo are left; the next run removes them.
    /// It must not repeat a commit step: the user may have moved files since.
    Tidying,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Staging, Self::Committing, Self::Undoing, Self::Tidying];

    fn file_name(self) -> &'static str {
        match self {
            Self::Staging => "journal.json",
            Self::Committing => "journal.commit.json",
            Self::Undoing => "journal.undo.json",
            Self::Tidying => "journal.done.json",
        }
    }

    /// Returns the path of a transaction's journal in this phase.
    pub(super) fn path(self, state_home: &Path) -> PathBuf {
        state_home.join(self.file_name())
    }
}

/// The reason why the journal of an interrupted transaction is not obeyed.
#[derive(Debug)]
pub(super) enum JournalError {
    /// Another user, with this id, wrote the journal.
    Foreign(u32),
    /// The journal can't be understood; the reason, in English.
    Broken(String),
    /// The journal can't be read.
    Io(IoFailure),
}

/// The journal of one transaction: its file operations as they are kept on the disk.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    version: u32,
    /// The instance's config, or the file that the transaction is mainly about: for the message.
    pub(super) about: PathBuf,
    /// Steps before the commit. They only add temporary files and folders.
    stage: Vec<StageStep>,
    /// Steps of the commit, in order.
    commit: Vec<CommitStep>,
}

/// Index of a step before the commit in a transaction's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StageId(usize);

/// Index of a commit step in a transaction's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CommitId(usize);

/// A step of a transaction before its commit: it adds a file or folder and changes none that exists.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub(super) enum StageStep {
    /// Make a folder.
    Folder { path: PathBuf },
    /// Write a new file to a temporary name.
    File { path: PathBuf },
    /// Give the file at `of` a second name, from which a rename can put it back.
    Keep { of: PathBuf, path: PathBuf },
    /// Give the file at `of` a second name as its backup, which only the owner may read: a copy where others may
    /// read the file.
    Backup { of: PathBuf, path: PathBuf },
}

/// A step of a transaction's commit: it may be repeated, and it can be undone.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub(super) enum CommitStep {
    /// Make a folder whose name an earlier commit step freed.
    Folder { path: PathBuf },
    /// Put a staged file in its place. The file that was there is kept as `old`.
    Place {
        from: PathBuf,
        to: PathBuf,
        old: Option<PathBuf>,
    },
    /// Rename a file or a folder to a free name.
    Move { from: PathBuf, to: PathBuf },
    /// Change a mode.
    Mode { path: PathBuf, from: u32, to: u32 },
}

impl Journal {
    /// Returns the journal of a transaction without steps.
    pub(super) fn new(about: PathBuf) -> Self {
        Self {
            version: VERSION,
            about,
            stage: Vec::new(),
            commit: Vec::new(),
        }
    }

    /// Adds a step before the commit to a transaction's journal and returns its id.
    pub(super) fn push_stage(&mut self, step: StageStep) -> StageId {
        self.stage.push(step);
        StageId(self.stage.len() - 1)
    }

    /// Adds a commit step to a transaction's journal and returns its id.
    pub(super) fn push_commit(&mut self, step: CommitStep) -> CommitId {
        self.commit.push(step);
        CommitId(self.commit.len() - 1)
    }

    /// Returns the ids of a transaction's steps before its commit, in order.
    pub(super) fn stage_ids(&self) -> impl Iterator<Item = StageId> + use<> {
        (0..self.stage.len()).map(StageId)
    }

    /// Returns the step of a transaction before its commit that has this id.
    pub(super) fn stage_step(&self, id: StageId) -> &StageStep {
        &self.stage[id.0]
    }

    /// Returns the commit step of a transaction that has this id.
    pub(super) fn commit_step(&self, id: CommitId) -> &CommitStep {
        &self.commit[id.0]
    }

    /// Returns the steps of a transaction before its commit, in order.
    pub(super) fn stage_steps(&self) -> &[StageStep] {
        &self.stage
    }

    /// Returns the commit steps of a transaction, in order.
    pub(super) fn commit_steps(&self) -> &[CommitStep] {
        &self.commit
    }

    /// Returns the paths of the files and folders that a transaction changes.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        let renames = self.commit.iter().filter_map(CommitStep::rename);
        let sources = renames.map(|(from, _)| from);
        sources.chain(self.commit.iter().map(CommitStep::target))
    }

    /// Returns the old names of the files and folders that a transaction renames to free names.
    pub(super) fn renamed_paths(&self) -> impl Iterator<Item = &Path> {
        self.commit.iter().filter_map(|step| match step {
            CommitStep::Move { from, .. } => Some(from.as_path()),
            _ => None,
        })
    }

    /// Reads the journal of a transaction and checks that a run of this program wrote it.
    ///
    /// # Errors
    /// [`JournalError::Foreign`] for one that another user wrote, whatever is in it; [`JournalError::Broken`] for one that
    /// can't be understood, or that no run of this program has written; [`JournalError::Io`] where the system refuses.
    pub(super) fn read(path: &Path) -> Result<Self, JournalError> {
        let broken = |why: &dyn std::fmt::Display| JournalError::Broken(why.to_string());
        let failed = |cause: io::Error| {
            let (operation, path) = (Operation::Inspect, path.to_path_buf());
            JournalError::Io(IoFailure {
                operation,
                path,
                cause,
            })
        };
        let file = match system::open_no_follow(path) {
            Ok(file) => file,
            Err(error) if path.is_symlink() => return Err(broken(&error)),
            Err(error) => return Err(failed(error)),
        };
        let meta = file.metadata().map_err(failed)?;
        if let Some(owner) = system::foreign_owner(&meta) {
            return Err(JournalError::Foreign(owner));
        }
        if !meta.is_file() {
            return Err(broken(&"not a regular file"));
        }
        let mut bytes = Vec::new();
        file.take(MAX_JOURNAL_BYTES)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        let journal = Self::parse(&bytes).map_err(|why| broken(&why))?;
        match journal.unsafe_path() {
            Some(path) => Err(broken(&path.display())),
            None => Ok(journal),
        }
    }

    /// Returns a path of a transaction's journal that no run of this program writes: one that is not absolute or
    /// leads upwards, or a temporary file that has not the name of one.
    fn unsafe_path(&self) -> Option<&Path> {
        let is_plain = |path: &Path| {
            path.is_absolute()
                && path
                    .components()
                    .all(|part| !matches!(part, Component::ParentDir))
        };
        let staged = self.stage.iter().map(StageStep::path);
        let mut strange = staged.chain(self.paths()).filter(|path| !is_plain(path));
        let temporary = self.stage.iter().filter_map(StageStep::temporary_file);
        let replaced = self.commit.iter().flat_map(CommitStep::temporary_files);
        let mut misnamed = temporary.chain(replaced).filter(|path| !is_temporary(path));
        strange.next().or_else(|| misnamed.next())
    }

    /// Parses the bytes of the file of a transaction's journal.
    ///
    /// # Errors
    /// The reason, in English, when they are no journal or one of another version.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let journal: Self = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if journal.version == VERSION {
            Ok(journal)
        } else {
            Err(format!("version {}", journal.version))
        }
    }

    /// Writes the journal of a transaction durably, in the first phase: whole or not at all.
    pub(super) fn write(&self, state_home: &Path) -> Result<(), IoFailure> {
        let temporary = state_home.join(TEMPORARY_FILE);
        remove(&temporary)?;
        let create = || -> io::Result<File> {
            let mut file = system::create(&temporary)?;
            // Fails for a path that is not Unicode, which is then named by the error of the plan's path.
            let text = serde_json::to_vec(self).map_err(io::Error::other)?;
            file.write_all(&text)?;
            Ok(file)
        };
        let written = create()
            .during(Operation::Write, &temporary)
            .and_then(|file| file.sync_all().during(Operation::Sync, &temporary));
        let placed = written.and_then(|()| rename(&temporary, &Phase::Staging.path(state_home)));
        if placed.is_err() {
            // The first failure is the one to report; the next run clears the temporary file.
            let _ = remove(&temporary);
        }
        placed?;
        sync_folder(state_home)
    }

    /// Changes the phase of a transaction, which is the name of its journal, durably.
    pub(super) fn change_phase(state_home: &Path, from: Phase, to: Phase) -> Result<(), IoFailure> {
        rename(&from.path(state_home), &to.path(state_home))?;
        sync_folder(state_home)
    }

    /// Removes the journal of a transaction, which ends the transaction. No fsync: a journal of the last phase,
    /// staging or tidying, that a power cut brings back only names temporary files that are gone.
    pub(super) fn remove(state_home: &Path, phase: Phase) -> Result<(), IoFailure> {
        remove(&phase.path(state_home))
    }

    /// Removes the half-written journal of a transaction that a killed run may have left.
    pub(super) fn remove_temporary(state_home: &Path) -> Result<(), IoFailure> {
        remove(&state_home.join(TEMPORARY_FILE))
    }
}

/// Returns the phase in which a disk transaction of an earlier run was interrupted, or `None` when none was.
pub(super) fn unfinished_phase(state_home: &Path) -> Option<Phase> {
    Phase::ALL
        .into_iter()
        .find(|phase| exists(&phase.path(state_home)))
}
