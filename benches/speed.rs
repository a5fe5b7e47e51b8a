//! How long the program takes, next to yardsticks that are measured in the same run.
//!
//! `cargo bench` prints a table and asserts nothing: numbers of one machine are compared with each
//! other, never with those of another day. Everything takes turns, round by round, so that a busy
//! moment of the machine meets all alike; what is shown is the median.

#![expect(clippy::disallowed_methods, reason = "the bench builds its own world")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Rounds that count, after one that warms up.
const ROUNDS: usize = 31;
/// How many instances the crowded hosts have; the first two show that the cost grows linearly.
const CROWDS: [u16; 3] = [20, 195, 390];

/// Something that is measured: a name, what it is compared with, and a command made anew each round.
struct Case {
    name: String,
    /// The position of its yardstick among the cases.
    against: Option<usize>,
    command: Box<dyn Fn(&Path) -> Command>,
    times: Vec<Duration>,
}

fn main() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let hello = hello_world(scratch.path());
    let crowds: Vec<_> = CROWDS.iter().map(|count| (*count, crowd(*count))).collect();

    let case = |name: &str, against, command: Box<dyn Fn(&Path) -> Command>| Case {
        name: name.to_owned(),
        against,
        command,
        times: Vec::new(),
    };
    let mut cases = vec![
        case(
            "hello world (rustc -O)",
            None,
            Box::new(move |_| Command::new(&hello)),
        ),
        case("--version", Some(0), Box::new(|home| ours(home, &["--version"]))),
        case(
            "onboard without questions, fresh home",
            None,
            Box::new(|home| ours(home, &["onboard", "--non-interactive", "--accept-risk", "--json"])),
        ),
        case(
            "ports --json, nobody there",
            None,
            Box::new(|home| ours(home, &["ports", "--json"])),
        ),
    ];
    let empty = cases.len() - 1;
    for (count, home) in &crowds {
        let home = home.path().to_path_buf();
        let name = format!("ports --json, {count} instances");
        cases.push(case(
            &name,
            Some(empty),
            Box::new(move |_| ours(&home, &["ports", "--json"])),
        ));
    }
    let fullest = crowds.last().expect("there are crowds").1.path().to_path_buf();
    let words = [
        "--profile",
        "one-more",
        "onboard",
        "--non-interactive",
        "--accept-risk",
        "--dry-run",
        "--json",
    ];
    cases.push(case(
        "survey and plan, 390 instances",
        Some(empty),
        Box::new(move |_| ours(&fullest, &words)),
    ));

    for round in 0..=ROUNDS {
        for case in &mut cases {
            let home = tempfile::tempdir().expect("a home");
            let mut command = (case.command)(home.path());
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let start = Instant::now();
            let status = command.status().expect("it starts");
            let time = start.elapsed();
            assert!(status.success(), "{}: {status}", case.name);
            if round > 0 {
                case.times.push(time);
            }
        }
    }
    let medians: Vec<_> = cases.iter_mut().map(|case| median(&mut case.times)).collect();
    println!("{ROUNDS} rounds, interleaved, medians\n");
    for (case, median) in cases.iter().zip(&medians) {
        let ratio = case.against.map_or_else(String::new, |at| {
            format!(
                "{:6.2} x {}",
                median.as_secs_f64() / medians[at].as_secs_f64(),
                cases[at].name
            )
        });
        println!(
            "{:<40} {:>8.2} ms  {ratio}",
            case.name,
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

/// The program in a home folder, with nothing else of this environment.
fn ours(home: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(words)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .current_dir(home);
    command
}

/// The yardstick: the least that a program in Rust does.
fn hello_world(folder: &Path) -> PathBuf {
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

/// A host with that many instances, 111 ports apart.
fn crowd(count: u16) -> TempDir {
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
