//! `openclaw onboard` and `openclaw setup` without a person: which files they write, refuse and leave alone.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Ran, Sandbox};

mod basics;
mod broken;
mod flags;
pub mod json_schema;
mod leaks;
mod legacy;
mod ports;
mod races;
mod rerun;
pub mod schema;
mod secrets;
mod start;

/// The config of a default instance that has been in use for a while.
pub const MAIN: &str = r#"// my main gateway
{
  gateway: {
    mode: "local",
    port: 18789,
    auth: { mode: "token", token: "MAIN-TOKEN" },
  },
  agents: { defaults: { workspace: "~/.openclaw/workspace" } },
  channels: { telegram: { botToken: "111:MAIN-BOT" } },
}
"#;

/// Returns the arguments of an onboarding without questions.
pub fn onboard_args<'a>(profile: &'a str, extra: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec![
        "--profile",
        profile,
        "onboard",
        "--non-interactive",
        "--accept-risk",
    ];
    words.extend(extra);
    words
}

/// Runs `openclaw --profile PROFILE onboard --non-interactive --accept-risk EXTRA`.
pub fn onboard(sandbox: &Sandbox, profile: &str, extra: &[&str]) -> Ran {
    sandbox.run(onboard_args(profile, extra))
}

/// Runs an onboarding without questions, which has to succeed.
#[track_caller]
pub fn onboard_ok(sandbox: &Sandbox, profile: &str, extra: &[&str]) -> Ran {
    onboard(sandbox, profile, extra).exits(0)
}

/// Creates a home folder with a default instance.
pub fn sandbox_with_main() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw/openclaw.json", MAIN);
    sandbox.write(".openclaw/workspace/AGENTS.md", "mine\n");
    sandbox.write(".openclaw/agents/main/sessions/sessions.json", "{}");
    sandbox
}

/// Returns the path of a profile's config below HOME.
pub fn config_path(profile: &str) -> String {
    format!(".openclaw-{profile}/openclaw.json")
}

/// Returns the config of a profile as JSON; a new one has no comments.
#[track_caller]
pub fn read_config(sandbox: &Sandbox, profile: &str) -> Value {
    serde_json::from_str(&sandbox.read(config_path(profile))).expect("JSON")
}

/// Returns the base port in the config of a profile.
#[track_caller]
pub fn base_port(sandbox: &Sandbox, profile: &str) -> u64 {
    read_config(sandbox, profile)["gateway"]["port"]
        .as_u64()
        .expect("a port")
}

/// Returns everything below HOME but the lock file, which belongs to no instance and is empty.
pub fn written_files(sandbox: &Sandbox) -> Vec<(PathBuf, u32, Vec<u8>)> {
    const LOCK: [&str; 4] = [
        ".local",
        ".local/state",
        ".local/state/openclaw",
        ".local/state/openclaw/lock",
    ];
    let mut tree = sandbox.tree();
    tree.retain(|(path, _, _)| !LOCK.iter().any(|of_lock| path == Path::new(of_lock)));
    tree
}

/// Returns the time at which each entry of a folder was last changed in any way. Two results are equal only where
/// nothing was written, renamed, removed or given another mode in between, not even for a moment.
pub fn change_times(folder: &Path) -> Vec<(PathBuf, i64, i64)> {
    let meta = std::fs::symlink_metadata(folder).expect("metadata");
    let mut all = vec![(folder.to_path_buf(), meta.ctime(), meta.ctime_nsec())];
    if meta.is_dir() {
        let mut entries: Vec<_> = std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        entries.sort();
        all.extend(entries.iter().flat_map(|entry| change_times(entry)));
    }
    all
}

/// Returns the command so that it starts with this umask.
pub fn with_umask(command: &Command, umask: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
        .env_clear()
        .envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
    shell.current_dir(command.get_current_dir().expect("a folder"));
    shell
}
