//! A network namespace for one test: nothing listens there but what the test starts, so that the test can use fixed ports
//! and no other test interferes.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::skip::{Reason, skipped};

/// Environment variable with the file to write when the test in the namespace has passed. It is set there only.
const PASSED_FILE: &str = "OPENCLAW_TEST_OWN_NETWORK";
/// Exit code of the shell when the loopback device can't be brought up.
const NO_LOOPBACK: i32 = 77;

/// Returns `true` in a network namespace of one test, where no other test takes a port.
pub fn is_own() -> bool {
    std::env::var_os(PASSED_FILE).is_some()
}

/// Runs `test` in a network namespace of its own, and no longer than the calling test. A process without privileges can enter one only before it has threads,
/// so the test binary is started once more for the calling test alone.
///
/// # Panics
/// Where the test fails, or `test` is no closure of a test: its type's name tells which test that is.
#[track_caller]
pub fn own<F: FnOnce()>(test: F) {
    own_with(test, &[]);
}

/// Runs `test` as [`own`] does, where it may also mount file systems that nobody else sees.
///
/// # Panics
/// As [`own`].
#[track_caller]
pub fn own_with_mounts<F: FnOnce()>(test: F) {
    own_with(test, &["--mount"]);
}

#[track_caller]
fn own_with<F: FnOnce()>(test: F, namespaces: &[&str]) {
    if let Some(passed) = std::env::var_os(PASSED_FILE) {
        test();
        return std::fs::write(passed, "").expect("the file of a passed test");
    }
    let path = std::any::type_name::<F>().trim_end_matches("::{{closure}}");
    let (_, name) = path.split_once("::").expect("a closure of a test");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let passed = folder.path().join("passed");
    let Some(output) = run_inside(name, &passed, namespaces) else {
        return skipped(Reason::NoProgram("unshare"), "a network of its own");
    };
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if output.status.code() == Some(NO_LOOPBACK) || stderr.starts_with("unshare:") {
        return skipped(Reason::NoNamespaces, &stderr);
    }
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(passed.exists(), "{name} did not run inside:\n{stdout}\n{stderr}");
    // Tests skipped in the namespace are counted there and shown here.
    for line in stderr.lines().filter(|line| line.starts_with("skipped\t")) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// Starts the test binary for one test in a new network namespace, and in further ones; `None` where there is no `unshare`.
fn run_inside(name: &str, passed: &Path, namespaces: &[&str]) -> Option<std::process::Output> {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net"]).args(namespaces);
    command.args(["sh", "-c"]);
    command.arg(format!(
        "PATH=$PATH:/usr/sbin:/sbin; ip link set lo up || exit {NO_LOOPBACK}; \
         exec setpriv --pdeathsig KILL -- \"$0\" \"$@\""
    ));
    command.arg(std::env::current_exe().expect("this test binary"));
    // More than one thread: with one, the runner gives the thread no name of the test.
    command.args(["--exact", name, "--nocapture", "--test-threads=2"]);
    command
        .env(PASSED_FILE, passed)
        .stdin(Stdio::null())
        .output()
        .ok()
}
