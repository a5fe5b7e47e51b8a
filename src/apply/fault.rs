//! An operation that the system refused: which one, on which path, why, and the way out of it.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::i18n::{Msg, msg};

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Look,
    MakeFolder,
    Write,
    Sync,
    Keep,
    Rename,
    Move,
    Remove,
}

impl Operation {
    fn named(self) -> Msg {
        match self {
            Self::Look => msg!("apply.looking"),
            Self::MakeFolder => msg!("apply.making-folder"),
            Self::Write => msg!("apply.writing"),
            Self::Sync => msg!("apply.syncing"),
            Self::Keep => msg!("apply.keeping"),
            Self::Rename => msg!("apply.renaming"),
            Self::Move => msg!("apply.moving"),
            Self::Remove => msg!("apply.removing"),
        }
    }
}

/// One failed operation.
#[derive(Debug)]
pub(super) struct IoFailure {
    pub(super) operation: Operation,
    pub(super) path: PathBuf,
    pub(super) cause: io::Error,
}

impl IoFailure {
    /// The error for the user, with the way out that fits the cause.
    pub(super) fn told(self) -> Error {
        let hint = way_out(&self.cause);
        let msg =
            msg!("apply.failed", path = self.path.display()).with_msg("operation", self.operation.named());
        Error::failed(msg).because(self.cause).hint(hint)
    }
}

impl From<IoFailure> for Error {
    fn from(fault: IoFailure) -> Self {
        fault.told()
    }
}

/// What the user can do about what the system said.
fn way_out(cause: &io::Error) -> Msg {
    use io::ErrorKind as Is;
    match cause.kind() {
        Is::StorageFull | Is::QuotaExceeded => msg!("apply.make-room"),
        Is::ReadOnlyFilesystem => msg!("apply.choose-writable"),
        Is::PermissionDenied => msg!("apply.check-rights"),
        Is::CrossesDevices => msg!("apply.one-file-system"),
        Is::NotADirectory | Is::IsADirectory | Is::AlreadyExists | Is::DirectoryNotEmpty => {
            msg!("apply.clear-the-way")
        }
        _ => msg!("apply.run-again"),
    }
}

/// Says on what an operation failed.
pub(super) trait During<T> {
    fn during(self, operation: Operation, path: &Path) -> Result<T, IoFailure>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, operation: Operation, path: &Path) -> Result<T, IoFailure> {
        self.map_err(|cause| IoFailure {
            operation,
            path: path.to_path_buf(),
            cause,
        })
    }
}
