//! Follows `$include`: returns the config as OpenClaw reads it, with other files merged in.
//!
//! This is needed to read settings (a port may be set in an included file), and to see what an edit brings about, which
//! changes one file (`edit`). The rules are those of OpenClaw's reader: the keys beside `$include` override the included value;
//! objects merge, arrays are joined, anything else is replaced; paths are relative to the file that includes. What a
//! hostile or mistaken file could do is bounded: the depth, the number of files, and each file as [`crate::host::read`]
//! bounds it.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::document::{self, ConfigDocument};
use super::effective::{EffectiveConfig, IncludeRoot, IncludedFile};
use super::error::ConfigError;
use super::key_path::{KeyPath, PathSegment};
use super::load::{LoadedConfig, load};
use crate::i18n::{Msg, msg};

/// The key of a config, `$include`, that includes a file or a list of files.
pub(super) const INCLUDE_KEY: &str = "$include";
/// Maximum number of config files that include each other in a chain, as in OpenClaw.
pub(super) const MAX_DEPTH: usize = 10;
/// Maximum number of files that a config includes in all: files that include each other repeatedly must come to an
/// end.
const MAX_FILES: usize = 100;

/// Returns a config with every `$include` replaced by the content of the included files.
///
/// # Errors
/// When an included file is missing or broken, or a bound is exceeded.
pub(crate) fn effective(path: &Path, document: &ConfigDocument) -> Result<EffectiveConfig, ConfigError> {
    let value = document.value();
    if !has_include(value) {
        return Ok(value.clone().into());
    }
    IncludeResolver::new(path).effective(value)
}

/// Returns a config as [`effective`] does, or as it is where an included file can't be read.
pub(crate) fn effective_or_own(path: &Path, document: &ConfigDocument) -> EffectiveConfig {
    effective(path, document).unwrap_or_else(|_| document.value().clone().into())
}

/// Returns a config as [`effective`] does, where the included file `file` has the content `content`.
pub(super) fn effective_with(
    path: &Path,
    document: &ConfigDocument,
    file: &Path,
    content: &Value,
) -> Result<EffectiveConfig, ConfigError> {
    let mut resolver = IncludeResolver::new(path);
    resolver.replacement = Some((file, content));
    resolver.effective(document.value())
}

/// Returns the files that set the value at a key path of a config, or a part of it: the config itself and those that it
/// includes, in the order in which they are merged. Files that can't be read are left out.
pub(crate) fn files_with_value(path: &Path, document: &ConfigDocument, key: &KeyPath) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect_files_with_value(path, document.value(), key.segments(), MAX_DEPTH, &mut files);
    files.dedup();
    files
}

/// Adds the files that set a config value below `value`, which is in the file `path`.
fn collect_files_with_value(
    path: &Path,
    value: &Value,
    key: &[PathSegment],
    depth: usize,
    files: &mut Vec<PathBuf>,
) {
    let included = match value.get(INCLUDE_KEY) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(file)) => vec![file.as_str()],
        _ => Vec::new(),
    };
    for file in included.into_iter().take(MAX_FILES) {
        let file = resolve_path(path, file);
        if let (LoadedConfig::Ok(document), Some(depth)) = (load(&file), depth.checked_sub(1)) {
            collect_files_with_value(&file, document.value(), key, depth, files);
        }
    }
    let is_set_here = match value {
        Value::Object(map) => map.is_empty() || map.keys().any(|key| key != INCLUDE_KEY),
        _ => true,
    };
    match key.split_first() {
        None if is_set_here => files.push(path.to_owned()),
        None => {}
        Some((segment, rest)) => {
            if let Some(value) = document::child(value, segment) {
                collect_files_with_value(path, value, rest, depth, files);
            }
        }
    }
}

/// Returns the path of a file that a config, or a file that it includes, names in its `$include`.
pub(super) fn resolve_path(from: &Path, file: &str) -> PathBuf {
    normalize(&from.parent().unwrap_or(Path::new("")).join(file))
}

/// Returns the error of an `$include` in a config whose file does not exist.
pub(super) fn missing_file(file: &Path) -> ConfigError {
    ConfigError::of_file(msg!("config.include-missing", file = file.display()))
}

/// Returns the error of an `$include` in a config whose file is broken.
pub(super) fn broken_file(file: &Path, error: ConfigError) -> ConfigError {
    let place = error.location(file);
    let why = Msg::new("config.include-broken")
        .with("place", place)
        .with_msg("why", error.why);
    ConfigError::of_file(why)
}

/// Returns the path of a config and of every file that it includes, as far as they can be followed, whether they exist
/// or not. A running gateway watches these.
pub(crate) fn included_files(path: &Path) -> Vec<PathBuf> {
    let mut files = IncludeResolver::new(path);
    if let LoadedConfig::Ok(document) = load(path) {
        // An error ends the list; a change that mends it is a change of a file in the list.
        let _ = files.resolve(document.value(), &KeyPath::root());
    }
    let mut all = vec![path.to_owned()];
    all.extend(files.included.into_iter().map(|(_, file)| file));
    all
}

/// Returns whether an `$include` stands anywhere in a config value.
pub(super) fn has_include(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key(INCLUDE_KEY) || map.values().any(has_include),
        Value::Array(elements) => elements.iter().any(has_include),
        _ => false,
    }
}

/// Follows the `$include` keys of one config.
struct IncludeResolver<'a> {
    /// The files that are being read, from the config to the innermost.
    chain: Vec<PathBuf>,
    /// Number of files that were read so far.
    read_count: usize,
    /// Every included file so far with the path of its `$include` key, whether it exists or not.
    included: Vec<(KeyPath, PathBuf)>,
    /// A file whose content is not that on the disk: one that is being edited.
    replacement: Option<(&'a Path, &'a Value)>,
}

impl IncludeResolver<'_> {
    fn new(path: &Path) -> Self {
        Self {
            chain: vec![normalize(path)],
            read_count: 0,
            included: Vec::new(),
            replacement: None,
        }
    }

    /// Returns the whole config `value` with its includes resolved.
    fn effective(mut self, value: &Value) -> Result<EffectiveConfig, ConfigError> {
        let config = self.chain[0].clone();
        let value = self.resolve(value, &KeyPath::root())?;
        let included = self.included.into_iter();
        Ok(EffectiveConfig {
            value,
            folder: config.parent().map(|folder| IncludeRoot::new(folder.to_owned())),
            files: included
                .map(|(key, file)| IncludedFile::inspect(key, &file))
                .collect(),
        })
    }

    /// Returns the value at a path of a config with every `$include` in it replaced by the content of the included
    /// files.
    fn resolve(&mut self, value: &Value, at: &KeyPath) -> Result<Value, ConfigError> {
        match value {
            Value::Object(map) => self.resolve_object(map, at),
            Value::Array(elements) => elements
                .iter()
                .enumerate()
                .map(|(index, element)| self.resolve(element, &at.index(index)))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            other => Ok(other.clone()),
        }
    }

    fn resolve_object(&mut self, map: &Map<String, Value>, at: &KeyPath) -> Result<Value, ConfigError> {
        let mut own = Map::new();
        for (key, value) in map.iter().filter(|(key, _)| *key != INCLUDE_KEY) {
            own.insert(key.clone(), self.resolve(value, &at.child(key))?);
        }
        let included = match map.get(INCLUDE_KEY) {
            None => return Ok(Value::Object(own)),
            Some(Value::String(file)) => self.resolve_file(file, at)?,
            Some(Value::Array(list)) => {
                let mut merged = Value::Object(Map::new());
                for entry in list {
                    let file = entry
                        .as_str()
                        .ok_or_else(|| self.error(msg!("config.include-form")))?;
                    merged = merge(merged, self.resolve_file(file, at)?);
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

    /// Returns the content of a file that is included at a path of a config.
    fn resolve_file(&mut self, file: &str, at: &KeyPath) -> Result<Value, ConfigError> {
        let path = resolve_path(self.chain.last().map_or(Path::new(""), PathBuf::as_path), file);
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
        self.included.push((at.child(INCLUDE_KEY), path.clone()));
        let content = match self.replacement {
            Some((replaced, content)) if replaced == path => Cow::Borrowed(content),
            _ => match load(&path) {
                LoadedConfig::Ok(document) => Cow::Owned(document.value().clone()),
                LoadedConfig::Missing => return Err(self.error(missing_file(&path).why)),
                LoadedConfig::Broken(error) => return Err(broken_file(&path, error)),
            },
        };
        self.chain.push(path);
        let value = self.resolve(&content, at);
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
mod tests;
