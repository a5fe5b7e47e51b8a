//! The room that a file system has for files.

/// The room that a file system has for this user's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileSystemSpace {
    /// Bytes that this user may still write.
    pub(crate) free_bytes: u64,
    /// Number of files that this user may still create; `None` where the file system sets no limit.
    pub(crate) free_inodes: Option<u64>,
    /// `true` if nothing can be written, whoever asks.
    pub(crate) is_read_only: bool,
}
