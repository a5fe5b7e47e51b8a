//! Exports: archives of an instance for another place, without its secrets unless they are asked for.

use super::file_set::{ArchiveSource, FileSet};
use crate::config;
use crate::config::key_path::KeyPath;
use crate::config::secrets;
use crate::host::read;
use crate::plan::Content;
use crate::secret::{REDACTED, SecretOrigin};

/// Folders and files of an instance's state folder that hold secrets, and are left out of exports.
const SECRET_PATHS: [&str; 5] = [
    "credentials/",
    "identity/",
    "devices/",
    "config-journal-fingerprint.key",
    "state/",
];

/// Returns whether a file of an instance's archive holds secrets, by its name or by its place in the state.
fn holds_secrets(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let by_name =
        name == ".env" || name.starts_with(".env.") || [".key", ".pem"].iter().any(|end| name.ends_with(end));
    let Some(below) = path.strip_prefix("state/") else {
        return by_name;
    };
    by_name
        || SECRET_PATHS
            .iter()
            .any(|start| below == *start || (start.ends_with('/') && below.starts_with(start)))
        || name == "auth-profiles.json"
        || name.contains(".json.bak")
        || name.ends_with(".last-good")
        || name.ends_with(".sqlite")
}

/// Removes the secrets from an export: files of secrets are left out, secrets in configs and other JSON are replaced by
/// [`REDACTED`].
pub(crate) fn remove_secrets(files: &mut FileSet) {
    files.sources.retain(|source| !holds_secrets(&source.path));
    let is_json = |path: &str| {
        let json = [".json", ".json5"].iter().any(|end| path.ends_with(end));
        json && !path.starts_with("workspace/")
    };
    let (json, mut kept): (Vec<_>, Vec<_>) =
        files.sources.drain(..).partition(|source| is_json(&source.path));
    for mut source in json {
        source.bytes = redact_json(&source);
        // A file that claims to be JSON and can't be parsed may hold anything.
        match source.bytes {
            Some(_) => kept.push(source),
            None => files.skipped.push(source.file),
        }
    }
    kept.sort_by(|a, b| a.path.cmp(&b.path));
    files.sources = kept;
}

/// Returns the bytes of a JSON file without its secrets; `None` when it can't be read or parsed.
fn redact_json(source: &ArchiveSource) -> Option<Vec<u8>> {
    let bytes = read::bytes(&source.file).ok()?;
    let Ok(document) = config::parse_bytes(bytes.clone()) else {
        // A list, or a lone value.
        let text = String::from_utf8(bytes).ok()?;
        let value = config::parse_value(&text).ok()?;
        let shown = secrets::redact(&KeyPath::root(), &value);
        return Some(if shown == value { text } else { shown.to_string() }.into_bytes());
    };
    let pieces = secrets::redacted_pieces(&document, |_| SecretOrigin::Kept);
    let shown = Content::in_pieces(document.text(), pieces).redacted(|_| REDACTED.to_owned());
    Some(shown.into_bytes())
}
