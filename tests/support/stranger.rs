//! A user's own program that looks like a gateway in everything that proves nothing: its path and its name hold
//! `openclaw`, it inherited an instance's environment, and it listens on that instance's port. It answers nothing.

use std::process::Command;

use super::Sandbox;
use super::child::{ChildGuard, spawn_listener};
use crate::apply::{LISTEN_PORT, worker_command};

/// Starts the program on a port, in the environment of a profile's gateway, and waits until it listens.
pub fn start_stranger(sandbox: &Sandbox, profile: &str, port: u16) -> ChildGuard {
    let worker = worker_command("listen", &sandbox.home());
    let folder = sandbox.path("openclaw-notes/node_modules/openclaw");
    std::fs::create_dir_all(&folder).expect("a folder");
    let program = folder.join("openclaw-gateway");
    std::os::unix::fs::symlink(worker.get_program(), &program).expect("a link");
    let mut command = Command::new(program);
    let vars = worker.get_envs().filter_map(|(name, value)| Some((name, value?)));
    command
        .args(worker.get_args())
        .envs(vars)
        .env(LISTEN_PORT, port.to_string())
        .env("HOME", sandbox.home());
    spawn_listener(sandbox, profile, &mut command)
}
