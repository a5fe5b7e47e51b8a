//! An earlier config in the place of one that no gateway starts from; what stood there is kept.

use std::path::{Path, PathBuf};

use crate::config::document::ConfigDocument;
use crate::config::secrets;
use crate::secret::SecretOrigin;

use super::{Change, Content, FileKind, FileWrite};

/// The config at a path, written as this document; its secrets are known as those that stood in it.
pub fn config_write(path: &Path, document: &ConfigDocument, before: Option<Vec<u8>>) -> Change {
    Change::Write(FileWrite {
        path: path.to_path_buf(),
        content: Content::in_pieces(document.text(), secrets::pieces(document, |_| SecretOrigin::Kept)),
        backup: before.is_some(),
        before,
        kind: FileKind::Config,
    })
}

/// A name beside a file that says what became of it: `openclaw.json.broken-20261122T192245123Z`.
pub fn named_beside(path: &Path, what: &str, stamp: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{what}-{stamp}"));
    path.with_file_name(name)
}
