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
