//! A real `systemd --user` of a test's own, in namespaces that vanish with it (`with-user-systemd`). Where
//! this can't be made (no root, no systemd) the test is skipped by name: the manager of whoever runs the
//! tests is never touched.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::skip::{self, Reason, SKIP_FILE, skipped};

/// Set where a test already runs inside.
const INSIDE: &str = "OPENCLAW_TEST_INSIDE_MANAGER";

/// What a line begins with that records a test which ran inside.
const RAN: &str = "ran\t";

/// One run: what a boot and a login would start from this home folder, then these tests, which are marked
/// `#[ignore]` so that nobody runs them elsewhere. `false` where no manager can be made.
#[track_caller]
pub fn run(home: &Path, tests: &str) -> bool {
    started(home, tests, &[])
}

/// The same with a whole system around it, logind too; who lingers is kept in `state`.
#[track_caller]
pub fn run_with_logins(home: &Path, state: &Path, tests: &str) -> bool {
    std::fs::create_dir_all(state).expect("a folder");
    started(
        home,
        tests,
        &[OsStr::new("--full"), OsStr::new("--state"), state.as_os_str()],
    )
}

#[track_caller]
fn started(home: &Path, tests: &str, options: &[&OsStr]) -> bool {
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
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    if output.status.code() == Some(125) {
        skipped(Reason::NoUserManager, &stderr);
        return false;
    }
    assert!(output.status.success(), "{stdout}\n{stderr}");
    // Files can't be written inside: what ran and what was skipped there is recorded here.
    let recorded = |line: &&str| line.starts_with(RAN) || line.starts_with("skipped\t");
    stderr.lines().filter(recorded).for_each(skip::record);
    assert!(
        stderr.lines().any(|line| line.starts_with(RAN)),
        "there is no test {tests}:\n{stdout}"
    );
    true
}

/// Returns whether the calling test runs inside a user manager of its own, and records that it ran; elsewhere it
/// counts as skipped.
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
