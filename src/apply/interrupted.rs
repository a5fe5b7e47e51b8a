//! Interrupted transactions, for commands that only read and for a gateway that starts.

use std::path::{Path, PathBuf};

use super::journal::{Journal, unfinished_phase};
use super::lock::is_locked;
use crate::host::read::canonicalize_existing;

/// A transaction of file changes that was cut short and has not been recovered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InterruptedTransaction {
    /// The config that the transaction is about, or else the last path that it changes; the journal where that can't be
    /// read.
    pub(crate) about: PathBuf,
    /// Paths that the transaction changes; `None` where the journal can't be read.
    paths: Option<Vec<PathBuf>>,
}

impl InterruptedTransaction {
    fn read(journal: &Path) -> Self {
        match Journal::read(journal) {
            Ok(journal) => Self {
                about: journal.about.clone(),
                paths: Some(journal.paths().map(Path::to_path_buf).collect()),
            },
            Err(_) => Self {
                about: journal.to_path_buf(),
                paths: None,
            },
        }
    }

    /// Returns whether an interrupted transaction changes one of these files or folders or something in them. One
    /// whose journal can't be read may change anything.
    pub(crate) fn touches(&self, roots: &[&Path]) -> bool {
        self.paths.as_ref().is_none_or(|paths| {
            paths
                .iter()
                .any(|path| roots.iter().any(|root| path.starts_with(root)))
        })
    }
}

/// Returns whether a transaction of file changes is under way or was cut short in this state home. Only reads.
pub fn has_unfinished_transaction(state_home: &Path) -> bool {
    unfinished_phase(state_home).is_some()
}

/// Returns whether a transaction that is under way or was cut short changes one of these files or folders, links
/// followed, or something in them. Only reads.
pub(crate) fn changes_any(state_home: &Path, roots: &[&Path]) -> bool {
    let Some(phase) = unfinished_phase(state_home) else {
        return false;
    };
    let real: Vec<PathBuf> = roots.iter().map(|root| canonicalize_existing(root)).collect();
    let roots: Vec<&Path> = roots
        .iter()
        .copied()
        .chain(real.iter().map(PathBuf::as_path))
        .collect();
    InterruptedTransaction::read(&phase.path(state_home)).touches(&roots)
}

/// Returns the transaction of file changes that was cut short in this state home, or `None` where there is none. One
/// that another process is just carrying out was not cut short. Only reads.
pub(crate) fn interrupted_transaction(state_home: &Path) -> Option<InterruptedTransaction> {
    unfinished_phase(state_home).filter(|_| !is_locked(state_home))?;
    // The run may have ended between the two looks.
    let phase = unfinished_phase(state_home)?;
    Some(InterruptedTransaction::read(&phase.path(state_home)))
}
