//! Everything that the checks look at, gathered once and reading only.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::browser;
use crate::config::document::ConfigDocument;
use crate::environment::Environment;
use crate::error::Error;
use crate::host::{Host, read};
use crate::instance::{Instance, InstanceContext};
use crate::lock::LockHolder;
use crate::ports::{Listener, Port};
use crate::probe::{self, Probe};
use crate::record::{Record, RecordError};
use crate::service::{self, Linger, ServiceDrift, ServiceStatus};
use crate::settings::Settings;
use crate::survey::map::PortMap;
use crate::survey::{InstalledService, Survey, Surveyed};

mod gather;

use gather::{Gather, browsers, linked_away};

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
    /// Every service file of a gateway, with the config that it starts, links followed.
    pub services: Vec<(PathBuf, InstalledService)>,
    /// Whether services of this user run without a login.
    pub(crate) linger: Linger,
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
    /// Its config and its state folder, links followed.
    pub real: Real,
    /// How a command for it begins.
    pub command: String,
    /// What the survey found; `None` where its config is another instance's.
    pub found: Option<&'a Surveyed>,
    /// Its config as it stands in its file.
    pub document: Option<ConfigDocument>,
    /// Its config, included files merged in; `Null` where there is none.
    pub config: Value,
    /// Digests of its channel tokens by key, keyed anew at each run: good for comparing, for nothing else.
    pub tokens: Vec<(String, [u8; 32])>,
    /// The same of its gateway's token, and how many characters that has.
    pub gateway_token: Option<([u8; 32], usize)>,
    /// What its gateway would run with, or why it would refuse to start.
    pub settings: Option<Result<Settings, Error>>,
    /// Its `instance.toml`.
    pub record: Result<Record, RecordError>,
    /// The files and folders of it that are there, by path, with their modes and owners.
    pub places: BTreeMap<PathBuf, Place>,
    /// The file system of its state folder.
    pub disk: Option<Disk>,
    /// Its gateway, where it listens.
    pub running: Option<Running<'a>>,
    /// What its gateway answered, where there is something to be asked.
    pub(crate) probe: Option<Probe>,
    /// Its service, where a manager could be asked.
    pub(crate) service: Option<ServiceStatus>,
    /// Where its service is not what would be installed now; `None` where that can't be said.
    pub(crate) drift: Option<ServiceDrift>,
    /// Who holds its gateway's lock, or died with it.
    pub lock: Option<LockHolder>,
    /// What its browser's start needs, where it uses one.
    pub browser: Vec<browser::doctor::Check>,
    /// Folders that a restore or an import left when it was killed.
    pub leftovers: Vec<PathBuf>,
}

/// Paths without links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Real {
    /// The config.
    pub config: PathBuf,
    /// The state folder.
    pub state: PathBuf,
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

impl<'a> Scene<'a> {
    /// Looks at the host. `chosen` is the instance that was asked for.
    ///
    /// # Panics
    /// Where a look panics, which is a mistake of this program.
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
                (Some(found), own.unwrap_or_else(|| probe::instance_of(env, found)))
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
        let own = &subjects[chosen_at];
        let mut others = subjects.iter().filter(|other| other.at != chosen_at);
        let is_anothers = others.any(|other| other.document.is_some() && other.real.state == own.real.state);
        if is_none && (own.places.is_empty() || is_anothers) {
            // Nobody asked for the instance that is not there.
            subjects.remove(chosen_at);
            for (at, subject) in subjects.iter_mut().enumerate() {
                subject.at = at;
            }
        }
        let services: Vec<_> = InstalledService::find_all(env)
            .into_iter()
            .map(|service| (read::canonicalize_existing(&service.config_path), service))
            .collect();
        let linger = if services.is_empty() {
            Linger::Unknown
        } else {
            service::linger(InstanceContext {
                host,
                env,
                instance: chosen,
            })
        };
        browsers(host, env, survey, &mut subjects, wanted);
        Self {
            survey,
            map: survey.map(),
            services,
            linger,
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

    /// The others that this one is compared with, each pair once.
    pub(super) fn others(&self, subject: &Subject<'_>) -> impl Iterator<Item = &Subject<'a>> {
        let own = subject.at;
        self.subjects.iter().filter(move |other| match self.scope {
            Scope::One => other.at != own,
            Scope::All => other.at < own,
        })
    }

    /// All others: for what one does to another, which is told of the one that does it.
    pub(super) fn all_but(&self, subject: &Subject<'_>) -> impl Iterator<Item = &Subject<'a>> {
        let own = subject.at;
        self.subjects.iter().filter(move |other| other.at != own)
    }

    /// A path as a user reads it.
    pub(super) fn shown(&self, path: &Path) -> String {
        crate::environment::abbreviate_home(&self.home, path)
    }
}

impl Subject<'_> {
    /// A text of its config.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.config.pointer(pointer)?.as_str()
    }

    /// Its base port, where one can be said.
    pub(super) fn base(&self) -> Option<Port> {
        self.found?.base.map(|(family, _)| family.base().into())
    }

    /// The files and folders of a role.
    pub(super) fn of_role(&self, role: Role) -> impl Iterator<Item = (&PathBuf, &Place)> {
        self.places.iter().filter(move |(_, place)| place.role == role)
    }
}
