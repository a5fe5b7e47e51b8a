//! Restoring an earlier config in the place of one that no gateway starts from; the replaced file is kept.

use std::path::{Path, PathBuf};

use crate::config::document::ConfigDocument;
use crate::config::secrets;
use crate::secret::SecretOrigin;

use super::{Change, Content, FileWrite};

/// Plans to replace the text of a config by that of a backup. Its secrets are shown as kept ones.
pub(crate) fn config_write(path: &Path, document: &ConfigDocument, before: Option<Vec<u8>>) -> Change {
    let pieces = secrets::redacted_pieces(document, |_| SecretOrigin::Kept);
    let content = Content::in_pieces(document.text(), pieces);
    Change::Write(FileWrite::config(path.to_path_buf(), content, before))
}

/// Returns a path in the same folder whose name says what became of the file and when:
/// `openclaw.json.broken-20261122T192245123Z`.
pub(crate) fn stamped_sibling(path: &Path, label: &str, stamp: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{label}-{stamp}"));
    path.with_file_name(name)
}
