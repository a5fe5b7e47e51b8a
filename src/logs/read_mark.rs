//! Marks of the part of a log file that was read, by which a file that was cut off and a copy of a file are known.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

/// Maximum number of bytes that are compared at the beginning and at the end of the read part of a log file: some lines, whose
/// times make them unique.
const WINDOW_BYTES: u64 = 4096;

/// The length of the part of a log file that was read, with its first and its last bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadMark {
    /// Number of bytes that were read.
    pub(super) length: u64,
    first: Vec<u8>,
    last: Vec<u8>,
}

impl ReadMark {
    /// Returns the mark of the first `length` bytes of a log file.
    pub(super) fn new(file: &File, length: u64) -> Self {
        let window = length.min(WINDOW_BYTES);
        Self {
            length,
            first: bytes_at(file, 0, window),
            last: bytes_at(file, length - window, window),
        }
    }

    /// Returns whether a log file begins with the marked part. An empty part is in no file.
    pub(super) fn is_in(&self, file: &File) -> bool {
        let other = Self::new(file, self.length);
        let is_whole = self.last.len() as u64 == self.length.min(WINDOW_BYTES);
        self.length > 0 && is_whole && other.first == self.first && other.last == self.last
    }
}

/// Reads at most `count` bytes of a log file from an offset on; fewer at its end, or where the system refuses.
fn bytes_at(mut file: &File, offset: u64, count: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if file.seek(SeekFrom::Start(offset)).is_ok() {
        let _ = file.take(count).read_to_end(&mut bytes);
    }
    bytes
}
