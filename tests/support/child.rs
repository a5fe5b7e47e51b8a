//! Child processes of a test that are killed when the test ends.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

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
