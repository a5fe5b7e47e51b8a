//! `openclaw onboard` and `setup` without a person: what is written, what is refused, what is left alone.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Ran, Sandbox};

mod basics;
mod broken;
mod flags;
mod leaks;
mod ports;
mod races;
mod rerun;
mod schema;
mod secrets;

/// A default instance as somebody has had it for a while.
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

/// The words of an onboarding without questions.
pub fn words<'a>(profile: &'a str, extra: &[&'a str]) -> Vec<&'a str> {
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

/// `openclaw --profile PROFILE onboard --non-interactive --accept-risk EXTRA`
pub fn onboard(sandbox: &Sandbox, profile: &str, extra: &[&str]) -> Ran {
    sandbox.run(words(profile, extra))
}

/// The same, and it goes well.
#[track_caller]
pub fn onboarded(sandbox: &Sandbox, profile: &str, extra: &[&str]) -> Ran {
    onboard(sandbox, profile, extra).exits(0)
}

/// A home with a default instance in it.
pub fn beside_main() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw/openclaw.json", MAIN);
    sandbox.write(".openclaw/workspace/AGENTS.md", "mine\n");
    sandbox.write(".openclaw/agents/main/sessions/sessions.json", "{}");
    sandbox
}

/// Where the config of a profile stands, below HOME.
pub fn config_path(profile: &str) -> String {
    format!(".openclaw-{profile}/openclaw.json")
}

/// The config of a profile, as JSON: a fresh one has no comments.
#[track_caller]
pub fn config(sandbox: &Sandbox, profile: &str) -> Value {
    serde_json::from_str(&sandbox.read(config_path(profile))).expect("JSON")
}

/// The base port in the config of a profile.
#[track_caller]
pub fn base(sandbox: &Sandbox, profile: &str) -> u64 {
    config(sandbox, profile)["gateway"]["port"]
        .as_u64()
        .expect("a port")
}

/// Everything below HOME but the lock, which belongs to no instance and says nothing.
pub fn written(sandbox: &Sandbox) -> Vec<(PathBuf, u32, Vec<u8>)> {
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

/// When each entry of a folder was last changed in any way: equal where nothing was written, renamed,
/// removed or given another mode, not even for a moment.
pub fn touched(folder: &Path) -> Vec<(PathBuf, i64, i64)> {
    let meta = std::fs::symlink_metadata(folder).expect("metadata");
    let mut all = vec![(folder.to_path_buf(), meta.ctime(), meta.ctime_nsec())];
    if meta.is_dir() {
        let mut entries: Vec<_> = std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        entries.sort();
        all.extend(entries.iter().flat_map(|entry| touched(entry)));
    }
    all
}

/// The command, started with this umask.
pub fn under_umask(command: &Command, umask: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
        .env_clear()
        .envs(command.get_envs().filter_map(|(k, v)| Some((k, v?))));
    shell.current_dir(command.get_current_dir().expect("a folder"));
    shell
}
