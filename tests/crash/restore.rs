//! Kills `snapshot restore` at each rename: until the change is completed every command reports it, doctor advises
//! nothing that would lose data, and both doctor and a starting gateway complete it.

use std::path::PathBuf;
use std::process::Command;

use crate::snapshot::home_with_rescue;
use crate::support::gateway::Gateway;
use crate::support::strace::under_strace;
use crate::support::{Ran, Reason, Sandbox, network, skipped};

/// Session file that the restore brings back.
const SESSION: &str = ".openclaw-rescue/agents/main/sessions/one.jsonl";

/// Makes a home folder in which a restore was killed at its nth rename. Returns `None` where it has fewer, or its commit
/// had not begun or had ended.
fn killed_restore(nth: usize) -> Option<Sandbox> {
    let sandbox = home_with_rescue();
    for folder in ["credentials", "cron", "memory"] {
        sandbox.write(format!(".openclaw-rescue/{folder}/a"), "first\n");
    }
    let _ = sandbox
        .run(["--profile", "rescue", "snapshot", "create"])
        .exits(0);
    sandbox.write(SESSION, "second\n");
    let program = sandbox.command(["--profile", "rescue", "snapshot", "restore", "--yes"]);
    let renames = "?rename,?renameat,?renameat2";
    let options = [
        "-o",
        "/dev/null",
        "-e",
        &format!("trace={renames}"),
        "-e",
        &format!("inject={renames}:signal=KILL:when={nth}"),
    ];
    let _ = under_strace(&sandbox, &program, &options)
        .status()
        .expect("strace");
    sandbox
        .path(".local/state/openclaw/journal.commit.json")
        .exists()
        .then_some(sandbox)
}

/// Returns the staging folders of the instance.
fn staging_folders(sandbox: &Sandbox) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(sandbox.path(".openclaw-rescue")).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.to_string_lossy().contains("/.restore-"))
        .collect()
}

/// Returns `true` if strace can trace here; elsewhere the calling test counts as skipped.
fn can_trace() -> bool {
    let traced = Command::new("strace")
        .args(["-qq", "-o", "/dev/null", "true"])
        .status();
    match traced {
        Ok(status) if status.success() => return true,
        Ok(_) => skipped(Reason::NoTracing, "true under strace failed"),
        Err(_) => skipped(Reason::NoProgram("strace"), "a restore is killed with it"),
    }
    false
}

/// Runs a command of the `rescue` instance.
fn run(sandbox: &Sandbox, args: &str) -> Ran {
    sandbox.run(["--profile", "rescue"].into_iter().chain(args.split(' ')))
}

/// Asserts that every command reports the interrupted restore, and that doctor finds nothing else.
#[track_caller]
fn assert_reported(sandbox: &Sandbox, nth: usize) {
    for args in [
        "status",
        "config get gateway.port",
        "profiles",
        "snapshot list",
        "ports",
    ] {
        let run = run(sandbox, args);
        assert!(
            run.stderr.contains("A previous run was interrupted") && run.stderr.contains("doctor --fix"),
            "{nth}: {args}: {run:?}"
        );
    }
    let found = run(sandbox, "doctor --json").exits(1).json();
    let findings = found["findings"].as_array().expect("findings").iter();
    let ids: Vec<_> = findings.map(|finding| finding["id"].clone()).collect();
    assert_eq!(ids, ["change-interrupted"], "{nth}");
}

/// Asserts that `doctor --fix` completes the restore. It may undo it only where the staging folder was removed.
#[track_caller]
fn assert_completed_by_doctor(sandbox: &Sandbox, nth: usize, staging_is_removed: bool) {
    let fixed = run(sandbox, "doctor --fix --yes");
    let is_undone = fixed.stderr.contains("its changes were undone");
    assert!(
        is_undone || fixed.stderr.contains("its changes are now complete"),
        "{nth}: {fixed:?}"
    );
    assert!(staging_is_removed || !is_undone, "{nth}: {fixed:?}");
    let expected = if is_undone { "second\n" } else { "first\n" };
    assert_eq!(sandbox.read(SESSION), expected, "{nth}: {fixed:?}");
    for below in [
        "openclaw.json",
        "instance.toml",
        "credentials/a",
        "cron/a",
        "memory/a",
    ] {
        let path = sandbox.path(".openclaw-rescue").join(below);
        assert!(path.exists(), "{nth}: {below}");
    }
}

#[test]
fn interrupted_restore_is_reported_by_every_command_and_completed_by_doctor() {
    if !can_trace() {
        return;
    }
    network::own(|| {
        let mut count = 0;
        for nth in 1..40 {
            let Some(sandbox) = killed_restore(nth) else {
                continue;
            };
            count += 1;
            assert_reported(&sandbox, nth);
            let removes_staging = nth % 2 == 0;
            if removes_staging {
                // An earlier release advised this.
                for folder in staging_folders(&sandbox) {
                    std::fs::remove_dir_all(folder).expect("a folder");
                }
            }
            assert_completed_by_doctor(&sandbox, nth, removes_staging);
        }
        assert!(count > 6, "{count} kills in the middle of the commit");
    });
}

#[test]
fn gateway_completes_an_interrupted_restore_of_its_instance_before_it_starts() {
    if !can_trace() {
        return;
    }
    network::own(|| {
        let mut killed = (1..40).filter_map(killed_restore);
        // The config is the last part that is moved aside or back: it is missing in the middle.
        let sandbox = killed
            .find(|sandbox| !sandbox.path(".openclaw-rescue/openclaw.json").exists())
            .expect("a kill without a config");
        let command = sandbox.command(["--profile", "rescue", "gateway", "run"]);
        let gateway = Gateway::launch(command, 19789);
        assert_eq!(sandbox.read(SESSION), "first\n");
        assert!(sandbox.path(".openclaw-rescue/openclaw.json").exists());
        assert!(!sandbox.path(".local/state/openclaw/journal.commit.json").exists());
        drop(gateway);
    });
}
