//! The parts of a state folder that a restore replaces.

use std::path::{Path, PathBuf};

use super::left_out::reason_at_top;
use super::listing::list;
use crate::error::Result;

/// Returns the paths to rename when an instance's state below `root` is replaced: the entries of `root`; of an entry
/// that holds a path of `stay`, its own entries. `stay` and the result are relative to `root`.
///
/// # Errors
/// When a folder can't be listed: what was overlooked would be mixed with the new state.
pub(crate) fn movable_entries(root: &Path, stay: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    collect_movable(root, Path::new(""), stay, &mut found)?;
    found.sort();
    Ok(found)
}

/// Collects the entries to rename in the folder `below` of `root`.
fn collect_movable(root: &Path, below: &Path, stay: &[PathBuf], found: &mut Vec<PathBuf>) -> Result<()> {
    for path in list(&root.join(below))? {
        let name = path.file_name().unwrap_or_default();
        let path = below.join(name);
        let is_at_top = below.as_os_str().is_empty();
        let is_left_out = is_at_top && name.to_str().is_some_and(|name| reason_at_top(name).is_some());
        if is_left_out || stay.contains(&path) {
            continue;
        }
        if stay.iter().any(|stays| stays.starts_with(&path)) {
            collect_movable(root, &path, stay, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}
