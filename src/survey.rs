//! What is on the host: one read-only pass, an immutable snapshot.
//!
//! Instances are looked for where they can be: folders `~/.openclaw*`, further `*.json` files in
//! `~/.openclaw` (the manual way of the page), the registry, and installed service files. A broken
//! instance is part of the answer, with the reason; it never fails the survey as a whole.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::error::ConfigError;
use crate::engine;
use crate::environment::Environment;
use crate::host::{self, Host};
use crate::ports::{Claim, Listener, PortFamily, PortSource, Span};
use crate::profile::ProfileName;
use crate::registry::{self, Registry};
use crate::secret::Secret;

mod discover;
mod gateway_locks;
mod instance;
pub mod map;
mod owners;
pub mod ports;
mod service;
mod settings;
#[cfg(test)]
mod tests;

pub use crate::engine::NodeEngine;
pub(crate) use service::{InstalledService, config_of_service};

/// Takes the snapshot. What can't be read is left out or told as broken; this never fails.
pub fn survey_host(host: &Host, env: &Environment) -> Survey {
    let path = registry::state_home(host, env).join(registry::FILE);
    let registry = Registry::read(&path);
    let found = discover::instances(env, &registry);
    let mut instances: Vec<_> = found
        .into_iter()
        .map(|found| instance::survey(env, found))
        .collect();
    label(&env.home, &mut instances);
    let listeners = owners::listeners(&env.home, &instances);
    let span = |(first, last)| Span { first, last };
    Survey {
        instances,
        listeners,
        ephemeral: host::ports::ephemeral_range().map(span),
        excluded: host::ports::excluded_ranges().into_iter().map(span).collect(),
        node: engine::find_package(host, env),
        registry,
    }
}

/// What an instance is called by its config's path.
fn path_label(home: &Path, config: &Path) -> String {
    match config.strip_prefix(home) {
        Ok(below) => format!("~/{}", below.display()),
        Err(_) => config.display().to_string(),
    }
}

/// The default instance first, then by label. A label is an instance's own: where two have the same
/// profile, all but the first are called by their config's path.
fn label(home: &Path, instances: &mut [SurveyedInstance]) {
    let mut used = BTreeSet::new();
    for instance in instances.iter_mut() {
        if !used.insert(instance.label.clone()) {
            instance.label = path_label(home, &instance.config_path);
        }
    }
    instances.sort_by(|a, b| {
        let key = |i: &SurveyedInstance| !i.profile.as_ref().is_some_and(ProfileName::is_default);
        key(a).cmp(&key(b)).then_with(|| a.label.cmp(&b.label))
    });
}

/// The snapshot.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Every instance found, the default first, then by label; one entry per config file.
    pub instances: Vec<SurveyedInstance>,
    /// Every TCP port that is listened on.
    pub listeners: Vec<Listener>,
    /// The ports that the kernel hands out to clients, where it says.
    pub ephemeral: Option<Span>,
    /// Ports that the system keeps for itself (Windows).
    pub excluded: Vec<Span>,
    /// OpenClaw from npm, where it is on this host.
    pub node: Option<NodeEngine>,
    /// The registry as it was read.
    pub registry: Registry,
}

/// One instance as found.
#[derive(Clone, Debug)]
pub struct SurveyedInstance {
    /// What it is called on a screen: its profile, or its config's path where it has none.
    pub label: String,
    /// Its profile, where its folder or the registry tells.
    pub profile: Option<ProfileName>,
    /// Its config file, there or not.
    pub config_path: PathBuf,
    /// Its state folder.
    pub state_dir: PathBuf,
    /// The workspaces that its config names or its state folder implies: absolute, links resolved where they exist.
    pub workspaces: Vec<PathBuf>,
    /// How its config is.
    pub config: ConfigHealth,
    /// The base port that it would use now, and on which ground.
    pub base: Option<(PortFamily, PortSource)>,
    /// All ports that it holds: derived ones, pinned ones, and those its engine might use instead.
    pub claims: Vec<Claim>,
    /// The messaging tokens of its config: (key, value), to be compared and never shown.
    pub tokens: Vec<(String, Secret)>,
    /// The service file that starts it.
    pub service: Option<PathBuf>,
    /// How it was found.
    pub found_by: Vec<FoundBy>,
}

impl Survey {
    /// Reads anew which ports are listened on, and by whom; everything else stays as it was surveyed.
    pub fn refresh_listeners(&mut self, env: &Environment) {
        self.listeners = owners::listeners(&env.home, &self.instances);
    }

    /// Configs, state folders and workspaces of every instance but the one with this config.
    pub fn paths_of_others(&self, config_path: &Path) -> Vec<PathBuf> {
        let own = self.position(config_path);
        let others = self
            .instances
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != own);
        others
            .flat_map(|(_, other)| {
                other
                    .workspaces
                    .iter()
                    .chain([&other.config_path, &other.state_dir])
            })
            .cloned()
            .collect()
    }
}

/// How a config file is.
#[derive(Clone, Debug, Default)]
pub enum ConfigHealth {
    /// Read and understood.
    Ok,
    /// Not there (yet).
    #[default]
    Missing,
    /// There, and not readable or not valid JSON5.
    Broken(ConfigError),
}

/// How an instance was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundBy {
    /// A folder `~/.openclaw*`.
    Folder,
    /// A further `*.json` in `~/.openclaw`.
    ConfigFile,
    /// The registry.
    Registry,
    /// A service file.
    Service,
}
