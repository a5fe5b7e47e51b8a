//! Names in an archive: plain parts below one of four folders, valid on every system.

use super::ArchiveError;

/// The folders at the top of an archive of an instance.
const TOP_FOLDERS: [&str; 4] = ["config", "include", "state", "workspace"];
/// Maximum number of path components below a top folder of an instance's archive.
const MAX_DEPTH: usize = 40;
/// Maximum length of a path in an archive, in bytes.
const MAX_PATH_BYTES: usize = 2048;
/// Maximum length of one component of a path in an archive, in bytes.
const MAX_PART_BYTES: usize = 255;

/// Checks the path of a file in an instance's archive below one of the top folders.
///
/// # Errors
/// [`ArchiveError::Name`] for a path that leads elsewhere, or that some system can't hold.
pub(super) fn check(path: &str) -> Result<(), ArchiveError> {
    let mut parts = path.split('/');
    let top = parts.next().unwrap_or_default();
    let below: Vec<_> = parts.collect();
    let is_plain = |part: &&str| {
        !part.is_empty()
            && *part != "."
            && *part != ".."
            && part.len() <= MAX_PART_BYTES
            && !part.contains(['\\', ':', '\0'])
            && !part.chars().any(char::is_control)
    };
    let fits = path.len() <= MAX_PATH_BYTES && below.len() <= MAX_DEPTH && !below.is_empty();
    if TOP_FOLDERS.contains(&top) && fits && below.iter().all(is_plain) {
        Ok(())
    } else {
        Err(ArchiveError::Name(path.to_owned()))
    }
}

/// Returns whether an entry of an archive is named by the number under which it keeps a file whose path is too long
/// for tar.
pub(super) fn is_number(name: &str) -> bool {
    name.strip_prefix("long/")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_below_a_top_folder_are_accepted() {
        for good in [
            "config/openclaw.json",
            "state/a/b.jsonl",
            "workspace/SOUL.md",
            "state/ışık",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        let deep = format!("state/{}", "a/".repeat(60));
        for bad in [
            "",
            "state",
            "state/",
            "/etc/passwd",
            "../x",
            "state/../x",
            "state/./x",
            "state//x",
            "other/x",
            "state/a\\b",
            "state/C:x",
            "state/a\nb",
            "state/a\0",
            &deep,
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
        assert!(is_number("long/7") && !is_number("long/") && !is_number("long/a"));
    }
}
