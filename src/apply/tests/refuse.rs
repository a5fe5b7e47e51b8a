//! What is refused before a byte is written, and what a failure in the middle leaves.

use super::*;
use crate::error::ErrorKind;
use crate::skip::{Reason, skipped};

/// The plan is refused with this code, by the review and by apply, and the disk stays as it is.
#[track_caller]
fn refused(world: &World, changes: Vec<Change>, others: &[PathBuf], code: &str) -> Error {
    let before = world.tree();
    let plan = plan(changes);
    assert_eq!(preflight(&plan, others).unwrap_err().code(), code);
    let error = apply(&world.lock, &plan, others, &mut |event| panic!("{event:?}")).unwrap_err();
    assert_eq!(error.code(), code);
    assert_eq!(world.tree(), before);
    error
}

#[test]
fn a_file_that_changed_since_the_plan_is_stale() {
    let world = World::new();
    let fresh = world.write("i/new", "mine");
    let path = world.put("i/old", "1");
    let edit = world.write("i/old", "2");
    world.put("i/new", "theirs");
    fs::write(&path, "edited").unwrap();
    assert_eq!(
        refused(&world, vec![Change::Write(fresh)], &[], "apply.stale").kind,
        ErrorKind::Failure
    );
    refused(&world, vec![Change::Write(edit.clone())], &[], "apply.stale");
    fs::remove_file(&path).unwrap();
    refused(&world, vec![Change::Write(edit)], &[], "apply.stale");
    let gone = Change::Rename {
        path: world.path("gone"),
        to: world.path("aside"),
    };
    refused(&world, vec![gone], &[], "apply.stale");
}

#[test]
fn what_is_no_file_is_never_replaced() {
    let world = World::new();
    let write = |below: &str| {
        vec![Change::Write(FileWrite {
            before: None,
            ..world.write(below, "x")
        })]
    };
    fs::create_dir_all(world.path("i/folder")).unwrap();
    refused(&world, write("i/folder"), &[], "apply.not-a-file");
    make_fifo(&world.path("fifo"));
    assert_eq!(
        refused(&world, write("fifo"), &[], "apply.not-a-file").kind,
        ErrorKind::Blocked
    );
    world.put("i/c", "1");
    fs::create_dir(world.path("i/c.bak.1")).unwrap();
    refused(
        &world,
        vec![Change::Write(world.config("i/c", "2"))],
        &[],
        "apply.not-a-file",
    );
    refused(
        &world,
        vec![Change::MakeDir {
            path: world.path("i/c"),
        }],
        &[],
        "apply.not-a-folder",
    );
    refused(&world, write("i/c/below"), &[], "apply.failed");
    let onto = Change::Rename {
        path: world.path("i/c"),
        to: world.path("i/folder"),
    };
    refused(&world, vec![onto], &[], "apply.name-taken");
    symlink("b", world.path("i/a")).unwrap();
    symlink("a", world.path("i/b")).unwrap();
    refused(&world, write("i/a"), &[], "apply.failed");
    let twice = [write("i/d"), write("i/d")].concat();
    refused(&world, twice, &[], "apply.twice");
}

#[test]
fn links_never_lead_into_another_instance() {
    let world = World::new();
    let main = world.put("main/openclaw.json", "main's");
    fs::create_dir(world.path("main/workspace")).unwrap();
    let others = [world.path("main"), world.path("main/workspace"), main.clone()];
    fs::create_dir(world.path("rescue")).unwrap();
    symlink(&main, world.path("rescue/openclaw.json")).unwrap();
    symlink("../main/workspace", world.path("rescue/workspace")).unwrap();
    symlink("main", world.path("parent")).unwrap();
    let write = |below: &str| vec![Change::Write(world.write(below, "rescue's"))];
    let error = refused(&world, write("rescue/openclaw.json"), &others, "apply.isolation");
    assert_eq!(error.kind, ErrorKind::Blocked);
    let said = error.msg.render(crate::i18n::Lang::english());
    assert!(
        said.contains("rescue/openclaw.json") && said.contains("main"),
        "{said}"
    );
    refused(
        &world,
        write("rescue/workspace/AGENTS.md"),
        &others,
        "apply.isolation",
    );
    refused(
        &world,
        write("parent/rescue/openclaw.json"),
        &others,
        "apply.isolation",
    );
    refused(
        &world,
        vec![Change::MakeDir {
            path: world.path("parent/rescue"),
        }],
        &others,
        "apply.isolation",
    );
    // Their very own paths are refused by any name.
    refused(&world, write("main/openclaw.json"), &others, "apply.isolation");
    refused(
        &world,
        vec![Change::MakeDir {
            path: world.path("main/workspace"),
        }],
        &others,
        "apply.isolation",
    );
    let moved = Change::Rename {
        path: world.path("rescue"),
        to: world.path("parent/rescue"),
    };
    refused(&world, vec![moved], &others, "apply.isolation");
    // The manual way of two configs in one folder was judged when the plan was made.
    world.apply(write("main/rescue.json")).unwrap();
    preflight(&plan(write("main/rescue.json")), &others).unwrap();
}

#[test]
fn a_folder_in_which_another_instance_lives_is_not_moved() {
    let world = World::new();
    let theirs = world.put("main/rescue.json", "rescue's");
    let reset = Change::Rename {
        path: world.path("main"),
        to: world.path("main.reset"),
    };
    refused(&world, vec![reset], &[theirs], "apply.holds-another");
}

#[test]
fn nothing_is_moved_to_another_file_system() {
    let world = World::new();
    let far = Path::new("/dev/shm");
    let device = |path: &Path| fs::metadata(path).map(|meta| meta.dev()).ok();
    if [None, device(world.dir.path())].contains(&device(far)) {
        return skipped(Reason::OneFileSystem, "nothing lies on another one");
    }
    world.put("ws/A", "stays");
    let moved = Change::Rename {
        path: world.path("ws"),
        to: far.join("openclaw-never-made"),
    };
    refused(&world, vec![moved], &[], "apply.other-device");
}

/// A transaction with a bit of everything, stopped right after its commit was marked.
fn at_the_mark<'a>(world: &'a World, plan: &'a Plan) -> transaction::Transaction<'a> {
    let script = script::script(plan, preflight::look(plan, &[]).unwrap(), "test");
    let mut transaction = transaction::Transaction::new(world.lock.state_home(), plan, &[], script);
    while !world.path("state/journal.commit.json").exists() {
        assert!(transaction.advance(&mut |_| {}).unwrap());
    }
    transaction
}

/// Goes on until it fails, then takes everything back.
fn fail(mut transaction: transaction::Transaction<'_>, undone: &mut Vec<PathBuf>) -> Error {
    let mut events = |event: ApplyEvent<'_>| {
        if let ApplyEvent::Undone(path) = event {
            undone.push(path.to_path_buf());
        }
    };
    loop {
        match transaction.advance(&mut events) {
            Ok(more) => assert!(more, "it was to fail"),
            Err(error) => return transaction.undo(error, &mut events),
        }
    }
}

#[test]
fn a_failure_in_the_middle_of_the_commit_undoes_everything() {
    let world = World::new();
    world.put("i/openclaw.json", "old");
    world.put("i/openclaw.json.bak", "older");
    world.put("ws/AGENTS.md", "old");
    let before = world.tree();
    let plan = plan(vec![
        Change::Rename {
            path: world.path("ws"),
            to: world.path("attic/ws"),
        },
        Change::Write(FileWrite {
            before: None,
            ..world.write("ws/AGENTS.md", "new")
        }),
        Change::Write(world.write("state/registry.toml", "entry")),
        Change::Write(world.config("i/openclaw.json", "new")),
        Change::Write(world.write("late/last", "never")),
    ]);
    let transaction = at_the_mark(&world, &plan);
    fs::create_dir(world.path("late/last")).unwrap();
    let mut undone = Vec::new();
    let error = fail(transaction, &mut undone);
    assert_eq!((error.code(), error.kind), ("apply.failed", ErrorKind::Failure));
    assert!(error.cause.is_some());
    let hints: Vec<_> = error.hints.iter().map(Msg::key).collect();
    assert_eq!(hints, ["apply.clear-the-way", "apply.undone"]);
    fs::remove_dir_all(world.path("late")).unwrap();
    assert_eq!(world.tree(), before);
    let paths = [
        "i/openclaw.json",
        "i/openclaw.json.bak",
        "i/openclaw.json.bak.1",
        "state/registry.toml",
    ];
    let paths = paths
        .iter()
        .chain(&["ws/AGENTS.md", "ws", "ws"])
        .map(|below| world.path(below));
    assert_eq!(undone, paths.collect::<Vec<_>>(), "the last change first");
}

#[test]
fn what_resists_the_undo_is_named_and_the_next_run_finishes_it() {
    let world = World::new();
    world.put("a", "old");
    world.put("b", "old");
    let plan = plan(vec![
        Change::Write(world.write("a", "new")),
        Change::Write(world.write("b", "new")),
    ]);
    let transaction = at_the_mark(&world, &plan);
    fs::remove_file(world.path("b")).unwrap();
    fs::create_dir(world.path("b")).unwrap();
    let error = fail(transaction, &mut Vec::new());
    let said = error.hints[1].render(crate::i18n::Lang::english());
    assert!(
        error.hints[1].key() == "apply.undo-failed" && said.contains("/b"),
        "{said}"
    );
    assert_eq!(world.read("a"), "old", "the others come back all the same");
    assert!(has_unfinished_transaction(world.lock.state_home()));
    assert_eq!(recover(&world.lock).unwrap_err().code(), "apply.failed");
    fs::remove_dir(world.path("b")).unwrap();
    assert_eq!(
        recover(&world.lock).unwrap().unwrap().outcome,
        RecoveryOutcome::Undone
    );
    assert_eq!(world.read("b"), "old");
    assert_eq!(leftovers(&world.tree()), Vec::<&PathBuf>::new());
}

#[test]
fn an_edit_while_the_files_are_staged_is_not_overwritten() {
    let world = World::new();
    world.put("c", "old");
    let plan = plan(vec![Change::Write(world.config("c", "new"))]);
    let error = apply(&world.lock, &plan, &[], &mut |event| {
        if matches!(event, ApplyEvent::Started(_)) {
            fs::remove_file(world.path("c")).unwrap();
            world.put("c", "edited");
        }
    })
    .unwrap_err();
    assert_eq!(error.code(), "apply.stale");
    assert_eq!(world.read("c"), "edited");
    assert_eq!(leftovers(&world.tree()), Vec::<&PathBuf>::new());
}

#[test]
fn a_mode_is_changed_only_where_it_is_the_one_that_the_plan_saw_and_never_through_a_link() {
    let world = World::new();
    world.put("i/keys", "keys");
    world.chmod("i/keys", 0o644);
    let change = |below: &str, from| Change::SetMode {
        path: world.path(below),
        from,
        to: 0o600,
    };
    std::os::unix::fs::symlink(world.path("i/keys"), world.path("i/link")).unwrap();
    for (below, from) in [("i/keys", 0o640), ("i/link", 0o644), ("i/nothing", 0o644)] {
        let error = world.apply(vec![change(below, from)]).unwrap_err();
        assert_eq!(error.code(), "apply.stale", "{below}");
        assert_eq!(world.mode("i/keys") & 0o7777, 0o644);
    }
    world.apply(vec![change("i/keys", 0o644)]).unwrap();
    assert_eq!(world.mode("i/keys") & 0o7777, 0o600);
}
