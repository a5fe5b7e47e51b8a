//! The commands that take another service of a gateway out of use, for a person to run. To disable a service leaves its
//! file, by which it is found: so the file is moved to a free name too.

use std::path::Path;

use crate::apply::free_aside_name;
use crate::instance::shell_quote;

/// Returns the command that takes a service of the user out of use: the manager has to drop it first, because its file
/// alone is not the service.
pub(crate) fn retire_command(file: &Path) -> String {
    let off = if cfg!(target_os = "macos") {
        format!("launchctl bootout gui/$(id -u) {}", shell_quote(file))
    } else {
        format!("systemctl --user disable --now {}", quoted_name(file))
    };
    format!("{off}; {}", move_command(file))
}

/// Returns the command that takes a unit of the system's systemd out of use.
pub(crate) fn retire_system_command(unit: &Path) -> String {
    let (name, away) = (quoted_name(unit), move_command(unit));
    format!("sudo systemctl disable --now {name}; sudo {away}")
}

fn quoted_name(file: &Path) -> String {
    shell_quote(Path::new(file.file_name().unwrap_or_default()))
}

fn move_command(file: &Path) -> String {
    let (from, to) = (shell_quote(file), shell_quote(&free_aside_name(file)));
    format!("mv {from} {to}")
}
