//! A rescuer that is killed on the way: main is in its old state or in the new one, and the next repair
//! works.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;

use super::alone::{Apart, BROKEN, broken, home, rescue};
use crate::support::gateway::Gateway;
use crate::support::{Reason, Sandbox, installed, skipped};

const CONFIG: &str = ".openclaw/openclaw.json";
const REPAIR: [&str; 6] = ["--profile", "rescue", "rescue", "repair", "--yes", "--force"];
/// The calls after which something on the disk may be another.
const WRITING: &str =
    "?openat,?mkdir,?write,?fsync,?fdatasync,?rename,?renameat,?renameat2,?link,?linkat,?unlink,?unlinkat";

/// This program under strace. Its children are not followed: the gateway that it starts goes on.
fn traced(program: &Command, options: &[&str]) -> Command {
    // By its path: it is started with the home's own search path, on which nothing is.
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

/// A call of the system, and which one of its name it is, from 1.
pub type Nth = (String, usize);

/// The calls among these that a program makes to its end; nothing where it can't be traced, or fails.
pub fn calls(program: &Command, names: &str) -> Option<Vec<(Nth, String)>> {
    let trace = tempfile::NamedTempFile::new().unwrap();
    let path = trace.path().to_str().unwrap();
    let options = ["-o", path, "-e", &format!("trace={names}")];
    if !traced(program, &options).status().unwrap().success() {
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

/// Runs a program and kills it before this call. The calls are not the same each time: where this one does
/// not come, it comes to its end.
pub fn killed_before(program: &Command, (call, nth): &Nth) {
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let options = ["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject];
    let _ = traced(program, &options).status().unwrap();
}

/// Main as it must be, whenever the rescuer was killed.
#[track_caller]
fn is_old_or_new(sandbox: &Sandbox, good: &str, what: &str) {
    let left = sandbox.read(CONFIG);
    assert!(left == BROKEN || left == good, "{what}: {left}");
}

/// The next repair works, and the broken config is kept.
#[track_caller]
fn is_mended_next(sandbox: &Sandbox, good: &str, what: &str) {
    let ran = sandbox.run(REPAIR);
    assert_eq!(ran.code, 0, "{what}: {ran:?}");
    assert_eq!(sandbox.read(CONFIG), good, "{what}");
    let tree = sandbox.tree();
    let kept = tree
        .iter()
        .filter(|(path, ..)| path.to_string_lossy().contains(".json.broken-"));
    assert_eq!(
        kept.map(|(_, _, bytes)| bytes.as_slice()).collect::<Vec<_>>(),
        [BROKEN.as_bytes()],
        "{what}"
    );
    let _ = rescue(sandbox, &["diagnose"]).exits(0);
}

#[test]
fn at_any_call_that_writes() {
    if !installed("strace") {
        return;
    }
    let (sandbox, _) = broken();
    let apart = Apart(&sandbox);
    let Some(calls) = calls(&sandbox.command(REPAIR), WRITING) else {
        return skipped(Reason::NoTracing, "the program under strace failed");
    };
    drop(apart);
    // What only reads, and words for the screen, change nothing.
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
                    let (sandbox, good) = broken();
                    let _apart = Apart(&sandbox);
                    killed_before(&sandbox.command(REPAIR), nth);
                    is_old_or_new(&sandbox, &good, &what);
                    is_mended_next(&sandbox, &good, &what);
                }
            });
        }
    });
}

/// Starts a repair and kills it once it says this.
#[track_caller]
fn killed_at(sandbox: &Sandbox, words: &str) {
    let mut command = sandbox.command(REPAIR);
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = lines
        .by_ref()
        .map_while(Result::ok)
        .find(|line| line.contains(words));
    assert!(said.is_some(), "it never said: {words}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn at_each_word_of_a_restore() {
    for words in ["Trying", "Waiting"] {
        let (sandbox, good) = broken();
        let _apart = Apart(&sandbox);
        killed_at(&sandbox, words);
        is_old_or_new(&sandbox, &good, words);
        is_mended_next(&sandbox, &good, words);
    }
}

#[test]
fn at_each_word_of_an_end_and_a_start() {
    for words in ["Trying", "Waiting"] {
        let sandbox = home();
        let main = Gateway::start(&sandbox, "default");
        let config = sandbox.read(CONFIG);
        main.signal(Signal::STOP);
        let _apart = Apart(&sandbox);
        killed_at(&sandbox, words);
        assert_eq!(sandbox.read(CONFIG), config);
        // Its parent collects it, as a system's first process would.
        main.signal(Signal::KILL);
        let _ = main.exited().code;
        let _ = rescue(&sandbox, &["repair", "--yes", "--force"]).exits(0);
        assert_eq!(sandbox.read(CONFIG), config);
        let history = rescue(&sandbox, &["history", "--json"]).exits(0).json();
        assert_eq!(history["repairs"][0]["outcome"], "begun", "{history:#}");
    }
}
