//! An operation that the system refused: which one, on which path, why, and the way out.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::host;
use crate::i18n::{Msg, msg};

/// An operation of a transaction on the disk, for the message about its failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Inspect,
    Lock,
    MakeFolder,
    Write,
    Sync,
    Keep,
    Rename,
    Move,
    Remove,
}

impl Operation {
    fn msg(self) -> Msg {
        match self {
            Self::Inspect => msg!("apply.looking"),
            Self::Lock => msg!("apply.locking"),
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

/// An operation of a transaction on the disk that failed.
#[derive(Debug)]
pub(super) struct IoFailure {
    pub(super) operation: Operation,
    pub(super) path: PathBuf,
    pub(super) cause: io::Error,
}

impl From<IoFailure> for Error {
    /// The error for the user about a failed operation on the disk, with the way out that fits the cause.
    fn from(failure: IoFailure) -> Self {
        let hint = way_out(&failure.cause, &failure.path);
        let msg = msg!("apply.failed", path = failure.path.display())
            .with_msg("operation", failure.operation.msg());
        Self::failed(msg)
            .because(failure.cause)
            .hint(hint)
            .at_path(failure.path)
    }
}

/// Returns the hint for the user about an I/O error on a path.
fn way_out(cause: &io::Error, path: &Path) -> Msg {
    use io::ErrorKind as Cause;
    match cause.kind() {
        // The system has one error for two shortages.
        Cause::StorageFull if has_no_inodes(path) => msg!("apply.make-inodes", path = path.display()),
        Cause::StorageFull | Cause::QuotaExceeded => msg!("apply.make-room"),
        Cause::ReadOnlyFilesystem => msg!("apply.choose-writable"),
        Cause::PermissionDenied => msg!("apply.check-rights"),
        Cause::CrossesDevices => msg!("apply.one-file-system"),
        Cause::NotADirectory | Cause::IsADirectory | Cause::AlreadyExists | Cause::DirectoryNotEmpty => {
            msg!("apply.clear-the-way")
        }
        _ => msg!("apply.run-again"),
    }
}

/// Returns whether the file system of a path has room for bytes but for no further file.
fn has_no_inodes(path: &Path) -> bool {
    host::file_system_space(path).is_some_and(|space| space.free_inodes == Some(0) && space.free_bytes > 0)
}

/// Conversion of an I/O error into an [`IoFailure`] with the operation and the path on which it happened.
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
