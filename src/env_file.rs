//! Parser of environment files: the `.env` of an instance, and the files that a service file names.

use std::path::Path;

use crate::host::read;

/// Returns the assignments `NAME=value` of an environment file as (name, value). `export`, blanks around either, one pair of
/// quotes, comment lines, and a comment behind an unquoted value are no part of them.
pub(crate) fn assignments(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let line = line.trim();
        let (name, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
        let value = value.trim();
        let unquoted = ['"', '\'']
            .into_iter()
            .find_map(|q| value.strip_prefix(q)?.strip_suffix(q));
        let without_comment = || {
            value
                .split_once(" #")
                .map_or(value, |(value, _)| value.trim_end())
        };
        (!name.starts_with('#')).then(|| (name.trim(), unquoted.unwrap_or_else(without_comment)))
    })
}

/// Returns the last value of a variable in an environment file; `None` where it is not set, is empty, or the file can't be
/// read.
pub(crate) fn variable(path: &Path, name: &str) -> Option<String> {
    let text = read::text(path).ok()?;
    let found = assignments(&text).filter(|(n, _)| *n == name).last();
    found
        .map(|(_, value)| value.to_owned())
        .filter(|value| !value.is_empty())
}
