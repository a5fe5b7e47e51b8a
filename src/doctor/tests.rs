//! Tests of the table of checks.

use std::collections::BTreeSet;

use super::*;

#[test]
fn check_ids_are_unique_and_kebab_case() {
    let mut seen = BTreeSet::new();
    for check in checks() {
        assert!(seen.insert(check.id), "{} stands twice", check.id);
        let is_plain = check.id.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(is_plain && check.id.contains('-'), "{}", check.id);
    }
    assert!(seen.len() > 45);
}
