//! What a gateway wrote down: the lines of its newest log files (`tracing`, one JSON object a line), and
//! where OpenClaw from npm keeps its own.
//!
//! Only the end of a file is read: a log may be large, and what happened last stands last.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::profile::ProfileName;
use crate::record::Engine;
use crate::text::sanitize;

/// As much of the end of a file as is read, in bytes.
const TAIL: u64 = 1024 * 1024;
/// Where OpenClaw from npm writes its log files (docs/openclaw.md#log-files).
const OPENCLAW_LOGS: &str = "/tmp/openclaw";
/// How the names of files begin that a service manager writes in the same folder (`launchd.log`).
const OF_MANAGER: &str = "launchd.";

/// Fields that stand in columns of their own, or say nothing to a reader.
const ENVELOPE: [&str; 11] = [
    "timestamp",
    "level",
    "message",
    "code",
    "target",
    "time",
    "hostname",
    "_meta",
    "0",
    "1",
    "2",
];

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When, as it stands there.
    pub time: String,
    /// `INFO`, `WARN`, ...
    pub level: String,
    /// The stable name of what happened, where it has one: `gateway.ended`.
    pub code: String,
    /// What happened, with its further fields.
    pub message: String,
    /// The line as it stands there.
    pub raw: String,
}

impl LogLine {
    /// Understands a line; one that is no JSON object is a message.
    pub fn parse(raw: &str) -> Self {
        let value: Value = serde_json::from_str(raw).unwrap_or_default();
        let text = |value: &Value| match value {
            Value::String(text) => sanitize(text),
            Value::Null => String::new(),
            other => sanitize(&other.to_string()),
        };
        let fields = value.get("fields").or(Some(&value)).and_then(Value::as_object);
        // tslog, OpenClaw's logger, numbers what was said; its first part is the subsystem.
        let said = value.get("1").or_else(|| value.get("0"));
        let message = match (fields.filter(|fields| fields.contains_key("message")), said) {
            (Some(fields), _) => {
                let further = fields
                    .iter()
                    .filter(|(name, _)| !ENVELOPE.contains(&name.as_str()));
                let further = further.map(|(name, value)| format!(" {name}={}", text(value)));
                text(&fields["message"]) + &further.collect::<String>()
            }
            (None, Some(said)) => text(said),
            (None, None) => sanitize(raw),
        };
        let time = value.get("timestamp").or_else(|| value.get("time"));
        let level = value
            .get("level")
            .or_else(|| value.pointer("/_meta/logLevelName"));
        Self {
            time: time.map(text).unwrap_or_default(),
            level: level.map(text).unwrap_or_default(),
            code: value.get("code").map(text).unwrap_or_default(),
            message,
            raw: raw.to_owned(),
        }
    }
}

/// When a file was last written; `None` where there is none.
fn written(path: &Path) -> Option<SystemTime> {
    let meta = std::fs::metadata(path).ok()?;
    meta.is_file().then(|| meta.modified().ok()).flatten()
}

/// The log files of a folder, the newest last. What a service manager wrote down of the same gateway is
/// only looked at where there is nothing else.
pub fn log_files(folder: &Path) -> Vec<PathBuf> {
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| name(path).contains(".log"))
        .filter_map(|path| Some((written(&path)?, path)))
        .collect();
    let of_manager = |path: &Path| name(path).starts_with(OF_MANAGER);
    if files.iter().any(|(_, path)| !of_manager(path)) {
        files.retain(|(_, path)| !of_manager(path));
    }
    files.sort();
    files.into_iter().map(|(_, path)| path).collect()
}

/// Where a gateway's lines are.
#[derive(Clone, Debug)]
pub enum LogSource {
    /// A folder of files, the newest of which is written.
    Folder(PathBuf),
    /// This one file.
    File(PathBuf),
}

impl LogSource {
    fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Folder(folder) => log_files(folder),
            Self::File(file) => vec![file.clone()],
        }
    }

    /// The last lines, the newest last.
    pub fn last_lines(&self, count: usize) -> Vec<LogLine> {
        last_of(&self.files(), count)
    }
}

/// The last lines of the log files of a folder, the newest line last.
pub fn last_lines(folder: &Path, count: usize) -> Vec<LogLine> {
    last_of(&log_files(folder), count)
}

fn last_of(files: &[PathBuf], count: usize) -> Vec<LogLine> {
    let mut lines = Vec::new();
    for file in files.iter().rev() {
        if lines.len() >= count {
            break;
        }
        let Ok(text) = read_tail(file) else { continue };
        let missing = count - lines.len();
        lines.extend(
            text.lines()
                .rev()
                .filter(|line| !line.trim().is_empty())
                .take(missing)
                .map(LogLine::parse),
        );
    }
    lines.reverse();
    lines
}

/// The end of a file, from the start of a line on.
pub fn read_tail(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let (_, bytes) = lines_from(&mut file, size.saturating_sub(TAIL), TAIL)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// At most `most` bytes from a place on, or from the next start of a line where it is none; and where that is.
fn lines_from(file: &mut File, from: u64, most: u64) -> std::io::Result<(u64, Vec<u8>)> {
    // The byte before tells whether a line starts here.
    let before = u64::from(from > 0);
    file.seek(SeekFrom::Start(from - before))?;
    let mut bytes = Vec::new();
    file.take(most + before).read_to_end(&mut bytes)?;
    if before == 0 {
        return Ok((from, bytes));
    }
    let start = bytes.iter().position(|byte| *byte == b'\n');
    let start = start.map_or(bytes.len(), |at| at + 1);
    Ok((from - before + start as u64, bytes.split_off(start)))
}

/// A part of a log file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSlice {
    /// Its lines, whole ones only.
    pub lines: Vec<String>,
    /// Where the next part begins, in bytes.
    pub cursor: u64,
    /// How large the file is, in bytes.
    pub size: u64,
    /// Whether there is more before it that was passed over.
    pub truncated: bool,
    /// Whether it does not go on where it was asked to.
    pub reset: bool,
}

/// What a log file holds from a cursor on, or else its end: at most `most` bytes, and of these the last
/// `count` lines.
pub fn read_from(path: &Path, cursor: Option<u64>, count: usize, most: u64) -> std::io::Result<LogSlice> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let end = size.saturating_sub(most);
    let reset = cursor.is_some_and(|at| at > size || at < end);
    let from = cursor.filter(|_| !reset);
    let (start, mut bytes) = lines_from(&mut file, from.unwrap_or(end), most)?;
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    bytes.truncate(whole);
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    Ok(LogSlice {
        lines: lines[lines.len().saturating_sub(count)..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect(),
        cursor: start + whole as u64,
        size,
        truncated: from.is_none() && end > 0,
        reset,
    })
}

/// Follows a log: what was added since the last look, whole lines only.
#[derive(Debug)]
pub struct LogFollower {
    source: LogSource,
    file: Option<PathBuf>,
    at: u64,
    half: Vec<u8>,
}

impl LogFollower {
    /// From the present end of the newest file on.
    pub fn new(source: LogSource) -> Self {
        let file = source.files().pop();
        let at = file
            .as_ref()
            .and_then(|path| std::fs::metadata(path).ok())
            .map_or(0, |meta| meta.len());
        Self {
            source,
            file,
            at,
            half: Vec::new(),
        }
    }

    /// The lines that were added; a new day's file is gone over to.
    pub fn new_lines(&mut self) -> Vec<LogLine> {
        let mut lines = self.read_rest();
        let newest = self.source.files().pop();
        if newest != self.file {
            // What was added to the old file until the new one was there.
            lines.extend(self.read_rest());
            self.file = newest;
            self.at = 0;
            self.half.clear();
            lines.extend(self.read_rest());
        }
        lines
    }

    /// Reads to the end of the file, a piece at a time.
    fn read_rest(&mut self) -> Vec<LogLine> {
        let mut lines = Vec::new();
        loop {
            let before = self.at;
            lines.extend(self.read());
            if self.at <= before {
                return lines;
            }
        }
    }

    fn read(&mut self) -> Vec<LogLine> {
        let mut bytes = std::mem::take(&mut self.half);
        if let Some(mut file) = self.file.as_ref().and_then(|path| File::open(path).ok()) {
            let length = file.metadata().map_or(0, |meta| meta.len());
            if length < self.at {
                self.at = 0;
                bytes.clear();
            }
            if file.seek(SeekFrom::Start(self.at)).is_ok() {
                self.at += file.take(TAIL).read_to_end(&mut bytes).unwrap_or(0) as u64;
            }
        }
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        self.half = bytes.split_off(whole);
        let text = String::from_utf8_lossy(&bytes);
        text.lines()
            .filter(|line| !line.trim().is_empty())
            .map(LogLine::parse)
            .collect()
    }
}

/// Where the lines of a profile's gateway are: its own folder, or the file of OpenClaw from npm where that
/// was its engine and wrote last. `None` where there are none.
pub fn find_source(folder: PathBuf, profile: &ProfileName, engine: Engine) -> Option<LogSource> {
    let theirs = openclaw_log_file(profile).filter(|_| engine == Engine::Node);
    let own = log_files(&folder).pop();
    match (own, theirs) {
        (Some(own), Some(theirs)) if written(&own) < written(&theirs) => Some(LogSource::File(theirs)),
        (Some(_), _) => Some(LogSource::Folder(folder)),
        (None, theirs) => theirs.map(LogSource::File),
    }
}

/// The newest log file of OpenClaw from npm that a profile's gateway may have written: a file of its own
/// (2026.9.6) before the one of all profiles (2026.1.30).
pub fn openclaw_log_file(profile: &ProfileName) -> Option<PathBuf> {
    let mut all = log_files(Path::new(OPENCLAW_LOGS));
    let named = |path: &PathBuf, start: &str| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.strip_prefix(start))
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let own = format!("openclaw-{}-", encoded(profile.as_str()));
    let at = all
        .iter()
        .rposition(|path| !profile.is_default() && named(path, &own));
    let at = at.or_else(|| all.iter().rposition(|path| named(path, "openclaw-")))?;
    Some(all.swap_remove(at))
}

/// A profile in the name of a log file of 2026.9.6 (docs/openclaw.md#log-files): `Rescue` is `-1rescue`.
fn encoded(profile: &str) -> String {
    let letter = |c: char| match c {
        '-' => "--".to_owned(),
        '_' => "-0".to_owned(),
        c if c.is_ascii_uppercase() => format!("-1{}", c.to_ascii_lowercase()),
        c => c.to_string(),
    };
    profile.chars().map(letter).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests write their own files")]

    use super::*;

    #[test]
    fn lines_of_both_engines_are_understood() {
        let ours = LogLine::parse(
            r#"{"timestamp":"2026-11-22T10:00:00Z","level":"WARN","fields":{"message":"refused","peer":"127.0.0.1"},"target":"x"}"#,
        );
        assert_eq!(
            (ours.time.as_str(), ours.level.as_str()),
            ("2026-11-22T10:00:00Z", "WARN")
        );
        assert_eq!(ours.message, "refused peer=127.0.0.1");
        let flat = LogLine::parse(
            r#"{"timestamp":"T","level":"INFO","message":"Ended.","code":"gateway.ended","target":"x"}"#,
        );
        assert_eq!(
            (flat.message.as_str(), flat.code.as_str()),
            ("Ended.", "gateway.ended")
        );
        let node =
            LogLine::parse(r#"{"0":"gateway","1":"ready","_meta":{"logLevelName":"INFO"},"time":"T"}"#);
        assert_eq!((node.message.as_str(), node.level.as_str()), ("ready", "INFO"));
        assert_eq!(
            LogLine::parse("a \u{1b}[2Jplain line").message,
            "a  [2Jplain line"
        );
    }

    #[test]
    fn the_last_lines_go_back_over_the_days_and_a_follower_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (
            dir.path().join("gateway.2026-01-01.log"),
            dir.path().join("gateway.2026-01-02.log"),
        );
        std::fs::write(&old, "one\ntwo\n").unwrap();
        let earlier = std::time::SystemTime::now() - std::time::Duration::from_mins(1);
        File::options()
            .write(true)
            .open(&old)
            .unwrap()
            .set_modified(earlier)
            .unwrap();
        std::fs::write(&new, "three\n").unwrap();
        let texts = |lines: Vec<LogLine>| lines.into_iter().map(|line| line.message).collect::<Vec<_>>();
        assert_eq!(texts(last_lines(dir.path(), 2)), ["two", "three"]);
        let mut follower = LogFollower::new(LogSource::Folder(dir.path().to_path_buf()));
        std::fs::write(&new, "three\nfour\nfi").unwrap();
        assert_eq!(texts(follower.new_lines()), ["four"]);
        std::fs::write(&new, "three\nfour\nfive\n").unwrap();
        assert_eq!(texts(follower.new_lines()), ["five"]);
    }

    /// A folder with one log file, its follower at the end of it, and the texts of new lines.
    fn texts(lines: Vec<LogLine>) -> Vec<String> {
        lines.into_iter().map(|line| line.message).collect()
    }

    #[test]
    fn half_a_line_before_a_truncation_is_not_joined_to_the_first_line_after_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.2026-01-01.log");
        std::fs::write(&path, "one\n").unwrap();
        let mut follower = LogFollower::new(LogSource::Folder(dir.path().to_path_buf()));
        std::fs::write(&path, "one\na long half line").unwrap();
        assert_eq!(texts(follower.new_lines()), [""; 0]);
        std::fs::write(&path, "new\n").unwrap();
        assert_eq!(texts(follower.new_lines()), ["new"]);
    }

    #[test]
    fn the_whole_rest_of_a_file_is_read_before_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (
            dir.path().join("gateway.2026-01-01.log"),
            dir.path().join("gateway.2026-01-02.log"),
        );
        std::fs::write(&old, "").unwrap();
        let mut follower = LogFollower::new(LogSource::Folder(dir.path().to_path_buf()));
        let count = 2 * usize::try_from(TAIL).unwrap() / 1000 + 1;
        std::fs::write(&old, format!("{:0>1000}\n", 1).repeat(count)).unwrap();
        std::fs::write(&new, "next day\n").unwrap();
        let later = std::time::SystemTime::now() + std::time::Duration::from_mins(1);
        let file = File::options().write(true).open(&new).unwrap();
        file.set_modified(later).unwrap();
        let lines = texts(follower.new_lines());
        assert_eq!(
            (lines.len(), lines.last().unwrap().as_str()),
            (count + 1, "next day")
        );
    }

    #[test]
    fn a_slice_goes_on_where_the_last_one_ended_and_has_whole_lines_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("openclaw.2026-01-01.log");
        std::fs::write(&path, "one\ntwo\nthr").unwrap();
        let part = |cursor, count, most| {
            let part = read_from(&path, cursor, count, most).unwrap();
            assert_eq!(part.size, std::fs::metadata(&path).unwrap().len());
            (part.lines.join(" "), part.cursor, part.truncated, part.reset)
        };
        let told = |lines: &str, cursor, truncated, reset| (lines.to_owned(), cursor, truncated, reset);
        assert_eq!(part(None, 9, 99), told("one two", 8, false, false));
        assert_eq!(part(None, 1, 99), told("two", 8, false, false));
        assert_eq!(
            part(None, 9, 8),
            told("two", 8, true, false),
            "half a line is none"
        );
        assert_eq!(
            part(None, 9, 7),
            told("two", 8, true, false),
            "a line starts right there"
        );
        assert_eq!(part(Some(8), 9, 99), told("", 8, false, false));
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(part(Some(8), 9, 99), told("three", 14, false, false));
        assert_eq!(
            part(Some(0), 9, 8),
            told("three", 14, true, true),
            "too far behind"
        );
        std::fs::write(&path, "new\n").unwrap();
        assert_eq!(part(Some(14), 9, 99), told("new", 4, false, true), "another file");
    }

    #[test]
    fn what_a_service_manager_wrote_is_looked_at_last() {
        let dir = tempfile::tempdir().unwrap();
        let manager = dir.path().join("launchd.log");
        std::fs::write(&manager, "a line for people\n").unwrap();
        assert_eq!(log_files(dir.path()), [manager]);
        let own = dir.path().join("openclaw.2026-01-01.log");
        std::fs::write(&own, "{}\n").unwrap();
        assert_eq!(log_files(dir.path()), [own]);
    }

    #[test]
    fn a_profile_is_written_into_a_name_as_the_later_release_does() {
        assert_eq!(encoded("Rescue"), "-1rescue");
        assert_eq!(encoded("a-b_c"), "a--b-0c");
    }
}
