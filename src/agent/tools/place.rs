//! Places in an agent's workspace: which file a path that a model wrote stands for, if it stands for one there at all.
//!
//! A path is relative, and no part of it leaves the workspace: neither by `..` nor by a link. A file with a second name is
//! none of the workspace either, since the other name may be anywhere.

use std::path::{Component, Path, PathBuf};

use crate::host::read;

/// Returns the path of a file or folder in the workspace, which need not exist.
///
/// # Errors
/// The sentence for the model that says why the path can't be used.
pub(super) fn find(workspace: &Path, typed: &str) -> Result<PathBuf, String> {
    let outside = || format!("{typed:?} is not a path below the workspace");
    let relative = Path::new(typed.trim());
    let mut path = workspace.to_owned();
    for component in relative.components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            _ => return Err(outside()),
        }
        if let Ok(metadata) = path.symlink_metadata() {
            let has_second_name = metadata.is_file() && read::link_count(&metadata) > 1;
            if metadata.is_symlink() || has_second_name {
                return Err(format!("{typed:?} leads out of the workspace by a link"));
            }
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "tests make their own files")]

    use super::*;

    #[test]
    fn path_below_the_workspace_is_found() {
        let workspace = Path::new("/w");
        for (typed, found) in [
            ("a.md", "/w/a.md"),
            ("./memory/b.md", "/w/memory/b.md"),
            (" a ", "/w/a"),
            ("", "/w"),
            (".", "/w"),
        ] {
            assert_eq!(
                find(workspace, typed).as_deref(),
                Ok(Path::new(found)),
                "{typed:?}"
            );
        }
    }

    #[test]
    fn path_that_leaves_the_workspace_is_refused() {
        for typed in ["../x", "a/../../x", "/etc/passwd", "a/../b"] {
            assert!(find(Path::new("/w"), typed).is_err(), "{typed:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("workspace");
        std::fs::create_dir(&workspace).unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "s").unwrap();
        std::os::unix::fs::symlink(&secret, workspace.join("soft")).unwrap();
        std::os::unix::fs::symlink(folder.path(), workspace.join("folder")).unwrap();
        std::fs::hard_link(&secret, workspace.join("hard")).unwrap();
        for typed in ["soft", "folder/secret", "hard"] {
            assert!(find(&workspace, typed).is_err(), "{typed}");
        }
    }
}
