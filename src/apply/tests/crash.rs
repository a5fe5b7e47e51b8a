//! Runs that are killed after any number of primitives, and the run that comes after.

use super::*;

/// Returns a host and a plan that makes every kind of step: a reset with a new workspace, a registry, a config.
fn every_kind_of_change() -> (TestHost, Plan) {
    let host = TestHost::new();
    for (below, text) in [
        ("i/c", "old"),
        ("i/c.bak", "1"),
        ("i/c.bak.1", "2"),
        ("ws/A", "old"),
        ("state/r", "old"),
        ("i/open", "open"),
    ] {
        host.write_fixture(below, text);
    }
    host.chmod("i/c.bak", 0o644);
    host.chmod("i/open", 0o644);
    let changes = vec![
        Change::SetMode {
            path: host.path("i/open"),
            from: 0o644,
            to: 0o600,
        },
        Change::Rename {
            path: host.path("ws"),
            to: host.path("attic/ws"),
        },
        Change::MakeDir {
            path: host.path("ws"),
        },
        Change::Write(FileWrite {
            before: None,
            ..host.write("ws/A", "new")
        }),
        Change::MakeDir {
            path: host.path("i/agents/main"),
        },
        Change::Write(host.write("state/r", "new")),
        Change::Write(host.config("i/c", "new")),
    ];
    (host, plan(changes))
}

fn begin_transaction<'a>(host: &'a TestHost, plan: &'a Plan) -> transaction::Transaction<'a> {
    let steps = step_list::build(
        plan,
        preflight::inspect(plan, InstancePaths::of_others(&[]).all()).unwrap(),
        "test",
    );
    transaction::Transaction::new(host.lock.state_home(), plan, &[], steps)
}

/// Returns the host's files relative to its folder, so that two hosts can be compared.
fn shape(host: &TestHost) -> Vec<(PathBuf, u32, String)> {
    let below = |path: PathBuf| path.strip_prefix(host.dir.path()).unwrap().to_path_buf();
    host.tree()
        .into_iter()
        .map(|(path, (mode, text))| (below(path), mode, text))
        .collect()
}

#[test]
fn a_kill_anywhere_leaves_the_old_state_or_the_new_one_after_the_next_run() {
    let (old, new) = {
        let (host, plan) = every_kind_of_change();
        let old = shape(&host);
        apply(&host.lock, &plan, &[], &mut |_| {}).unwrap();
        (old, shape(&host))
    };
    let mut outcomes = Vec::new();
    for kill in 0.. {
        let (host, plan) = every_kind_of_change();
        let mut transaction = begin_transaction(&host, &plan);
        let more = (0..kill).all(|_| transaction.advance(&mut |_| {}).unwrap());
        if !more {
            break;
        }
        drop(transaction);
        assert!(
            ["old", "new"].contains(&host.read("i/c").as_str()),
            "after {kill}"
        );
        let cut_short = has_unfinished_transaction(host.lock.state_home());
        let recovered = recover(&host.lock).unwrap();
        assert_eq!(recovered.is_some(), cut_short, "after {kill}");
        let outcome = recovered.map(|recovered| {
            assert_eq!(recovered.about, host.path("i/c"));
            recovered.outcome
        });
        match outcome {
            Some(RecoveryOutcome::Undone) => assert_eq!(shape(&host), old, "after {kill}"),
            Some(RecoveryOutcome::Completed) => assert_eq!(shape(&host), new, "after {kill}"),
            // Before the first primitive or after the last but one, nothing is left to be done.
            _ => assert!(
                shape(&host) == if kill == 0 { old.clone() } else { new.clone() },
                "after {kill}"
            ),
        }
        assert_eq!(recover(&host.lock).unwrap(), None, "after {kill}");
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

/// Starts the transaction and makes `steps` steps of its commit. Returns the bytes of the journal.
fn begin_commit(host: &TestHost, plan: &Plan, steps: usize) -> Vec<u8> {
    let mut transaction = begin_transaction(host, plan);
    while !host.path("state/journal.commit.json").exists() {
        transaction.advance(&mut |_| {}).unwrap();
    }
    (0..steps).for_each(|_| assert!(transaction.advance(&mut |_| {}).unwrap()));
    fs::read(host.path("state/journal.commit.json")).unwrap()
}

#[test]
fn a_kill_during_an_undo_is_undone_to_its_end() {
    let old = shape(&every_kind_of_change().0);
    for (made, undone) in (0..8).flat_map(|made| (0..=made).map(move |undone| (made, undone))) {
        let (host, plan) = every_kind_of_change();
        let journal = begin_commit(&host, &plan, made);
        fs::rename(
            host.path("state/journal.commit.json"),
            host.path("state/journal.undo.json"),
        )
        .unwrap();
        let journal = journal::Journal::parse(&journal).unwrap();
        let undone = commit_progress::CommitProgress::inspect(journal.commit_steps())
            .steps()
            .rev()
            .filter(|(step, was_made)| step.undo(*was_made).unwrap())
            .take(undone)
            .count();
        assert_eq!(
            recover(&host.lock).unwrap().unwrap().outcome,
            RecoveryOutcome::Undone
        );
        assert_eq!(shape(&host), old, "{undone} of {made} undone");
    }
}

#[test]
fn the_end_of_an_undo_is_not_undone_again() {
    let (host, plan) = every_kind_of_change();
    let old = shape(&host);
    let journal = begin_commit(&host, &plan, 3);
    fs::rename(
        host.path("state/journal.commit.json"),
        host.path("state/journal.undo.json"),
    )
    .unwrap();
    recover(&host.lock).unwrap();
    // Killed between the last temporary file and the journal: this is all that is left.
    fs::write(host.path("state/journal.json"), journal).unwrap();
    assert_eq!(
        recover(&host.lock).unwrap().unwrap().outcome,
        RecoveryOutcome::Undone
    );
    assert_eq!(shape(&host), old);
}

#[test]
fn files_moved_by_the_user_after_the_commit_are_left_alone() {
    let (host, plan) = every_kind_of_change();
    let mut transaction = begin_transaction(&host, &plan);
    while !host.path("state/journal.done.json").exists() {
        assert!(transaction.advance(&mut |_| {}).unwrap());
    }
    drop(transaction);
    fs::remove_dir_all(host.path("attic")).unwrap();
    assert_eq!(
        recover(&host.lock).unwrap().unwrap().outcome,
        RecoveryOutcome::Completed
    );
    assert_eq!(host.read("ws/A"), "new");
    assert_eq!(leftovers(&host.tree()), Vec::<&PathBuf>::new());
}

#[test]
fn an_edit_after_the_kill_is_kept_beside_the_completed_file() {
    let (host, plan) = every_kind_of_change();
    let mut transaction = begin_transaction(&host, &plan);
    while !host.path("state/journal.commit.json").exists() {
        transaction.advance(&mut |_| {}).unwrap();
    }
    drop(transaction);
    fs::remove_file(host.path("i/c")).unwrap();
    host.write_fixture("i/c", "edited by hand");
    host.write_fixture("i/c.kept", "of an earlier time");
    let recovered = recover(&host.lock).unwrap().unwrap();
    let keys: Vec<_> = recovered.msgs.iter().map(Msg::key).collect();
    assert_eq!(keys, ["apply.completed", "apply.kept"]);
    assert_eq!(
        (host.read("i/c"), host.read("i/c.kept.1")),
        ("new".to_owned(), "edited by hand".to_owned())
    );
}

/// Returns a host and a plan that moves the parts of a state aside and staged ones into their places, as a restore does.
fn restore() -> (TestHost, Plan) {
    let host = TestHost::new();
    for below in ["i/agents/a", "i/cron/c", "i/only-old"] {
        host.write_fixture(below, "old");
    }
    for below in [".staged/agents/a", ".staged/cron/c", ".staged/only-new"] {
        host.write_fixture(&format!("i/{below}"), "new");
    }
    let rename = |path: &str, to: &str| Change::Rename {
        path: host.path(path),
        to: host.path(to),
    };
    let changes = vec![
        Change::MakeDir {
            path: host.path("i/aside"),
        },
        rename("i/agents", "i/aside/agents"),
        rename("i/cron", "i/aside/cron"),
        rename("i/only-old", "i/aside/only-old"),
        rename("i/.staged/agents", "i/agents"),
        rename("i/.staged/cron", "i/cron"),
        rename("i/.staged/only-new", "i/only-new"),
    ];
    (host, plan(changes))
}

/// Returns the texts of the files of the instance, without what lies in `aside` or is still staged.
fn texts(host: &TestHost) -> Vec<(String, String)> {
    let root = host.path("i");
    let files = host.tree().into_iter().filter(|(path, _)| path.is_file());
    files
        .filter_map(|(path, (_, text))| {
            let name = path.strip_prefix(&root).ok()?.to_str().unwrap().to_owned();
            (!name.starts_with("aside") && !name.starts_with(".staged")).then_some((name, text))
        })
        .collect()
}

#[test]
fn a_commit_whose_sources_were_removed_after_the_kill_is_undone() {
    let old = texts(&restore().0);
    for made in 0..6 {
        let (host, plan) = restore();
        begin_commit(&host, &plan, made);
        fs::remove_dir_all(host.path("i/.staged")).unwrap();
        let recovered = recover(&host.lock).unwrap().unwrap();
        assert_eq!(recovered.outcome, RecoveryOutcome::Undone, "after {made}");
        assert_eq!(recovered.msgs[0].key(), "apply.lost-undone");
        assert_eq!(texts(&host), old, "after {made}");
        assert_eq!(recover(&host.lock).unwrap(), None);
    }
}

#[test]
fn what_was_put_in_the_way_of_a_rename_after_the_kill_is_kept_and_the_commit_completed() {
    for made in 0..6 {
        let (host, plan) = restore();
        begin_commit(&host, &plan, made);
        let is_away = !host.path("i/cron").exists();
        if is_away {
            host.write_fixture("i/cron/c", "of a gateway");
        }
        let recovered = recover(&host.lock).unwrap().unwrap();
        assert_eq!(recovered.outcome, RecoveryOutcome::Completed);
        let new: BTreeMap<_, _> = texts(&host).into_iter().collect();
        assert_eq!(
            (&*new["agents/a"], &*new["cron/c"], &*new["only-new"]),
            ("new", "new", "new"),
            "after {made}"
        );
        assert_eq!(new.contains_key("cron.kept/c"), is_away, "after {made}: {new:?}");
        assert_eq!(host.read("i/aside/cron/c"), "old");
    }
}

#[test]
fn a_journal_that_leads_through_a_link_since_the_kill_is_not_obeyed() {
    let (host, plan) = restore();
    begin_commit(&host, &plan, 2);
    fs::create_dir(host.path("elsewhere")).unwrap();
    fs::rename(host.path("i/.staged"), host.path("elsewhere/staged")).unwrap();
    symlink(host.path("elsewhere/staged"), host.path("i/.staged")).unwrap();
    let before = host.tree();
    let error = recover(&host.lock).unwrap_err();
    assert_eq!(error.code(), "apply.link-since");
    assert_eq!(host.tree(), before);
}

#[test]
fn a_journal_with_paths_that_no_run_writes_is_set_aside() {
    for step in [
        r#"{"do":"move","from":"/etc/../etc/passwd","to":"/tmp/x"}"#,
        r#"{"do":"move","from":"passwd","to":"/tmp/x"}"#,
        r#"{"do":"place","from":"/etc/passwd","to":"/tmp/x","old":null}"#,
    ] {
        let host = TestHost::new();
        let text = format!(r#"{{"version":1,"about":"/x","stage":[],"commit":[{step}]}}"#);
        host.write_fixture("state/journal.commit.json", &text);
        let recovered = recover(&host.lock).unwrap().unwrap();
        assert_eq!(recovered.outcome, RecoveryOutcome::SetAside, "{step}");
    }
}

#[test]
fn apply_is_refused_until_recovery() {
    let (host, plan) = every_kind_of_change();
    begin_transaction(&host, &plan).advance(&mut |_| {}).unwrap();
    let error = apply(&host.lock, &plan, &[], &mut |_| {}).unwrap_err();
    assert_eq!(error.code(), "apply.unfinished");
}

#[test]
fn an_unreadable_journal_is_renamed_and_kept() {
    let host = TestHost::new();
    for (number, text) in [
        "{\"version\":1,",
        "{\"version\":7,\"about\":\"/\",\"stage\":[],\"commit\":[]}",
    ]
    .iter()
    .enumerate()
    {
        host.write_fixture("state/journal.commit.json", text);
        let recovered = recover(&host.lock).unwrap().unwrap();
        assert_eq!(recovered.outcome, RecoveryOutcome::SetAside);
        assert_eq!(recovered.msgs[0].key(), "apply.journal-broken");
        assert_eq!(host.read(&format!("state/journal.commit.broken.{number}")), *text);
        assert_eq!(recover(&host.lock).unwrap(), None);
    }
}

#[test]
fn the_journal_holds_no_secret() {
    let host = TestHost::new();
    let plan = plan(vec![Change::Write(host.config("c", "sk-secret"))]);
    let mut transaction = begin_transaction(&host, &plan);
    transaction.advance(&mut |_| {}).unwrap();
    assert!(!host.read("state/journal.json").contains("sk-secret"));
    assert_eq!(host.mode("state/journal.json"), 0o600);
}
