//! Exports: archives of an instance for another place, without its secrets unless they are asked for.

use super::file_set::{ArchiveSource, FileSet, SourceContent};
use super::left_out::{LeftOut, LeftOutReason};
use super::listing::unreadable;
use super::sqlite::COMPANION_ENDINGS;
use crate::config;
use crate::config::key_path::KeyPath;
use crate::config::secrets;
use crate::error::Result;
use crate::host::read::{self, ReadError};
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

/// Endings of the names of databases, which exports without secrets leave out. One that is encrypted can't be told by its content.
const DATABASE_ENDINGS: [&str; 4] = [".sqlite", ".sqlite3", ".db", ".db3"];

/// Returns the reason for which an export without secrets leaves a file out, by its name or its place in the state.
fn secret_reason(source: &ArchiveSource) -> Option<LeftOutReason> {
    let name = source.path.rsplit('/').next().unwrap_or_default();
    let by_name =
        name == ".env" || name.starts_with(".env.") || [".key", ".pem"].iter().any(|end| name.ends_with(end));
    if by_name {
        return Some(LeftOutReason::Secret);
    }
    let below = source.path.strip_prefix("state/")?;
    let is_secret = SECRET_PATHS
        .iter()
        .any(|start| below == *start || (start.ends_with('/') && below.starts_with(start)))
        || name == "auth-profiles.json"
        || name.contains(".json.bak")
        || name.ends_with(".last-good");
    if source.content == SourceContent::Database || has_database_name(name) {
        Some(LeftOutReason::Database)
    } else {
        is_secret.then_some(LeftOutReason::Secret)
    }
}

/// Returns whether a file name is that of a database or of a log or journal beside one.
fn has_database_name(name: &str) -> bool {
    let base = COMPANION_ENDINGS
        .iter()
        .find_map(|ending| name.strip_suffix(ending));
    DATABASE_ENDINGS
        .iter()
        .any(|ending| base.unwrap_or(name).ends_with(ending))
}

/// Removes the secrets from an export: files of secrets and databases are left out, secrets in configs and other JSON are
/// replaced by [`REDACTED`].
///
/// # Errors
/// When a JSON file can't be read.
pub(crate) fn remove_secrets(files: &mut FileSet) -> Result<()> {
    let is_json = |path: &str| {
        let json = [".json", ".json5"].iter().any(|end| path.ends_with(end));
        json && !path.starts_with("workspace/")
    };
    for mut source in std::mem::take(&mut files.sources) {
        let reason = if let Some(reason) = secret_reason(&source) {
            Some(reason)
        } else if is_json(&source.path) {
            let bytes = match read::bytes(&source.file) {
                Err(ReadError::Missing) => continue,
                Err(ReadError::Io(cause)) => return Err(unreadable(&source.file, cause)),
                read => read.ok(),
            };
            // A file that claims to be JSON and can't be parsed may hold anything.
            match bytes.and_then(redact_json) {
                Some(bytes) => {
                    source.content = SourceContent::Bytes(bytes);
                    None
                }
                None => Some(LeftOutReason::Unparsable),
            }
        } else {
            None
        };
        match reason {
            Some(reason) => files.left_out.push(LeftOut {
                reason,
                path: source.file,
            }),
            None => files.sources.push(source),
        }
    }
    Ok(())
}

/// Returns the bytes of a JSON file without its secrets; `None` when they can't be parsed.
fn redact_json(bytes: Vec<u8>) -> Option<Vec<u8>> {
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
