//! Files that processes have open.

use std::path::PathBuf;

/// The identity of a file on this host, whatever path leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    /// The number of the device that holds the file.
    pub(super) device: u64,
    /// The number of the file on its device.
    pub(super) inode: u64,
}

impl FileId {
    /// Returns the number of the device that holds the file.
    pub(crate) fn device(self) -> u64 {
        self.device
    }
}

/// A file that a process has open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenFile {
    /// The identity of the file.
    pub(crate) id: FileId,
    /// A path at which this program can read the file, also where the process sees another file system.
    pub(crate) path: PathBuf,
}
