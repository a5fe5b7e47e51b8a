//! Runs tests inside a real `systemd --user` that is started for them in namespaces (`with-user-systemd`). Where that is
//! not possible (no root, no systemd) the calling test is skipped. The manager of the user who runs the tests is never
//! used.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::messenger::matrix::synapse;
use super::skip::{self, Reason, SKIP_FILE, skipped};

/// The environment variable that is set for a test that runs inside.
const INSIDE: &str = "OPENCLAW_TEST_INSIDE_MANAGER";

/// The prefix of the lines that record tests which ran inside.
const RAN: &str = "ran\t";

/// Boots a user manager on a home folder, which starts the services that are enabled there, and runs the tests whose
/// names contain `tests` inside. They are marked `#[ignore]` so that they do not run elsewhere. Returns `false` where no
/// manager can be started.
#[track_caller]
pub fn run(home: &Path, tests: &str) -> bool {
    run_inside(home, tests, &[], None)
}

/// Runs tests inside as [`run`] does, which use the homeserver of this process where one can be started: who runs them can
/// read nothing in the home folder of root, where Synapse is.
#[track_caller]
pub fn run_with_homeserver(home: &Path, tests: &str) -> bool {
    let folder = synapse::get().map(synapse::Synapse::shared_folder);
    run_inside(home, tests, &[], folder.as_deref())
}

/// Runs tests inside as [`run`] does, with a whole system including logind. The lingering of users is kept in the folder
/// `state`.
#[track_caller]
pub fn run_with_logins(home: &Path, state: &Path, tests: &str) -> bool {
    std::fs::create_dir_all(state).expect("a folder");
    run_inside(
        home,
        tests,
        &[OsStr::new("--full"), OsStr::new("--state"), state.as_os_str()],
        None,
    )
}

#[track_caller]
fn run_inside(home: &Path, tests: &str, options: &[&OsStr], homeserver: Option<&Path>) -> bool {
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
    command.arg("--log").arg(&log).arg("--ro").arg(target);
    if let Some(folder) = homeserver {
        command.arg("--ro").arg(folder);
        command.env(synapse::SHARED_FOLDER_VARIABLE, folder);
    }
    command.arg("--").arg(exe);
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
