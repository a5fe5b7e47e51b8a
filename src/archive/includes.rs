//! The files that an OpenClaw config includes, which are archived with it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::listing::metadata;
use crate::config::{self, LoadedConfig};
use crate::error::Result;

/// Returns the files that a config includes, directly and through others.
///
/// # Errors
/// When a file can't be looked at.
pub(super) fn included_files(config: &Path) -> Result<Vec<PathBuf>> {
    let folder = config.parent().unwrap_or(Path::new("/"));
    let mut found: Vec<PathBuf> = Vec::new();
    let mut ahead = vec![config.to_path_buf()];
    while let Some(path) = ahead.pop() {
        let LoadedConfig::Ok(document) = config::load(&path) else {
            continue;
        };
        let mut named = Vec::new();
        collect_includes(document.value(), &mut named);
        for name in named {
            let file = path.parent().unwrap_or(folder).join(name);
            if !found.contains(&file) && metadata(&file)?.is_some_and(|meta| meta.is_file()) {
                ahead.push(file.clone());
                found.push(file);
            }
        }
    }
    Ok(found)
}

/// Collects the names of the files that a value of an OpenClaw config includes with `$include`.
fn collect_includes(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(name) if key == "$include" => into.push(name.clone()),
                    Value::Array(names) if key == "$include" => {
                        into.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    value => collect_includes(value, into),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_includes(value, into)),
        _ => {}
    }
}
