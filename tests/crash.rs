//! Kills a real process at each system call that writes, one run for each, and checks what is left.
//!
//! `strace` counts those calls in a run that succeeds, then kills a fresh run at the first, the second ... call of
//! each name. The names differ by C library (`rename`, `renameat`, `renameat2`): they are taken from the count.

mod program;
mod restore;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use openclaw::apply::{HostLock, RecoveryOutcome, apply, has_unfinished_transaction, recover};
use openclaw::plan::{Change, FileKind};

use crate::apply::{plan, worker_command, write};
use crate::support::{Reason, skipped};

/// System calls that change something on a disk. `?` makes strace pass over those that a machine lacks.
pub const WRITING_CALLS: &str = "?open,?openat,?creat,?mkdir,?mkdirat,?write,?pwrite64,?writev,?ftruncate,?fsync,?fdatasync,\
     ?rename,?renameat,?renameat2,?link,?linkat,?unlink,?unlinkat,?rmdir,?chmod,?fchmod,?fchmodat,?fchown,?flock";

const OLD: &str = "{ old: true }\n";
const NEW: &str = "{ new: true }\n";

/// The task of the worker: recovers an earlier run, then writes what is not written yet.
pub fn onboard(folder: &Path) {
    let lock = HostLock::acquire(&folder.join("state"), Duration::from_secs(10)).expect("the lock");
    if let Some(recovered) = recover(&lock).expect("an earlier run can be brought to its end") {
        writeln!(std::io::stdout(), "recovered: {:?}", recovered.outcome).expect("stdout");
    }
    let config = folder.join("instance/openclaw.json");
    if fs::read_to_string(&config).is_ok_and(|text| text == NEW) {
        return;
    }
    let mut changes = Vec::new();
    if folder.join("workspace").exists() {
        changes.push(Change::Rename {
            path: folder.join("workspace"),
            to: folder.join("workspace.old"),
        });
    }
    let mut agents = write(&folder.join("workspace/AGENTS.md"), NEW, FileKind::Workspace);
    if let Change::Write(agents) = &mut agents {
        agents.before = None;
    }
    changes.extend([
        Change::MakeDir {
            path: folder.join("workspace"),
        },
        agents,
        write(&folder.join("state/registry.toml"), NEW, FileKind::Registry),
        write(&config, NEW, FileKind::Config),
    ]);
    apply(&lock, &plan(changes), &[], &mut |_| {}).expect("the plan fits the disk");
}

/// Makes an instance as an earlier run left it, a backup included.
fn make_old_state(folder: &Path) {
    for below in [
        "instance/openclaw.json",
        "instance/openclaw.json.bak",
        "workspace/AGENTS.md",
        "state/registry.toml",
    ] {
        let path = folder.join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, OLD).unwrap();
    }
}

/// Returns the text of every file below a folder but the lock.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if name != "state/lock" {
                files.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}

/// The point at which a run is killed: the nth call of this name within one thread.
#[derive(Debug)]
pub struct KillPoint {
    pub call: String,
    pub nth: usize,
}

/// Returns the command of the worker under strace, with these options.
fn traced(folder: &Path, options: &[&str]) -> Command {
    let worker = worker_command("onboard", folder);
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq"])
        .args(options)
        .arg("--")
        .arg(worker.get_program())
        .args(worker.get_args());
    command.envs(worker.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Returns the points at which a run can be killed, from the trace of one that succeeded.
pub fn kill_points(trace: &str) -> Vec<KillPoint> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut kills = BTreeSet::new();
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let Some((call, arguments)) = rest.trim_start().split_once('(') else {
            continue;
        };
        if !call.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            continue;
        }
        let count = counts.entry((thread, call)).or_default();
        *count += 1;
        if !call.starts_with("open") || arguments.contains("O_CREAT") {
            kills.insert((call.to_owned(), *count));
        }
    }
    kills
        .into_iter()
        .map(|(call, nth)| KillPoint { call, nth })
        .collect()
}

#[test]
fn a_kill_at_any_system_call_leaves_the_old_state_or_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("counted");
    let trace = dir.path().join("trace");
    make_old_state(&folder);
    let old = files(&folder);
    let count = [
        "-o",
        trace.to_str().unwrap(),
        "-e",
        &format!("trace={WRITING_CALLS}"),
    ];
    match traced(&folder, &count).status() {
        Ok(status) if status.success() => {}
        Ok(_) => return skipped(Reason::NoTracing, "the program under strace failed"),
        Err(_) => return skipped(Reason::NoProgram("strace"), "system calls are counted with it"),
    }
    let new = files(&folder);
    assert_eq!(new["instance/openclaw.json"], NEW);
    let kills = kill_points(&fs::read_to_string(trace).unwrap());
    assert!(kills.len() > 50, "{kills:?}");

    let next = AtomicUsize::new(0);
    let ends: [AtomicUsize; 3] = std::array::from_fn(|_| AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(kill) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let folder = dir.path().join(format!("{}-{}", kill.call, kill.nth));
                    let end = match kill_and_recover(&folder, kill, &old, &new) {
                        None => 0,
                        Some(RecoveryOutcome::Undone) => 1,
                        Some(_) => 2,
                    };
                    ends[end].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let [nothing, undone, completed] = ends.map(AtomicUsize::into_inner);
    assert!(
        nothing > 0 && undone > 10 && completed > 10,
        "each outcome was seen: {nothing}, {undone}, {completed}"
    );
}

/// Kills a run, checks what is left, and checks it again after the next run. Returns what that run had to recover.
fn kill_and_recover(
    folder: &Path,
    kill: &KillPoint,
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
) -> Option<RecoveryOutcome> {
    make_old_state(folder);
    let inject = format!("inject={}:signal=KILL:when={}", kill.call, kill.nth);
    let trace = format!("trace={}", kill.call);
    let status = traced(folder, &["-o", "/dev/null", "-e", &trace, "-e", &inject])
        .status()
        .unwrap();
    assert!(!status.success(), "{kill:?} came to nothing");
    let config = fs::read_to_string(folder.join("instance/openclaw.json")).unwrap();
    assert!([OLD, NEW].contains(&config.as_str()), "{kill:?}: {config}");
    let cut_short = has_unfinished_transaction(&folder.join("state"));
    let copy = files(folder);

    let output = worker_command("onboard", folder).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{kill:?}: {stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(&files(folder), new, "{kill:?}");
    let outcome = if stdout.contains("recovered: Undone") {
        Some(RecoveryOutcome::Undone)
    } else if stdout.contains("recovered: Completed") {
        Some(RecoveryOutcome::Completed)
    } else {
        None
    };
    assert_eq!(outcome.is_some(), cut_short, "{kill:?}: {stdout}");
    if outcome.is_none() {
        // A draft of the journal says nothing yet.
        let settled: BTreeMap<_, _> = copy
            .into_iter()
            .filter(|(name, _)| name != "state/journal.tmp")
            .collect();
        assert!(settled == *old || settled == *new, "{kill:?}: {settled:?}");
    }
    outcome
}
