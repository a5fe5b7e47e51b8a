//! The folder with the screenshots of an instance, of which the newest are kept.

use std::path::{Path, PathBuf};

use super::{BrowserContext, Result};
use crate::apply;
use crate::time::{file_stamp, format_millis};

/// Maximum number of screenshots of browser tabs that an instance keeps.
const MAX_SCREENSHOTS: usize = 100;

/// Writes a screenshot into the folder of an instance's screenshots, removes the oldest ones over the limit, and
/// returns its path.
pub(super) fn store(
    context: &BrowserContext,
    profile: &str,
    extension: &str,
    bytes: &[u8],
) -> Result<PathBuf> {
    let folder = context.instance.state_dir.join("media").join("browser");
    let stamp = file_stamp(&format_millis(context.host.now()));
    let random = hex::encode(context.host.random::<2>());
    let path = folder.join(format!("{stamp}-{random}-{profile}.{extension}"));
    apply::write_state_file(&context.instance.state_dir, &path, bytes)?;
    remove_oldest(&folder);
    Ok(path)
}

/// Removes an instance's oldest screenshots of browser tabs over the limit. File names begin with the time, so the
/// oldest sort first.
fn remove_oldest(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut screenshots: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "png" || e == "jpeg"))
        .collect();
    screenshots.sort();
    let surplus = screenshots.len().saturating_sub(MAX_SCREENSHOTS);
    for old in &screenshots[..surplus] {
        // A file that cannot be removed is tried again with the next screenshot.
        let _ = apply::remove_file(old);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test makes its own files")]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_screenshots_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        for at in 0..MAX_SCREENSHOTS + 3 {
            std::fs::write(dir.path().join(format!("{at:04}.png")), "").unwrap();
        }
        std::fs::write(dir.path().join("0000.txt"), "").unwrap();
        remove_oldest(dir.path());
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            MAX_SCREENSHOTS + 1
        );
        assert!(!dir.path().join("0002.png").exists() && dir.path().join("0003.png").exists());
    }
}
