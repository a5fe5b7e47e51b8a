//! Child processes of a test that are killed when the test ends.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};

use rustix::process::{Pid, Signal, kill_process};

use super::Sandbox;
use super::gateway::{state, wait_for};

/// A child process. Dropping the value kills it.
pub struct ChildGuard(pub Child);

impl ChildGuard {
    /// Returns whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_none()
    }
}

impl Drop for ChildGuard {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns a command whose process gets SIGTERM when the test's thread ends, even where the whole test run is killed. The
/// command gets its environment and its working folder from `command`, and no input.
pub fn ended_with_test(command: &Command) -> Command {
    let mut ended = Command::new("/usr/bin/setpriv");
    ended
        .args(["--pdeathsig", "TERM", "--"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        ended.current_dir(folder);
    }
    ended
}

/// Kills every process whose environment has this home folder: whatever was started in a sandbox, and what that started,
/// like the browsers of a gateway.
pub fn kill_processes_of(home: &Path) {
    // A process may start another one before it is killed.
    while processes_of(home)
        .into_iter()
        .any(|pid| kill_process(pid, Signal::KILL).is_ok())
    {
        std::thread::yield_now();
    }
}

/// Returns the other processes whose environment has this home folder. One that has ended and is not waited for has none.
pub fn processes_of(home: &Path) -> Vec<Pid> {
    let variable = [b"HOME=", home.as_os_str().as_bytes()].concat();
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let environment = std::fs::read(entry.path().join("environ")).ok()?;
            let is_own = environment
                .split(|byte| *byte == 0)
                .any(|entry| entry == variable);
            is_own.then(|| Pid::from_raw(pid))?
        })
        .filter(|pid| *pid != rustix::process::getpid())
        .collect()
}

/// Starts a worker of the task `listen` in the environment of a profile's gateway, and waits until it listens.
pub fn spawn_listener(sandbox: &Sandbox, profile: &str, command: &mut Command) -> ChildGuard {
    let state: PathBuf = sandbox.path(state(profile));
    command
        .env("OPENCLAW_PROFILE", profile)
        .env("OPENCLAW_CONFIG_PATH", state.join("openclaw.json"))
        .env("OPENCLAW_STATE_DIR", state)
        .env("OPENCLAW_SERVICE_MARKER", "openclaw")
        .env("OPENCLAW_SERVICE_KIND", "gateway")
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = ChildGuard(command.spawn().expect("a listener"));
    wait_for("it listens", || {
        assert!(child.is_running(), "it is still running");
        sandbox.path("listening").exists().then_some(())
    });
    child
}

#[test]
fn processes_that_a_failed_test_started_are_killed() {
    let home = Arc::new(OnceLock::new());
    let test = std::thread::spawn({
        let home = Arc::clone(&home);
        move || {
            let sandbox = Sandbox::new();
            home.set(sandbox.home()).expect("set once");
            let mut shell = Command::new("sh");
            shell
                .args(["-c", "sleep 600 & exec sleep 600"])
                .env("HOME", sandbox.home());
            let _shell = ChildGuard(shell.spawn().expect("sh"));
            wait_for("both run", || {
                (processes_of(&sandbox.home()).len() == 2).then_some(())
            });
            // No message: nobody is to look for a fault.
            std::panic::resume_unwind(Box::new(()));
        }
    });
    assert!(test.join().is_err(), "the test fails");
    assert_eq!(processes_of(home.get().expect("set")), []);
}

#[test]
fn process_ends_with_the_thread_of_its_test() {
    let mut sleep = Command::new("sleep");
    sleep.arg("600");
    let start = move || {
        let child = ended_with_test(&sleep).spawn().expect("setpriv");
        let name = PathBuf::from(format!("/proc/{}/comm", child.id()));
        wait_for("setpriv becomes the program", || {
            (std::fs::read_to_string(&name).ok()? == "sleep\n").then_some(())
        });
        ChildGuard(child)
    };
    let mut child = std::thread::spawn(start).join().expect("started");
    wait_for("it ends", || (!child.is_running()).then_some(()));
}
