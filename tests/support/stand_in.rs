//! A process that the survey takes for a profile's gateway of OpenClaw from npm: it listens on the base port of the
//! rescue bot and holds OpenClaw's lock open. It knows no protocol.

use super::Sandbox;
use super::child::{ChildGuard, spawn_listener};
use crate::apply::{LISTEN_LOCK, worker_command};

/// Starts the process and waits until it listens.
pub fn start_stand_in(sandbox: &Sandbox, profile: &str) -> ChildGuard {
    let lock = sandbox.path("tmp/openclaw-0/gateway.5f0c1d2e.lock");
    let mut command = worker_command("listen", &sandbox.home());
    spawn_listener(sandbox, profile, command.env(LISTEN_LOCK, lock))
}
