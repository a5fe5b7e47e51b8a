//! A user's own program that looks like a gateway in everything that proves nothing: its path and its name hold
//! `openclaw`, it inherited an instance's environment, and it listens on that instance's port. It answers nothing.

use std::process::{Child, Stdio};

use super::Sandbox;
use super::gateway::{state, wait_for};
use crate::apply::LISTEN_PORT;

/// The program. It ends when this is dropped.
pub struct Stranger(Child);

impl Stranger {
    /// Starts the program on a port, in the environment of a profile's gateway, and waits until it listens.
    pub fn start(sandbox: &Sandbox, profile: &str, port: u16) -> Self {
        let worker = crate::apply::worker_command("listen", &sandbox.home());
        let folder = sandbox.path("openclaw-notes/node_modules/openclaw");
        std::fs::create_dir_all(&folder).expect("a folder");
        let program = folder.join("openclaw-gateway");
        std::os::unix::fs::symlink(worker.get_program(), &program).expect("a link");
        let mut command = std::process::Command::new(program);
        let vars = worker.get_envs().filter_map(|(name, value)| Some((name, value?)));
        command.args(worker.get_args()).envs(vars);
        let state = sandbox.path(state(profile));
        let child = command
            .env(LISTEN_PORT, port.to_string())
            .env("HOME", sandbox.home())
            .env("OPENCLAW_PROFILE", profile)
            .env("OPENCLAW_CONFIG_PATH", state.join("openclaw.json"))
            .env("OPENCLAW_STATE_DIR", state)
            .env("OPENCLAW_SERVICE_MARKER", "openclaw")
            .env("OPENCLAW_SERVICE_KIND", "gateway")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a listener");
        let mut stranger = Self(child);
        wait_for("it listens", || {
            assert!(stranger.is_running(), "it goes on");
            sandbox.path("listening").exists().then_some(())
        });
        stranger
    }

    /// Returns the process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Tells whether the program still runs.
    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_none()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
