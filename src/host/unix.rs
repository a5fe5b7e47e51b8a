//! What only Unix answers.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The owner of a folder, where this process is root and the owner is not.
pub(super) fn foreign_owner(path: &Path) -> Option<u32> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let uid = std::fs::metadata(path).ok()?.uid();
    (uid != 0).then_some(uid)
}
