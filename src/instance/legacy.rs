//! The default instance under an earlier name of OpenClaw (docs/openclaw.md#legacy-names): its state folder, its config, or
//! both.

use std::path::{Path, PathBuf};

use super::{CONFIG_FILE, Instance, STATE_FOLDER, shell_quote};
use crate::profile::ProfileName;

/// Names of the state folder of the default instance under earlier names of OpenClaw, in the order in which its early
/// release looks for them.
const LEGACY_FOLDERS: [&str; 3] = [".clawdbot", ".moltbot", ".moldbot"];
/// Names of the config file under earlier names of OpenClaw, in the order in which its early release looks for them.
pub(crate) const LEGACY_CONFIG_FILES: [&str; 3] = ["clawdbot.json", "moltbot.json", "moldbot.json"];

/// The paths of a default instance that an earlier OpenClaw left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LegacyPaths {
    /// State folder.
    pub(crate) state_dir: PathBuf,
    /// Config file, which exists.
    pub(crate) config_path: PathBuf,
}

impl LegacyPaths {
    /// Finds the default instance of an earlier OpenClaw; `None` where there is none, or where `~/.openclaw` has a config by
    /// its present name, which goes before it.
    pub(crate) fn find(home: &Path) -> Option<Self> {
        let own = home.join(STATE_FOLDER);
        if own.join(CONFIG_FILE).exists() {
            return None;
        }
        let config_in = |folder: &Path| {
            let names = std::iter::once(CONFIG_FILE).chain(LEGACY_CONFIG_FILES);
            names.map(|name| folder.join(name)).find(|path| path.is_file())
        };
        let folders = std::iter::once(own.clone()).chain(LEGACY_FOLDERS.map(|name| home.join(name)));
        // Most homes have none of the folders: a look at each says that of all its files.
        folders.filter(|folder| folder.is_dir()).find_map(|folder| {
            let config_path = config_in(&folder)?;
            // Early OpenClaw takes its state folder by the present name as soon as that exists.
            let state_dir = if own.is_dir() { own.clone() } else { folder };
            Some(Self {
                state_dir,
                config_path,
            })
        })
    }

    /// Returns the shell command that brings the instance to its present names, as OpenClaw does it.
    pub(crate) fn migrate_command(&self, home: &Path) -> String {
        let (own, folder) = (home.join(STATE_FOLDER), self.config_path.parent().unwrap_or(home));
        let config =
            |folder: &Path| shell_quote(&folder.join(self.config_path.file_name().unwrap_or_default()));
        let named = shell_quote(&own.join(CONFIG_FILE));
        if self.state_dir == own {
            return format!("mv {} {named}", config(folder));
        }
        let (old, new) = (shell_quote(folder), shell_quote(&own));
        let rename = format!("mv {old} {new} && ln -s {new} {old}");
        if config(&own) == named {
            rename
        } else {
            format!("{rename} && mv {} {named}", config(&own))
        }
    }
}

impl Instance {
    /// Returns the paths of an earlier OpenClaw where the instance has them: the default one of a home folder without a config
    /// by its present name.
    pub(crate) fn legacy_paths(&self) -> Option<LegacyPaths> {
        if !self.profile.is_default() || self.has_canonical_paths() {
            return None;
        }
        let is_own = |legacy: &LegacyPaths| {
            legacy.state_dir == self.state_dir && legacy.config_path == self.config_path
        };
        LegacyPaths::find(&self.home).filter(is_own)
    }

    /// Moves the default instance to the paths of an earlier OpenClaw, where it has no other.
    pub(super) fn follow_legacy_paths(&mut self) {
        if !self.profile.is_default() || !self.has_canonical_paths() {
            return;
        }
        if let Some(legacy) = LegacyPaths::find(&self.home) {
            self.state_dir = legacy.state_dir;
            self.config_path = legacy.config_path;
        }
    }

    /// Returns whether state folder and config are those of the profile's name.
    fn has_canonical_paths(&self) -> bool {
        let profile: &ProfileName = &self.profile;
        let state_dir = Self::canonical_state(&self.home, profile);
        self.state_dir == state_dir && self.config_path == state_dir.join(CONFIG_FILE)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make the folders")]
mod tests {
    use super::*;

    /// Returns a home folder with these files.
    fn home(files: &[&str]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for file in files {
            let path = home.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        }
        home
    }

    #[test]
    fn config_of_an_earlier_openclaw_is_found_where_its_early_release_finds_it() {
        for (files, found) in [
            (
                &[".clawdbot/clawdbot.json"][..],
                Some((".clawdbot", ".clawdbot/clawdbot.json")),
            ),
            (
                &[".moltbot/moltbot.json"],
                Some((".moltbot", ".moltbot/moltbot.json")),
            ),
            (
                &[".clawdbot/openclaw.json"],
                Some((".clawdbot", ".clawdbot/openclaw.json")),
            ),
            (
                &[".moltbot/moltbot.json", ".clawdbot/clawdbot.json"],
                Some((".clawdbot", ".clawdbot/clawdbot.json")),
            ),
            (
                &[".openclaw/clawdbot.json"],
                Some((".openclaw", ".openclaw/clawdbot.json")),
            ),
            (
                &[".openclaw/logs/x", ".clawdbot/clawdbot.json"],
                Some((".openclaw", ".clawdbot/clawdbot.json")),
            ),
            (&[".openclaw/openclaw.json", ".clawdbot/clawdbot.json"], None),
            (&[".clawdbot/other.json"], None),
            (&[], None),
        ] {
            let home = home(files);
            let paths = LegacyPaths::find(home.path());
            let expected = found.map(|(state, config)| LegacyPaths {
                state_dir: home.path().join(state),
                config_path: home.path().join(config),
            });
            assert_eq!(paths, expected, "{files:?}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn command_brings_the_files_to_their_present_names() {
        for files in [
            &[".clawdbot/clawdbot.json", ".clawdbot/agents/x"][..],
            &[".clawdbot/openclaw.json"],
            &[".openclaw/clawdbot.json"],
            &[".openclaw/logs/x", ".moltbot/moltbot.json"],
        ] {
            let home = home(files);
            let legacy = LegacyPaths::find(home.path()).unwrap();
            let command = legacy.migrate_command(home.path());
            let status = std::process::Command::new("sh").args(["-c", &command]).status();
            assert!(status.unwrap().success(), "{command}");
            assert!(home.path().join(".openclaw/openclaw.json").is_file(), "{command}");
            assert_eq!(LegacyPaths::find(home.path()), None, "{command}");
        }
    }
}
