//! Everything that the checks look at, gathered once and reading only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::system;
use crate::config::document::Document;
use crate::config::{self, Loaded};
use crate::environment::Environment;
use crate::error::Error;
use crate::host::{self, Host, read};
use crate::instance::{self, CONFIG_FILE, Instance};
use crate::ports::Listener;
use crate::probe::{self, Probe};
use crate::profile::ProfileName;
use crate::record::Record;
use crate::service::{self, Status};
use crate::settings::{Settings, Sources, Wishes};
use crate::survey::map::PortMap;
use crate::survey::{Service, Survey, Surveyed};

/// How long a gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Which instances are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The chosen one, and what it is to the others.
    One,
    /// All of them; what two are to each other is told once.
    All,
}

/// The host as the checks see it.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The snapshot.
    pub survey: &'a Survey,
    /// Who holds which port.
    pub map: PortMap<'a>,
    /// Every instance, those of the survey first and in its order.
    pub subjects: Vec<Subject<'a>>,
    /// Every service file of a gateway.
    pub services: Vec<Service>,
    /// Whether services of this user run without a login; `None` where that is not known.
    pub lingers: Option<bool>,
    /// The home folder.
    pub home: PathBuf,
    /// This program.
    pub program: Option<PathBuf>,
    scope: Scope,
    chosen: Option<usize>,
}

/// One instance as the checks see it.
#[derive(Debug)]
pub struct Subject<'a> {
    /// Its place among the subjects.
    pub at: usize,
    /// What it is called.
    pub label: String,
    /// Its paths.
    pub instance: Instance,
    /// How a command for it begins.
    pub command: String,
    /// What the survey found; `None` where its config is another instance's.
    pub found: Option<&'a Surveyed>,
    /// Its config as it stands in its file.
    pub document: Option<Document>,
    /// Its config, included files merged in; `Null` where there is none.
    pub config: Value,
    /// Digests of its channel tokens by key, keyed anew at each run: good for comparing, for nothing else.
    pub tokens: Vec<(String, [u8; 32])>,
    /// The same of its gateway's token, and how many characters that has.
    pub gateway_token: Option<([u8; 32], usize)>,
    /// What its gateway would run with, or why it would refuse to start.
    pub settings: Option<Result<Settings, Error>>,
    /// Its `instance.toml`.
    pub record: Result<Record, Error>,
    /// The files and folders of it that are there, by path, with their modes and owners.
    pub places: BTreeMap<PathBuf, Place>,
    /// The file system of its state folder.
    pub disk: Option<Disk>,
    /// Its gateway, where it listens.
    pub running: Option<Running<'a>>,
    /// What its gateway answered, where something listens on its port.
    pub probe: Option<Probe>,
    /// Its service, where a manager could be asked.
    pub service: Option<Status>,
    /// What its gateway's lock says.
    pub lock: Option<Lock>,
}

/// A file or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What it is for.
    pub role: Role,
    /// Its mode.
    pub mode: u32,
    /// Its owner, where that is not this user.
    pub owner: Option<u32>,
    /// Where it leads, where it is a link.
    pub link: Option<PathBuf>,
    /// Whether it is a folder, links followed.
    pub is_folder: bool,
}

/// What a file or a folder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The config.
    Config,
    /// A backup of the config.
    Backup,
    /// A file that holds keys or tokens.
    Secret,
    /// The state folder.
    State,
    /// A workspace.
    Workspace,
    /// Something else of the state folder.
    Other,
}

/// A file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// What this user may still write, in bytes.
    pub free: u64,
    /// The kind of the network file system that it is.
    pub network: Option<&'static str>,
}

/// A running gateway.
#[derive(Debug)]
pub struct Running<'a> {
    /// Its process.
    pub pid: u32,
    /// Where it listens.
    pub listeners: Vec<&'a Listener>,
    /// Its variables of this program; empty where they may not be known.
    pub vars: Vec<(String, String)>,
}

/// The lock of a gateway as its file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// Who wrote it.
    pub pid: u32,
    /// The port that it was to listen on.
    pub port: Option<u16>,
    /// Whether such a process is there.
    pub alive: bool,
    /// Whether that process listens anywhere.
    pub listens: bool,
}

#[derive(Deserialize)]
struct LockFile {
    pid: u32,
    port: Option<u16>,
}

impl<'a> Scene<'a> {
    /// Looks at the host. `chosen` is the instance that was asked for.
    pub fn gather(
        host: &'a Host,
        env: &'a Environment,
        survey: &'a Survey,
        chosen: &Instance,
        scope: Scope,
    ) -> Self {
        let position = survey.position(&chosen.config_path);
        let mut paths: Vec<(Option<&Surveyed>, Instance)> = survey
            .instances
            .iter()
            .enumerate()
            .map(|(at, found)| {
                let own = (position == Some(at)).then(|| chosen.clone());
                (Some(found), own.unwrap_or_else(|| instance_of(&env.home, found)))
            })
            .collect();
        let chosen_at = position.unwrap_or(paths.len());
        if position.is_none() {
            paths.push((None, chosen.clone()));
        }
        for twin in linked_away(env, survey, &paths) {
            paths.push((None, twin));
        }
        let key: [u8; 32] = host.random();
        let wanted = |at: usize| scope == Scope::All || at == chosen_at;
        let mut subjects: Vec<Subject<'a>> = std::thread::scope(|threads| {
            let gather = |(at, (found, instance))| {
                let gather = Gather {
                    host,
                    env,
                    survey,
                    key,
                };
                threads.spawn(move || gather.subject(at, found, instance, wanted(at)))
            };
            let all: Vec<_> = paths.into_iter().enumerate().map(gather).collect();
            all.into_iter()
                .map(|thread| thread.join().expect("a look does not panic"))
                .collect()
        });
        let is_none = scope == Scope::All && position.is_none();
        if is_none && subjects[chosen_at].places.is_empty() {
            // Nobody asked for the instance that is not there.
            subjects.remove(chosen_at);
            for (at, subject) in subjects.iter_mut().enumerate() {
                subject.at = at;
            }
        }
        Self {
            survey,
            map: survey.map(),
            services: Service::installed(&env.home),
            lingers: lingers(host),
            home: env.home.clone(),
            program: host.program().map(Path::to_path_buf),
            scope,
            chosen: (scope == Scope::One).then_some(chosen_at),
            subjects,
        }
    }

    /// The instances that are looked at.
    pub fn wanted(&self) -> impl Iterator<Item = &Subject<'a>> {
        self.subjects
            .iter()
            .filter(|subject| self.chosen.is_none_or(|chosen| chosen == subject.at))
    }

    /// Whether this is the first instance that is looked at: what belongs to the host is told with it.
    pub(super) fn is_first(&self, subject: &Subject<'_>) -> bool {
        self.wanted().next().is_some_and(|first| first.at == subject.at)
    }

    /// The others that this one is compared with.
    pub(super) fn others(&self, subject: &Subject<'_>) -> impl Iterator<Item = &Subject<'a>> {
        let own = subject.at;
        self.subjects.iter().filter(move |other| match self.scope {
            Scope::One => other.at != own,
            Scope::All => other.at < own,
        })
    }

    /// A path as a user reads it.
    pub(super) fn shown(&self, path: &Path) -> String {
        crate::situation::shown(&self.home, path)
    }
}

impl Subject<'_> {
    /// A text of its config.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.config.pointer(pointer)?.as_str()
    }

    /// Its base port, where one can be said.
    pub(super) fn base(&self) -> Option<u16> {
        self.found?.base.map(|(family, _)| family.base())
    }

    /// The files and folders of a role.
    pub(super) fn of_role(&self, role: Role) -> impl Iterator<Item = (&PathBuf, &Place)> {
        self.places.iter().filter(move |(_, place)| place.role == role)
    }
}

/// The instance that a survey found.
fn instance_of(home: &Path, found: &Surveyed) -> Instance {
    let profile = found.profile.clone().unwrap_or_else(ProfileName::default_profile);
    Instance {
        config_path: found.config_path.clone(),
        state_dir: found.state_dir.clone(),
        ..Instance::canonical(home, profile)
    }
}

/// The instances of folders whose config is a link to another instance's: the survey counts one config once.
fn linked_away(env: &Environment, survey: &Survey, known: &[(Option<&Surveyed>, Instance)]) -> Vec<Instance> {
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

/// Whether systemd keeps services of this user without a login (loginctl(1), `enable-linger`).
fn lingers(host: &Host) -> Option<bool> {
    let users = Path::new("/var/lib/systemd/linger");
    let user = host.var("USER").or_else(|| host.var("LOGNAME"))?;
    Path::new("/run/systemd/system")
        .exists()
        .then(|| users.join(user).exists())
}

struct Gather<'s> {
    host: &'s Host,
    env: &'s Environment,
    survey: &'s Survey,
    key: [u8; 32],
}

impl<'s> Gather<'s> {
    /// `whole`: with what only the looked-at instances need.
    fn subject(
        &self,
        at: usize,
        found: Option<&'s Surveyed>,
        instance: Instance,
        whole: bool,
    ) -> Subject<'s> {
        let document = match config::load(&instance.config_path) {
            Loaded::Ok(document) => Some(document),
            Loaded::Missing | Loaded::Broken(_) => None,
        };
        let config = document
            .as_ref()
            .and_then(|document| config::effective(&instance.config_path, document).ok())
            .unwrap_or(Value::Null);
        let record = Record::read(&instance.record_path());
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
        let listens =
            instance_port(found).is_some_and(|port| self.survey.listeners.iter().any(|l| l.port == port));
        Subject {
            at,
            command: command(&instance, found),
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
                .then(|| system::disk(existing(&instance.state_dir)))
                .flatten(),
            probe: (whole && listens).then(|| probe::instance(self.host, &instance, PATIENCE)),
            // A manager is asked only where there is a file for it to know.
            service: found
                .filter(|found| whole && found.service.is_some())
                .and_then(|_| service::status(self.host, self.env, &instance).ok()),
            lock: self.lock(&instance),
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
            vars: host::ports::words_of(pid, "OPENCLAW_").1,
        })
    }

    fn lock(&self, instance: &Instance) -> Option<Lock> {
        let LockFile { pid, port } =
            serde_json::from_slice(&read::bytes(&instance.lock_path()).ok()?).ok()?;
        let mut owners = self.survey.listeners.iter().filter_map(|l| l.owner.as_ref());
        Some(Lock {
            pid,
            port,
            alive: system::alive(pid),
            listens: owners.any(|owner| owner.pid == pid),
        })
    }
}

fn instance_port(found: Option<&Surveyed>) -> Option<u16> {
    found?.base.map(|(family, _)| family.base())
}

/// How a command for an instance begins: by its profile where that leads to it, else by its paths.
fn command(instance: &Instance, found: Option<&Surveyed>) -> String {
    match found {
        Some(found) if found.profile.is_none() => format!(
            "OPENCLAW_CONFIG_PATH={} OPENCLAW_STATE_DIR={} openclaw",
            super::word(&found.config_path),
            super::word(&found.state_dir)
        ),
        _ => instance.command(),
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
        let link = meta.is_symlink().then(|| read::resolved(&path));
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
    let agents = std::fs::read_dir(instance.state_dir.join("agents"));
    for agent in agents.into_iter().flatten().flatten() {
        add(Role::Secret, agent.path().join("agent/auth-profiles.json"));
    }
    let credentials = std::fs::read_dir(instance.state_dir.join("credentials"));
    for file in credentials.into_iter().flatten().flatten() {
        add(Role::Secret, file.path());
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
    for workspace in found.into_iter().flat_map(|found| &found.workspaces) {
        add(Role::Workspace, workspace.clone());
    }
    places
}
