//! The completion scripts of the shells: each asks the program for the words that fit at each Tab.

use clap_complete::env::EnvCompleter;

/// Name of the environment variable with the shell whose completion script asks for candidates.
pub(crate) const SHELL_VARIABLE: &str = "COMPLETE";

/// Renders the completion script of a shell for a command, which asks the program `completer`.
///
/// # Panics
/// Never: memory takes every byte.
pub(crate) fn render(shell: &dyn EnvCompleter, command: &str, completer: &str) -> String {
    let mut script = Vec::new();
    shell
        .write_registration(SHELL_VARIABLE, command, command, completer, &mut script)
        .expect("memory takes every byte");
    String::from_utf8_lossy(&script).trim_end().to_owned()
}
