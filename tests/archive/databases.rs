//! Databases in archives: copied as one state while they are written, and left out of exports with all that belongs to
//! them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{home_with_secrets, unpacked_text};
use crate::support::{Ran, installed};

/// Number of rows of a database, so that it has some hundred pages.
const ROWS: u32 = 2_000;

/// Runs SQL on a database and returns the output.
#[track_caller]
fn sql(database: &Path, text: &str) -> String {
    let output = Command::new("sqlite3")
        .arg(database)
        .arg(text)
        .output()
        .expect("sqlite3");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// Creates a database in which all rows have one value in every transaction.
fn create_database(path: &Path, journal_mode: &str) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let _ = sql(
        path,
        &format!(
            "PRAGMA journal_mode={journal_mode}; CREATE TABLE t (v INTEGER, pad TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
             INSERT INTO t SELECT 0, 'SECRET-CHAT' FROM n;"
        ),
    );
}

/// Changes all rows of a database again and again until `stop`.
fn keep_writing(path: &Path, stop: &AtomicBool) {
    let mut shell = Command::new("sqlite3")
        .arg("-bail")
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sqlite3");
    let mut input = shell.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(shell.stdout.take().expect("a pipe")).lines();
    let setting = b".timeout 20000\nPRAGMA wal_autocheckpoint=50;\n";
    input.write_all(setting).expect("a setting");
    while !stop.load(Ordering::Relaxed) {
        input
            .write_all(b"UPDATE t SET v = v + 1;\nSELECT 'done';\n")
            .expect("a statement");
        // One after the other: a writer that nothing holds back fills the log faster than any gateway does.
        let _ = answers.next().expect("an answer").expect("a line");
    }
    shell.kill().expect("a child");
    let status = shell.wait().expect("an end");
    assert_eq!(status.code(), None, "no statement was refused: {status}");
}

#[test]
fn database_that_is_written_meanwhile_is_copied_as_one_state() {
    if !installed("sqlite3") {
        return;
    }
    for journal_mode in ["wal", "delete", "truncate"] {
        let sandbox = home_with_secrets();
        let database = sandbox.path(".openclaw-rescue/agents/main/agent/openclaw-agent.sqlite");
        create_database(&database, journal_mode);
        let stop = AtomicBool::new(false);
        let made = std::thread::scope(|scope| {
            let _ = scope.spawn(|| keep_writing(&database, &stop));
            let snapshots = (0..4).map(|_| {
                let args = ["--profile", "rescue", "snapshot", "create", "--json"];
                sandbox.run(args)
            });
            let snapshots: Vec<_> = snapshots.collect();
            stop.store(true, Ordering::Relaxed);
            snapshots
        });
        let path = |made: Ran| PathBuf::from(made.exits(0).json()["path"].as_str().expect("a path"));
        let archives: Vec<_> = made.into_iter().map(path).collect();
        for (number, archive) in archives.iter().enumerate() {
            let folder = sandbox.path(format!("copy-{number}"));
            std::fs::create_dir_all(&folder).expect("a folder");
            let tar = Command::new("tar")
                .arg("xzf")
                .arg(archive)
                .current_dir(&folder)
                .status();
            assert!(tar.expect("tar").success());
            let copy = folder.join("state/agents/main/agent/openclaw-agent.sqlite");
            assert_eq!(sql(&copy, "PRAGMA integrity_check"), "ok", "{journal_mode}");
            let values = sql(&copy, "SELECT count(DISTINCT v), count(*) FROM t");
            assert_eq!(values, format!("1|{ROWS}"), "{journal_mode}: one transaction");
        }
    }
}

#[test]
fn database_that_a_process_keeps_to_itself_fails_the_archive_and_is_named() {
    if !installed("sqlite3") {
        return;
    }
    let sandbox = home_with_secrets();
    let database = sandbox.path(".openclaw-rescue/memory/main.sqlite");
    create_database(&database, "delete");
    let mut shell = Command::new("sqlite3")
        .arg(&database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sqlite3");
    let mut input = shell.stdin.take().expect("a pipe");
    let statements = b"BEGIN EXCLUSIVE;\nSELECT 'locked';\n";
    input.write_all(statements).expect("a statement");
    let mut answer = [0; 6];
    std::io::Read::read_exact(shell.stdout.as_mut().expect("a pipe"), &mut answer).expect("an answer");
    let args = ["--profile", "rescue", "snapshot", "create", "--json"];
    let ran = sandbox.run(args).exits(1);
    assert_eq!(ran.json()["code"], "archive.database-busy");
    assert!(ran.stdout.contains("memory/main.sqlite"), "{}", ran.stdout);
    drop(input);
    assert!(shell.wait().expect("an end").success());
    let _ = sandbox.run(args).exits(0);
}

#[test]
fn export_leaves_databases_out_with_all_files_that_belong_to_them() {
    if !installed("sqlite3") {
        return;
    }
    let sandbox = home_with_secrets();
    let agent = ".openclaw-rescue/agents/main/agent";
    for name in ["openclaw-agent.sqlite", "without-a-known-ending"] {
        create_database(&sandbox.path(agent).join(name), "wal");
    }
    // Of a database that is encrypted, empty or gone.
    for name in ["a.sqlite-wal", "b.db-journal", "c.sqlite3", "d.db-shm"] {
        let _ = sandbox.write(Path::new(agent).join(name), "SECRET-CHAT");
    }
    let database = sandbox.path(agent).join("openclaw-agent.sqlite");
    // A process that has the database open, as a gateway does: its log stays beside it.
    let mut shell = open_shell(&database);
    assert!(database.with_extension("sqlite-wal").exists());
    let json = sandbox
        .run(["profiles", "export", "rescue", "out.tar.gz", "--json"])
        .exits(0)
        .json();
    drop(shell.stdin.take());
    let _ = shell.wait();
    let left = json["leftOut"]["database"].as_array().expect("a list").len();
    assert_eq!(left, 6, "{json:#}");
    assert!(!unpacked_text(&sandbox.path("out.tar.gz")).contains("SECRET-CHAT"));
    let _ = sandbox
        .run(["profiles", "export", "rescue", "all.tar.gz", "--with-secrets"])
        .exits(0);
    assert!(unpacked_text(&sandbox.path("all.tar.gz")).contains("SECRET-CHAT"));
}

/// Starts a process that has a database open and has just written to it.
fn open_shell(database: &Path) -> std::process::Child {
    let mut shell = Command::new("sqlite3")
        .arg(database)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sqlite3");
    let input = shell.stdin.as_mut().expect("a pipe");
    let statements = b"UPDATE t SET v = 7;\nSELECT 'done';\n";
    input.write_all(statements).expect("a statement");
    let mut answer = [0; 4];
    std::io::Read::read_exact(shell.stdout.as_mut().expect("a pipe"), &mut answer).expect("an answer");
    shell
}
