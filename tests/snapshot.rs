//! `openclaw snapshot`: snapshots are private, verified before anything is replaced, and a restore can be undone by a restore.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::onboard::{change_times, config_path, onboard_ok, sandbox_with_main};
use crate::support::gateway::{Gateway, wait_for};
use crate::support::stand_in::start_stand_in;
use crate::support::{Ran, Sandbox, network};

/// Runs `openclaw --profile rescue snapshot --json WORDS`.
fn snapshot(sandbox: &Sandbox, words: &[&str]) -> Ran {
    let mut all = vec!["--profile", "rescue", "snapshot", "--json"];
    all.extend(words);
    sandbox.run(all)
}

/// Returns a home folder with a `rescue` instance that has sessions, logs and a browser's files.
pub fn home_with_rescue() -> Sandbox {
    let sandbox = sandbox_with_main();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    sandbox.write(FIRST_SESSION, "first\n");
    sandbox.write(".openclaw-rescue/logs/gateway.log", "a log\n");
    sandbox.write(
        ".openclaw-rescue/browser/openclaw/user-data/Default/Cache/data_0",
        "cached",
    );
    sandbox.write(
        ".openclaw-rescue/browser/openclaw/user-data/Default/Cookies",
        "cookies",
    );
    sandbox
}

/// Session file that every snapshot of [`home_with_rescue`] holds.
const FIRST_SESSION: &str = ".openclaw-rescue/agents/main/sessions/one.jsonl";
/// Session file that is made after the first snapshot.
const SECOND_SESSION: &str = ".openclaw-rescue/agents/main/sessions/two.jsonl";

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o7777
}

#[test]
fn snapshot_is_private_and_holds_no_cache_log_or_workspace() {
    let sandbox = home_with_rescue();
    let made = snapshot(&sandbox, &["create"]).exits(0).json();
    let path = PathBuf::from(made["path"].as_str().expect("a path"));
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("a folder")), 0o700);
    let listed = std::process::Command::new("tar")
        .arg("tzf")
        .arg(&path)
        .output()
        .expect("tar");
    let names = String::from_utf8(listed.stdout).expect("text");
    assert!(
        names.contains("Cookies") && names.contains("config/openclaw.json"),
        "{names}"
    );
    for left_out in ["Cache", "gateway.log", "SOUL.md"] {
        assert!(!names.contains(left_out), "{left_out}: {names}");
    }
}

#[test]
fn snapshot_with_a_port_that_another_instance_has_got_is_not_restored() {
    network::own(|| {
        let sandbox = home_with_rescue();
        let config = sandbox.read(config_path("rescue"));
        let _ = snapshot(&sandbox, &["create"]).exits(0);
        let set = ["--profile", "rescue", "config", "set", "gateway.port", "39789"];
        let _ = sandbox.run(set).exits(0);
        let record = sandbox.read(".openclaw-rescue/instance.toml");
        sandbox.write(config_path("other"), &config);
        let changed = sandbox.read(config_path("rescue"));
        let refused = snapshot(&sandbox, &["restore", "--yes"]).exits(78).json();
        assert_eq!(refused["code"], "ports.same-base", "{refused}");
        assert_eq!(sandbox.read(config_path("rescue")), changed);
        assert_eq!(sandbox.read(".openclaw-rescue/instance.toml"), record);

        std::fs::remove_file(sandbox.path(config_path("other"))).expect("a file");
        let _ = snapshot(&sandbox, &["restore", "--yes"]).exits(0);
        assert_eq!(sandbox.read(config_path("rescue")), config);
    });
}

#[test]
fn restore_brings_a_snapshot_back_and_can_be_undone_by_a_restore() {
    network::own(|| {
        let sandbox = home_with_rescue();
        let config = sandbox.read(config_path("rescue"));
        let other = change_times(&sandbox.path(".openclaw"));
        let made = snapshot(&sandbox, &["create"]).exits(0).json();

        sandbox.write(config_path("rescue"), "{ \"gateway\": ");
        sandbox.write(FIRST_SESSION, "second\n");
        sandbox.write(SECOND_SESSION, "new\n");
        sandbox.write(".openclaw-rescue/workspace-rescue/work.txt", "work");
        let restored = snapshot(&sandbox, &["restore", "--yes"]).exits(0).json();
        assert_eq!(restored["id"], made["id"]);
        assert_eq!(sandbox.read(config_path("rescue")), config);
        assert_eq!(sandbox.read(FIRST_SESSION), "first\n");
        assert!(!sandbox.path(SECOND_SESSION).exists());
        assert_eq!(sandbox.read(".openclaw-rescue/workspace-rescue/work.txt"), "work");
        assert_eq!(sandbox.read(".openclaw-rescue/logs/gateway.log"), "a log\n");
        assert_eq!(change_times(&sandbox.path(".openclaw")), other);
        let leftovers = sandbox.tree().into_iter().filter(|(path, ..)| {
            path.to_string_lossy().contains(".restore-") || path.to_string_lossy().ends_with(".tmp")
        });
        assert_eq!(leftovers.count(), 0);

        // The replaced files are kept, and the restore is undone by a restore.
        let kept = sandbox
            .tree()
            .into_iter()
            .any(|(path, _, bytes)| path.starts_with(".openclaw-rescue/aside") && bytes == b"new\n");
        assert!(kept);
        let before = restored["before"].as_str().expect("a snapshot of before");
        let _ = snapshot(&sandbox, &["restore", before, "--yes"]).exits(0);
        assert_eq!(sandbox.read(config_path("rescue")), "{ \"gateway\": ");
        assert_eq!(sandbox.read(SECOND_SESSION), "new\n");
        let listed = snapshot(&sandbox, &["list"]).exits(0).json();
        assert_eq!(listed["snapshots"].as_array().map(Vec::len), Some(3));
    });
}

#[test]
fn a_damaged_or_foreign_snapshot_replaces_nothing() {
    network::own(|| {
        let sandbox = home_with_rescue();
        let made = snapshot(&sandbox, &["create"]).exits(0).json();
        let path = PathBuf::from(made["path"].as_str().expect("a path"));
        let whole = std::fs::read(&path).expect("a file");
        for damaged in [&whole[..whole.len() / 2], b"", b"no archive"] {
            std::fs::write(&path, damaged).expect("a file");
            let before = change_times(&sandbox.path(".openclaw-rescue"));
            let _ = snapshot(&sandbox, &["restore", "--yes"]).exits(1);
            assert_eq!(change_times(&sandbox.path(".openclaw-rescue")), before);
        }
        std::fs::write(&path, whole).expect("a file");
        let theirs = sandbox.path(".local/state/openclaw/snapshots/default");
        std::fs::create_dir_all(&theirs).expect("a folder");
        std::fs::copy(&path, theirs.join("20261122.tar.gz")).expect("a copy");
        let ran = sandbox.run(["snapshot", "restore", "--yes", "--json"]).exits(1);
        assert_eq!(ran.json()["code"], "snapshot.foreign");
    });
}

#[test]
fn restore_is_refused_when_the_present_state_cannot_be_kept() {
    let sandbox = home_with_rescue();
    let _ = snapshot(&sandbox, &["create"]).exits(0);
    // Larger than any archive may be; a sparse file, so that it needs no disk.
    let large = sandbox.write(".openclaw-rescue/memory/large", "");
    let file = std::fs::File::options().write(true).open(large).expect("a file");
    file.set_len(9 << 30).expect("a size");
    let config = sandbox.read(config_path("rescue"));
    sandbox.write(config_path("rescue"), format!("{config}\n"));
    let ran = snapshot(&sandbox, &["restore", "--yes"]).exits(1).json();
    assert_eq!(ran["code"], "archive.too-much");
    assert_eq!(sandbox.read(config_path("rescue")), format!("{config}\n"));
}

#[test]
fn a_restore_needs_consent_and_a_known_snapshot() {
    let sandbox = home_with_rescue();
    assert_eq!(
        snapshot(&sandbox, &["restore"]).exits(1).json()["code"],
        "snapshot.none"
    );
    let _ = snapshot(&sandbox, &["create"]).exits(0);
    assert_eq!(
        snapshot(&sandbox, &["restore"]).exits(2).json()["code"],
        "snapshot.unasked"
    );
    let unknown = snapshot(&sandbox, &["restore", "x", "--yes"]).exits(1);
    assert_eq!(unknown.json()["code"], "snapshot.unknown");
}

#[test]
fn a_restore_is_refused_while_a_gateway_of_openclaw_runs() {
    network::own(|| {
        let sandbox = home_with_rescue();
        let _ = snapshot(&sandbox, &["create"]).exits(0);
        let gateway = start_stand_in(&sandbox, "rescue");
        let before = change_times(&sandbox.path(".openclaw-rescue"));
        let ran = snapshot(&sandbox, &["restore", "--yes"]).exits(78);
        assert_eq!(ran.json()["code"], "snapshot.running");
        assert_eq!(change_times(&sandbox.path(".openclaw-rescue")), before);
        drop(gateway);
        let _ = snapshot(&sandbox, &["restore", "--yes"]).exits(0);
    });
}

#[test]
fn a_restore_is_refused_while_a_gateway_runs_or_starts() {
    network::own(|| {
        let sandbox = home_with_rescue();
        let _ = snapshot(&sandbox, &["create"]).exits(0);
        let gateway = Gateway::start(&sandbox, "rescue");
        let ran = snapshot(&sandbox, &["restore", "--yes"]).exits(78).json();
        assert_eq!(ran["code"], "snapshot.running");
        assert!(
            ran["message"]
                .as_str()
                .expect("words")
                .contains(&gateway.pid().to_string())
        );
        let _ = gateway.stop().with(0);
        let _ = snapshot(&sandbox, &["restore", "--yes"]).exits(0);
        // A gateway that starts or ends holds its lock and does not listen.
        let lock_file = r#"{"pid":1,"port":19789,"profile":"rescue","startedAt":"2026-11-22T10:00:00.000Z"}"#;
        let lock =
            std::fs::File::open(sandbox.write(".openclaw-rescue/gateway.lock", lock_file)).expect("a file");
        lock.lock().expect("the lock");
        let ran = snapshot(&sandbox, &["restore", "--yes"]).exits(78).json();
        assert_eq!(ran["code"], "snapshot.running");
        drop(lock);
        let _ = snapshot(&sandbox, &["restore", "--yes"]).exits(0);
    });
}

#[test]
fn databases_of_openclaw_from_npm_are_restored() {
    let sandbox = home_with_rescue();
    let files = [
        ".openclaw-rescue/state/openclaw.sqlite",
        ".openclaw-rescue/state/openclaw.sqlite-wal",
        ".openclaw-rescue/agents/main/agent/openclaw-agent.sqlite",
        ".openclaw-rescue/memory/main.sqlite",
    ];
    for file in files {
        sandbox.write(file, format!("{file} before"));
    }
    let _ = snapshot(&sandbox, &["create"]).exits(0);
    for file in files {
        sandbox.write(file, "after");
    }
    sandbox.write(".openclaw-rescue/state/openclaw.sqlite-shm", "of the later one");
    let _ = snapshot(&sandbox, &["restore", "--yes"]).exits(0);
    for file in files {
        assert_eq!(sandbox.read(file), format!("{file} before"));
    }
    assert!(
        !sandbox
            .path(".openclaw-rescue/state/openclaw.sqlite-shm")
            .exists()
    );
}

#[test]
fn leftovers_of_a_killed_restore_are_found_and_removed_by_the_next_one() {
    let sandbox = home_with_rescue();
    // Large enough that the kill comes while it is unpacked.
    let large = sandbox.write(".openclaw-rescue/memory/large", "");
    let file = std::fs::File::options().write(true).open(large).expect("a file");
    file.set_len(32 << 20).expect("a size");
    let _ = snapshot(&sandbox, &["create"]).exits(0);
    let id = snapshot(&sandbox, &["list"]).json()["snapshots"][0]["id"].clone();
    let id = id.as_str().expect("a name");
    let config = sandbox.read(config_path("rescue"));
    let left = || -> Vec<PathBuf> {
        let entries = std::fs::read_dir(sandbox.path(".openclaw-rescue")).expect("a folder");
        let entries = entries.map(|entry| entry.expect("an entry").path());
        let is_left = |path: &PathBuf| path.to_string_lossy().contains("/.restore-");
        entries.filter(is_left).collect()
    };
    wait_for("a restore is killed while it unpacks", || {
        let args = [
            "--profile",
            "rescue",
            "snapshot",
            "restore",
            id,
            "--yes",
            "--json",
        ];
        let mut child = sandbox
            .command(args)
            .stdout(Stdio::null())
            .spawn()
            .expect("a start");
        while left().is_empty() && child.try_wait().expect("a child").is_none() {
            std::thread::yield_now();
        }
        child.kill().expect("a child");
        child.wait().expect("an end");
        (!left().is_empty()).then_some(())
    });
    assert_eq!(
        sandbox.read(config_path("rescue")),
        config,
        "nothing was replaced"
    );
    let found = sandbox.run(["--profile", "rescue", "doctor", "--json"]).json();
    let found = found["findings"].as_array().expect("findings").clone();
    assert!(found.iter().any(|f| f["id"] == "state-leftover"), "{found:?}");
    let _ = snapshot(&sandbox, &["restore", id, "--yes"]).exits(0);
    assert_eq!(left(), Vec::<PathBuf>::new());
}

#[test]
fn snapshots_are_a_table_with_the_time_at_which_each_was_taken() {
    let sandbox = home_with_rescue();
    let _ = snapshot(&sandbox, &["create"]).exits(0);
    for (lang, head) in [("en", "Snapshot"), ("tr", "Anlık görüntü")] {
        let list = ["--lang", lang, "--profile", "rescue", "snapshot", "list"];
        let shown = sandbox.run(list).exits(0).stdout;
        let (first, row) = shown.split_once('\n').expect("two lines");
        assert!(first.starts_with(head), "{shown}");
        let cells: Vec<_> = row.split_whitespace().collect();
        let day: String = cells[1].split('-').collect();
        assert!(cells[0].starts_with(&day) && cells[3] == "UTC", "{shown}");
    }
}
