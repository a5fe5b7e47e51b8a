//! Environment files: the `.env` of an instance, and those that a service file names.

use std::path::Path;

use crate::host::read;

/// The lines `NAME=value` of an environment file; `export`, blanks, quotes and comments as usual.
pub fn assignments(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        let value = value.trim();
        let bare = ['"', '\'']
            .into_iter()
            .find_map(|q| value.strip_prefix(q)?.strip_suffix(q));
        let plain = || {
            value
                .split_once(" #")
                .map_or(value, |(value, _)| value.trim_end())
        };
        (!name.starts_with('#')).then(|| (name.trim(), bare.unwrap_or_else(plain)))
    })
}

/// The last value of a variable in an environment file.
pub fn variable(path: &Path, name: &str) -> Option<String> {
    let text = read::text(path).ok()?;
    let found = assignments(&text).filter(|(n, _)| *n == name).last();
    found
        .map(|(_, value)| value.to_owned())
        .filter(|value| !value.is_empty())
}
