//! Discovery of the instances on a host: one candidate for each config file, in however many ways it is found.

use std::collections::{BTreeSet, HashSet};
use std::fs::DirEntry;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::config_keys::{self, ConfigReading};
use super::service::InstalledService;
use crate::config::effective::EffectiveConfig;
use crate::config::judge::ConfigJudge;
use crate::config::schema::{SchemaFinding, Violation};
use crate::environment::Environment;
use crate::host::read::{PathResolver, PathTextMap};
use crate::instance::{CONFIG_FILE, Instance, LEGACY_CONFIG_FILES, LegacyPaths, profile_of_folder};
use crate::profile::ProfileName;
use crate::registry::{Registry, RegistryEntry};
use crate::sync::map_concurrently;

/// The way in which the survey of a host found an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FoundBy {
    /// The instance has a folder `~/.openclaw*`.
    Folder,
    /// The config of the instance is a further `*.json` file in `~/.openclaw`.
    ConfigFile,
    /// The instance has an entry in the registry.
    Registry,
    /// An installed service starts the instance.
    Service,
}

/// An instance as the survey found it on a host, before its ports and workspaces are determined.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) profile: Option<ProfileName>,
    pub(super) config_path: PathBuf,
    /// The path of the config with the links of its existing part resolved.
    pub(super) real_config: PathBuf,
    pub(super) state_dir: PathBuf,
    pub(super) found_by: Vec<FoundBy>,
    pub(super) service: Option<InstalledService>,
    pub(super) entry: Option<RegistryEntry>,
    pub(super) reading: ConfigReading,
}

/// Maximum number of entries of one folder that are examined, so that a home folder of millions of files stops nobody
/// from setting up a gateway.
const MAX_FOLDER_ENTRIES: usize = 20_000;

/// Finds every instance of this user, each once, and reads its config.
///
/// The links of paths that are looked at on the way are kept in `links`.
pub(super) fn find_candidates(
    env: &Environment,
    registry: &Registry,
    links: &mut PathResolver,
) -> Vec<Candidate> {
    let mut all = CandidateSet {
        found: Vec::new(),
        by_file: PathTextMap::default(),
        links,
    };
    add_state_folders(env, &mut all);
    for service in InstalledService::find_all(env) {
        all.add_service(service);
    }
    for entry in registry
        .entries
        .iter()
        .filter(|e| e.config.is_absolute() && e.state.is_absolute())
    {
        let profile = ProfileName::parse(&entry.profile).ok();
        let found = all.add(
            FoundBy::Registry,
            profile,
            entry.config.clone(),
            entry.state.clone(),
        );
        found.entry.get_or_insert_with(|| entry.clone());
    }
    add_further_configs(env, &mut all);
    all.into_candidates()
}

/// Finds one instance by its config at the usual path of its profile. `None` where there is no config, its paths are
/// others or links, or an earlier OpenClaw left its folder: more has to be looked at then to tell what is there.
pub(super) fn find_candidate(
    env: &Environment,
    instance: &Instance,
    links: &mut PathResolver,
) -> Option<Candidate> {
    let usual = Instance::canonical(&env.home, instance.profile.clone());
    let (config, state) = (usual.config_path, usual.state_dir);
    let is_usual = instance.config_path == config && instance.state_dir == state;
    let is_folder = || state.symlink_metadata().is_ok_and(|meta| meta.is_dir());
    let is_file = || config.symlink_metadata().is_ok_and(|meta| meta.is_file());
    let is_legacy = || usual.profile.is_default() && LegacyPaths::find(&env.home).is_some();
    if !is_usual || !is_folder() || !is_file() || is_legacy() {
        return None;
    }
    links.add_folder(&state);
    let mut all = CandidateSet {
        found: Vec::new(),
        by_file: PathTextMap::default(),
        links,
    };
    all.add(FoundBy::Folder, Some(usual.profile), config, state);
    for service in InstalledService::find_all(env) {
        if all.position(&service.config_path).is_some() {
            all.add_service(service);
        }
    }
    all.into_candidates().pop()
}

/// Finds the configs that the instances of these profiles may have, whether or not the files exist: at the usual path, where
/// OpenClaw's guide to several gateways puts them, in the registry, and where an installed service says. No config is read.
pub(super) fn find_configs(
    env: &Environment,
    registry: &Registry,
    profiles: &[ProfileName],
) -> BTreeSet<PathBuf> {
    let main = Instance::canonical_state(&env.home, &ProfileName::default_profile());
    let usual = profiles.iter().flat_map(|profile| {
        let canonical = Instance::canonical(&env.home, profile.clone()).config_path;
        [canonical, main.join(format!("{profile}.json"))]
    });
    let is_wanted = |profile: Option<&ProfileName>| profile.is_some_and(|profile| profiles.contains(profile));
    let legacy = LegacyPaths::find(&env.home)
        .filter(|_| profiles.iter().any(ProfileName::is_default))
        .map(|legacy| legacy.config_path);
    let registered = registry
        .entries
        .iter()
        .filter(|entry| is_wanted(ProfileName::parse(&entry.profile).ok().as_ref()))
        .map(|entry| entry.config.clone());
    let of_services = InstalledService::find_all(env)
        .into_iter()
        .filter(|service| is_wanted(service.profile.as_ref()))
        .map(|service| service.config_path);
    usual.chain(legacy).chain(registered).chain(of_services).collect()
}

/// Adds the instances whose state folders are `~/.openclaw*`, or that of an earlier OpenClaw, to those that the survey
/// found.
fn add_state_folders(env: &Environment, all: &mut CandidateSet<'_>) {
    let mut folders: Vec<_> = dir_entries(&env.home)
        .filter_map(|entry| {
            let profile = profile_of_folder(entry.file_name().to_str()?)?;
            let (kind, path) = (entry.file_type().ok()?, entry.path());
            let is_folder = kind.is_dir() || (kind.is_symlink() && path.is_dir());
            is_folder.then_some((kind.is_symlink(), profile, path))
        })
        .collect();
    // A folder goes before a link to it, which is the same instance once more.
    folders.sort_by_cached_key(|(is_link, profile, _)| (*is_link, !profile.is_default(), profile.clone()));
    if let Some(legacy) = LegacyPaths::find(&env.home) {
        // It is the default instance; a folder by the present name has no config.
        folders.retain(|(_, profile, _)| !profile.is_default());
        let profile = Some(ProfileName::default_profile());
        all.add(FoundBy::Folder, profile, legacy.config_path, legacy.state_dir);
    }
    for (is_link, profile, folder) in folders {
        if !is_link {
            all.links.add_folder(&folder);
        }
        all.add(FoundBy::Folder, Some(profile), folder.join(CONFIG_FILE), folder);
    }
}

/// Adds the instances of further `*.json` files in `~/.openclaw`, where OpenClaw's guide to several gateways puts one
/// config per instance. The state folder of `rescue.json` is `~/.openclaw-rescue` where that exists, else `~/.openclaw`.
fn add_further_configs(env: &Environment, all: &mut CandidateSet<'_>) {
    let main = Instance::canonical_state(&env.home, &ProfileName::default_profile());
    let mut files: Vec<_> = entries(&main)
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| {
                name != CONFIG_FILE
                    && !LEGACY_CONFIG_FILES.contains(&name)
                    && !OTHER_OPENCLAW_FILES.contains(&name)
            })
        })
        .collect();
    files.sort();
    for path in files {
        let known = all.position(&path).is_some();
        let reading = if known {
            ConfigReading::Missing
        } else {
            config_keys::read_config(&path)
        };
        if !known && !looks_like_config(&reading) {
            continue;
        }
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let named = stem
            .and_then(|stem| ProfileName::parse(stem).ok())
            .map(|name| Instance::canonical_state(&env.home, &name))
            .filter(|dir| dir.is_dir());
        let found = all.add(
            FoundBy::ConfigFile,
            None,
            path,
            named.unwrap_or_else(|| main.clone()),
        );
        if !known {
            found.reading = reading;
        }
    }
}

/// Names of other JSON files that OpenClaw keeps in its state folder (docs/openclaw.md#state-folder).
const OTHER_OPENCLAW_FILES: [&str; 8] = [
    "auth-profiles.json",
    "delivered.json",
    "exec-approvals.json",
    "identity.json",
    "node-launch.json",
    "node.json",
    "restart-sentinel.json",
    "update-check.json",
];

/// Returns whether a JSON file is an OpenClaw config: it has a section that only a config of OpenClaw has, and a
/// release would read it as one, since releases refuse a config with a key that they do not know. OpenClaw and other
/// programs keep further files there.
fn looks_like_config(reading: &ConfigReading) -> bool {
    let ConfigReading::Ok(config) = reading else {
        return false;
    };
    let has_section = |key: &str| config.effective.value.get(key).is_some_and(Value::is_object);
    // A config with a mistyped key still has its ports: a section `gateway` is in no other file.
    has_section("gateway") || (has_section("agents") && !has_foreign_section(&config.effective))
}

/// Returns whether a config has a top-level key that no OpenClaw release knows.
fn has_foreign_section(config: &EffectiveConfig) -> bool {
    let is_foreign = |finding: &SchemaFinding| {
        finding.violation == Violation::UnknownKey && finding.path.segments().len() == 1
    };
    ConfigJudge::native().refused(config).iter().any(is_foreign)
}

/// Returns whether a folder without a config holds workspaces and nothing else, as it is left of a removed instance.
pub(crate) fn holds_workspaces_only(folder: &Path) -> bool {
    /// File that every release writes into a workspace (docs/openclaw.md#workspace-files).
    const WORKSPACE_FILE: &str = "AGENTS.md";
    let mut entries = entries(folder).peekable();
    let is_workspace = |path: PathBuf| {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        path.is_dir() && (name.starts_with("workspace") || path.join(WORKSPACE_FILE).is_file())
    };
    entries.peek().is_some() && entries.all(is_workspace)
}

/// Returns the paths of the files and folders in a folder, at most [`MAX_FOLDER_ENTRIES`]; none where it can't be
/// read.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    dir_entries(folder).map(|entry| entry.path())
}

/// Returns the entries of a folder, at most [`MAX_FOLDER_ENTRIES`]; none where it can't be read.
fn dir_entries(folder: &Path) -> impl Iterator<Item = DirEntry> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.take(MAX_FOLDER_ENTRIES).filter_map(io::Result::ok)
}

/// The instances found so far by the survey of a host, each with another config file once links are followed.
struct CandidateSet<'l> {
    found: Vec<Candidate>,
    /// Positions in `found` by the real path of the config.
    by_file: PathTextMap<usize>,
    /// Links of the paths that lead to configs and state folders.
    links: &'l mut PathResolver,
}

impl CandidateSet<'_> {
    /// Returns the position of the found instance that has this config, links followed.
    fn position(&mut self, config: &Path) -> Option<usize> {
        let real = self.links.resolve(config).real;
        self.by_file.get(real.as_os_str()).copied()
    }

    /// Adds an instance that the survey found, or one more way to a known one, and returns it. The first way decides
    /// on profile and state folder, so folders are added first; a service decides on the state folder in any case,
    /// since its file names it.
    fn add(
        &mut self,
        by: FoundBy,
        profile: Option<ProfileName>,
        config_path: PathBuf,
        state_dir: PathBuf,
    ) -> &mut Candidate {
        let next = self.found.len();
        let real_config = self.links.resolve(&config_path).real;
        let file = real_config.clone().into_os_string();
        let at = *self.by_file.entry(file).or_insert(next);
        if at == next {
            self.found.push(Candidate {
                profile: None,
                config_path,
                real_config,
                state_dir,
                found_by: Vec::new(),
                service: None,
                entry: None,
                reading: ConfigReading::Missing,
            });
        } else if by == FoundBy::Service {
            self.found[at].state_dir = state_dir;
        }
        let found = &mut self.found[at];
        if found.profile.is_none() {
            found.profile = profile;
        }
        if !found.found_by.contains(&by) {
            found.found_by.push(by);
        }
        found
    }

    /// Adds the instance that an installed service starts, or the service to a known instance.
    fn add_service(&mut self, service: InstalledService) {
        let profile = service.profile.clone();
        let (config, state) = (service.config_path.clone(), service.state_dir.clone());
        let found = self.add(FoundBy::Service, profile, config, state);
        found.service.get_or_insert(service);
    }

    /// Returns the instances that the survey found, with their configs read.
    fn into_candidates(self) -> Vec<Candidate> {
        let Self { mut found, links, .. } = self;
        let read = |one: &Candidate| {
            let is_unread = matches!(one.reading, ConfigReading::Missing);
            is_unread.then(|| config_keys::read_config(&one.config_path))
        };
        let readings = map_concurrently(&found, read);
        for (one, reading) in found.iter_mut().zip(readings) {
            if let Some(reading) = reading {
                one.reading = reading;
            }
            one.found_by.sort_unstable();
        }
        // The state folder of an instance whose config lies elsewhere is no second instance.
        let used_state_dirs: HashSet<PathBuf> = found
            .iter()
            .filter(|one| !matches!(one.reading, ConfigReading::Missing))
            .map(|one| links.resolve(&one.state_dir).real)
            .collect();
        found.retain(|one| {
            let is_bare = one.found_by == [FoundBy::Folder] && matches!(one.reading, ConfigReading::Missing);
            let is_main = one.profile.as_ref().is_some_and(ProfileName::is_default);
            let mut is_used = || used_state_dirs.contains(&links.resolve(&one.state_dir).real);
            !is_bare || !(holds_workspaces_only(&one.state_dir) || (!is_main && is_used()))
        });
        found
    }
}
