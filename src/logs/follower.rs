//! Follows the log of a gateway while its files are renamed, created anew, cut off and deleted.
//!
//! A file is known by what it is (its inode), not by its name: one that is renamed is read on and not again, and one
//! that is created under a known name is read from its beginning. Known files stay open, so that nothing that is
//! written to a file that was deleted is lost, and no other file gets its inode.

use std::fs::{File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::{LogLine, LogSource, MAX_READ_BYTES, read_from_line_start};
use crate::host::read;

/// Follows a gateway's log: returns the complete lines that were added since the previous call.
#[derive(Debug)]
pub(crate) struct LogFollower {
    source: LogSource,
    /// The files of the source that were found, in order of age.
    pub(super) files: Vec<FollowedFile>,
}

/// A log file that is read on whatever its name becomes.
#[derive(Debug)]
pub(super) struct FollowedFile {
    path: PathBuf,
    file: File,
    /// The offset up to which the file was read, in bytes.
    offset: u64,
    /// The beginning of a line whose end was not written yet.
    partial_line: Vec<u8>,
    /// `true` where the source had this file no more when it was searched last.
    is_gone: bool,
}

impl LogFollower {
    /// Creates a follower of a gateway's log that begins after the last complete line of each file. Returns the last
    /// `count` lines before as well, the newest last.
    pub(crate) fn new(source: LogSource, count: usize) -> (Self, Vec<LogLine>) {
        let mut files: Vec<_> = source
            .files()
            .iter()
            .filter_map(|path| FollowedFile::open(path))
            .collect();
        let mut lines = Vec::new();
        for file in files.iter_mut().rev() {
            let mut last = file.skip_to_end();
            let missing = count.saturating_sub(lines.len());
            last.drain(..last.len().saturating_sub(missing));
            last.append(&mut lines);
            lines = last;
        }
        (Self { source, files }, lines)
    }

    /// Returns the lines that were added to a gateway's log since the previous call: to the files that are known, then
    /// to those that are new.
    pub(crate) fn new_lines(&mut self) -> Vec<LogLine> {
        let mut lines: Vec<_> = self.files.iter_mut().flat_map(FollowedFile::read_rest).collect();
        let found: Vec<_> = self
            .source
            .files()
            .iter()
            .filter_map(|path| FollowedFile::open(path))
            .collect();
        // A file that is gone may have grown until now: it is read once more before it is given up.
        self.files
            .retain(|known| !known.is_gone || found.iter().any(|file| file.is_same(known)));
        for known in &mut self.files {
            known.is_gone = !found.iter().any(|file| file.is_same(known));
        }
        for mut file in found {
            if !self.files.iter().any(|known| known.is_same(&file)) {
                lines.extend(file.read_rest());
                self.files.push(file);
            }
        }
        lines
    }
}

impl FollowedFile {
    /// Opens a log file to read it from its beginning.
    fn open(path: &Path) -> Option<Self> {
        Some(Self {
            path: path.to_owned(),
            file: read::open(path).ok()?,
            offset: 0,
            partial_line: Vec::new(),
            is_gone: false,
        })
    }

    /// Returns whether two open files are the same one.
    fn is_same(&self, other: &Self) -> bool {
        match (self.file.metadata(), other.file.metadata()) {
            (Ok(one), Ok(other_data)) => match (file_id(&one), file_id(&other_data)) {
                (Some(one), Some(other)) => one == other,
                _ => self.path == other.path,
            },
            _ => false,
        }
    }

    /// Skips the complete lines of a log file and returns the last of them, from at most [`MAX_READ_BYTES`].
    fn skip_to_end(&mut self) -> Vec<LogLine> {
        let length = self.file.metadata().map_or(0, |meta| meta.len());
        let from = length.saturating_sub(MAX_READ_BYTES);
        let Ok((start, bytes)) = read_from_line_start(&mut self.file, from, length - from) else {
            return Vec::new();
        };
        self.offset = start + bytes.len() as u64;
        self.complete_lines(bytes)
    }

    /// Reads the rest of a log file, to its end, at most [`MAX_READ_BYTES`] at a time. Starts again at its beginning
    /// where the file was cut off.
    fn read_rest(&mut self) -> Vec<LogLine> {
        let mut lines = Vec::new();
        loop {
            let length = self.file.metadata().map_or(0, |meta| meta.len());
            if length < self.offset {
                self.offset = 0;
                self.partial_line.clear();
            }
            if length == self.offset || self.file.seek(SeekFrom::Start(self.offset)).is_err() {
                return lines;
            }
            let mut bytes = std::mem::take(&mut self.partial_line);
            let before = bytes.len();
            // What was read before a failure counts.
            let _ = (&self.file).take(MAX_READ_BYTES).read_to_end(&mut bytes);
            let read = (bytes.len() - before) as u64;
            self.offset += read;
            lines.extend(self.complete_lines(bytes));
            if read == 0 {
                return lines;
            }
        }
    }

    /// Parses the complete lines among bytes of a log file, and keeps the beginning of the next one.
    fn complete_lines(&mut self, mut bytes: Vec<u8>) -> Vec<LogLine> {
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        self.partial_line = bytes.split_off(whole);
        let text = String::from_utf8_lossy(&bytes);
        text.lines()
            .filter(|line| !line.trim().is_empty())
            .map(LogLine::parse)
            .collect()
    }
}

/// Returns the device and inode number of a file, where the system has them.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have none")]
fn file_id(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn file_id(_metadata: &Metadata) -> Option<(u64, u64)> {
    None
}
