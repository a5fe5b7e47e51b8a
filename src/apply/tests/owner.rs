//! Files of other users: nothing of theirs is obeyed, and nothing is written into their folders.

use super::*;
use crate::skip::{Reason, skipped};

/// Gives a path to a user who is neither root nor this one. Returns `false` where only root may.
fn give_away(path: &Path) -> bool {
    std::os::unix::fs::lchown(path, Some(12345), Some(12345)).is_ok()
}

#[test]
fn a_journal_of_another_user_is_not_obeyed() {
    let host = TestHost::new();
    let journal = r#"{"version":1,"about":"/x","stage":[],"commit":[]}"#;
    host.write_fixture("state/journal.commit.json", journal);
    if !give_away(&host.path("state/journal.commit.json")) {
        return skipped(Reason::NeedsRoot, "only root gives files away");
    }
    let before = host.tree();
    let error = recover(&host.lock).unwrap_err();
    assert_eq!(
        (error.code(), error.kind.exit_code()),
        ("apply.foreign-owner", 78)
    );
    assert_eq!(host.tree(), before);
}

#[test]
fn a_state_home_or_lock_of_another_user_is_refused() {
    for below in ["state", "state/lock"] {
        let TestHost { dir, lock } = TestHost::new();
        drop(lock);
        if !give_away(&dir.path().join(below)) {
            return skipped(Reason::NeedsRoot, "only root gives files away");
        }
        let error = HostLock::acquire(&dir.path().join("state"), Duration::ZERO).unwrap_err();
        assert_eq!(error.code(), "apply.foreign-owner", "{below}");
    }
}

#[test]
fn a_config_in_the_folder_of_another_user_is_refused() {
    let host = TestHost::new();
    fs::create_dir(host.path("i")).unwrap();
    if !give_away(&host.path("i")) {
        return skipped(Reason::NeedsRoot, "only root gives files away");
    }
    let before = host.tree();
    let error = host
        .apply(vec![Change::Write(host.config("i/c", "{}"))])
        .unwrap_err();
    assert_eq!(error.code(), "apply.foreign-owner");
    assert_eq!(host.tree(), before);
}

#[test]
fn root_follows_no_link_of_another_user() {
    let host = TestHost::new();
    fs::create_dir(host.path("real")).unwrap();
    symlink(host.path("real"), host.path("i")).unwrap();
    if !give_away(&host.path("i")) {
        return skipped(Reason::NeedsRoot, "only root gives files away");
    }
    let error = host
        .apply(vec![Change::Write(host.write("i/c", "{}"))])
        .unwrap_err();
    assert_eq!(error.code(), "apply.failed");
    assert_eq!(fs::read_dir(host.path("real")).unwrap().count(), 0);
}
