//! What commands cost, as counts of system calls: on a host with nothing, and on one with 380 instances. Each count is taken
//! where nothing listens, so that it is the same on every machine.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;

use crate::support::skip::{Reason, skipped};
use crate::support::strace::under_strace;
use crate::support::{Sandbox, network};

/// Number of instances on a host that has many.
const MANY: u16 = 380;
/// Distance between the base ports of neighbouring instances: they share nothing.
const PORT_DISTANCE: u16 = 120;

/// System calls that a debug build makes more of than a release build: checks of descriptors, and memory.
const CALLS_OF_THE_BUILD: [&str; 6] = ["brk", "fcntl", "madvise", "mmap", "mprotect", "munmap"];

/// The system calls of a command.
struct Trace(String);

impl Trace {
    /// Returns the number of system calls, but for those that depend on how the program was built.
    fn count(&self) -> usize {
        let is_counted = |name: &str| !CALLS_OF_THE_BUILD.contains(&name);
        self.names().filter(|name| is_counted(name)).count()
    }

    /// Returns the name of each system call. A call that another thread interrupted has two lines.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.lines().filter_map(|line| {
            let (_, call) = line.split_once(' ')?;
            let (name, _) = call.trim_start().split_once('(')?;
            name.chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_')
                .then_some(name)
        })
    }

    /// Returns the most frequent system calls with their numbers, for the message of a failure.
    fn summary(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for name in self.names() {
            *counts.entry(name).or_default() += 1;
        }
        let mut sorted: Vec<_> = counts.into_iter().collect();
        sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        sorted
            .iter()
            .take(12)
            .fold(String::new(), |mut text, (name, count)| {
                write!(text, "{name}: {count} ").expect("text");
                text
            })
    }
}

/// Runs a command of the sandbox under strace and returns its system calls; `None` where nothing can be traced.
fn trace(sandbox: &Sandbox, args: &[&str]) -> Option<Trace> {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("text");
    let command: Command = sandbox.command(args);
    match under_strace(sandbox, &command, &["-o", path]).status() {
        Ok(status) if status.code().is_some() => {
            let text = std::fs::read_to_string(path).expect("a trace");
            assert!(text.lines().count() > 50, "{args:?}: {text}");
            Some(Trace(text))
        }
        Ok(_) => {
            skipped(Reason::NoTracing, "the program under strace failed");
            None
        }
        Err(_) => {
            skipped(Reason::NoProgram("strace"), "system calls are counted with it");
            None
        }
    }
}

/// Writes the files of many instances as `setup` does.
fn write_many(sandbox: &Sandbox) {
    let registry = sandbox.path(".local/state/openclaw/registry.toml");
    std::fs::create_dir_all(registry.parent().expect("a folder")).expect("a folder");
    let mut registry = std::fs::File::create(registry).expect("a registry");
    writeln!(registry, "version = 1").expect("a registry");
    for at in 0..MANY {
        let (state, port) = (
            sandbox.path(format!(".openclaw-bot{at}")),
            11_000 + at * PORT_DISTANCE,
        );
        let workspace = state.join(format!("workspace-bot{at}"));
        std::fs::create_dir_all(&workspace).expect("a workspace");
        sandbox.write(
            format!(".openclaw-bot{at}/openclaw.json"),
            format!(
                r#"{{"gateway": {{"mode": "local", "port": {port}, "auth": {{"mode": "token", "token": "7hegoodt0kenOfBot{at}"}}}},
                    "agents": {{"defaults": {{"workspace": "{}"}}}}}}"#,
                workspace.display()
            ),
        );
        sandbox.write(
            format!(".openclaw-bot{at}/instance.toml"),
            format!("version = 1\nengine = \"native\"\n\n[ports]\nbase = {port}\n"),
        );
        writeln!(
            registry,
            "\n[[instance]]\nprofile = \"bot{at}\"\nconfig = \"{}\"\nstate = \"{}\"\nworkspace = \"{}\"\nport = {port}",
            state.join("openclaw.json").display(),
            state.display(),
            workspace.display()
        )
        .expect("a registry");
    }
}

/// Requires a command to make at most `limit` system calls.
fn assert_at_most(sandbox: &Sandbox, args: &[&str], limit: usize) {
    if let Some(trace) = trace(sandbox, args) {
        let count = trace.count();
        assert!(
            count <= limit,
            "{args:?}: {count} of {limit}: {}",
            trace.summary()
        );
    }
}

#[test]
fn setup_in_a_home_without_instances_makes_a_bounded_number_of_system_calls() {
    network::own(|| assert_at_most(&Sandbox::new(), &["setup"], 800));
}

#[test]
fn commands_about_all_of_many_instances_make_a_few_system_calls_for_each() {
    network::own(|| {
        let sandbox = Sandbox::new();
        write_many(&sandbox);
        assert_at_most(&sandbox, &["profiles", "--json"], 4000);
        assert_at_most(&sandbox, &["ports", "--json"], 4000);
        assert_at_most(&sandbox, &["status", "--all", "--json"], 6000);
        assert_at_most(&sandbox, &["--profile", "one-more", "setup"], 12_000);
    });
}

#[test]
fn lock_that_an_ended_gateway_of_openclaw_left_costs_a_few_system_calls() {
    network::own(|| {
        let sandbox = Sandbox::new();
        let folder = sandbox.path("tmp");
        let sandbox = sandbox.var("TMPDIR", folder);
        write_many(&sandbox);
        sandbox.write("tmp/openclaw-0/something", "");
        let command = ["status", "--all", "--json"];
        let without = trace(&sandbox, &command);
        // No process has a number above the kernel's limit.
        let lock = format!(
            r#"{{"pid": 4194305, "configPath": "{}"}}"#,
            sandbox.path(".openclaw-bot7/openclaw.json").display()
        );
        sandbox.write("tmp/openclaw-0/gateway.5f0c1d2e.lock", lock);
        let Some((without, with)) = without.zip(trace(&sandbox, &command)) else {
            return;
        };
        // How often threads wait for each other differs from run to run, so the numbers alone do not tell.
        assert!(with.0.contains("gateway.5f0c1d2e.lock"), "the lock is read");
        let (without, with) = (without.count(), with.count());
        assert!(with < without + 100, "{without} calls without it, {with} with it");
    });
}

#[test]
fn doctor_looks_at_each_of_many_instances_once_also_where_it_would_repair_all() {
    network::own(|| {
        let sandbox = Sandbox::new();
        write_many(&sandbox);
        for (mode, limit) in [("go+rX", 14_000), ("go-rwx", 10_000)] {
            let mut chmod = Command::new("chmod");
            let status = chmod.args(["-R", mode]).arg(sandbox.home()).status();
            assert!(status.expect("chmod").success());
            assert_at_most(&sandbox, &["doctor", "--all", "--json"], limit);
        }
    });
}

#[test]
fn status_of_one_of_many_instances_reads_no_other_one() {
    network::own(|| {
        let sandbox = Sandbox::new();
        write_many(&sandbox);
        let Some(trace) = trace(&sandbox, &["--profile", "bot7", "status", "--json"]) else {
            return;
        };
        assert!(trace.0.contains(".openclaw-bot7/openclaw.json"));
        let of_others = trace.0.lines().filter(|line| line.contains("/.openclaw-bot8"));
        assert_eq!(of_others.collect::<Vec<_>>(), Vec::<&str>::new());
        assert!(
            !trace.0.contains("registry.toml"),
            "the registry lists all others"
        );
        let count = trace.count();
        assert!(count < 600, "{count}: {}", trace.summary());
    });
}
