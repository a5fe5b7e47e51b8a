//! A process that the survey takes for a profile's gateway of OpenClaw from npm: it listens on the base port of the
//! rescue bot and holds OpenClaw's lock open. It knows no protocol.

use std::process::{Child, Stdio};

use super::Sandbox;
use super::gateway::{state, wait_for};
use crate::apply::LISTEN_LOCK;

/// A running stand-in for a gateway of OpenClaw. Dropping it kills the process.
pub struct StandIn(Child);

impl StandIn {
    /// Starts the process and waits until it listens.
    pub fn start(sandbox: &Sandbox, profile: &str) -> Self {
        let state = sandbox.path(state(profile));
        let child = crate::apply::worker_command("listen", &sandbox.home())
            .env("OPENCLAW_PROFILE", profile)
            .env("OPENCLAW_CONFIG_PATH", state.join("openclaw.json"))
            .env("OPENCLAW_STATE_DIR", state)
            .env(LISTEN_LOCK, sandbox.path("tmp/openclaw-0/gateway.5f0c1d2e.lock"))
            .env("OPENCLAW_SERVICE_MARKER", "openclaw")
            .env("OPENCLAW_SERVICE_KIND", "gateway")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a listener");
        let mut own = Self(child);
        wait_for("it listens", || {
            assert!(
                own.0.try_wait().expect("a child").is_none(),
                "it is still running"
            );
            sandbox.path("listening").exists().then_some(())
        });
        own
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
