//! Kills the real program at each system call that writes: in an onboarding beside a default instance, and in a change
//! of a config.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use openclaw::apply::has_unfinished_transaction;

use super::{KillPoint, WRITING_CALLS, kill_points};
use crate::onboard::{change_times, config_path, onboard_args, onboard_ok, sandbox_with_main};
use crate::support::strace::under_strace;
use crate::support::{Reason, Sandbox, network, skipped};

/// A command that is killed.
struct KilledCommand {
    /// Makes the home folder before the command.
    before: fn() -> Sandbox,
    args: Vec<&'static str>,
    /// Returns whether the config's text is the old state or the new one, whole.
    is_whole: fn(Option<&str>) -> bool,
}

/// Returns the command under strace, with these options.
fn traced(sandbox: &Sandbox, job: &KilledCommand, options: &[&str]) -> Command {
    under_strace(sandbox, &sandbox.command(&job.args), options)
}

/// Returns the paths below HOME with their modes.
fn shape(sandbox: &Sandbox) -> Vec<(PathBuf, u32)> {
    let tree = sandbox.tree().into_iter();
    tree.map(|(path, mode, _)| (path, mode)).collect()
}

fn read_config(sandbox: &Sandbox) -> Option<String> {
    std::fs::read_to_string(sandbox.path(config_path("rescue"))).ok()
}

/// Kills a run, checks what is left, and checks it again after the next run. Returns whether that run had something to
/// recover.
fn kill_and_recover(job: &KilledCommand, kill: &KillPoint, done: &[(PathBuf, u32)]) -> bool {
    let sandbox = (job.before)();
    let main = change_times(&sandbox.path(".openclaw"));
    let inject = format!("inject={}:signal=KILL:when={}", kill.call, kill.nth);
    let trace = format!("trace={}", kill.call);
    let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
    let status = traced(&sandbox, job, &options).status().expect("strace");
    assert!(!status.success(), "{kill:?} came to nothing");
    let left = read_config(&sandbox);
    assert!((job.is_whole)(left.as_deref()), "{kill:?}: {left:?}");
    let cut_short = has_unfinished_transaction(&sandbox.path(".local/state/openclaw"));

    let run = sandbox.run(&job.args);
    assert_eq!(run.code, 0, "{kill:?}: {run:?}");
    let is_reported = run.stderr.contains("A previous run was interrupted");
    assert_eq!(
        is_reported, cut_short,
        "the next run says which: {kill:?}: {run:?}"
    );
    let left = read_config(&sandbox);
    assert!(
        left.is_some() && (job.is_whole)(left.as_deref()),
        "{kill:?}: {left:?}"
    );
    assert_eq!(shape(&sandbox), done, "{kill:?}");
    assert_eq!(change_times(&sandbox.path(".openclaw")), main, "{kill:?}");
    cut_short
}

fn kill_everywhere(job: &KilledCommand) {
    let sandbox = (job.before)();
    let trace = tempfile::NamedTempFile::new().expect("a file");
    let path = trace.path().to_str().expect("text");
    let count = ["-o", path, "-e", &format!("trace={WRITING_CALLS}")];
    match traced(&sandbox, job, &count).status() {
        Ok(status) if status.success() => {}
        Ok(_) => return skipped(Reason::NoTracing, "the program under strace failed"),
        Err(_) => return skipped(Reason::NoProgram("strace"), "system calls are counted with it"),
    }
    let done = shape(&sandbox);
    let kills = kill_points(&std::fs::read_to_string(path).expect("a trace"));
    assert!(kills.len() > 15, "{kills:?}");
    let (next, recovered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(kill) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    recovered.fetch_add(kill_and_recover(job, kill, &done).into(), Ordering::Relaxed);
                }
            });
        }
    });
    let recovered = recovered.into_inner();
    assert!(
        recovered > 5 && recovered < kills.len(),
        "{recovered} of {}",
        kills.len()
    );
}

#[test]
fn an_onboarding_that_is_killed_leaves_no_instance_or_a_whole_one_and_the_default_alone() {
    // Where nothing listens, nothing is opened to find out who: the calls are the same each time.
    let job = KilledCommand {
        before: sandbox_with_main,
        args: onboard_args("rescue", &[]),
        is_whole: |config| {
            config.is_none_or(|text| {
                let config: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
                config["gateway"]["auth"]["token"]
                    .as_str()
                    .is_some_and(|token| token.len() == 48)
                    && config["meta"]["lastTouchedVersion"].is_string()
            })
        },
    };
    network::own(|| kill_everywhere(&job));
}

#[test]
fn a_config_change_that_is_killed_leaves_the_old_config_or_the_new_one() {
    // Where nothing listens, nothing is opened to find out who: the calls are the same each time.
    let job = KilledCommand {
        before: || {
            let sandbox = sandbox_with_main();
            let _ = onboard_ok(&sandbox, "rescue", &[]);
            sandbox
        },
        args: vec!["--profile", "rescue", "config", "set", "gateway.bind", "lan"],
        is_whole: |config| {
            config.is_some_and(|text| {
                let config: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
                ["loopback", "lan"]
                    .iter()
                    .any(|bind| config["gateway"]["bind"] == **bind)
            })
        },
    };
    network::own(|| kill_everywhere(&job));
}
