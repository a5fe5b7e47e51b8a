//! Reads and follows the log files of gateways: those of this program (`tracing`, one JSON object a line), and
//! those of OpenClaw from npm.
//!
//! Only the end of a file is read: a log may be large, and the newest lines are at its end.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::host::read;
use crate::profile::ProfileName;
use crate::record::Engine;
use crate::text::sanitize;

mod errors;
mod excerpt;
mod follower;
mod read_mark;

pub(crate) use errors::{LoggedError, errors_since};
pub(crate) use excerpt::{last_complaints, last_shown_lines};
pub(crate) use follower::LogFollower;

/// Maximum number of bytes of a log file that are read at once, and from its end.
const MAX_READ_BYTES: u64 = 1024 * 1024;
/// Folder to which OpenClaw from npm writes its log files (docs/openclaw.md#log-files).
const OPENCLAW_LOG_DIR: &str = "/tmp/openclaw";
/// Prefix of the names of the files that a service manager writes to the log folder, such as `launchd.log`.
const MANAGER_FILE_PREFIX: &str = "launchd.";
/// Endings of the names of log files that a rotation has compressed.
const COMPRESSED_ENDINGS: [&str; 4] = [".gz", ".bz2", ".xz", ".zst"];

/// Fields of a JSON log line that are not appended to its message: they have a field of [`LogLine`] of their own, or
/// are of no use to a reader.
const ENVELOPE_FIELDS: [&str; 11] = [
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

/// A parsed line of a gateway's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// The time stamp as it is written in the line; empty where there is none.
    pub(crate) time: String,
    /// The level: `INFO`, `WARN`, ...; empty where there is none.
    pub(crate) level: String,
    /// The stable name of the event, such as `gateway.ended`; empty where there is none.
    pub(crate) code: String,
    /// The message, followed by the further fields of the line.
    pub(crate) message: String,
    /// The line as it is written in the file.
    pub(crate) raw: String,
}

impl LogLine {
    /// Parses a line of a gateway's log. A line that is not a JSON object is a message as a whole.
    pub(crate) fn parse(raw: &str) -> Self {
        let value: Value = serde_json::from_str(raw).unwrap_or_default();
        let text = |value: &Value| match value {
            Value::String(text) => sanitize(text),
            Value::Null => String::new(),
            other => sanitize(&other.to_string()),
        };
        let fields = value.get("fields").or(Some(&value)).and_then(Value::as_object);
        // tslog, the logger of OpenClaw, numbers its arguments; the first one is the subsystem.
        let argument = value.get("1").or_else(|| value.get("0"));
        let message = match (fields.filter(|fields| fields.contains_key("message")), argument) {
            (Some(fields), _) => {
                let further = fields
                    .iter()
                    .filter(|(name, _)| !ENVELOPE_FIELDS.contains(&name.as_str()));
                let further = further.map(|(name, value)| format!(" {name}={}", text(value)));
                text(&fields["message"]) + &further.collect::<String>()
            }
            (None, Some(argument)) => text(argument),
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

/// Returns the time at which a file was last written; `None` where there is no regular file at the path.
fn modified(path: &Path) -> Option<SystemTime> {
    let meta = std::fs::metadata(path).ok()?;
    meta.is_file().then(|| meta.modified().ok()).flatten()
}

/// Returns a gateway's log files in a folder, the newest last. The files of a service manager, which hold the output
/// of the same gateway, are returned only where there are no others.
pub(crate) fn log_files(folder: &Path) -> Vec<PathBuf> {
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| name(path).contains(".log"))
        .filter(|path| !COMPRESSED_ENDINGS.iter().any(|end| name(path).ends_with(end)))
        .filter_map(|path| Some((modified(&path)?, path)))
        .collect();
    let is_of_manager = |path: &Path| name(path).starts_with(MANAGER_FILE_PREFIX);
    if files.iter().any(|(_, path)| !is_of_manager(path)) {
        files.retain(|(_, path)| !is_of_manager(path));
    }
    files.sort();
    files.into_iter().map(|(_, path)| path).collect()
}

/// The files that hold the log of one gateway.
#[derive(Clone, Debug)]
pub(crate) enum LogSource {
    /// A folder with log files, of which the gateway writes to the newest.
    Folder(PathBuf),
    /// A single log file.
    File(PathBuf),
}

impl LogSource {
    fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Folder(folder) => log_files(folder),
            Self::File(file) => vec![file.clone()],
        }
    }

    /// Returns the last lines of a gateway's log, the newest last.
    pub(crate) fn last_lines(&self, count: usize) -> Vec<LogLine> {
        last_lines_of(&self.files(), count)
    }
}

/// Returns the last lines of the log files in a folder, the newest line last.
pub(crate) fn last_lines(folder: &Path, count: usize) -> Vec<LogLine> {
    last_lines_of(&log_files(folder), count)
}

/// Returns the last lines of log files that are in order of age, the newest line last.
fn last_lines_of(files: &[PathBuf], count: usize) -> Vec<LogLine> {
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

/// Reads the end of a log file, from the start of a line on: at most [`MAX_READ_BYTES`].
pub(crate) fn read_tail(path: &Path) -> std::io::Result<String> {
    let mut file = read::open(path)?;
    let size = file.metadata()?.len();
    let (_, bytes) = read_from_line_start(&mut file, size.saturating_sub(MAX_READ_BYTES), MAX_READ_BYTES)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Reads at most `max_bytes` bytes of a log file from the first start of a line at or after the offset `from`.
/// Returns the offset of that start, and the bytes.
fn read_from_line_start(file: &mut File, from: u64, max_bytes: u64) -> std::io::Result<(u64, Vec<u8>)> {
    // The byte before `from` tells whether a line starts there.
    let before = u64::from(from > 0);
    file.seek(SeekFrom::Start(from - before))?;
    let mut bytes = Vec::new();
    file.take(max_bytes + before).read_to_end(&mut bytes)?;
    if before == 0 {
        return Ok((from, bytes));
    }
    let start = bytes.iter().position(|byte| *byte == b'\n');
    let start = start.map_or(bytes.len(), |at| at + 1);
    Ok((from - before + start as u64, bytes.split_off(start)))
}

/// A part of a gateway's log file, and the cursor at which the next part begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogSlice {
    /// The complete lines of the part, without empty ones.
    pub(crate) lines: Vec<String>,
    /// The offset at which the next part begins, in bytes.
    pub(crate) cursor: u64,
    /// The size of the file, in bytes.
    pub(crate) size: u64,
    /// `true` if the file has more before this part, which was skipped because no cursor was given.
    pub(crate) truncated: bool,
    /// `true` if the part does not begin at the requested cursor, which lies too far back or beyond the end.
    pub(crate) reset: bool,
}

/// Reads at most `max_bytes` bytes of a log file from a cursor on, and returns the last `count` lines of these. Without
/// a cursor, or where it lies too far back or beyond the end of the file, reads the end of the file.
pub(crate) fn read_from(
    path: &Path,
    cursor: Option<u64>,
    count: usize,
    max_bytes: u64,
) -> std::io::Result<LogSlice> {
    let mut file = read::open(path)?;
    let size = file.metadata()?.len();
    let end = size.saturating_sub(max_bytes);
    let reset = cursor.is_some_and(|at| at > size || at < end);
    let from = cursor.filter(|_| !reset);
    let (start, mut bytes) = read_from_line_start(&mut file, from.unwrap_or(end), max_bytes)?;
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

/// Returns the log of a profile's gateway: the files in `folder`, or the file of OpenClaw from npm where that is the
/// engine and wrote last. `None` where there is no log.
pub(crate) fn find_source(folder: PathBuf, profile: &ProfileName, engine: Engine) -> Option<LogSource> {
    let openclaw = openclaw_log_file(profile).filter(|_| engine == Engine::Node);
    let own = log_files(&folder).pop();
    match (own, openclaw) {
        (Some(own), Some(openclaw)) if modified(&own) < modified(&openclaw) => {
            Some(LogSource::File(openclaw))
        }
        (Some(_), _) => Some(LogSource::Folder(folder)),
        (None, openclaw) => openclaw.map(LogSource::File),
    }
}

/// Returns the newest log file of OpenClaw from npm that a profile's gateway may have written: a log file of the
/// profile (2026.9.6) before the one that all profiles share (2026.1.30).
pub(crate) fn openclaw_log_file(profile: &ProfileName) -> Option<PathBuf> {
    let mut all = log_files(Path::new(OPENCLAW_LOG_DIR));
    let has_prefix = |path: &PathBuf, prefix: &str| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.and_then(|name| name.strip_prefix(prefix))
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let own = format!("openclaw-{}-", encode_profile(profile.as_str()));
    let index = all
        .iter()
        .rposition(|path| !profile.is_default() && has_prefix(path, &own));
    let index = index.or_else(|| all.iter().rposition(|path| has_prefix(path, "openclaw-")))?;
    Some(all.swap_remove(index))
}

/// Encodes the name of an instance profile as OpenClaw 2026.9.6 does in the name of a log file
/// (docs/openclaw.md#log-files): `Rescue` is `-1rescue`.
fn encode_profile(profile: &str) -> String {
    let letter = |c: char| match c {
        '-' => "--".to_owned(),
        '_' => "-0".to_owned(),
        c if c.is_ascii_uppercase() => format!("-1{}", c.to_ascii_lowercase()),
        c => c.to_string(),
    };
    profile.chars().map(letter).collect()
}

#[cfg(test)]
mod tests;
