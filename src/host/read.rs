//! Reading what others wrote: regular files only, bounded, never a hang.
//!
//! A FIFO in the place of a config would block an open for ever, a device would never end, and a file
//! of gigabytes would eat the memory. So what it is comes first, then the size, then the bytes.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The largest config that is read, in bytes.
pub const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It does not exist.
    #[error("no such file")]
    Missing,
    /// A folder, FIFO, socket or device.
    #[error("not a regular file")]
    NotAFile,
    /// More than [`MAX_FILE_BYTES`].
    #[error("{0} bytes")]
    TooLarge(u64),
    /// Its bytes are no UTF-8.
    #[error("not UTF-8 at byte {0}")]
    NotText(usize),
    /// What the system said.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The text of a file, links followed.
pub fn text(path: &Path) -> Result<String, ReadError> {
    let bytes = bytes(path)?;
    String::from_utf8(bytes).map_err(|e| ReadError::NotText(e.utf8_error().valid_up_to()))
}

/// The bytes of a file, links followed.
pub fn bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(ReadError::Missing),
        Err(e) => return Err(e.into()),
    };
    if !meta.is_file() {
        return Err(ReadError::NotAFile);
    }
    if meta.len() > MAX_FILE_BYTES {
        return Err(ReadError::TooLarge(meta.len()));
    }
    bounded(File::open(path)?)
}

/// The text that a stream brings.
pub(super) fn all(stream: impl io::Read) -> Result<String, ReadError> {
    String::from_utf8(bounded(stream)?).map_err(|e| ReadError::NotText(e.utf8_error().valid_up_to()))
}

fn bounded(stream: impl io::Read) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    // A file may have grown since it was measured: read one byte past the bound to see it.
    stream.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    let read = bytes.len() as u64;
    if read > MAX_FILE_BYTES {
        Err(ReadError::TooLarge(read))
    } else {
        Ok(bytes)
    }
}

/// The path with the links of its existing part followed: what two paths of one file have in common.
pub fn canonicalize_existing(path: &Path) -> PathBuf {
    let mut rest = Vec::new();
    for part in path.ancestors() {
        if let Ok(real) = part.canonicalize() {
            return rest.iter().rev().fold(real, |path, name| path.join(name));
        }
        rest.extend(part.file_name());
    }
    path.to_path_buf()
}
