//! A network of a test's own: ports are suggested from what listens on the host, and there nothing does
//! but what the test itself starts. So a test may name ports, and no other test is in its way.

use std::process::{Command, Stdio};

use super::skipped;

/// Set where the test already runs inside.
const INSIDE: &str = "OPENCLAW_TEST_OWN_NETWORK";
/// The exit code where the loopback device can't be brought up.
const NO_LOOPBACK: i32 = 77;

/// Runs `test` in a network of its own. `name` is the calling test's name, as the test runner knows it:
/// it is started once more, inside.
#[track_caller]
pub fn own(name: &str, test: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--net", "sh", "-c"]);
    command.arg(format!(
        "PATH=$PATH:/usr/sbin:/sbin; ip link set lo up || exit {NO_LOOPBACK}; exec \"$0\" \"$@\""
    ));
    command.arg(std::env::current_exe().expect("this test binary"));
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    let Ok(output) = command.env(INSIDE, "1").stdin(Stdio::null()).output() else {
        return skipped("unshare is not installed");
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(NO_LOOPBACK) || stderr.starts_with("unshare:") {
        return skipped(&format!("no network of its own can be made: {stderr}"));
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("1 passed"), "there is no test {name}:\n{stdout}");
}
