//! The text of a registry as this program writes it, read and extended line by line. A parser of all of TOML costs twenty
//! times as much, for each of hundreds of instances. Any other text, such as one that a person has edited, is not read here.

use std::ops::Range;
use std::path::PathBuf;

use super::entry::{RegistryEntry, VERSION};
use crate::ports::Port;

/// First line of an entry.
const HEADER: &str = "[[instance]]";

/// An entry in the text of a registry.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PlainEntry {
    pub(super) entry: RegistryEntry,
    /// The lines of the entry, with the empty line before them.
    pub(super) span: Range<usize>,
}

/// Reads the entries of a registry from a text that is written as this program writes it: the version, then each entry
/// behind an empty line, its keys in their order, its values without escapes. `None` for any other text.
pub(super) fn read(text: &str) -> Option<Vec<PlainEntry>> {
    let rest = text.strip_prefix(&version_line())?;
    let mut at = text.len() - rest.len();
    let mut entries = Vec::with_capacity(rest.len() / 200);
    while at < text.len() {
        let mut lines = Lines(&text[at..]);
        let entry = lines.entry()?;
        let end = text.len() - lines.0.len();
        entries.push(PlainEntry { entry, span: at..end });
        at = end;
    }
    Some(entries)
}

/// Returns the text of an entry as it stands in a registry, with the empty line before it. `None` where a value has to be
/// escaped.
pub(super) fn write(entry: &RegistryEntry) -> Option<String> {
    let mut text = format!("\n{HEADER}\n");
    let paths = [
        ("config", &entry.config),
        ("state", &entry.state),
        ("workspace", &entry.workspace),
    ];
    let paths = paths.map(|(key, path)| (key, path.to_str()));
    for (key, value) in [("profile", Some(entry.profile.as_str()))]
        .into_iter()
        .chain(paths)
    {
        let value = value.filter(|value| is_plain(value))?;
        text.extend([key, " = \"", value, "\"\n"]);
    }
    text.extend(["port = ", &entry.port.to_string(), "\n"]);
    Some(text)
}

/// Returns the line that says which version a registry has.
pub(super) fn version_line() -> String {
    format!("version = {VERSION}\n")
}

/// Returns whether a value stands between quotes as it is.
fn is_plain(value: &str) -> bool {
    let is_special = |c: char| c.is_control() || c == '"' || c == '\\';
    !value.contains(is_special)
}

/// The lines of a text that are not read yet.
struct Lines<'t>(&'t str);

impl<'t> Lines<'t> {
    /// Reads the next line, which has to end.
    fn next(&mut self) -> Option<&'t str> {
        let (line, rest) = self.0.split_once('\n')?;
        self.0 = rest;
        Some(line)
    }

    /// Reads an entry, with the empty line before it.
    fn entry(&mut self) -> Option<RegistryEntry> {
        let is_head = self.next()?.is_empty() && self.next()? == HEADER;
        is_head.then_some(())?;
        Some(RegistryEntry {
            profile: self.value("profile")?.to_owned(),
            config: PathBuf::from(self.value("config")?),
            state: PathBuf::from(self.value("state")?),
            workspace: PathBuf::from(self.value("workspace")?),
            port: self.port()?,
        })
    }

    /// Reads the line of a key with a text.
    fn value(&mut self, key: &str) -> Option<&'t str> {
        let value = self.next()?.strip_prefix(key)?.strip_prefix(" = \"")?;
        value.strip_suffix('"').filter(|value| is_plain(value))
    }

    /// Reads the line of the port, without what TOML allows in numbers and this program does not write.
    fn port(&mut self) -> Option<Port> {
        let digits = self.next()?.strip_prefix("port = ")?;
        let is_written = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        is_written.then(|| digits.parse().ok().and_then(Port::new))?
    }
}
