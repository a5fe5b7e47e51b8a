//! Follows `$include`: returns the config as OpenClaw reads it, with other files merged in.
//!
//! This is needed to read settings (a port may be set in an included file), never to write: an edit changes only the
//! file for which it is made. The rules are those of OpenClaw's reader: the keys beside `$include` override the included value;
//! objects merge, arrays are joined, anything else is replaced; paths are relative to the file that includes. What a
//! hostile or mistaken file could do is bounded: the depth, the number of files, and each file as [`crate::host::read`]
//! bounds it.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::document::ConfigDocument;
use super::error::ConfigError;
use super::load::{LoadedConfig, load};
use crate::i18n::{Msg, msg};

/// The key of a config, `$include`, that includes a file or a list of files.
const INCLUDE_KEY: &str = "$include";
/// Maximum number of config files that include each other in a chain, as in OpenClaw.
const MAX_DEPTH: usize = 10;
/// Maximum number of files that a config includes in all: files that include each other repeatedly must come to an
/// end.
const MAX_FILES: usize = 100;

/// Returns the value of a config with every `$include` replaced by the content of the included files. `${VAR}` stays
/// as it is.
///
/// # Errors
/// When an included file is missing or broken, or a bound is exceeded.
pub(crate) fn effective(path: &Path, document: &ConfigDocument) -> Result<Value, ConfigError> {
    let value = document.value();
    if !has_include(value) {
        return Ok(value.clone());
    }
    IncludeResolver::new(path).resolve(value)
}

/// Returns the path of a config and of every file that it includes, as far as they can be followed, whether they exist
/// or not. A running gateway watches these.
pub(crate) fn included_files(path: &Path) -> Vec<PathBuf> {
    let mut files = IncludeResolver::new(path);
    if let LoadedConfig::Ok(document) = load(path) {
        // An error ends the list; a change that mends it is a change of a file in the list.
        let _ = files.resolve(document.value());
    }
    let mut all = vec![path.to_owned()];
    all.extend(files.included);
    all
}

fn has_include(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key(INCLUDE_KEY) || map.values().any(has_include),
        Value::Array(elements) => elements.iter().any(has_include),
        _ => false,
    }
}

/// Follows the `$include` keys of one config.
struct IncludeResolver {
    /// The files that are being read, from the config to the innermost.
    chain: Vec<PathBuf>,
    /// Number of files that were read so far.
    read_count: usize,
    /// Every included file so far, whether it exists or not.
    included: Vec<PathBuf>,
}

impl IncludeResolver {
    fn new(path: &Path) -> Self {
        Self {
            chain: vec![normalize(path)],
            read_count: 0,
            included: Vec::new(),
        }
    }

    /// Returns a config value with every `$include` in it replaced by the content of the included files.
    fn resolve(&mut self, value: &Value) -> Result<Value, ConfigError> {
        match value {
            Value::Object(map) => self.resolve_object(map),
            Value::Array(elements) => elements
                .iter()
                .map(|e| self.resolve(e))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            other => Ok(other.clone()),
        }
    }

    fn resolve_object(&mut self, map: &Map<String, Value>) -> Result<Value, ConfigError> {
        let mut own = Map::new();
        for (key, value) in map.iter().filter(|(key, _)| *key != INCLUDE_KEY) {
            own.insert(key.clone(), self.resolve(value)?);
        }
        let included = match map.get(INCLUDE_KEY) {
            None => return Ok(Value::Object(own)),
            Some(Value::String(file)) => self.resolve_file(file)?,
            Some(Value::Array(list)) => {
                let mut merged = Value::Object(Map::new());
                for entry in list {
                    let file = entry
                        .as_str()
                        .ok_or_else(|| self.error(msg!("config.include-form")))?;
                    merged = merge(merged, self.resolve_file(file)?);
                }
                merged
            }
            Some(_) => return Err(self.error(msg!("config.include-form"))),
        };
        if own.is_empty() {
            return Ok(included);
        }
        if !included.is_object() {
            return Err(self.error(msg!("config.include-object")));
        }
        Ok(merge(included, Value::Object(own)))
    }

    fn resolve_file(&mut self, file: &str) -> Result<Value, ConfigError> {
        let from = self
            .chain
            .last()
            .and_then(|file| file.parent())
            .unwrap_or(Path::new(""));
        let path = normalize(&from.join(file));
        if self.chain.contains(&path) {
            return Err(self.error(msg!("config.include-cycle", file = path.display())));
        }
        self.read_count += 1;
        if self.chain.len() > MAX_DEPTH || self.read_count > MAX_FILES {
            let limits = msg!(
                "config.include-many",
                depth = MAX_DEPTH,
                files = MAX_FILES,
                file = path.display()
            );
            return Err(self.error(limits));
        }
        self.included.push(path.clone());
        let document = match load(&path) {
            LoadedConfig::Ok(document) => document,
            LoadedConfig::Missing => {
                return Err(self.error(msg!("config.include-missing", file = path.display())));
            }
            LoadedConfig::Broken(error) => {
                let place = error.location(&path);
                let why = Msg::new("config.include-broken")
                    .with("place", place)
                    .with_msg("why", error.why);
                return Err(ConfigError::of_file(why));
            }
        };
        self.chain.push(path);
        let value = self.resolve(document.value());
        self.chain.pop();
        value
    }

    /// Returns the error of an `$include` in a config; it names the file when that is not the config itself.
    fn error(&self, why: Msg) -> ConfigError {
        match &self.chain[..] {
            [_, .., file] => {
                let why = Msg::new("config.include-broken")
                    .with("place", file.display())
                    .with_msg("why", why);
                ConfigError::of_file(why)
            }
            _ => ConfigError::of_file(why),
        }
    }
}

/// Merges two values of configs that include each other: objects key by key, arrays are joined, and anything else of
/// `over` replaces `under`.
fn merge(under: Value, over: Value) -> Value {
    match (under, over) {
        (Value::Object(mut under), Value::Object(over)) => {
            for (key, value) in over {
                let value = match under.shift_remove(&key) {
                    Some(under) => merge(under, value),
                    None => value,
                };
                under.insert(key, value);
            }
            Value::Object(under)
        }
        (Value::Array(mut under), Value::Array(over)) => {
            under.extend(over);
            Value::Array(under)
        }
        (_, over) => over,
    }
}

/// Removes `.` and `..` from a path by its text alone, so that one file has one name in the chain of included
/// configs.
pub(super) fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make their own files")]
mod tests {
    use super::*;
    use serde_json::json;

    /// A folder with a config and the files that it includes, for tests.
    struct ConfigFolder(tempfile::TempDir);

    impl ConfigFolder {
        fn with_files(files: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let path = dir.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Self(dir)
        }

        fn effective(&self) -> Result<Value, ConfigError> {
            let path = self.0.path().join("openclaw.json");
            let LoadedConfig::Ok(document) = load(&path) else {
                panic!("the config itself can be read")
            };
            effective(&path, &document)
        }

        fn error_text(&self) -> String {
            self.effective()
                .unwrap_err()
                .why
                .render(crate::i18n::Lang::english())
        }
    }

    #[test]
    fn own_keys_override_included_ones() {
        let folder = ConfigFolder::with_files(&[
            (
                "openclaw.json",
                "{ $include: './base.json5', gateway: { port: 20789, trustedProxies: ['b'] } }",
            ),
            (
                "base.json5",
                "{ gateway: { $include: 'parts/gateway.json', bind: 'loopback' }, x: '${NOT_READ}' }",
            ),
            (
                "parts/gateway.json",
                "{ port: 1, mode: 'local', trustedProxies: ['a'], more: { $include: '../more.json' } }",
            ),
            ("more.json", "{ deep: true }"),
        ]);
        let expected = json!({
            "x": "${NOT_READ}",
            "gateway": { "mode": "local", "more": { "deep": true }, "bind": "loopback", "port": 20789,
                         "trustedProxies": ["a", "b"] },
        });
        assert_eq!(folder.effective().unwrap(), expected);
    }

    #[test]
    fn listed_files_are_merged_in_order() {
        let folder = ConfigFolder::with_files(&[
            ("openclaw.json", "{ $include: ['a.json', 'b.json'] }"),
            ("a.json", "{ gateway: { port: 1, bind: 'lan' } }"),
            ("b.json", "{ gateway: { port: 2 } }"),
        ]);
        assert_eq!(
            folder.effective().unwrap(),
            json!({ "gateway": { "port": 2, "bind": "lan" } })
        );
    }

    #[test]
    fn missing_or_broken_file_is_named() {
        let missing = ConfigFolder::with_files(&[("openclaw.json", "{ $include: 'gone.json' }")]);
        assert!(
            missing.error_text().contains("gone.json"),
            "{}",
            missing.error_text()
        );
        let broken = ConfigFolder::with_files(&[
            ("openclaw.json", "{ a: { $include: 'b.json' } }"),
            ("b.json", "{\n  x: 1 y: 2 }"),
        ]);
        assert!(
            broken.error_text().contains("b.json:2:7"),
            "{}",
            broken.error_text()
        );
        let nested = ConfigFolder::with_files(&[
            ("openclaw.json", "{ $include: 'b.json' }"),
            ("b.json", "{ $include: 7 }"),
        ]);
        assert!(nested.error_text().contains("b.json"), "{}", nested.error_text());
    }

    #[test]
    fn circles_and_too_many_files_are_error_text() {
        let circle = ConfigFolder::with_files(&[
            ("openclaw.json", "{ $include: 'a.json' }"),
            ("a.json", "{ x: { $include: './b/../openclaw.json' } }"),
        ]);
        assert_eq!(circle.effective().unwrap_err().why.key(), "config.include-broken");
        assert!(
            circle.error_text().contains("leads back to"),
            "{}",
            circle.error_text()
        );

        let names: Vec<String> = (0..=MAX_DEPTH).map(|n| format!("{n}.json")).collect();
        let texts: Vec<String> = (1..=MAX_DEPTH + 1)
            .map(|n| format!("{{ $include: '{n}.json' }}"))
            .collect();
        let mut files: Vec<_> = names
            .iter()
            .zip(&texts)
            .map(|(n, t)| (n.as_str(), t.as_str()))
            .collect();
        files.push(("openclaw.json", "{ $include: '0.json' }"));
        assert!(
            ConfigFolder::with_files(&files).error_text().contains("10"),
            "too deep"
        );

        let twice = "{ a: { $include: 'NEXT' }, b: { $include: 'NEXT' } }";
        let texts: Vec<String> = (1..=9)
            .map(|n| twice.replace("NEXT", &format!("{n}.json")))
            .collect();
        let mut files: Vec<_> = names
            .iter()
            .zip(&texts)
            .map(|(n, t)| (n.as_str(), t.as_str()))
            .collect();
        files.extend([("openclaw.json", "{ $include: '0.json' }"), ("9.json", "{}")]);
        assert!(
            ConfigFolder::with_files(&files).error_text().contains("100"),
            "too many"
        );
    }

    #[test]
    fn config_without_includes_is_unchanged() {
        let folder = ConfigFolder::with_files(&[("openclaw.json", "{ gateway: { port: 18789 } }")]);
        assert_eq!(
            folder.effective().unwrap(),
            json!({ "gateway": { "port": 18789 } })
        );
    }
}
