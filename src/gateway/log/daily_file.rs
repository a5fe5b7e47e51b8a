//! The log file of a gateway: a new one each day, bounded in size, of which a number of days is kept.
//!
//! A file that is full is renamed and a new one is begun, so that the newest lines are kept; a day has two files at
//! most, and who follows the log finds the renamed one by its inode.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::apply;

/// The start of the name of a gateway's log file, as in `openclaw.2026-11-22.log`. Other files in the folder, such as
/// `launchd.log`, belong to a service manager.
const FILE_PREFIX: &str = "openclaw.";
/// The end of the name of a gateway's log file.
const FILE_SUFFIX: &str = ".log";
/// The end of the name of the log file of a day that was full.
const FULL_FILE_SUFFIX: &str = ".full.log";
/// Maximum number of days whose log files a gateway keeps.
const MAX_LOG_DAYS: usize = 14;
/// Maximum size of one log file of a gateway, in bytes.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The log file of a gateway that is open for the present day.
#[derive(Debug)]
pub(super) struct DailyFile {
    folder: PathBuf,
    max_bytes: u64,
    /// Returns the present day, as in the names of the files.
    today: fn() -> String,
    day: String,
    file: File,
    size: u64,
}

impl DailyFile {
    /// Opens today's log file in a folder, and deletes those of days that are not kept any more.
    ///
    /// # Errors
    /// The file can't be opened or created.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        Self::open_with(folder, MAX_FILE_BYTES, today)
    }

    fn open_with(folder: &Path, max_bytes: u64, today: fn() -> String) -> io::Result<Self> {
        let day = today();
        let (file, size) = open_file(&file_path(folder, &day))?;
        remove_old_days(folder);
        Ok(Self {
            folder: folder.to_owned(),
            max_bytes,
            today,
            day,
            file,
            size,
        })
    }

    /// Goes on with the file of another day, or of the same day where the present one is full.
    #[expect(
        clippy::disallowed_methods,
        reason = "a log is appended to; it is part of no transaction"
    )]
    fn rotate(&mut self, day: String) -> io::Result<()> {
        let path = file_path(&self.folder, &day);
        if day == self.day {
            let full = self.folder.join(format!("{FILE_PREFIX}{day}{FULL_FILE_SUFFIX}"));
            std::fs::rename(&path, full)?;
        }
        (self.file, self.size) = open_file(&path)?;
        self.day = day;
        remove_old_days(&self.folder);
        Ok(())
    }
}

impl io::Write for DailyFile {
    /// Writes a line. A line for which there is no room, because the file can't be renamed, is dropped.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let day = (self.today)();
        let is_full = self.size > 0 && self.size + line.len() as u64 > self.max_bytes;
        if is_full || day != self.day {
            let is_rotated = self.rotate(day).is_ok();
            if is_full && !is_rotated {
                return Ok(line.len());
            }
        }
        let written = self.file.write(line)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Returns the present day in UTC, as in `2026-11-22`. A clock that is out of order gives some day all the same.
fn today() -> String {
    let mut day = crate::time::format_seconds(crate::host::now());
    day.truncate("2026-11-22".len());
    day
}

/// Returns the path of the log file of a day.
fn file_path(folder: &Path, day: &str) -> PathBuf {
    folder.join(format!("{FILE_PREFIX}{day}{FILE_SUFFIX}"))
}

/// Opens a log file for appending, and returns its size too.
#[expect(
    clippy::disallowed_methods,
    reason = "a log is appended to; it is part of no transaction"
)]
fn open_file(path: &Path) -> io::Result<(File, u64)> {
    let file = File::options().append(true).create(true).open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// Returns the day of a gateway's log file by its name; `None` where it is another file.
fn day_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(FILE_PREFIX)?;
    let day = rest
        .strip_suffix(FULL_FILE_SUFFIX)
        .or_else(|| rest.strip_suffix(FILE_SUFFIX))?;
    let is_day = day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_day.then_some(day)
}

/// Deletes the log files of all days but the last [`MAX_LOG_DAYS`]. What can't be deleted stays.
fn remove_old_days(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let days: BTreeSet<_> = names.iter().filter_map(|name| day_of(name)).collect();
    let kept: BTreeSet<_> = days.into_iter().rev().take(MAX_LOG_DAYS).collect();
    for name in &names {
        if day_of(name).is_some_and(|day| !kept.contains(day)) {
            let _ = apply::remove_if_present(&folder.join(name));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests read their own files")]

    use std::io::Write as _;

    use super::*;

    fn files(folder: &Path) -> Vec<(String, u64)> {
        let entries = std::fs::read_dir(folder).unwrap().flatten();
        let mut files: Vec<_> = entries
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, entry.metadata().unwrap().len())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn files_of_a_day_are_bounded_and_keep_the_newest_lines() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = DailyFile::open_with(dir.path(), 1000, || "2026-11-22".to_owned()).unwrap();
        for n in 0..1000 {
            log.write_all(format!("line {n:04}\n").as_bytes()).unwrap();
        }
        let sizes = files(dir.path());
        let names: Vec<_> = sizes.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["openclaw.2026-11-22.full.log", "openclaw.2026-11-22.log"]);
        assert!(sizes.iter().all(|(_, size)| *size <= 1000), "{sizes:?}");
        let text = std::fs::read_to_string(dir.path().join(names[1])).unwrap();
        assert!(text.ends_with("line 0999\n"), "{text}");
        let reopened = DailyFile::open_with(dir.path(), 1000, || "2026-11-22".to_owned()).unwrap();
        assert_eq!(reopened.size, sizes[1].1, "what is there counts");
    }

    #[test]
    fn new_day_has_a_new_file_and_the_last_fourteen_days_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for day in 1..=20 {
            let name = format!("openclaw.2026-01-{day:02}.log");
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        std::fs::write(dir.path().join("openclaw.2026-01-01.full.log"), "x").unwrap();
        std::fs::write(dir.path().join("launchd.log"), "x").unwrap();
        std::fs::write(dir.path().join("openclaw.notes.log"), "x").unwrap();
        let mut log = DailyFile::open_with(dir.path(), 1000, || "2026-01-20".to_owned()).unwrap();
        log.today = || "2026-01-21".to_owned();
        log.write_all(b"next day\n").unwrap();
        let names: Vec<_> = files(dir.path()).into_iter().map(|(name, _)| name).collect();
        let days = (8..=21).map(|day| format!("openclaw.2026-01-{day:02}.log"));
        let expected: Vec<_> = std::iter::once("launchd.log".to_owned())
            .chain(days)
            .chain(["openclaw.notes.log".to_owned()])
            .collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn present_day_has_the_form_of_a_file_name() {
        let name = format!("{FILE_PREFIX}{}{FILE_SUFFIX}", today());
        assert!(day_of(&name).is_some(), "{name}");
    }
}
