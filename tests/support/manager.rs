//! A real `systemd --user` for one test, in namespaces that end with it (`with-user-systemd`). Without root or systemd the
//! test is skipped by name. The manager of the user who runs the tests is never used.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::skip::{self, Reason, SKIP_FILE, skipped};

/// Environment variable that is set for the tests that run under the manager.
const INSIDE: &str = "OPENCLAW_TEST_INSIDE_MANAGER";

/// Start of each line that records a test which ran under the manager.
const RAN: &str = "ran\t";

/// Starts a user manager with this home folder and runs the tests whose names contain `tests` under it. They are marked
/// `#[ignore]`, so that nobody runs them elsewhere. Returns `false` where no manager can be started.
#[track_caller]
pub fn run(home: &Path, tests: &str) -> bool {
    run_with_options(home, tests, &[])
}

/// Runs tests like [`run`], with a whole system around the manager, logind included. `state` keeps which users linger from
/// one run to the next.
#[track_caller]
pub fn run_with_logins(home: &Path, state: &Path, tests: &str) -> bool {
    std::fs::create_dir_all(state).expect("a folder");
    run_with_options(
        home,
        tests,
        &[OsStr::new("--full"), OsStr::new("--state"), state.as_os_str()],
    )
}

/// Runs tests under a manager that `with-user-systemd` starts with these options.
#[track_caller]
fn run_with_options(home: &Path, tests: &str, options: &[&OsStr]) -> bool {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/with-user-systemd");
    let root = is_root();
    if !root || !Path::new("/lib/systemd/systemd").exists() {
        skipped(Reason::NoUserManager, "it needs root, systemd and util-linux");
        return false;
    }
    std::fs::create_dir_all(home).expect("a home folder");
    let log = home.with_extension("log");
    let exe = std::env::current_exe().expect("this test binary");
    let target = Path::new(env!("CARGO_BIN_EXE_openclaw"))
        .parent()
        .expect("a folder");
    let mut command = Command::new(script);
    command
        .args(options)
        .args(["--net", "--timeout", "480", "--home"])
        .arg(home);
    command
        .arg("--log")
        .arg(&log)
        .arg("--ro")
        .arg(target)
        .arg("--")
        .arg(exe);
    command.args([tests, "--ignored", "--nocapture", "--test-threads=3"]);
    let output = command
        .env(INSIDE, "1")
        .env_remove(SKIP_FILE)
        .env_remove("TMPDIR")
        .stdin(Stdio::null())
        .output()
        .expect("the script starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    if output.status.code() == Some(125) {
        skipped(Reason::NoUserManager, &stderr);
        return false;
    }
    assert!(output.status.success(), "{stdout}\n{stderr}");
    // The tests under the manager cannot write the file of skipped tests, so their lines are recorded here.
    let recorded = |line: &&str| line.starts_with(RAN) || line.starts_with("skipped\t");
    stderr.lines().filter(recorded).for_each(skip::record);
    assert!(
        stderr.lines().any(|line| line.starts_with(RAN)),
        "there is no test {tests}:\n{stdout}"
    );
    true
}

/// Returns `true` if the calling test runs under such a manager, and records that it ran; elsewhere it counts as skipped.
#[track_caller]
pub fn is_inside() -> bool {
    let is_inside = std::env::var_os(INSIDE).is_some();
    if is_inside {
        skip::record(&format!(
            "{RAN}{}",
            std::thread::current().name().unwrap_or_default()
        ));
    } else {
        skipped(
            Reason::NoUserManager,
            "it runs inside a user manager of its own only",
        );
    }
    is_inside
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|meta| {
        use std::os::unix::fs::MetadataExt as _;
        meta.uid() == 0
    })
}
