//! Names in an archive: plain parts below one of four folders, on every system the same.

use super::ArchiveError;

/// The folders of an archive.
const TOPS: [&str; 4] = ["config", "include", "state", "workspace"];
/// As deep as folders nest.
const MAX_DEPTH: usize = 40;
/// As long as a path may be, in bytes.
const MAX_LEN: usize = 2048;

/// Checks the path of a file below one of the archive's folders.
pub(super) fn check(path: &str) -> Result<(), ArchiveError> {
    let refused = || ArchiveError::Name(path.to_owned());
    let mut parts = path.split('/');
    let top = parts.next().unwrap_or_default();
    let rest: Vec<_> = parts.collect();
    let plain = |part: &&str| {
        !part.is_empty()
            && *part != "."
            && *part != ".."
            && part.len() <= 255
            && !part.contains(['\\', ':', '\0'])
            && !part.chars().any(char::is_control)
    };
    let fits = path.len() <= MAX_LEN && rest.len() <= MAX_DEPTH && !rest.is_empty();
    if TOPS.contains(&top) && fits && rest.iter().all(plain) {
        Ok(())
    } else {
        Err(refused())
    }
}

/// Whether a name is one under which the archive keeps a file whose path is too long for it.
pub(super) fn is_long(name: &str) -> bool {
    name.strip_prefix("long/")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_below_a_known_folder_pass() {
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
        assert!(is_long("long/7") && !is_long("long/") && !is_long("long/a"));
    }
}
