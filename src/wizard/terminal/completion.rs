//! Completion of the path of a folder while it is typed.

use std::path::{MAIN_SEPARATOR_STR, Path, PathBuf, is_separator};

/// Returns the text that completes a typed path of a folder: the rest of the only folder that it can mean with a separator
/// behind it, else what all of them have in common. `None` where nothing can be added. `~` is the home folder.
pub(super) fn folder_ending(typed: &str, home: &Path) -> Option<String> {
    let (folder, start) = match typed.rsplit_once(is_separator) {
        Some((folder, start)) => (absolute(folder, home)?, start),
        None if typed == "~" => return Some(MAIN_SEPARATOR_STR.to_owned()),
        None => return None,
    };
    let entries = std::fs::read_dir(folder).ok()?;
    let folders = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        // A hidden folder is meant only by whoever types its dot.
        let is_meant = name.starts_with(start) && (start.starts_with('.') || !name.starts_with('.'));
        (is_meant && entry.path().is_dir()).then_some(name)
    });
    let mut folders = folders.map(|name| name[start.len()..].to_owned());
    let first = folders.next()?;
    let (common, is_only) = folders.fold((first, true), |(common, _), other| {
        let same = common
            .chars()
            .zip(other.chars())
            .take_while(|(one, other)| one == other);
        (same.map(|(letter, _)| letter).collect(), false)
    });
    let ending = if is_only {
        common + MAIN_SEPARATOR_STR
    } else {
        common
    };
    (!ending.is_empty()).then_some(ending)
}

/// Returns the absolute path of a folder as it is typed, without its last separator; `None` for a relative one.
fn absolute(folder: &str, home: &Path) -> Option<PathBuf> {
    match folder.strip_prefix('~') {
        Some("") => Some(home.to_path_buf()),
        Some(below) => Some(home.join(below.strip_prefix(is_separator)?)),
        None if folder.is_empty() => Some(PathBuf::from(MAIN_SEPARATOR_STR)),
        None => Some(PathBuf::from(folder)).filter(|folder| folder.is_absolute()),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the test makes its own folders")]
mod tests {
    use super::*;

    #[test]
    fn typed_path_is_completed_by_the_folders_that_it_can_mean() {
        let home = tempfile::tempdir().unwrap();
        for folder in ["projects/one", "projects/only", "prose", ".hidden", "çalışma"] {
            std::fs::create_dir_all(home.path().join(folder)).unwrap();
        }
        std::fs::write(home.path().join("projects/onion"), "").unwrap();
        let ending = |typed: &str| folder_ending(typed, home.path());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(ending("~"), some("/"));
        assert_eq!(ending("~/p"), some("ro"), "what all have in common");
        assert_eq!(ending("~/proj"), some("ects/"));
        assert_eq!(
            ending("~/projects/on"),
            None,
            "two folders, and a file does not count"
        );
        assert_eq!(ending("~/projects/onl"), some("y/"));
        assert_eq!(ending("~/ça"), some("lışma/"));
        assert_eq!(ending("~/.h"), some("idden/"));
        assert_eq!(ending("~/x"), None);
        assert_eq!(ending("relative"), None);
        let absolute = format!("{}/prose", home.path().display());
        assert_eq!(ending(&absolute), some("/"));
    }
}
