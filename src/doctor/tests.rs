//! The table of checks itself.

use std::collections::BTreeSet;

use super::*;

#[test]
fn ids_are_unique_and_plain() {
    let mut seen = BTreeSet::new();
    for check in checks() {
        assert!(seen.insert(check.id), "{} stands twice", check.id);
        let plain = check.id.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(plain && check.id.contains('-'), "{}", check.id);
    }
    assert!(seen.len() > 45);
}

#[test]
fn a_path_is_one_word_of_a_shell() {
    assert_eq!(word(Path::new("/h/.openclaw/a.json")), "/h/.openclaw/a.json");
    assert_eq!(word(Path::new("/h/a b")), "'/h/a b'");
    assert_eq!(word(Path::new("/h/it's")), r"'/h/it'\''s'");
}
