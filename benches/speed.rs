//! Measurements of the program's commands on hosts with 1, 20 and 380 instances, beside `ocm` (openclaw/ocm) where
//! `OPENCLAW_PEERS` or the search path has it.
//!
//! Prints a table and asserts nothing. Each round runs every command once, so that a busy moment of the machine slows
//! all of them alike: only numbers of one table may be compared. Times are medians. System calls are counted in a run of
//! their own, where `strace` is there.

#![expect(
    clippy::disallowed_methods,
    reason = "the bench makes its own files and processes"
)]
#![expect(clippy::print_stdout, reason = "the bench prints its table")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

mod support;

use support::{command, median, millis, peer, program};

/// Number of measured rounds, after one that warms up.
const ROUND_COUNT: usize = 11;
/// Numbers of instances on the hosts: they show how the cost grows.
const INSTANCE_COUNTS: [u16; 3] = [1, 20, 380];
/// The number of instances for which most goals are set.
const MANY: u16 = INSTANCE_COUNTS[2];
/// The base port of the first instance of a host, and the distance from one to the next.
const FIRST_PORT: u16 = 20_000;
const PORT_DISTANCE: u16 = 111;

/// The words that set an instance up without questions.
const ONBOARD: [&str; 4] = ["onboard", "--non-interactive", "--accept-risk", "--json"];
/// The name of the instance that is set up beside others, and removed after each run.
const ONE_MORE: &str = "one-more";

/// A command that is measured, ours or a peer's.
struct MeasuredCommand {
    program: PathBuf,
    args: Vec<String>,
    /// The home folder to run in; a new one for each run where there is none.
    home: Option<PathBuf>,
    times: Vec<Duration>,
}

/// What a time should be at most.
enum Goal {
    None,
    Millis(f64),
    /// A multiple of the peer's time.
    TimesPeer(f64),
    /// A multiple of the time of the row with this index.
    TimesRow(f64, usize),
}

/// A row of the table.
struct Row {
    name: String,
    ours: MeasuredCommand,
    peer: Option<MeasuredCommand>,
    goal: Goal,
    /// What our number of system calls should be at most.
    max_calls: Option<u64>,
}

/// A home folder with instances of ours, and one with as many of the peer's.
struct CrowdedHost {
    count: u16,
    ours: TempDir,
    peers: TempDir,
}

fn main() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let ocm = peer("ocm");
    if ocm.is_none() {
        println!("no peer: neither OPENCLAW_PEERS nor the search path has ocm");
    }
    let hosts = INSTANCE_COUNTS.map(|count| CrowdedHost::new(count, ocm.as_deref()));
    let mut rows = first_rows(build_hello_world(scratch.path()), ocm.as_deref());
    add_rows_of_hosts(&mut rows, &hosts, ocm.as_deref());
    for round in 0..=ROUND_COUNT {
        for row in &mut rows {
            row.ours.measure(round > 0);
            if let Some(peer) = &mut row.peer {
                peer.measure(round > 0);
            }
        }
    }
    println!(
        "{ROUND_COUNT} rounds, interleaved, medians; files in {}\n",
        std::env::temp_dir().display()
    );
    print_table(&mut rows);
}

/// Returns the rows of commands on a host without an instance.
fn first_rows(hello: PathBuf, ocm: Option<&Path>) -> Vec<Row> {
    let mut hello_world = Row::new("hello world (rustc -O)", &[], None);
    hello_world.ours.program = hello;
    let onboard = Row {
        peer: ocm.map(|ocm| MeasuredCommand::new(ocm, &["env", "create", ONE_MORE], None)),
        goal: Goal::TimesPeer(2.0),
        max_calls: Some(800),
        ..Row::new("onboard, fresh home", &ONBOARD, None)
    };
    vec![hello_world, Row::new("--version", &["--version"], None), onboard]
}

/// Appends the rows of commands on hosts with instances.
fn add_rows_of_hosts(rows: &mut Vec<Row>, hosts: &[CrowdedHost], ocm: Option<&Path>) {
    let one_more = [&["--profile", ONE_MORE], &ONBOARD[..]].concat();
    let status = ["--profile", "p0", "status", "--json"];
    let measured: [(&str, &[&str], &[&str], Goal); 6] = [
        (
            "onboard one more",
            &one_more,
            &["env", "create", ONE_MORE],
            Goal::TimesPeer(1.0),
        ),
        (
            "profiles --json",
            &["profiles", "--json"],
            &["env", "list", "--json"],
            Goal::TimesPeer(1.0),
        ),
        ("status --json, down", &status, &[], Goal::None),
        (
            "status --all --json",
            &["status", "--all", "--json"],
            &[],
            Goal::Millis(60.0),
        ),
        (
            "doctor --all --json",
            &["doctor", "--all", "--json"],
            &[],
            Goal::Millis(120.0),
        ),
        ("ports --json", &["ports", "--json"], &[], Goal::Millis(40.0)),
    ];
    for (name, ours, peers, goal_of_many) in measured {
        let with_one = rows.len();
        let mut goal_of_many = Some(goal_of_many);
        for host in hosts {
            let mut row = Row::new(
                &format!("{name}, {} there", host.count),
                ours,
                Some(host.ours.path()),
            );
            if let (Some(ocm), [_, ..]) = (ocm, peers) {
                row.peer = Some(MeasuredCommand::new(ocm, peers, Some(host.peers.path())));
            }
            if host.count == MANY {
                row.goal = goal_of_many.take().unwrap_or(Goal::None);
                row.max_calls = (name == "onboard one more").then_some(12_000);
            }
            if name == "status --json, down" {
                row.goal = match host.count {
                    1 => Goal::Millis(8.0),
                    _ => Goal::TimesRow(1.5, with_one),
                };
            }
            rows.push(row);
        }
    }
}

impl Row {
    fn new(name: &str, args: &[&str], home: Option<&Path>) -> Self {
        Self {
            name: name.to_owned(),
            ours: MeasuredCommand::new(&program(), args, home),
            peer: None,
            goal: Goal::None,
            max_calls: None,
        }
    }
}

impl MeasuredCommand {
    fn new(program: &Path, args: &[&str], home: Option<&Path>) -> Self {
        Self {
            program: program.to_path_buf(),
            args: args.iter().map(|&word| word.to_owned()).collect(),
            home: home.map(Path::to_path_buf),
            times: Vec::new(),
        }
    }

    /// Runs the command and keeps the time that it took, if it counts.
    fn measure(&mut self, counts: bool) {
        let time = self.run(&[]);
        if counts {
            self.times.push(time);
        }
    }

    /// Returns the number of system calls that the command makes. `None` where they can't be traced.
    fn count_calls(&self) -> Option<u64> {
        let summary = tempfile::NamedTempFile::new().expect("a file");
        let path = summary.path().to_str().expect("text");
        Command::new("strace").arg("--version").output().ok()?;
        let _ = self.run(&["strace", "-f", "-qq", "-c", "-o", path, "--"]);
        let summary = std::fs::read_to_string(summary.path()).expect("a summary");
        let total = summary.lines().find(|line| line.ends_with(" total"))?;
        total.split_whitespace().nth(3)?.parse().ok()
    }

    /// Runs the command behind these words and returns the time that it took. What it set up is removed again.
    fn run(&self, before: &[&str]) -> Duration {
        let fresh = tempfile::tempdir().expect("a home");
        let home = self.home.as_deref().unwrap_or(fresh.path());
        let words = before.iter().map(Path::new).chain([self.program.as_path()]);
        let words: Vec<_> = words.collect();
        let mut command = command(words[0], home, &[]);
        command.args(&words[1..]).args(&self.args);
        let is_set_up = self.args.iter().any(|word| word == ONE_MORE);
        let registries = is_set_up.then(|| Registries::read(home));
        let start = Instant::now();
        let status = command.status().expect("it starts");
        let time = start.elapsed();
        // 1 is the answer of `status` where nothing runs, and of `doctor` where there are findings.
        let may_deny = self.args.iter().any(|word| word == "status" || word == "doctor");
        assert!(
            status.success() || may_deny && status.code() == Some(1),
            "{:?}: {status}",
            self.args
        );
        if let Some(registries) = registries {
            registries.restore();
        }
        time
    }
}

/// What the lists of instances in a home folder said before one was added.
struct Registries<'h> {
    home: &'h Path,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl<'h> Registries<'h> {
    fn read(home: &'h Path) -> Self {
        let files = [".local/state/openclaw/registry.toml", ".ocm/envs.json"].map(|name| home.join(name));
        let files = files.into_iter().filter_map(|path| {
            let bytes = std::fs::read(&path).ok()?;
            Some((path, bytes))
        });
        Self {
            home,
            files: files.collect(),
        }
    }

    /// Removes the instance that was added.
    fn restore(self) {
        for folder in [format!(".openclaw-{ONE_MORE}"), format!(".ocm/envs/{ONE_MORE}")] {
            let _ = std::fs::remove_dir_all(self.home.join(folder));
        }
        for (path, bytes) in self.files {
            std::fs::write(path, bytes).expect("a registry");
        }
    }
}

impl CrowdedHost {
    /// Sets up this many instances of a peer, and writes the files of as many of ours as `setup` does: it would refuse
    /// the ports that some other process of this machine listens on.
    fn new(count: u16, ocm: Option<&Path>) -> Self {
        let (ours, peers) = (tempfile::tempdir(), tempfile::tempdir());
        let host = Self {
            count,
            ours: ours.expect("a home"),
            peers: peers.expect("a home"),
        };
        let mut registry = "version = 1\n".to_owned();
        for number in 0..count {
            let name = format!("p{number}");
            registry += &write_instance(host.ours.path(), &name, FIRST_PORT + number * PORT_DISTANCE);
            if let Some(ocm) = ocm {
                let made = command(ocm, host.peers.path(), &["env", "create", &name]).status();
                assert!(made.expect("it starts").success(), "ocm: {name}");
            }
        }
        let folder = host.ours.path().join(".local/state/openclaw");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("registry.toml"), registry).expect("a registry");
        host
    }
}

/// Writes the files of an instance and returns its entry in the registry.
fn write_instance(home: &Path, name: &str, port: u16) -> String {
    let state = home.join(format!(".openclaw-{name}"));
    let workspace = state.join(format!("workspace-{name}"));
    std::fs::create_dir_all(&workspace).expect("a workspace");
    let config = json!({
        "gateway": { "mode": "local", "port": port, "bind": "loopback",
                     "auth": { "mode": "token", "token": format!("{port:048x}") } },
        "agents": { "defaults": { "workspace": workspace } },
    });
    std::fs::write(state.join("openclaw.json"), config.to_string()).expect("a config");
    let record = format!("version = 1\nengine = \"native\"\n\n[ports]\nbase = {port}\n");
    std::fs::write(state.join("instance.toml"), record).expect("a record");
    format!(
        "\n[[instance]]\nprofile = \"{name}\"\nconfig = \"{}\"\nstate = \"{}\"\nworkspace = \"{}\"\nport = {port}\n",
        state.join("openclaw.json").display(),
        state.display(),
        workspace.display(),
    )
}

/// Prints the median time of each command beside the peer's, what it should be at most, and the system calls.
fn print_table(rows: &mut [Row]) {
    let medians: Vec<_> = rows.iter_mut().map(|row| median(&mut row.ours.times)).collect();
    println!(
        "{:<32} {:>9} {:>9} {:>7}  {:<28} {:>13} {:>10}",
        "", "ours", "ocm", "ratio", "goal", "system calls", "of ocm"
    );
    for (index, row) in rows.iter_mut().enumerate() {
        let ours = millis(medians[index]);
        let peers = (row.peer.as_mut()).map(|peer| millis(median(&mut peer.times)));
        let goal = match row.goal {
            Goal::None => String::new(),
            Goal::Millis(limit) => verdict(&format!("{limit} ms"), ours <= limit),
            Goal::TimesPeer(limit) => peers.map_or_else(String::new, |peers| {
                verdict(&format!("{limit} x ocm"), ours <= limit * peers)
            }),
            Goal::TimesRow(limit, other) => {
                let ratio = ours / millis(medians[other]);
                verdict(&format!("{limit} x with 1, is {ratio:.2}"), ratio <= limit)
            }
        };
        let calls = row.ours.count_calls();
        let calls_text = match (calls, row.max_calls) {
            (Some(calls), Some(limit)) => format!("{calls} of {limit}"),
            (Some(calls), None) => calls.to_string(),
            (None, _) => String::new(),
        };
        let calls_of_peer = row.peer.as_ref().and_then(MeasuredCommand::count_calls);
        println!(
            "{:<32} {ours:>6.2} ms {:>9} {:>7}  {goal:<28} {calls_text:>13} {:>10}",
            row.name,
            peers.map_or_else(String::new, |time| format!("{time:.2} ms")),
            peers.map_or_else(String::new, |time| format!("{:.2}", ours / time)),
            calls_of_peer.map_or_else(String::new, |calls| calls.to_string()),
        );
    }
}

/// Returns a goal in words, and whether it is met.
fn verdict(goal: &str, is_met: bool) -> String {
    format!("{} {goal}", if is_met { "met:   " } else { "missed:" })
}

/// Compiles the baseline, the smallest program in Rust, and returns its path.
fn build_hello_world(folder: &Path) -> PathBuf {
    let source = folder.join("hello.rs");
    let program = folder.join("hello");
    std::fs::write(&source, "fn main() { println!(\"hello\"); }\n").expect("a source");
    let status = Command::new("rustc")
        .arg("-O")
        .arg("-o")
        .arg(&program)
        .arg(&source)
        .status()
        .expect("rustc");
    assert!(status.success(), "rustc: {status}");
    program
}
