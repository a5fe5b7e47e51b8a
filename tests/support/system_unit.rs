//! Runs the program where the system's systemd has a unit, in a mount namespace of its own.

use std::path::Path;
use std::process::{Command, Stdio};

use super::skip::{Reason, skipped};
use super::{Ran, Sandbox};

/// Folder of the system's systemd units.
const UNIT_DIR: &str = "/etc/systemd/system";

/// Runs the program in the sandbox as root of a namespace in which the system has one unit, `openclaw-gateway.service` with
/// this text, and no other. `None`, and the calling test counts as skipped, where that is not possible.
#[track_caller]
pub fn run_with_system_unit(sandbox: &Sandbox, text: &str, args: &[&str]) -> Option<Ran> {
    if !Path::new(UNIT_DIR).is_dir() {
        skipped(Reason::NoUserManager, "the system has no folder of systemd units");
        return None;
    }
    let unit = sandbox.home().with_file_name("system.service");
    std::fs::write(&unit, text).expect("a file");
    let script = format!(
        "mount -t tmpfs none {UNIT_DIR} || exit 77\ncp '{}' {UNIT_DIR}/openclaw-gateway.service && exec \"$0\" \"$@\"",
        unit.display()
    );
    let program = sandbox.command(args);
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .arg(program.get_program())
        .args(program.get_args())
        .env_clear()
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
        .current_dir(sandbox.home())
        .stdin(Stdio::null())
        .output();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    match output {
        Err(error) => skipped(Reason::NoNamespaces, &error.to_string()),
        Ok(output) => {
            let ran = Ran {
                code: output.status.code().unwrap_or(-1),
                stdout: text(output.stdout),
                stderr: text(output.stderr),
            };
            if ran.code != 77 && !ran.stderr.starts_with("unshare:") {
                return Some(ran);
            }
            skipped(Reason::NoNamespaces, &ran.stderr);
        }
    }
    None
}
