//! Tests that can't run on a machine: each is reported on standard error and counted in a file, so that `scripts/test` can
//! name it and fail for a reason that does not apply to this machine.
//!
//! The unit tests of the crate use this file too.

use std::fmt::{Display, Formatter, Result};
use std::io::Write as _;

/// The environment variable that names the file to which each skipped test appends one line:
/// `skipped`, the reason, the test and an explanation, separated by tabs.
pub(crate) const SKIP_FILE: &str = "OPENCLAW_TEST_SKIPS";

/// A reason for which a test can't run on this machine. `scripts/test` knows the names and decides which are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// `OPENCLAW_PEERS` names no folder with the real releases of OpenClaw.
    NoPeers,
    /// `OPENCLAW_PACKAGES` names no folder with the files of a release.
    NoPackages,
    /// `OPENCLAW_WINDOWS_PROGRAM` names no program that was built for Windows.
    NoWindowsProgram,
    /// This program is not installed.
    NoProgram(&'static str),
    /// Only root can prepare or observe the case.
    NeedsRoot,
    /// Root is exempt from the rule that the test proves.
    RunsAsRoot,
    /// No namespace can be made, or nothing can be mounted in one.
    NoNamespaces,
    /// `strace` may not trace.
    NoTracing,
    /// No `systemd --user` of the test's own can be started.
    NoUserManager,
    /// The system lets no user start Chromium's sandbox.
    NoChromiumSandbox,
    /// The temporary folder and `/dev/shm` are on one file system.
    OneFileSystem,
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::NoPeers => f.write_str("no-peers"),
            Self::NoPackages => f.write_str("no-packages"),
            Self::NoWindowsProgram => f.write_str("no-windows-program"),
            Self::NoProgram(name) => write!(f, "no-program:{name}"),
            Self::NeedsRoot => f.write_str("needs-root"),
            Self::RunsAsRoot => f.write_str("runs-as-root"),
            Self::NoNamespaces => f.write_str("no-namespaces"),
            Self::NoTracing => f.write_str("no-tracing"),
            Self::NoUserManager => f.write_str("no-user-manager"),
            Self::NoChromiumSandbox => f.write_str("no-chromium-sandbox"),
            Self::OneFileSystem => f.write_str("one-file-system"),
        }
    }
}

/// Records that the calling test ends without having tested everything. `detail` explains it to a person.
#[track_caller]
pub(crate) fn skipped(reason: Reason, detail: &str) {
    let thread = std::thread::current();
    let place = std::panic::Location::caller().to_string();
    let test = thread.name().filter(|name| *name != "main").unwrap_or(&place);
    record(&format!(
        "skipped\t{reason}\t{test}\t{}",
        detail.trim().replace(['\n', '\t'], " ")
    ));
}

/// Writes a line to standard error, past the test runner, and appends it to the file of [`SKIP_FILE`].
///
/// # Panics
/// Where the file can't be written: a skip that nobody counts is a passed test.
pub(crate) fn record(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
    let Some(path) = std::env::var_os(SKIP_FILE) else {
        return;
    };
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    let mut file = file.expect("the file of skipped tests");
    // One write, so that lines of other processes don't fall in between.
    file.write_all(format!("{line}\n").as_bytes())
        .expect("the file of skipped tests");
}
