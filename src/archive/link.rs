//! Symbolic links in archives: only those that stay inside the folder that is packed.
//!
//! A target is kept as `../` parts followed by names. The parts before the names lead through folders, which archives
//! hold as folders and never as links, so that what a target spells is where it leads; and a name that is itself a link
//! stays inside by the same rule.

use std::io;
use std::path::{Component, Path, PathBuf};

use crate::host::read;

/// Number of bytes of a target.
const MAX_TARGET_BYTES: usize = 2048;

/// Returns the target of a link for an archive of the folder `root`; `None` for a link that leads out of it, or whose
/// target is not Unicode.
///
/// # Errors
/// When the link can't be read.
pub(super) fn portable_target(link: &Path, root: &Path) -> io::Result<Option<String>> {
    let target = std::fs::read_link(link)?;
    let folder = link.parent().unwrap_or(root);
    let real = match read::canonicalize(link) {
        Ok(real) if real.starts_with(root) => Some(real),
        Ok(_) => return Ok(None),
        // A broken link is kept where its text stays inside.
        Err(_) => None,
    };
    let below = folder.strip_prefix(root).unwrap_or(Path::new(""));
    if let Some(text) = target.to_str()
        && stays_inside(below, text)
    {
        return Ok(Some(text.to_owned()));
    }
    let rebuilt = real.map(|real| relative(folder, &real));
    let text = rebuilt.and_then(|path| path.to_str().map(str::to_owned));
    Ok(text.filter(|text| stays_inside(below, text)))
}

/// Returns whether a link in the folder `below` of an archive's top folder stays in the top folder.
pub(super) fn stays_inside(below: &Path, target: &str) -> bool {
    let depth = below.components().count();
    let parts: Vec<_> = Path::new(target).components().collect();
    let ups = parts
        .iter()
        .take_while(|part| **part == Component::ParentDir)
        .count();
    let rest = &parts[ups..];
    let is_plain = |part: &Component<'_>| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().iter().any(|b| b.is_ascii_control() || *b == b'\\'));
    !target.is_empty() && target.len() <= MAX_TARGET_BYTES && ups <= depth && rest.iter().all(is_plain)
}

/// Returns the relative path that leads from a folder to a path.
fn relative(folder: &Path, to: &Path) -> PathBuf {
    let shared = folder
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    let ups = folder.components().skip(shared).map(|_| Component::ParentDir);
    ups.chain(to.components().skip(shared)).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_targets_that_stay_in_the_top_folder_are_accepted() {
        let inside = |below: &str, target: &str| stays_inside(Path::new(below), target);
        assert!(inside("", "run.sh") && inside("a/b", "../../c/d") && inside("a", ".."));
        for (below, target) in [
            ("", "/etc/passwd"),
            ("", "../x"),
            ("a", "../../x"),
            ("a/b", "c/../../../../x"),
            ("a/b", "link/../x"),
            ("", ""),
            ("a", "b\nc"),
            ("a", "b\\c"),
        ] {
            assert!(!inside(below, target), "{below} {target:?}");
        }
    }

    #[test]
    fn a_link_is_made_relative_where_it_stays_inside_and_left_out_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let root = read::canonicalize(dir.path()).unwrap().join("state");
        #[expect(clippy::disallowed_methods, reason = "the test makes its own files")]
        for folder in ["a/b", "c"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let target = |name: &str, target: &Path| {
            let link = root.join("a/b").join(name);
            #[expect(clippy::disallowed_methods, reason = "the test makes its own links")]
            std::os::unix::fs::symlink(target, &link).unwrap();
            portable_target(&link, &root).unwrap()
        };
        assert_eq!(target("kept", Path::new("../../c")).as_deref(), Some("../../c"));
        assert_eq!(target("absolute", &root.join("c")).as_deref(), Some("../../c"));
        assert_eq!(target("broken", Path::new("missing")).as_deref(), Some("missing"));
        assert_eq!(target("outside", dir.path()), None);
        assert_eq!(target("broken-outside", Path::new("/missing/x")), None);
    }
}
