//! The error of a command that needs a config which can't be used.

use std::path::Path;

use super::backup;
use super::error::ConfigError;
use crate::error::Error;
use crate::i18n::msg;

/// Name of an instance's config file.
const CONFIG_FILE: &str = "openclaw.json";

/// Returns the error of a command that needs the config at `path`, which is broken: exit code 78, the location, the
/// reason, and the ways out, the most useful first. Checks on the disk whether there is a backup to restore.
pub(crate) fn broken_error(path: &Path, error: &ConfigError) -> Error {
    let mut blocked = error.blocked(path);
    if !backup::list(path).is_empty() || backup::last_good_path(path).exists() {
        let restore = msg!("config.hint-restore", command = restore_command(path));
        blocked.hints.insert(0, restore);
    }
    blocked
}

/// Returns the command that restores the config at a path, whichever instance has it
/// (docs/openclaw.md#profile-names).
fn restore_command(path: &Path) -> String {
    let folder = path
        .parent()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    let is_main_file = path.file_name().is_some_and(|name| name == CONFIG_FILE);
    match folder {
        Some(".openclaw") if is_main_file => "openclaw config restore".to_owned(),
        Some(name) if is_main_file && name.starts_with(".openclaw-") => {
            let profile = &name[".openclaw-".len()..];
            format!("openclaw --profile {profile} config restore")
        }
        _ => {
            let path = path.display();
            format!("OPENCLAW_CONFIG_PATH='{path}' openclaw config restore")
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make their own files")]
mod tests {
    use super::*;

    #[test]
    fn restore_command_reaches_the_same_file() {
        let command = |path| restore_command(Path::new(path));
        assert_eq!(command("/h/.openclaw/openclaw.json"), "openclaw config restore");
        assert_eq!(
            command("/h/.openclaw-rescue/openclaw.json"),
            "openclaw --profile rescue config restore"
        );
        assert_eq!(
            command("/h/.openclaw/b.json"),
            "OPENCLAW_CONFIG_PATH='/h/.openclaw/b.json' openclaw config restore"
        );
    }

    #[test]
    fn broken_config_blocks_with_location_reason_and_ways_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(CONFIG_FILE);
        let config_error = ConfigError {
            position: Some((3, 7)),
            why: msg!("config.fault-comma"),
        };
        let error = broken_error(&path, &config_error);
        assert_eq!(error.kind.exit_code(), 78);
        let text = error.msg.render(crate::i18n::Lang::english());
        assert!(text.contains("openclaw.json:3:7"), "{text}");
        assert_eq!(error.hints.len(), 1, "nothing to restore from");

        for earlier in ["openclaw.json.bak", "openclaw.json.last-good"] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::File::create(dir.path().join(earlier)).unwrap();
            let path = dir.path().join(CONFIG_FILE);
            assert_eq!(broken_error(&path, &config_error).hints.len(), 2, "{earlier}");
        }
    }
}
