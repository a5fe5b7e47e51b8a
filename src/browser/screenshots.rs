//! Where pictures of pages are kept: a folder of the instance, the newest hundred.

use std::path::{Path, PathBuf};

use super::{Result, World};
use crate::apply;

/// As many are kept.
const KEPT: usize = 100;

/// Writes a picture and lets the oldest go.
pub(super) fn keep(world: &World, profile: &str, ending: &str, bytes: &[u8]) -> Result<PathBuf> {
    let folder = world.instance.state_dir.join("media/browser");
    let now = humantime::format_rfc3339_millis(world.host.now()).to_string();
    let stamp: String = now.chars().filter(char::is_ascii_alphanumeric).collect();
    let random = hex::encode(world.host.random::<2>());
    let path = folder.join(format!("{stamp}-{random}-{profile}.{ending}"));
    apply::write_file(&path, bytes)?;
    prune(&folder);
    Ok(path)
}

/// Their names begin with the time: what sorts first is the oldest.
fn prune(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut pictures: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "png" || e == "jpeg"))
        .collect();
    pictures.sort();
    let surplus = pictures.len().saturating_sub(KEPT);
    for old in &pictures[..surplus] {
        // One that can't be removed is tried again with the next picture.
        let _ = apply::remove_file(old);
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test lays out files")]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go() {
        let dir = tempfile::tempdir().unwrap();
        for at in 0..KEPT + 3 {
            std::fs::write(dir.path().join(format!("{at:04}.png")), "").unwrap();
        }
        std::fs::write(dir.path().join("0000.txt"), "").unwrap();
        prune(dir.path());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), KEPT + 1);
        assert!(!dir.path().join("0002.png").exists() && dir.path().join("0003.png").exists());
    }
}
