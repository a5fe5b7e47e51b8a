//! A run that is killed after any number of primitives, and the run that comes after it.

use super::*;

/// A reset with a new workspace, a registry and a config: every kind of step, in a world made for it.
fn scene() -> (World, Plan) {
    let world = World::new();
    for (below, text) in [
        ("i/c", "old"),
        ("i/c.bak", "1"),
        ("i/c.bak.1", "2"),
        ("ws/A", "old"),
        ("state/r", "old"),
        ("i/open", "open"),
    ] {
        world.put(below, text);
    }
    world.chmod("i/c.bak", 0o644);
    world.chmod("i/open", 0o644);
    let changes = vec![
        Change::SetMode {
            path: world.path("i/open"),
            from: 0o644,
            to: 0o600,
        },
        Change::Rename {
            path: world.path("ws"),
            to: world.path("attic/ws"),
        },
        Change::MakeDir {
            path: world.path("ws"),
        },
        Change::Write(FileWrite {
            before: None,
            ..world.write("ws/A", "new")
        }),
        Change::MakeDir {
            path: world.path("i/agents/main"),
        },
        Change::Write(world.write("state/r", "new")),
        Change::Write(world.config("i/c", "new")),
    ];
    (world, plan(changes))
}

fn begin<'a>(world: &'a World, plan: &'a Plan) -> transaction::Transaction<'a> {
    let script = script::script(plan, preflight::look(plan, &[]).unwrap(), "test");
    transaction::Transaction::new(world.lock.state_home(), plan, &[], script)
}

/// The world's files as seen from its root: worlds differ in where they are.
fn shape(world: &World) -> Vec<(PathBuf, u32, String)> {
    let below = |path: PathBuf| path.strip_prefix(world.dir.path()).unwrap().to_path_buf();
    world
        .tree()
        .into_iter()
        .map(|(path, (mode, text))| (below(path), mode, text))
        .collect()
}

#[test]
fn a_kill_anywhere_leaves_the_old_state_or_the_new_one_after_the_next_run() {
    let (old, new) = {
        let (world, plan) = scene();
        let old = shape(&world);
        apply(&world.lock, &plan, &[], &mut |_| {}).unwrap();
        (old, shape(&world))
    };
    let mut outcomes = Vec::new();
    for kill in 0.. {
        let (world, plan) = scene();
        let mut transaction = begin(&world, &plan);
        let more = (0..kill).all(|_| transaction.advance(&mut |_| {}).unwrap());
        if !more {
            break;
        }
        drop(transaction);
        assert!(
            ["old", "new"].contains(&world.read("i/c").as_str()),
            "after {kill}"
        );
        let cut_short = has_unfinished_transaction(world.lock.state_home());
        let recovered = recover(&world.lock).unwrap();
        assert_eq!(recovered.is_some(), cut_short, "after {kill}");
        let outcome = recovered.map(|recovered| {
            assert_eq!(recovered.about, world.path("i/c"));
            recovered.outcome
        });
        match outcome {
            Some(RecoveryOutcome::Undone) => assert_eq!(shape(&world), old, "after {kill}"),
            Some(RecoveryOutcome::Completed) => assert_eq!(shape(&world), new, "after {kill}"),
            // Before the first primitive or after the last but one, nothing is left to be done.
            _ => assert!(
                shape(&world) == if kill == 0 { old.clone() } else { new.clone() },
                "after {kill}"
            ),
        }
        assert_eq!(recover(&world.lock).unwrap(), None, "after {kill}");
        outcomes.push(outcome);
    }
    outcomes.dedup();
    assert_eq!(
        outcomes,
        [
            None,
            Some(RecoveryOutcome::Undone),
            Some(RecoveryOutcome::Completed),
            None
        ]
    );
}

/// The world at the first, second ... commit step, and the bytes of its journal.
fn in_the_commit(world: &World, plan: &Plan, steps: usize) -> Vec<u8> {
    let mut transaction = begin(world, plan);
    while !world.path("state/journal.commit.json").exists() {
        transaction.advance(&mut |_| {}).unwrap();
    }
    (0..steps).for_each(|_| assert!(transaction.advance(&mut |_| {}).unwrap()));
    fs::read(world.path("state/journal.commit.json")).unwrap()
}

#[test]
fn a_kill_in_the_undo_of_a_failed_commit_is_undone_to_its_end() {
    let old = shape(&scene().0);
    for (made, taken_back) in (0..8).flat_map(|made| (0..=made).map(move |taken_back| (made, taken_back))) {
        let (world, plan) = scene();
        let journal = in_the_commit(&world, &plan, made);
        fs::rename(
            world.path("state/journal.commit.json"),
            world.path("state/journal.undo.json"),
        )
        .unwrap();
        let steps = journal::Journal::parse(&journal).unwrap().commit;
        let undone = steps
            .iter()
            .rev()
            .filter(|step| step.take_back().unwrap())
            .take(taken_back)
            .count();
        assert_eq!(
            recover(&world.lock).unwrap().unwrap().outcome,
            RecoveryOutcome::Undone
        );
        assert_eq!(shape(&world), old, "{undone} of {made} taken back");
    }
}

#[test]
fn the_end_of_an_undo_is_not_undone_again() {
    let (world, plan) = scene();
    let old = shape(&world);
    let journal = in_the_commit(&world, &plan, 3);
    fs::rename(
        world.path("state/journal.commit.json"),
        world.path("state/journal.undo.json"),
    )
    .unwrap();
    recover(&world.lock).unwrap();
    // Killed between the last temporary file and the journal: this is all that is left.
    fs::write(world.path("state/journal.json"), journal).unwrap();
    assert_eq!(
        recover(&world.lock).unwrap().unwrap().outcome,
        RecoveryOutcome::Undone
    );
    assert_eq!(shape(&world), old);
}

#[test]
fn what_its_user_moved_after_a_kill_at_the_very_end_is_left_alone() {
    let (world, plan) = scene();
    let mut transaction = begin(&world, &plan);
    while !world.path("state/journal.done.json").exists() {
        assert!(transaction.advance(&mut |_| {}).unwrap());
    }
    drop(transaction);
    fs::remove_dir_all(world.path("attic")).unwrap();
    assert_eq!(
        recover(&world.lock).unwrap().unwrap().outcome,
        RecoveryOutcome::Completed
    );
    assert_eq!(world.read("ws/A"), "new");
    assert_eq!(leftovers(&world.tree()), Vec::<&PathBuf>::new());
}

#[test]
fn an_edit_after_the_kill_is_kept_beside_what_is_completed() {
    let (world, plan) = scene();
    let mut transaction = begin(&world, &plan);
    while !world.path("state/journal.commit.json").exists() {
        transaction.advance(&mut |_| {}).unwrap();
    }
    drop(transaction);
    fs::remove_file(world.path("i/c")).unwrap();
    world.put("i/c", "edited by hand");
    world.put("i/c.kept", "of an earlier time");
    let recovered = recover(&world.lock).unwrap().unwrap();
    let keys: Vec<_> = recovered.msgs.iter().map(Msg::key).collect();
    assert_eq!(keys, ["apply.completed", "apply.kept"]);
    assert_eq!(
        (world.read("i/c"), world.read("i/c.kept.1")),
        ("new".to_owned(), "edited by hand".to_owned())
    );
}

#[test]
fn without_recovery_nothing_is_applied() {
    let (world, plan) = scene();
    begin(&world, &plan).advance(&mut |_| {}).unwrap();
    let error = apply(&world.lock, &plan, &[], &mut |_| {}).unwrap_err();
    assert_eq!(error.code(), "apply.unfinished");
}

#[test]
fn a_journal_that_can_not_be_understood_is_kept_for_somebody_who_can() {
    let world = World::new();
    for (number, text) in [
        "{\"version\":1,",
        "{\"version\":7,\"about\":\"/\",\"stage\":[],\"commit\":[]}",
    ]
    .iter()
    .enumerate()
    {
        world.put("state/journal.commit.json", text);
        let recovered = recover(&world.lock).unwrap().unwrap();
        assert_eq!(recovered.outcome, RecoveryOutcome::SetAside);
        assert_eq!(recovered.msgs[0].key(), "apply.journal-broken");
        assert_eq!(
            world.read(&format!("state/journal.commit.broken.{number}")),
            *text
        );
        assert_eq!(recover(&world.lock).unwrap(), None);
    }
}

#[test]
fn no_secret_stands_in_the_journal() {
    let world = World::new();
    let plan = plan(vec![Change::Write(world.config("c", "sk-secret"))]);
    let mut transaction = begin(&world, &plan);
    transaction.advance(&mut |_| {}).unwrap();
    assert!(!world.read("state/journal.json").contains("sk-secret"));
    assert_eq!(world.mode("state/journal.json"), 0o600);
}
