//! The last lines, and the last warnings and errors, of a gateway's log, without secrets.
//!
//! No secret is in this program's own log. OpenClaw's log may hold any, so that its lines are shown without what the
//! instance's files call a secret, and without whatever looks like a key.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{LogLine, LogSource, openclaw_log_file};
use crate::config::{self, LoadedConfig, secrets};
use crate::env_file;
use crate::instance::{ConfigVariables, InstanceContext};
use crate::record::Engine;

/// Maximum number of warnings and errors that are taken from a gateway's log.
const MAX_COMPLAINTS: usize = 5;
/// Number of the newest lines of a gateway's log that are searched for warnings and errors.
const SEARCHED_LINES: usize = 200;
/// Minimum length, in bytes, from which a word of a log may be a secret key and is hidden.
const MIN_KEY_LENGTH: usize = 20;

/// The log of a gateway, and what is to be left out of its lines.
pub(super) struct ReadableLog {
    pub(super) source: LogSource,
    /// The config files whose secrets are left out; `None` for this program's own log, which has none.
    configs: Option<[Value; 2]>,
    /// Further secrets that are left out.
    secrets: Vec<String>,
}

impl ReadableLog {
    /// Finds the log of a gateway; `None` where OpenClaw from npm has not written one.
    pub(super) fn find(context: InstanceContext<'_>, engine: Engine) -> Option<Self> {
        let target = context.instance;
        if engine == Engine::Native {
            return Some(Self {
                source: LogSource::Folder(target.logs()),
                configs: None,
                secrets: Vec::new(),
            });
        }
        let configs = [&target.config_path, &target.last_good_path()].map(|path| read_config(path));
        let configured = configs
            .iter()
            .find_map(|config| configured_log_file(context, config));
        let file = configured.or_else(|| openclaw_log_file(&target.profile))?;
        let secrets = ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"];
        let secrets = secrets
            .into_iter()
            .filter_map(|name| env_file::variable(&target.env_file(), name));
        Some(Self {
            source: LogSource::File(file),
            configs: Some(configs),
            secrets: secrets.collect(),
        })
    }

    /// Returns a line of the log as a person sees it: its time, `prefix`, and its message without secrets.
    pub(super) fn shown(&self, prefix: &str, line: &LogLine) -> String {
        let shown = format!("{}{prefix} {}", line.time, line.message);
        let Some(configs) = &self.configs else {
            return shown;
        };
        let shown = configs
            .iter()
            .fold(shown, |line, config| secrets::redact_known_secrets(&line, config));
        let shown = self.secrets.iter().fold(shown, |line, secret| {
            line.replace(secret.as_str(), crate::secret::REDACTED)
        });
        redact_keys(&shown)
    }
}

/// Returns the last lines of a gateway's log, the newest last, without secrets.
pub(crate) fn last_shown_lines(context: InstanceContext<'_>, engine: Engine, count: usize) -> Vec<String> {
    let Some(log) = ReadableLog::find(context, engine) else {
        return Vec::new();
    };
    let lines = log.source.last_lines(count);
    lines
        .iter()
        .map(|line| log.shown(&format!(" {}", line.level), line))
        .collect()
}

/// Returns the newest warnings and errors in a gateway's log, the oldest first, and the log file that they are from,
/// where OpenClaw from npm wrote it.
pub(crate) fn last_complaints(
    context: InstanceContext<'_>,
    engine: Engine,
) -> (Vec<String>, Option<PathBuf>) {
    let Some(log) = ReadableLog::find(context, engine) else {
        return (Vec::new(), None);
    };
    let complaints = complaints(log.source.last_lines(SEARCHED_LINES), |line| log.shown("", line));
    match log.source {
        LogSource::File(file) => (complaints, Some(file)),
        LogSource::Folder(_) => (complaints, None),
    }
}

/// Reads the config of a gateway; returns `Null` where it is missing or broken.
fn read_config(path: &Path) -> Value {
    match config::load(path) {
        LoadedConfig::Ok(document) => document.value().clone(),
        _ => Value::Null,
    }
}

/// Returns the log file that a config names (docs/openclaw.md#log-files), where it exists.
fn configured_log_file(context: InstanceContext<'_>, config: &Value) -> Option<PathBuf> {
    let named = config.pointer("/logging/file")?.as_str()?;
    let variables = ConfigVariables::new(context.host, &context.instance.state_dir, config);
    variables
        .path(context.env, Some(&context.instance.state_dir), named)
        .filter(|path| path.is_file())
}

/// Selects the last warnings and errors from the lines of a gateway's log.
fn complaints(lines: Vec<LogLine>, shown: impl Fn(&LogLine) -> String) -> Vec<String> {
    let is_complaint = |line: &LogLine| ["WARN", "ERROR", "FATAL"].contains(&line.level.as_str());
    let mut complaints: Vec<_> = lines.into_iter().filter(is_complaint).collect();
    // A repeated message would leave no room for anything else.
    complaints.dedup_by(|later, earlier| later.message == earlier.message);
    let first = complaints.len().saturating_sub(MAX_COMPLAINTS);
    complaints[first..].iter().map(shown).collect()
}

/// Redacts the words of a log line that look like secret keys: long ones with letters and digits in one part. Names
/// with a date in them stay.
fn redact_keys(line: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let mut redacted = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(is_word) {
        let (before, word) = rest.split_at(start);
        let (word, after) = word.split_at(word.find(|c| !is_word(c)).unwrap_or(word.len()));
        redacted.push_str(before);
        redacted.push_str(if is_key(word) {
            crate::secret::REDACTED
        } else {
            word
        });
        rest = after;
    }
    redacted + rest
}

pub(super) fn is_key(word: &str) -> bool {
    let is_mixed = |part: &str| {
        part.contains(|c: char| c.is_ascii_digit()) && part.contains(|c: char| c.is_ascii_alphabetic())
    };
    word.len() >= MIN_KEY_LENGTH && word.split(['_', '-']).any(is_mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_like_keys_are_redacted_and_names_stay() {
        for key in [
            "74174b83cf3638b4d578e1ecf5b1aa4b73aa7b8b6d39a1af",
            "sk-ant-api03-AbCdEfGhIjKl",
            "AAH-k9_xYzAbCdEfGhIjKlMnOpQr",
        ] {
            let line = redact_keys(&format!("auth failed for bot1234:{key}, gave up"));
            assert_eq!(
                line,
                format!("auth failed for bot1234:{}, gave up", crate::secret::REDACTED)
            );
        }
        for line in [
            "2026-11-23T02:08:37.738+00:00 gateway is draining for restart",
            "/tmp/openclaw/openclaw-noded-2026-11-23.log",
            "listening on ws://127.0.0.1:18789 (openclaw-gateway-rescue.service) ğüş",
        ] {
            assert_eq!(redact_keys(line), line);
        }
    }
}
