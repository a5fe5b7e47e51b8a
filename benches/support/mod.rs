//! Commands in a home folder of their own, peers and medians: what both benchmarks use.

#![expect(
    clippy::disallowed_methods,
    reason = "the benches make their own files and processes"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Returns the path of the program that is measured.
pub(crate) fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_openclaw"))
}

/// Returns the path of a peer's command in the folder that `OPENCLAW_PEERS` names or on the search path. `None` where
/// it is not installed.
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("OPENCLAW_PEERS")
        .into_iter()
        .chain(std::env::var_os("PATH"));
    let mut programs = folders.flat_map(|list| {
        std::env::split_paths(&list)
            .map(|folder| folder.join(name))
            .collect::<Vec<_>>()
    });
    programs.find(|program| program.is_file())
}

/// Returns the command that runs a program in a home folder with no other environment, and prints nothing.
pub(crate) fn command(program: &Path, home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

pub(crate) fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
