//! One look at each instance: its files, its gateway, its service. Reading only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::system;
use super::{Place, Real, Role, Running, Subject};
use crate::archive;
use crate::browser::ports::Ground;
use crate::browser::profiles::Wishes as BrowserWishes;
use crate::browser::{self, World};
use crate::config::{self, LoadedConfig};
use crate::environment::Environment;
use crate::host::{self, Host, read};
use crate::instance::{self, CONFIG_FILE, Instance, InstanceContext};
use crate::lock;
use crate::ports::{Listener, Port};
use crate::probe;
use crate::record::Record;
use crate::service;
use crate::settings::{Sources, Wishes};
use crate::survey::{Survey, Surveyed};

/// How long a gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The instances of folders whose config is a link to another instance's: the survey counts one config once.
pub(super) fn linked_away(
    env: &Environment,
    survey: &Survey,
    known: &[(Option<&Surveyed>, Instance)],
) -> Vec<Instance> {
    let entries = std::fs::read_dir(&env.home).into_iter().flatten().flatten();
    let mut twins: Vec<_> = entries
        .filter_map(|entry| instance::profile_of_folder(entry.file_name().to_str()?))
        .map(|profile| Instance::canonical(&env.home, profile))
        .filter(|twin| {
            !known
                .iter()
                .any(|(_, known)| known.config_path == twin.config_path)
        })
        .filter(|twin| !twin.state_dir.is_symlink() && twin.state_dir.join(CONFIG_FILE).is_symlink())
        .filter(|twin| survey.position(&twin.config_path).is_none())
        .collect();
    twins.sort_by(|a, b| a.profile.cmp(&b.profile));
    twins
}

/// What one look needs to know of the host.
#[derive(Clone, Copy)]
pub(super) struct Gather<'s> {
    pub(super) host: &'s Host,
    pub(super) env: &'s Environment,
    pub(super) survey: &'s Survey,
    /// Digests are good for this run alone.
    pub(super) key: [u8; 32],
}

impl<'s> Gather<'s> {
    /// `whole`: with what only the looked-at instances need.
    pub(super) fn subject(
        &self,
        at: usize,
        found: Option<&'s Surveyed>,
        instance: Instance,
        whole: bool,
    ) -> Subject<'s> {
        let document = match config::load(&instance.config_path) {
            LoadedConfig::Ok(document) => Some(document),
            LoadedConfig::Missing | LoadedConfig::Broken(_) => None,
        };
        let config = document
            .as_ref()
            .and_then(|document| config::effective(&instance.config_path, document).ok())
            .unwrap_or(Value::Null);
        let record = Record::load(&instance.record_path());
        let settings = match (&record, config.is_object()) {
            (Ok(record), true) => {
                let sources = Sources {
                    host: self.host,
                    instance: &instance,
                    config: &config,
                    record,
                };
                Some(sources.settings(&Wishes::default()))
            }
            _ => None,
        };
        let tokens = found.map(|found| {
            let digest =
                |(key, token): &(String, crate::secret::Secret)| (key.clone(), self.digest(token.expose()));
            found.tokens.iter().map(digest).collect()
        });
        let gateway_token = config
            .pointer("/gateway/auth/token")
            .and_then(Value::as_str)
            .filter(|token| !token.contains("${"))
            .map(|token| (self.digest(token.trim()), token.trim().chars().count()));
        let label = found.map_or_else(|| instance.profile.to_string(), |found| found.label.clone());
        let running = self.running(&label);
        // A gateway that looks at its host needs not ask itself: that it looks is the answer.
        let is_self = running
            .as_ref()
            .is_some_and(|running| running.pid == std::process::id());
        let lock = lock::read_holder(&instance.lock_path());
        let listens =
            instance_port(found).is_some_and(|port| self.survey.listeners.iter().any(|l| l.port == port));
        let asked = listens || running.is_some() || lock.as_ref().is_some_and(|lock| lock.alive);
        // What is installed is for the instance alone, whatever this run's environment wishes.
        let plain = found.map(|found| probe::instance_of(self.env, found));
        let plain = plain.as_ref().map(|instance| InstanceContext {
            host: self.host,
            env: self.env,
            instance,
        });
        // A manager is asked only where there is a file for it to know.
        let with_service = plain.filter(|_| whole && found.is_some_and(|found| found.service.is_some()));
        Subject {
            at,
            command: instance.command(),
            document,
            config,
            tokens: tokens.unwrap_or_default(),
            gateway_token,
            settings,
            record,
            places: if whole {
                places(&instance, found)
            } else {
                BTreeMap::new()
            },
            disk: whole
                .then(|| system::disk(self.host, existing(&instance.state_dir)))
                .flatten(),
            probe: plain.filter(|_| whole && asked && !is_self).map(|context| {
                let deadline = Instant::now() + PATIENCE;
                probe::probe_surveyed(context, self.survey, deadline)
            }),
            service: with_service.and_then(|context| service::status(context).ok()),
            drift: with_service.and_then(|context| service::drift(context).ok().flatten()),
            lock,
            browser: Vec::new(),
            leftovers: if whole {
                archive::leftover_staging_dirs(&instance.state_dir)
            } else {
                Vec::new()
            },
            real: Real {
                config: read::canonicalize_existing(&instance.config_path),
                state: read::canonicalize_existing(&instance.state_dir),
            },
            running,
            found,
            label,
            instance,
        }
    }

    fn digest(&self, token: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update(token);
        hash.finalize().into()
    }

    fn running(&self, label: &str) -> Option<Running<'s>> {
        let owner = |listener: &Listener| {
            listener
                .owner
                .clone()
                .filter(|o| o.instance.as_deref() == Some(label))
        };
        let pid = self.survey.listeners.iter().find_map(owner)?.pid;
        let listeners = self.survey.listeners.iter();
        let own = |listener: &&Listener| listener.owner.as_ref().is_some_and(|owner| owner.pid == pid);
        Some(Running {
            pid,
            listeners: listeners.filter(own).collect(),
            vars: host::ports::arguments_and_env(pid, "OPENCLAW_").1,
        })
    }
}

fn instance_port(found: Option<&Surveyed>) -> Option<Port> {
    found?.base.map(|(family, _)| family.base().into())
}

/// What the browser of each looked-at instance needs that uses one: its config names it, or it ran once.
pub(super) fn browsers(
    host: &Host,
    env: &Environment,
    survey: &Survey,
    subjects: &mut [Subject<'_>],
    wanted: impl Fn(usize) -> bool,
) {
    for at in 0..subjects.len() {
        let own = &subjects[at];
        let uses = own.config.get("browser").is_some() || own.instance.state_dir.join("browser").exists();
        let (Ok(record), Some(base)) = (&own.record, own.base()) else {
            continue;
        };
        if !wanted(at) || !uses || !BrowserWishes::of(&own.config).enabled {
            continue;
        }
        let world = World {
            host: host.clone(),
            env: env.clone(),
            instance: own.instance.clone(),
            base,
        };
        let profiles = world.profiles(&own.config, record);
        let Some(profile) = profiles.find(None) else {
            continue;
        };
        let mut ground = Ground::of_host(survey, own.config.is_object().then_some(&own.config));
        let none = Record::default();
        for other in subjects.iter().filter(|other| other.at != at) {
            if let Some(found) = other.found {
                ground.add(found, other.record.as_ref().unwrap_or(&none), &other.config);
            }
        }
        let checks = browser::doctor::checks(&world, &own.config, record, &profiles, profile, &ground);
        subjects[at].browser = checks;
    }
}

/// The path, or what is there of it.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|part| part.exists()).unwrap_or(path)
}

/// The files and folders whose modes, owners and links matter.
fn places(instance: &Instance, found: Option<&Surveyed>) -> BTreeMap<PathBuf, Place> {
    let mut places = BTreeMap::new();
    let mut add = |role, path: PathBuf| {
        let Ok(meta) = std::fs::symlink_metadata(&path) else {
            return;
        };
        let link = meta.is_symlink().then(|| read::canonicalize_existing(&path));
        let followed = std::fs::metadata(&path);
        places.entry(path).or_insert(Place {
            role,
            mode: system::mode(followed.as_ref().unwrap_or(&meta)),
            owner: system::foreign_owner(&meta),
            link,
            is_folder: followed.is_ok_and(|meta| meta.is_dir()),
        });
    };
    add(Role::State, instance.state_dir.clone());
    add(Role::Config, instance.config_path.clone());
    for backup in config::backup::list(&instance.config_path) {
        add(Role::Backup, backup.path);
    }
    add(Role::Backup, instance.last_good_path());
    for secret in [
        instance.env_file(),
        instance.device_key(),
        instance.device_tokens(),
        instance.paired_devices(),
        instance.auth_profiles(),
    ] {
        add(Role::Secret, secret);
    }
    for agent in entries(&instance.state_dir.join("agents")) {
        add(Role::Secret, agent.join("agent/auth-profiles.json"));
    }
    for file in entries(&instance.state_dir.join("credentials")) {
        add(Role::Secret, file);
    }
    for other in [
        "agents",
        "agents/main",
        "identity",
        "devices",
        "credentials",
        "browser",
        "logs",
        "cron",
        "canvas",
    ] {
        add(Role::Other, instance.state_dir.join(other));
    }
    add(Role::Other, instance.sessions());
    add(Role::Other, instance.record_path());
    // A link anywhere here may lead to where others are.
    for folder in ["", "agents", "browser", "credentials"] {
        for link in entries(&instance.state_dir.join(folder)) {
            if link.is_symlink() {
                add(Role::Other, link);
            }
        }
    }
    for workspace in found.into_iter().flat_map(|found| &found.workspaces) {
        add(Role::Workspace, workspace.clone());
    }
    places
}

/// What is in a folder, but for what a fix put aside there.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let in_use = |entry: &std::fs::DirEntry| !entry.file_name().to_string_lossy().contains(".aside-");
    entries.filter(in_use).map(|entry| entry.path()).collect()
}
