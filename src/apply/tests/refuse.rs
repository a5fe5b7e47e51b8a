//! Plans that are refused before a byte is written, and failures in the middle.

use super::*;
use crate::error::ErrorKind;
use crate::skip::{Reason, skipped};

/// Asserts that preflight and apply refuse the plan with this code and leave the disk as it is.
#[track_caller]
fn assert_refused(host: &TestHost, changes: Vec<Change>, others: &[PathBuf], code: &str) -> Error {
    let before = host.tree();
    let plan = plan(changes);
    assert_eq!(
        preflight(&plan, InstancePaths::of_others(others).all())
            .unwrap_err()
            .code(),
        code
    );
    let error = apply(&host.lock, &plan, others, &mut |event| panic!("{event:?}")).unwrap_err();
    assert_eq!(error.code(), code);
    assert_eq!(host.tree(), before);
    error
}

#[test]
fn a_file_that_changed_since_the_plan_is_stale() {
    let host = TestHost::new();
    let fresh = host.write("i/new", "mine");
    let path = host.write_fixture("i/old", "1");
    let edit = host.write("i/old", "2");
    host.write_fixture("i/new", "theirs");
    fs::write(&path, "edited").unwrap();
    assert_eq!(
        assert_refused(&host, vec![Change::Write(fresh)], &[], "apply.stale").kind,
        ErrorKind::Failure
    );
    assert_refused(&host, vec![Change::Write(edit.clone())], &[], "apply.stale");
    fs::remove_file(&path).unwrap();
    assert_refused(&host, vec![Change::Write(edit)], &[], "apply.stale");
    let gone = Change::Rename {
        path: host.path("gone"),
        to: host.path("aside"),
    };
    assert_refused(&host, vec![gone], &[], "apply.stale");
}

#[test]
fn only_regular_files_are_replaced() {
    let host = TestHost::new();
    let write = |below: &str| {
        vec![Change::Write(FileWrite {
            before: None,
            ..host.write(below, "x")
        })]
    };
    fs::create_dir_all(host.path("i/folder")).unwrap();
    assert_refused(&host, write("i/folder"), &[], "apply.not-a-file");
    make_fifo(&host.path("fifo"));
    assert_eq!(
        assert_refused(&host, write("fifo"), &[], "apply.not-a-file").kind,
        ErrorKind::Blocked
    );
    host.write_fixture("i/c", "1");
    fs::create_dir(host.path("i/c.bak.1")).unwrap();
    assert_refused(
        &host,
        vec![Change::Write(host.config("i/c", "2"))],
        &[],
        "apply.not-a-file",
    );
    assert_refused(
        &host,
        vec![Change::MakeDir {
            path: host.path("i/c"),
        }],
        &[],
        "apply.not-a-folder",
    );
    assert_refused(&host, write("i/c/below"), &[], "apply.failed");
    let onto = Change::Rename {
        path: host.path("i/c"),
        to: host.path("i/folder"),
    };
    assert_refused(&host, vec![onto], &[], "apply.name-taken");
    symlink("b", host.path("i/a")).unwrap();
    symlink("a", host.path("i/b")).unwrap();
    assert_refused(&host, write("i/a"), &[], "apply.failed");
    let twice = [write("i/d"), write("i/d")].concat();
    assert_refused(&host, twice, &[], "apply.twice");
}

#[test]
fn a_link_into_another_instance_is_refused() {
    let host = TestHost::new();
    let main = host.write_fixture("main/openclaw.json", "main's");
    fs::create_dir(host.path("main/workspace")).unwrap();
    let others = [host.path("main"), host.path("main/workspace"), main.clone()];
    fs::create_dir(host.path("rescue")).unwrap();
    symlink(&main, host.path("rescue/openclaw.json")).unwrap();
    symlink("../main/workspace", host.path("rescue/workspace")).unwrap();
    symlink("main", host.path("parent")).unwrap();
    let write = |below: &str| vec![Change::Write(host.write(below, "rescue's"))];
    let error = assert_refused(&host, write("rescue/openclaw.json"), &others, "apply.isolation");
    assert_eq!(error.kind, ErrorKind::Blocked);
    let text = error.msg.render(crate::i18n::Lang::english());
    assert!(
        text.contains("rescue/openclaw.json") && text.contains("main"),
        "{text}"
    );
    assert_refused(
        &host,
        write("rescue/workspace/AGENTS.md"),
        &others,
        "apply.isolation",
    );
    assert_refused(
        &host,
        write("parent/rescue/openclaw.json"),
        &others,
        "apply.isolation",
    );
    assert_refused(
        &host,
        vec![Change::MakeDir {
            path: host.path("parent/rescue"),
        }],
        &others,
        "apply.isolation",
    );
    // Their very own paths are refused by any name.
    assert_refused(&host, write("main/openclaw.json"), &others, "apply.isolation");
    assert_refused(
        &host,
        vec![Change::MakeDir {
            path: host.path("main/workspace"),
        }],
        &others,
        "apply.isolation",
    );
    let moved = Change::Rename {
        path: host.path("rescue"),
        to: host.path("parent/rescue"),
    };
    assert_refused(&host, vec![moved], &others, "apply.isolation");
    // The manual way of two configs in one folder was judged when the plan was made.
    host.apply(write("main/rescue.json")).unwrap();
    let known = InstancePaths::of_others(&others);
    preflight(&plan(write("main/rescue.json")), known.all()).unwrap();
}

#[test]
fn a_folder_that_holds_another_instance_is_not_renamed() {
    let host = TestHost::new();
    let theirs = host.write_fixture("main/rescue.json", "rescue's");
    let reset = Change::Rename {
        path: host.path("main"),
        to: host.path("main.reset"),
    };
    assert_refused(&host, vec![reset], &[theirs], "apply.holds-another");
}

#[test]
fn a_rename_to_another_file_system_is_refused() {
    let host = TestHost::new();
    let far = Path::new("/dev/shm");
    let device = |path: &Path| fs::metadata(path).map(|meta| meta.dev()).ok();
    if [None, device(host.dir.path())].contains(&device(far)) {
        return skipped(Reason::OneFileSystem, "nothing lies on another one");
    }
    host.write_fixture("ws/A", "stays");
    let moved = Change::Rename {
        path: host.path("ws"),
        to: far.join("openclaw-never-made"),
    };
    assert_refused(&host, vec![moved], &[], "apply.other-device");
}

/// Returns a transaction that is stopped right after it was marked as committing.
fn begin_commit<'a>(host: &'a TestHost, plan: &'a Plan) -> transaction::Transaction<'a> {
    let steps = step_list::build(
        plan,
        preflight::inspect(plan, InstancePaths::of_others(&[]).all()).unwrap(),
        "test",
    );
    let mut transaction = transaction::Transaction::new(host.lock.state_home(), plan, &[], steps);
    while !host.path("state/journal.commit.json").exists() {
        assert!(transaction.advance(&mut |_| {}).unwrap());
    }
    transaction
}

/// Advances until a primitive fails, then undoes everything. Returns the error.
fn advance_until_failure(mut transaction: transaction::Transaction<'_>, undone: &mut Vec<PathBuf>) -> Error {
    let mut events = |event: ApplyEvent<'_>| {
        if let ApplyEvent::Undone(path) = event {
            undone.push(path.to_path_buf());
        }
    };
    loop {
        match transaction.advance(&mut events) {
            Ok(more) => assert!(more, "it was to advance_until_failure"),
            Err(error) => return transaction.undo(error, &mut events),
        }
    }
}

#[test]
fn a_failure_in_the_middle_of_the_commit_undoes_everything() {
    let host = TestHost::new();
    host.write_fixture("i/openclaw.json", "old");
    host.write_fixture("i/openclaw.json.bak", "older");
    host.write_fixture("ws/AGENTS.md", "old");
    let before = host.tree();
    let plan = plan(vec![
        Change::Rename {
            path: host.path("ws"),
            to: host.path("attic/ws"),
        },
        Change::Write(FileWrite {
            before: None,
            ..host.write("ws/AGENTS.md", "new")
        }),
        Change::Write(host.write("state/registry.toml", "entry")),
        Change::Write(host.config("i/openclaw.json", "new")),
        Change::Write(host.write("late/last", "never")),
    ]);
    let transaction = begin_commit(&host, &plan);
    fs::create_dir(host.path("late/last")).unwrap();
    let mut undone = Vec::new();
    let error = advance_until_failure(transaction, &mut undone);
    assert_eq!((error.code(), error.kind), ("apply.failed", ErrorKind::Failure));
    assert!(error.cause.is_some());
    let hints: Vec<_> = error.hints.iter().map(Msg::key).collect();
    assert_eq!(hints, ["apply.clear-the-way", "apply.undone"]);
    fs::remove_dir_all(host.path("late")).unwrap();
    assert_eq!(host.tree(), before);
    let paths = [
        "i/openclaw.json",
        "i/openclaw.json.bak",
        "i/openclaw.json.bak.1",
        "state/registry.toml",
    ];
    let paths = paths
        .iter()
        .chain(&["ws/AGENTS.md", "ws", "ws"])
        .map(|below| host.path(below));
    assert_eq!(undone, paths.collect::<Vec<_>>(), "the last change first");
}

#[test]
fn a_path_that_resists_the_undo_is_reported_and_the_next_run_finishes_it() {
    let host = TestHost::new();
    host.write_fixture("a", "old");
    host.write_fixture("b", "old");
    let plan = plan(vec![
        Change::Write(host.write("a", "new")),
        Change::Write(host.write("b", "new")),
    ]);
    let transaction = begin_commit(&host, &plan);
    fs::remove_file(host.path("b")).unwrap();
    fs::create_dir(host.path("b")).unwrap();
    let error = advance_until_failure(transaction, &mut Vec::new());
    let text = error.hints[1].render(crate::i18n::Lang::english());
    assert!(
        error.hints[1].key() == "apply.undo-failed" && text.contains("/b"),
        "{text}"
    );
    assert_eq!(host.read("a"), "old", "the others come back all the same");
    assert!(has_unfinished_transaction(host.lock.state_home()));
    assert_eq!(recover(&host.lock).unwrap_err().code(), "apply.failed");
    fs::remove_dir(host.path("b")).unwrap();
    assert_eq!(
        recover(&host.lock).unwrap().unwrap().outcome,
        RecoveryOutcome::Undone
    );
    assert_eq!(host.read("b"), "old");
    assert_eq!(leftovers(&host.tree()), Vec::<&PathBuf>::new());
}

#[test]
fn an_edit_while_the_files_are_staged_is_not_overwritten() {
    let host = TestHost::new();
    host.write_fixture("c", "old");
    let plan = plan(vec![Change::Write(host.config("c", "new"))]);
    let error = apply(&host.lock, &plan, &[], &mut |event| {
        if matches!(event, ApplyEvent::Started(_)) {
            fs::remove_file(host.path("c")).unwrap();
            host.write_fixture("c", "edited");
        }
    })
    .unwrap_err();
    assert_eq!(error.code(), "apply.stale");
    assert_eq!(host.read("c"), "edited");
    assert_eq!(leftovers(&host.tree()), Vec::<&PathBuf>::new());
}

#[test]
fn a_mode_is_changed_only_from_the_planned_one_and_never_through_a_link() {
    let host = TestHost::new();
    host.write_fixture("i/keys", "keys");
    host.chmod("i/keys", 0o644);
    let change = |below: &str, from| Change::SetMode {
        path: host.path(below),
        from,
        to: 0o600,
    };
    std::os::unix::fs::symlink(host.path("i/keys"), host.path("i/link")).unwrap();
    for (below, from) in [("i/keys", 0o640), ("i/link", 0o644), ("i/nothing", 0o644)] {
        let error = host.apply(vec![change(below, from)]).unwrap_err();
        assert_eq!(error.code(), "apply.stale", "{below}");
        assert_eq!(host.mode("i/keys") & 0o7777, 0o644);
    }
    host.apply(vec![change("i/keys", 0o644)]).unwrap();
    assert_eq!(host.mode("i/keys") & 0o7777, 0o600);
}
