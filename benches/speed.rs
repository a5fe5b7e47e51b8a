//! Measurements of the program's commands, beside baselines that are measured in the same run.
//!
//! `cargo bench` prints a table and asserts nothing: only numbers of one table may be compared. Each round runs every
//! command once, so that a busy moment of the machine slows all of them alike. The table shows medians.

#![expect(
    clippy::disallowed_methods,
    reason = "the bench makes its own files and processes"
)]
#![expect(clippy::print_stdout, reason = "the bench prints its table")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Number of measured rounds, after one that warms up.
const ROUND_COUNT: usize = 31;
/// Numbers of instances on the crowded hosts. The first two show that the cost grows linearly.
const CROWD_SIZES: [u16; 3] = [20, 195, 390];

/// A command that is measured.
struct MeasuredCommand {
    name: String,
    /// Index of the command that is its baseline.
    baseline: Option<usize>,
    /// Makes the command for a new home folder.
    command: Box<dyn Fn(&Path) -> Command>,
    times: Vec<Duration>,
}

fn main() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let hello = build_hello_world(scratch.path());
    let crowds: Vec<_> = CROWD_SIZES
        .iter()
        .map(|count| (*count, home_with_instances(*count)))
        .collect();
    let mut commands = measured_commands(hello, &crowds);
    for round in 0..=ROUND_COUNT {
        for command in &mut commands {
            let time = command.measure();
            if round > 0 {
                command.times.push(time);
            }
        }
    }
    print_table(&mut commands);
}

/// Returns every command to measure, with the crowded hosts by their numbers of instances.
fn measured_commands(hello: PathBuf, crowds: &[(u16, TempDir)]) -> Vec<MeasuredCommand> {
    let onboard = ["onboard", "--non-interactive", "--accept-risk", "--json"];
    let mut commands = vec![
        MeasuredCommand::new("hello world (rustc -O)", None, move |_| Command::new(&hello)),
        MeasuredCommand::new("--version", Some(0), |home| openclaw(home, &["--version"])),
        MeasuredCommand::new("onboard without questions, fresh home", None, move |home| {
            openclaw(home, &onboard)
        }),
        MeasuredCommand::new("ports --json, no instance", None, |home| {
            openclaw(home, &["ports", "--json"])
        }),
    ];
    let no_instance = commands.len() - 1;
    for (count, home) in crowds {
        let home = home.path().to_path_buf();
        let name = format!("ports --json, {count} instances");
        commands.push(MeasuredCommand::new(&name, Some(no_instance), move |_| {
            openclaw(&home, &["ports", "--json"])
        }));
    }
    let (count, home) = crowds.last().expect("there are crowds");
    let home = home.path().to_path_buf();
    let name = format!("survey and plan, {count} instances");
    commands.push(MeasuredCommand::new(&name, Some(no_instance), move |_| {
        let profile = ["--profile", "one-more"];
        openclaw(&home, &[&profile[..], &onboard, &["--dry-run"]].concat())
    }));
    commands
}

impl MeasuredCommand {
    fn new(name: &str, baseline: Option<usize>, command: impl Fn(&Path) -> Command + 'static) -> Self {
        Self {
            name: name.to_owned(),
            baseline,
            command: Box::new(command),
            times: Vec::new(),
        }
    }

    /// Runs the command in a new home folder and returns the time that it took.
    fn measure(&self) -> Duration {
        let home = tempfile::tempdir().expect("a home");
        let mut command = (self.command)(home.path());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let start = Instant::now();
        let status = command.status().expect("it starts");
        let time = start.elapsed();
        assert!(status.success(), "{}: {status}", self.name);
        time
    }
}

/// Prints the median time of each command, and its ratio to that of its baseline.
fn print_table(commands: &mut [MeasuredCommand]) {
    let medians: Vec<_> = commands
        .iter_mut()
        .map(|command| median(&mut command.times))
        .collect();
    println!("{ROUND_COUNT} rounds, interleaved, medians\n");
    for (command, median) in commands.iter().zip(&medians) {
        let ratio = command.baseline.map_or_else(String::new, |at| {
            let ratio = median.as_secs_f64() / medians[at].as_secs_f64();
            format!("{ratio:6.2} x {}", commands[at].name)
        });
        println!(
            "{:<40} {:>8.2} ms  {ratio}",
            command.name,
            median.as_secs_f64() * 1000.0
        );
    }
    let size = std::fs::metadata(program()).map_or(0, |meta| meta.len());
    let mib = f64::from(u32::try_from(size).unwrap_or(u32::MAX)) / f64::from(1 << 20);
    println!("{:<40} {mib:>8.2} MiB", "size of the program");
}

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_openclaw"))
}

/// Returns the command that runs the program in a home folder with no other environment.
fn openclaw(home: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(words)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .current_dir(home);
    command
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

/// Creates a home folder with this many instances, 111 ports apart.
fn home_with_instances(count: u16) -> TempDir {
    let home = tempfile::tempdir().expect("a home");
    for number in 0..count {
        let folder = home.path().join(format!(".openclaw-p{number}"));
        std::fs::create_dir_all(folder.join("workspace")).expect("a state folder");
        let config = format!(
            "{{\n  \"gateway\": {{ \"mode\": \"local\", \"port\": {}, \"bind\": \"loopback\",\n    \
             \"auth\": {{ \"mode\": \"token\", \"token\": \"{number:048x}\" }} }},\n  \
             \"agents\": {{ \"defaults\": {{ \"workspace\": \"{}\" }} }}\n}}\n",
            20_000 + number * 111,
            folder.join("workspace").display(),
        );
        std::fs::write(folder.join("openclaw.json"), config).expect("a config");
    }
    home
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
