//! What a target's gateway complained about last, fit to be shown.
//!
//! No secret stands in this program's own log. OpenClaw's may hold any, so that its lines are shown
//! without what the instance's files call a secret, and without whatever looks like a key.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::{self, LoadedConfig, secrets};
use crate::env_file;
use crate::instance::Instance;
use crate::logs::{self, LogLine, LogSource};
use crate::record::Engine;

/// As many lines are shown.
const LINES: usize = 5;
/// Among so many of the newest.
const NEWEST: usize = 200;
/// Nothing shorter is taken for a key.
const KEY: usize = 20;

/// The newest lines that are warnings or worse, the oldest first; and the file that they are from, where
/// OpenClaw from npm wrote it.
pub(super) fn complaints(target: &Instance, engine: Engine) -> (Vec<String>, Option<PathBuf>) {
    match engine {
        Engine::Native => (worst(logs::last_lines(&target.logs(), NEWEST), |line| line), None),
        Engine::Node => {
            let configs = [&target.config_path, &target.last_good_path()].map(|path| read(path));
            let set = configs.iter().find_map(log_file);
            let Some(file) = set.or_else(|| logs::openclaw_log_file(&target.profile)) else {
                return (Vec::new(), None);
            };
            let known = ["OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD"];
            let known = known.map(|name| env_file::variable(&target.env_file(), name));
            let fit = |line: String| {
                let line = configs
                    .iter()
                    .fold(line, |line, config| secrets::redact_known_secrets(&line, config));
                let line = known.iter().flatten().fold(line, |line, secret| {
                    line.replace(secret.as_str(), secrets::REDACTED)
                });
                without_keys(&line)
            };
            (
                worst(LogSource::File(file.clone()).last_lines(NEWEST), fit),
                Some(file),
            )
        }
    }
}

fn read(path: &Path) -> Value {
    match config::load(path) {
        LoadedConfig::Ok(document) => document.value().clone(),
        _ => Value::Null,
    }
}

/// The file that the config names for the log (docs/openclaw.md#log-files).
fn log_file(config: &Value) -> Option<PathBuf> {
    let named = config.pointer("/logging/file")?.as_str()?;
    Some(PathBuf::from(named)).filter(|path| path.is_file())
}

fn worst(lines: Vec<LogLine>, fit: impl Fn(String) -> String) -> Vec<String> {
    let bad = |line: &LogLine| ["WARN", "ERROR", "FATAL"].contains(&line.level.as_str());
    let mut bad: Vec<_> = lines.into_iter().filter(bad).collect();
    // What is said again and again leaves no room for anything else.
    bad.dedup_by(|later, earlier| later.message == earlier.message);
    let shown = bad.split_off(bad.len().saturating_sub(LINES)).into_iter();
    shown
        .map(|line| fit(format!("{} {}", line.time, line.message)))
        .collect()
}

/// A line without words that look like keys: long, and letters and digits in one part. Names with a date
/// in them stay.
fn without_keys(line: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(from) = rest.find(is_part) {
        let (before, word) = rest.split_at(from);
        let (word, after) = word.split_at(word.find(|c| !is_part(c)).unwrap_or(word.len()));
        out.push_str(before);
        out.push_str(if is_key(word) { secrets::REDACTED } else { word });
        rest = after;
    }
    out + rest
}

fn is_key(word: &str) -> bool {
    let mixed = |part: &str| {
        part.contains(|c: char| c.is_ascii_digit()) && part.contains(|c: char| c.is_ascii_alphabetic())
    };
    word.len() >= KEY && word.split(['_', '-']).any(mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_key_is_hidden_and_names_stay() {
        for key in [
            "74174b83cf3638b4d578e1ecf5b1aa4b73aa7b8b6d39a1af",
            "sk-ant-api03-AbCdEfGhIjKl",
            "AAH-k9_xYzAbCdEfGhIjKlMnOpQr",
        ] {
            let line = without_keys(&format!("auth failed for bot1234:{key}, gave up"));
            assert_eq!(
                line,
                format!("auth failed for bot1234:{}, gave up", secrets::REDACTED)
            );
        }
        for line in [
            "2026-11-23T02:08:37.738+00:00 gateway is draining for restart",
            "/tmp/openclaw/openclaw-noded-2026-11-23.log",
            "listening on ws://127.0.0.1:18789 (openclaw-gateway-rescue.service) ğüş",
        ] {
            assert_eq!(without_keys(line), line);
        }
    }
}
