//! A rescuer that is killed in the middle of a repair: the target has its old config or the restored one, and the next
//! repair works.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;

use super::without_manager::{
    BROKEN_CONFIG, SpawnedGateway, run_rescue, sandbox_with_broken_config, sandbox_without_manager,
};
use crate::support::gateway::{Gateway, wait_for};
use crate::support::{Reason, Sandbox, installed, skipped};

const CONFIG: &str = ".openclaw/openclaw.json";
const REPAIR: [&str; 6] = ["--profile", "rescue", "rescue", "repair", "--yes", "--force"];
/// The system calls that may change the disk.
const WRITING_CALLS: &str =
    "?openat,?mkdir,?write,?fsync,?fdatasync,?rename,?renameat,?renameat2,?link,?linkat,?unlink,?unlinkat";

/// Returns a call of a program under strace. Its children are not followed: the gateway that it starts goes on.
fn strace_command(program: &Command, options: &[&str]) -> Command {
    // By its path: it is started with the sandbox's search path, on which nothing is.
    let folders = ["/usr/local/bin", "/usr/bin", "/bin"].map(|folder| Path::new(folder).join("strace"));
    let strace = folders.iter().find(|path| path.exists()).expect("strace");
    let mut command = Command::new(strace);
    let vars = program
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    command
        .args(options)
        .arg("--")
        .arg(program.get_program())
        .args(program.get_args());
    command.env_clear().envs(vars);
    if let Some(folder) = program.get_current_dir() {
        command.current_dir(folder);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// A system call by its name and its number among the calls of that name, from 1.
pub type NthCall = (String, usize);

/// Returns the system calls with these names that a program makes, each with its arguments; `None` where the program
/// can't be traced, or fails.
pub fn trace_calls(program: &Command, names: &str) -> Option<Vec<(NthCall, String)>> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let path = trace.path().to_str().unwrap();
    let options = ["-o", path, "-e", &format!("trace={names}")];
    if !strace_command(program, &options).status().unwrap().success() {
        return None;
    }
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let text = std::fs::read_to_string(path).unwrap();
    let calls = text.lines().filter_map(|line| line.split_once('('));
    let calls = calls.map(|(call, rest)| {
        let count = counts.entry(call.to_owned()).or_default();
        *count += 1;
        ((call.to_owned(), *count), rest.to_owned())
    });
    Some(calls.collect())
}

/// Runs a program and kills it before a system call. The calls are not the same each time: where this one is not made,
/// the program ends by itself.
pub fn kill_before_call(program: &Command, (call, nth): &NthCall) {
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let options = ["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject];
    let _ = strace_command(program, &options).status().unwrap();
}

/// Checks that the config is the broken one or the restored one.
#[track_caller]
fn assert_old_or_restored(sandbox: &Sandbox, good: &str, what: &str) {
    let left = sandbox.read(CONFIG);
    assert!(left == BROKEN_CONFIG || left == good, "{what}: {left}");
}

/// Waits until no gateway is starting. One that a killed repair has started may still be: a repair says so and waits for a
/// person.
fn wait_until_started(sandbox: &Sandbox) {
    wait_for("a gateway that has started", || {
        let report = run_rescue(sandbox, &["diagnose", "--json"]).json();
        (report["causes"][0]["id"] != "starting").then_some(())
    });
}

/// Checks that the next repair works, and that the broken config is kept.
#[track_caller]
fn assert_next_repair_works(sandbox: &Sandbox, good: &str, what: &str) {
    wait_until_started(sandbox);
    let ran = sandbox.run(REPAIR);
    assert_eq!(ran.code, 0, "{what}: {ran:?}");
    assert_eq!(sandbox.read(CONFIG), good, "{what}");
    let tree = sandbox.tree();
    let kept = tree
        .iter()
        .filter(|(path, ..)| path.to_string_lossy().contains(".json.broken-"));
    assert_eq!(
        kept.map(|(_, _, bytes)| bytes.as_slice()).collect::<Vec<_>>(),
        [BROKEN_CONFIG.as_bytes()],
        "{what}"
    );
    let _ = run_rescue(sandbox, &["diagnose"]).exits(0);
}

#[test]
fn killed_before_any_writing_call_the_config_is_whole_and_the_next_repair_works() {
    if !installed("strace") {
        return;
    }
    let (sandbox, _) = sandbox_with_broken_config();
    let spawned = SpawnedGateway(&sandbox);
    let Some(calls) = trace_calls(&sandbox.command(REPAIR), WRITING_CALLS) else {
        return skipped(Reason::NoTracing, "the program under strace failed");
    };
    drop(spawned);
    // What only reads, and output for the screen, changes nothing.
    let changes = |call: &str, rest: &str| {
        (call != "openat" || rest.contains("O_CREAT")) && !(call == "write" && rest.starts_with("2,"))
    };
    let kills: Vec<_> = (calls.into_iter())
        .filter(|((call, _), rest)| changes(call, rest))
        .map(|(nth, _)| nth)
        .collect();
    assert!(kills.len() > 15, "{kills:?}");
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(nth) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let what = format!("{nth:?}");
                    let (sandbox, good) = sandbox_with_broken_config();
                    let _spawned = SpawnedGateway(&sandbox);
                    kill_before_call(&sandbox.command(REPAIR), nth);
                    assert_old_or_restored(&sandbox, &good, &what);
                    assert_next_repair_works(&sandbox, &good, &what);
                }
            });
        }
    });
}

/// Starts a repair and kills it once it prints this.
#[track_caller]
fn kill_at_output(sandbox: &Sandbox, words: &str) {
    let mut command = sandbox.command(REPAIR);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let report = lines
        .by_ref()
        .map_while(Result::ok)
        .find(|line| line.contains(words));
    assert!(report.is_some(), "it never report: {words}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn killed_at_each_line_of_a_restore_the_config_is_whole_and_the_next_repair_works() {
    for words in ["Trying", "Waiting"] {
        let (sandbox, good) = sandbox_with_broken_config();
        let _spawned = SpawnedGateway(&sandbox);
        kill_at_output(&sandbox, words);
        assert_old_or_restored(&sandbox, &good, words);
        assert_next_repair_works(&sandbox, &good, words);
    }
}

#[test]
fn killed_at_each_line_of_an_end_and_a_start_the_config_is_unchanged() {
    for words in ["Trying", "Waiting"] {
        let sandbox = sandbox_without_manager();
        let main = Gateway::start(&sandbox, "default");
        let config = sandbox.read(CONFIG);
        main.signal(Signal::STOP);
        let _spawned = SpawnedGateway(&sandbox);
        kill_at_output(&sandbox, words);
        assert_eq!(sandbox.read(CONFIG), config);
        // Its parent collects it, as a system's first process would.
        main.signal(Signal::KILL);
        let _ = main.exited().code;
        wait_until_started(&sandbox);
        let _ = run_rescue(&sandbox, &["repair", "--yes", "--force"]).exits(0);
        assert_eq!(sandbox.read(CONFIG), config);
        let history = run_rescue(&sandbox, &["history", "--json"]).exits(0).json();
        assert_eq!(history["repairs"][0]["outcome"], "begun", "{history:#}");
    }
}
