//! `$include`: the config as OpenClaw sees it, other files merged in.
//!
//! Needed to read truthfully (a port may stand in an included file), never to write: an edit changes
//! the file that it was asked to change. The rules are those of OpenClaw's reader: an included value
//! lies under the keys that stand beside `$include`; objects merge, arrays are joined, anything else is
//! replaced; paths are relative to the file that includes. What a hostile or mistaken file could do is
//! bounded: depth, number of files, and each file as [`crate::host::read`] bounds it.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::document::ConfigDocument;
use super::fault::ConfigError;
use super::{LoadedConfig, load};
use crate::i18n::{Msg, msg};

const KEY: &str = "$include";
/// Files within files, as OpenClaw bounds them.
const MAX_DEPTH: usize = 10;
/// Files in all: the same few files included over and over must come to an end.
const MAX_FILES: usize = 100;

/// The value of a config with every `$include` followed. `${VAR}` stays as it stands.
pub fn effective(path: &Path, document: &ConfigDocument) -> Result<Value, ConfigError> {
    let value = document.value();
    if !mentions_include(value) {
        return Ok(value.clone());
    }
    Files::of(path).resolve(value)
}

/// The config and every file that it includes, as far as they can be followed; whether they are there or
/// not. What a running gateway keeps an eye on.
pub fn included_files(path: &Path) -> Vec<PathBuf> {
    let mut files = Files::of(path);
    if let LoadedConfig::Ok(document) = load(path) {
        // What can't be followed ends the list; a change that mends it is one of a file on it.
        let _ = files.resolve(document.value());
    }
    let mut all = vec![path.to_owned()];
    all.extend(files.named);
    all
}

fn mentions_include(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key(KEY) || map.values().any(mentions_include),
        Value::Array(elements) => elements.iter().any(mentions_include),
        _ => false,
    }
}

struct Files {
    /// The files that are being read, from the config to the innermost.
    chain: Vec<PathBuf>,
    /// How many were read so far.
    read: usize,
    /// Every file that was named so far.
    named: Vec<PathBuf>,
}

impl Files {
    fn of(path: &Path) -> Self {
        Self {
            chain: vec![tidy(path)],
            read: 0,
            named: Vec::new(),
        }
    }

    fn resolve(&mut self, value: &Value) -> Result<Value, ConfigError> {
        match value {
            Value::Object(map) => self.object(map),
            Value::Array(elements) => elements
                .iter()
                .map(|e| self.resolve(e))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            other => Ok(other.clone()),
        }
    }

    fn object(&mut self, map: &Map<String, Value>) -> Result<Value, ConfigError> {
        let mut own = Map::new();
        for (key, value) in map.iter().filter(|(key, _)| *key != KEY) {
            own.insert(key.clone(), self.resolve(value)?);
        }
        let included = match map.get(KEY) {
            None => return Ok(Value::Object(own)),
            Some(Value::String(file)) => self.file(file)?,
            Some(Value::Array(list)) => {
                let mut merged = Value::Object(Map::new());
                for entry in list {
                    let file = entry
                        .as_str()
                        .ok_or_else(|| self.fault(msg!("config.include-form")))?;
                    merged = join(merged, self.file(file)?);
                }
                merged
            }
            Some(_) => return Err(self.fault(msg!("config.include-form"))),
        };
        if own.is_empty() {
            return Ok(included);
        }
        if !included.is_object() {
            return Err(self.fault(msg!("config.include-object")));
        }
        Ok(join(included, Value::Object(own)))
    }

    fn file(&mut self, named: &str) -> Result<Value, ConfigError> {
        let from = self
            .chain
            .last()
            .and_then(|file| file.parent())
            .unwrap_or(Path::new(""));
        let path = tidy(&from.join(named));
        if self.chain.contains(&path) {
            return Err(self.fault(msg!("config.include-cycle", file = path.display())));
        }
        self.read += 1;
        if self.chain.len() > MAX_DEPTH || self.read > MAX_FILES {
            let limits = msg!(
                "config.include-many",
                depth = MAX_DEPTH,
                files = MAX_FILES,
                file = path.display()
            );
            return Err(self.fault(limits));
        }
        self.named.push(path.clone());
        let document = match load(&path) {
            LoadedConfig::Ok(document) => document,
            LoadedConfig::Missing => {
                return Err(self.fault(msg!("config.include-missing", file = path.display())));
            }
            LoadedConfig::Broken(fault) => {
                let place = fault.location(&path);
                let why = Msg::new("config.include-broken")
                    .with("place", place)
                    .with_msg("why", fault.why);
                return Err(ConfigError::whole(why));
            }
        };
        self.chain.push(path);
        let value = self.resolve(document.value());
        self.chain.pop();
        value
    }

    /// A fault of an `$include`; where it stands in another file than the config, that file is named.
    fn fault(&self, why: Msg) -> ConfigError {
        match &self.chain[..] {
            [_, .., file] => {
                let why = Msg::new("config.include-broken")
                    .with("place", file.display())
                    .with_msg("why", why);
                ConfigError::whole(why)
            }
            _ => ConfigError::whole(why),
        }
    }
}

/// `over` on top of `under`.
fn join(under: Value, over: Value) -> Value {
    match (under, over) {
        (Value::Object(mut under), Value::Object(over)) => {
            for (key, value) in over {
                let value = match under.shift_remove(&key) {
                    Some(below) => join(below, value),
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

/// A path without `.` and `..`, by its words, so that one file has one name in the chain.
fn tidy(path: &Path) -> PathBuf {
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
#[expect(clippy::disallowed_methods, reason = "tests build their own world")]
mod tests {
    use super::*;
    use serde_json::json;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn of(files: &[(&str, &str)]) -> Self {
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

        fn refused(&self) -> String {
            self.effective()
                .unwrap_err()
                .why
                .render(crate::i18n::Lang::english())
        }
    }

    #[test]
    fn included_values_lie_under_the_own_ones() {
        let folder = Folder::of(&[
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
    fn a_list_merges_in_its_order() {
        let folder = Folder::of(&[
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
    fn a_missing_or_broken_file_is_named() {
        let missing = Folder::of(&[("openclaw.json", "{ $include: 'gone.json' }")]);
        assert!(missing.refused().contains("gone.json"), "{}", missing.refused());
        let broken = Folder::of(&[
            ("openclaw.json", "{ a: { $include: 'b.json' } }"),
            ("b.json", "{\n  x: 1 y: 2 }"),
        ]);
        assert!(broken.refused().contains("b.json:2:7"), "{}", broken.refused());
        let nested = Folder::of(&[
            ("openclaw.json", "{ $include: 'b.json' }"),
            ("b.json", "{ $include: 7 }"),
        ]);
        assert!(nested.refused().contains("b.json"), "{}", nested.refused());
    }

    #[test]
    fn circles_and_floods_come_to_an_end() {
        let circle = Folder::of(&[
            ("openclaw.json", "{ $include: 'a.json' }"),
            ("a.json", "{ x: { $include: './b/../openclaw.json' } }"),
        ]);
        assert_eq!(circle.effective().unwrap_err().why.key(), "config.include-broken");
        assert!(circle.refused().contains("leads back to"), "{}", circle.refused());

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
        assert!(Folder::of(&files).refused().contains("10"), "too deep");

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
        assert!(Folder::of(&files).refused().contains("100"), "too many");
    }

    #[test]
    fn a_config_without_includes_is_itself() {
        let folder = Folder::of(&[("openclaw.json", "{ gateway: { port: 18789 } }")]);
        assert_eq!(
            folder.effective().unwrap(),
            json!({ "gateway": { "port": 18789 } })
        );
    }
}
