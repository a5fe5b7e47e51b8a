//! Where instances can be: one entry per config file, however many ways lead to it.

use crate::host::read;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::FoundBy;
use super::service::InstalledService;
use super::settings::{self, Reading};
use crate::environment::Environment;
use crate::instance::{CONFIG_FILE, Instance, profile_of_folder};
use crate::profile::ProfileName;
use crate::registry::{Registry, RegistryEntry};

/// An instance before its config is judged.
#[derive(Debug)]
pub(super) struct Candidate {
    pub profile: Option<ProfileName>,
    pub config_path: PathBuf,
    pub state_dir: PathBuf,
    pub found_by: Vec<FoundBy>,
    pub service: Option<InstalledService>,
    pub entry: Option<RegistryEntry>,
    pub reading: Reading,
}

/// The most entries of one folder that are looked at: a home folder of millions of files shall not
/// stop anybody from setting up a gateway.
const MAX_ENTRIES: usize = 20_000;

/// Every instance of this user, without double ones.
pub(super) fn instances(env: &Environment, registry: &Registry) -> Vec<Candidate> {
    let mut all = Collection::default();
    folders(env, &mut all);
    for service in InstalledService::find_all(env) {
        let profile = service.profile.clone();
        let (config, state) = (service.config_path.clone(), service.state_dir.clone());
        let found = all.add(FoundBy::Service, profile, config, state);
        found.service.get_or_insert(service);
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
    further_configs(env, &mut all);
    all.finish()
}

/// Folders `~/.openclaw*`.
fn folders(env: &Environment, all: &mut Collection) {
    let mut folders: Vec<_> = entries(&env.home)
        .filter_map(|path| Some((profile_of_folder(path.file_name()?.to_str()?)?, path)))
        .filter(|(_, path)| path.is_dir())
        .collect();
    // The folder itself goes before a link to it, which then is the same instance once more.
    folders.sort_by_cached_key(|(profile, path)| (path.is_symlink(), !profile.is_default(), profile.clone()));
    for (profile, folder) in folders {
        all.add(FoundBy::Folder, Some(profile), folder.join(CONFIG_FILE), folder);
    }
}

/// Further `*.json` in `~/.openclaw`: the manual way puts one config per instance there. The state
/// folder beside it is the one of the same name, where it exists.
fn further_configs(env: &Environment, all: &mut Collection) {
    let main = Instance::canonical_state(&env.home, &ProfileName::default_profile());
    let mut files: Vec<_> = entries(&main)
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .filter(|path| path.file_name().is_some_and(|name| name != CONFIG_FILE))
        .collect();
    files.sort();
    for path in files {
        let known = all.position(&path).is_some();
        let reading = if known {
            Reading::Missing
        } else {
            settings::read(&path)
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

fn looks_like_config(reading: &Reading) -> bool {
    match reading {
        Reading::Ok(value) => ["gateway", "agents"]
            .iter()
            .any(|key| value.get(key).is_some_and(Value::is_object)),
        Reading::Missing | Reading::Broken(_) => false,
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().take(MAX_ENTRIES);
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

/// Instances by the file that their config really is.
#[derive(Default)]
struct Collection {
    found: Vec<Candidate>,
    by_file: HashMap<PathBuf, usize>,
}

impl Collection {
    fn position(&self, config: &Path) -> Option<usize> {
        self.by_file.get(&read::canonicalize_existing(config)).copied()
    }

    /// A way to an instance: a new one, or one more way to a known one. Folders come first, so that
    /// what they say of profile and state folder stands, except that a service knows its own better.
    fn add(
        &mut self,
        by: FoundBy,
        profile: Option<ProfileName>,
        config_path: PathBuf,
        state_dir: PathBuf,
    ) -> &mut Candidate {
        let next = self.found.len();
        let at = *self
            .by_file
            .entry(read::canonicalize_existing(&config_path))
            .or_insert(next);
        if at == next {
            self.found.push(Candidate {
                profile: None,
                config_path,
                state_dir,
                found_by: Vec::new(),
                service: None,
                entry: None,
                reading: Reading::Missing,
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

    /// All of them, their configs read.
    fn finish(self) -> Vec<Candidate> {
        let look = |mut found: Candidate| {
            if matches!(found.reading, Reading::Missing) {
                found.reading = settings::read(&found.config_path);
            }
            found.found_by.sort_unstable();
            found
        };
        let mut found: Vec<_> = self.found.into_iter().map(look).collect();
        // The state folder of an instance whose config lies elsewhere (the manual way) is no second instance.
        let taken: Vec<PathBuf> = found
            .iter()
            .filter(|one| !matches!(one.reading, Reading::Missing))
            .map(|one| read::canonicalize_existing(&one.state_dir))
            .collect();
        found.retain(|one| {
            let is_bare = one.found_by == [FoundBy::Folder] && matches!(one.reading, Reading::Missing);
            let is_main = one.profile.as_ref().is_some_and(ProfileName::is_default);
            !is_bare || is_main || !taken.contains(&read::canonicalize_existing(&one.state_dir))
        });
        found
    }
}
