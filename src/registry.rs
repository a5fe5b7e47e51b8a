//! The registry: the instances of this user on this host that this program has set up.
//!
//! It finds again what no scan of `~` finds (custom state folders) and remembers ports of instances
//! that are stopped. One TOML file in the state home; written by `apply` only.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::host::Host;

/// The registry's file in the state home (`~/.local/state/openclaw` on Linux).
pub const FILE: &str = "registry.toml";

/// The state home: where things lie that belong to the user's host and to no instance.
///
/// `$XDG_STATE_HOME/openclaw` where that is absolute; beside a home of OpenClaw's own (`OPENCLAW_HOME`)
/// and everywhere else `~/.local/state/openclaw`.
pub fn state_home(host: &Host, env: &Environment) -> PathBuf {
    let of_user = host.var("HOME").is_some_and(|home| Path::new(home) == env.home);
    let base = host
        .state_home()
        .filter(|_| of_user)
        .map_or_else(|| env.home.join(".local/state"), Path::to_path_buf);
    base.join("openclaw")
}

/// All entries, with the bytes they were read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// Where it lies.
    pub path: PathBuf,
    /// The bytes that were read; `None` where there is no file yet.
    pub before: Option<Vec<u8>>,
    /// The instances, sorted by config path.
    pub entries: Vec<Entry>,
    /// Why it could not be understood; it is never overwritten then.
    pub fault: Option<String>,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its profile.
    pub profile: String,
    /// Its config file.
    pub config: PathBuf,
    /// Its state folder.
    pub state: PathBuf,
    /// Its workspace.
    pub workspace: PathBuf,
    /// Its base port.
    pub port: u16,
}

#[derive(Default, Serialize, Deserialize)]
struct Text {
    version: u32,
    #[serde(default, rename = "instance")]
    instances: Vec<Entry>,
}

impl Registry {
    /// Understands the text of the file; `before` is `None` where there is none.
    pub fn parse(path: &Path, before: Option<Vec<u8>>) -> Self {
        let mut registry = Self {
            path: path.to_path_buf(),
            before,
            ..Self::default()
        };
        let Some(bytes) = &registry.before else {
            return registry;
        };
        let text = std::str::from_utf8(bytes).map_err(|e| e.to_string());
        match text.and_then(|t| toml::from_str::<Text>(t).map_err(|e| e.to_string())) {
            Ok(text) if text.version == 1 => registry.entries = text.instances,
            Ok(text) => registry.fault = Some(format!("version {}", text.version)),
            Err(fault) => registry.fault = Some(fault),
        }
        registry
    }

    /// The file's text with this entry in it, in the place of an entry with the same config.
    pub fn with(&self, entry: Entry) -> String {
        let mut entries: Vec<_> = self
            .entries
            .iter()
            .filter(|e| e.config != entry.config)
            .cloned()
            .collect();
        entries.push(entry);
        Self::render(entries)
    }

    /// The file's text without the entry of this config.
    pub fn without(&self, config: &Path) -> String {
        Self::render(
            self.entries
                .iter()
                .filter(|e| e.config != config)
                .cloned()
                .collect(),
        )
    }

    /// The file's text with the entries as they are.
    pub fn text(&self) -> String {
        Self::render(self.entries.clone())
    }

    fn render(mut entries: Vec<Entry>) -> String {
        entries.sort_by(|a, b| a.config.cmp(&b.config));
        toml::to_string(&Text {
            version: 1,
            instances: entries,
        })
        .expect("paths are Unicode or were refused before")
    }
}
