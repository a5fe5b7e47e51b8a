//! The errors in a gateway's log, for whoever watches a gateway that was just started.
//!
//! A line counts by its level, `ERROR` or `FATAL`. OpenClaw logs what a channel could not do at once as an error too, and tries
//! again: the lines of channels are left out, and whoever wants to know asks the channels themselves. 2026.1.30 writes the
//! lines of all gateways to one file (docs/openclaw.md#log-files): a line that another OpenClaw wrote is left out.

use std::path::Path;
use std::time::SystemTime;

use serde_json::Value;

use super::LogLine;
use super::excerpt::{ReadableLog, is_key};
use crate::instance::InstanceContext;
use crate::record::Engine;

/// Number of the newest lines of a gateway's log that are searched for errors.
const SEARCHED_LINES: usize = 5000;
/// Maximum number of characters of an error that are shown.
const MAX_SHOWN_CHARS: usize = 300;

/// An error in a gateway's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoggedError {
    /// The line as a person sees it, bounded and without secrets.
    pub(crate) shown: String,
    /// The message without what changes from one time to the next, by which an error that was there before is known.
    pub(crate) kind: String,
}

/// Returns the errors that a gateway of this engine has logged since a time, or ever, the oldest first. `package` is the folder
/// of the OpenClaw that runs it, where that is known.
pub(crate) fn errors_since(
    context: InstanceContext<'_>,
    engine: Engine,
    package: Option<&Path>,
    since: Option<SystemTime>,
) -> Vec<LoggedError> {
    let Some(log) = ReadableLog::find(context, engine) else {
        return Vec::new();
    };
    let lines = log.source.last_lines(SEARCHED_LINES).into_iter();
    let counts = |line: &LogLine| {
        is_error_of(line, package)
            && since.is_none_or(|since| time_of(line).is_some_and(|time| time >= since))
    };
    lines
        .filter(counts)
        .map(|line| LoggedError {
            shown: bounded(&log.shown(&format!(" {}", line.level), &line)),
            kind: kind_of(&line.message),
        })
        .collect()
}

/// Returns whether a line is an error of a gateway, and neither of a channel nor of another OpenClaw than the one in `package`.
fn is_error_of(line: &LogLine, package: Option<&Path>) -> bool {
    if !["ERROR", "FATAL"].contains(&line.level.as_str()) {
        return false;
    }
    let value: Value = serde_json::from_str(&line.raw).unwrap_or_default();
    let subsystem = value.get("0").and_then(Value::as_str).unwrap_or_default();
    let subsystem: Value = serde_json::from_str(subsystem).unwrap_or_default();
    let subsystem = subsystem["subsystem"].as_str().unwrap_or_default();
    if subsystem.split('/').any(|part| part == "channels") {
        return false;
    }
    let file = value.pointer("/_meta/path/fullFilePath").and_then(Value::as_str);
    match (file.and_then(|file| file.strip_prefix("file://")), package) {
        (Some(file), Some(package)) => Path::new(file).starts_with(package),
        _ => true,
    }
}

/// Returns the time of a line in a gateway's log; `None` where it has none.
fn time_of(line: &LogLine) -> Option<SystemTime> {
    let value: Value = serde_json::from_str(&line.raw).ok()?;
    // OpenClaw's `time` is that of the host's zone.
    let stamp = value.pointer("/_meta/date").or_else(|| value.get("timestamp"))?;
    humantime::parse_rfc3339(stamp.as_str()?).ok()
}

/// Returns a message without its numbers, ids and keys.
fn kind_of(message: &str) -> String {
    let word = |word: &str| {
        if is_key(word) || word.contains(|c: char| c.is_ascii_digit()) {
            "#".to_owned()
        } else {
            word.to_owned()
        }
    };
    message.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// Returns the beginning of a line, with a mark where it goes on.
fn bounded(line: &str) -> String {
    match line.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(level: &str, subsystem: &str, file: &str) -> LogLine {
        let line = json!({
            "0": json!({ "subsystem": subsystem }).to_string(), "1": "went wrong", "time": "2026-11-30T18:32:51.630+03:00",
            "_meta": { "logLevelName": level, "date": "2026-11-30T15:32:51.630Z", "path": { "fullFilePath": file } },
        });
        LogLine::parse(&line.to_string())
    }

    #[test]
    fn errors_count_but_for_those_of_channels_and_of_another_openclaw() {
        let package = Some(Path::new("/releases/2026.9.6/node_modules/openclaw"));
        let own = "file:///releases/2026.9.6/node_modules/openclaw/dist/a.mjs:1:2";
        let other = "file:///releases/2026.1.30/node_modules/openclaw/dist/a.mjs:1:2";
        for (level, subsystem, file, counts) in [
            ("ERROR", "gateway", own, true),
            ("FATAL", "plugins", own, true),
            ("WARN", "gateway", own, false),
            ("ERROR", "gateway", other, false),
            ("ERROR", "channels/telegram", own, false),
            ("ERROR", "gateway/channels/telegram", own, false),
        ] {
            let line = line(level, subsystem, file);
            assert_eq!(is_error_of(&line, package), counts, "{level} {subsystem} {file}");
        }
        assert!(is_error_of(&line("ERROR", "gateway", other), None));
        let native = r#"{"timestamp":"2026-11-30T15:32:51.5Z","level":"ERROR","message":"x"}"#;
        assert!(is_error_of(&LogLine::parse(native), package));
        assert!(!is_error_of(&LogLine::parse("ERROR: a line for people"), package));
    }

    #[test]
    fn time_of_a_line_does_not_depend_on_the_zone_of_the_host() {
        let at = |text: &str| humantime::parse_rfc3339(text).unwrap();
        let node = line("ERROR", "gateway", "");
        assert_eq!(time_of(&node), Some(at("2026-11-30T15:32:51.630Z")));
        let native =
            LogLine::parse(r#"{"timestamp":"2026-11-30T15:32:51.5Z","level":"ERROR","message":"x"}"#);
        assert_eq!(time_of(&native), Some(at("2026-11-30T15:32:51.5Z")));
        assert_eq!(time_of(&LogLine::parse("no time")), None);
    }

    #[test]
    fn error_that_was_there_before_is_known_whatever_its_numbers_are() {
        let kind = kind_of("job 17 failed after 20ms: 9f3bd5a0-1111");
        assert_eq!(kind, kind_of("job 4 failed after 1350ms: 77aa0c1e-2222"));
        assert_ne!(kind, kind_of("job 4 was lost after 1350ms: 77aa0c1e-2222"));
    }

    #[test]
    fn long_error_is_cut_off() {
        let shown = bounded(&"ğ".repeat(1000));
        assert_eq!(shown.chars().count(), MAX_SHOWN_CHARS + 1);
        assert_eq!(bounded("short"), "short");
    }
}
