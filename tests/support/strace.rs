//! Commands of a sandbox that run under strace.

use std::path::Path;
use std::process::{Command, Stdio};

use super::Sandbox;

/// Returns a command of the sandbox under strace with these options. All processes that it starts are traced, and
/// nothing is printed.
pub fn under_strace(sandbox: &Sandbox, program: &Command, options: &[&str]) -> Command {
    first_thread_under_strace(sandbox, program, &[&["-f"], options].concat())
}

/// Returns a command of the sandbox of which strace traces the first thread alone, with these options. Nothing is printed.
pub fn first_thread_under_strace(sandbox: &Sandbox, program: &Command, options: &[&str]) -> Command {
    first_thread_in_folder(&sandbox.home(), program, options)
}

/// Returns a command that runs in a folder, with strace as in [`first_thread_under_strace`].
pub fn first_thread_in_folder(folder: &Path, program: &Command, options: &[&str]) -> Command {
    let vars = program
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut command = Command::new("strace");
    command
        .arg("-qq")
        .args(options)
        .arg("--")
        .arg(program.get_program())
        .args(program.get_args())
        .env_clear()
        .envs(vars)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}
