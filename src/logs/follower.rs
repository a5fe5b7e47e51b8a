//! Follows the log of a gateway while its files are renamed, created anew, cut off and deleted.
//!
//! A file is known by what it is (its inode), not by its name: one that is renamed is read on and not again, and one
//! that is created under a known name is read from its beginning. Known files stay open, so that nothing that is
//! written to a file that was deleted is lost, and no other file gets its inode.
//!
//! A rotation may also copy a file and then cut it off (logrotate's `copytruncate`). The copy is known by its content: it is
//! not read again, except for what the file had no more when it was cut off.

use std::fs::{File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::read_mark::ReadMark;
use super::{LogLine, LogSource, MAX_READ_BYTES, read_from_line_start};
use crate::host::read;

/// Follows a gateway's log: returns the complete lines that were added since the previous call.
#[derive(Debug)]
pub(crate) struct LogFollower {
    source: LogSource,
    /// The files of the source that were found, in order of age.
    pub(super) files: Vec<FollowedFile>,
    /// The files of the source that are, so far, copies of the beginning of a file that is followed.
    copies: Vec<FollowedFile>,
}

/// A log file that is read on whatever its name becomes.
#[derive(Debug)]
pub(super) struct FollowedFile {
    path: PathBuf,
    file: File,
    /// The offset up to which the file was read, in bytes.
    offset: u64,
    /// The part that was read last time.
    mark: ReadMark,
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
        let copies = Vec::new();
        (
            Self {
                source,
                files,
                copies,
            },
            lines,
        )
    }

    /// Returns the lines that were added to a gateway's log since the previous call: to the files that are known, then
    /// to those that are new, then to those that were cut off.
    pub(crate) fn new_lines(&mut self) -> Vec<LogLine> {
        let found: Vec<_> = self
            .source
            .files()
            .iter()
            .filter_map(|path| FollowedFile::open(path))
            .collect();
        let mut cut_off = Vec::new();
        let mut lines = Vec::new();
        for file in &mut self.files {
            match file.take_cut_off_part() {
                Some(part) => cut_off.push(part),
                None => lines.extend(file.read_rest()),
            }
        }
        // A file that is gone may have grown until now: it is read once more before it is given up.
        self.files
            .retain(|known| !known.is_gone || found.iter().any(|file| file.is_same(known)));
        for known in &mut self.files {
            known.is_gone = !found.iter().any(|file| file.is_same(known));
        }
        let is_found = |known: &FollowedFile| found.iter().any(|file| file.is_same(known));
        let copies = std::mem::take(&mut self.copies).into_iter().filter(is_found);
        let mut unread: Vec<_> = copies.collect();
        for file in found {
            let mut known = self.files.iter().chain(&unread);
            if !known.any(|known| known.is_same(&file)) {
                unread.push(file);
            }
        }
        for file in unread {
            lines.extend(self.add(file, &cut_off));
        }
        // Those that were cut off: the others have been read to their end.
        lines.extend(self.files.iter_mut().flat_map(FollowedFile::read_rest));
        lines
    }

    /// Follows a further file. Returns its lines that no other file had: all of them, unless it is a copy.
    fn add(&mut self, mut file: FollowedFile, cut_off: &[ReadPart]) -> Vec<LogLine> {
        if let Some(part) = cut_off.iter().find(|part| part.mark.is_in(&file.file)) {
            file.offset = part.mark.length;
            file.partial_line.clone_from(&part.partial_line);
        } else if self.files.iter().any(|known| known.begins_with(&file)) {
            // It may be a copy that grows still. Nothing of it is read before the file is cut off.
            file.offset = file.length();
            self.copies.push(file);
            return Vec::new();
        } else if cut_off.is_empty() {
            // No copy, or no longer one.
            file.offset = 0;
        }
        let lines = file.read_rest();
        self.files.push(file);
        lines
    }
}

/// The part of a log file that was read before the file was cut off, and the beginning of the line that follows.
struct ReadPart {
    mark: ReadMark,
    partial_line: Vec<u8>,
}

impl FollowedFile {
    /// Opens a log file to read it from its beginning.
    fn open(path: &Path) -> Option<Self> {
        Some(Self {
            path: path.to_owned(),
            file: read::open(path).ok()?,
            offset: 0,
            mark: ReadMark::default(),
            partial_line: Vec::new(),
            is_gone: false,
        })
    }

    /// Returns the length of a log file in bytes.
    fn length(&self) -> u64 {
        self.file.metadata().map_or(0, |meta| meta.len())
    }

    /// Returns whether the part that was read of a log file begins with what another one holds, so that the other one is a
    /// copy, as far as can be told.
    fn begins_with(&self, other: &Self) -> bool {
        let length = other.length().min(self.offset);
        ReadMark::new(&other.file, length).is_in(&self.file)
    }

    /// Returns the part of a log file that was read, and starts again at its beginning, where the file was cut off since:
    /// it is shorter, or begins otherwise.
    fn take_cut_off_part(&mut self) -> Option<ReadPart> {
        if self.mark.length == 0 || self.mark.is_in(&self.file) {
            return None;
        }
        self.offset = 0;
        Some(ReadPart {
            mark: std::mem::take(&mut self.mark),
            partial_line: std::mem::take(&mut self.partial_line),
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
        let length = self.length();
        let from = length.saturating_sub(MAX_READ_BYTES);
        let Ok((start, bytes)) = read_from_line_start(&mut self.file, from, length - from) else {
            return Vec::new();
        };
        self.offset = start + bytes.len() as u64;
        self.mark = ReadMark::new(&self.file, self.offset);
        self.complete_lines(bytes)
    }

    /// Reads the rest of a log file, to its end, at most [`MAX_READ_BYTES`] at a time. Starts again at its beginning
    /// where the file was cut off.
    fn read_rest(&mut self) -> Vec<LogLine> {
        let mut lines = Vec::new();
        loop {
            let length = self.length();
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
            self.mark = ReadMark::new(&self.file, self.offset);
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
