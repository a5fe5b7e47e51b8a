//! A surveyed instance: its base port with the source of it, the ports that it claims, its workspaces and its tokens.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::Value;

use super::config_keys::{self, ConfigReading, ReadConfig};
use super::discover::{Candidate, FoundBy};
use super::named_paths::{self, NamedPath, NamedPaths, PathPurpose};
use crate::config::effective::EffectiveConfig;
use crate::config::error::ConfigError;
use crate::config::key_path::KeyPath;
use crate::config::{self, backup};
use crate::env_file;
use crate::environment::{Environment, PORT_VARIABLE};
use crate::host::Host;
use crate::host::read::PathResolver;
use crate::instance::{ConfigVariables, Instance, RECORD_FILE};
use crate::ports::{Claim, Listener, Port, PortFamily, PortSource, Role, Span, default_bases};
use crate::profile::ProfileName;
use crate::record::Record;
use crate::registry::LazyRegistry;
use crate::secret::Secret;
use crate::text::natural_key;

/// An instance as the survey of its host found it.
#[derive(Clone, Debug)]
pub(crate) struct SurveyedInstance {
    /// Unique name for the screen: the profile, or the path of the config where there is none.
    pub(crate) label: String,
    /// Profile, where the folder, the registry, or a service names it.
    pub(crate) profile: Option<ProfileName>,
    /// Path of the config file, which need not exist.
    pub(crate) config_path: PathBuf,
    /// Path of the config with the links of its existing part resolved.
    pub(crate) real_config: PathBuf,
    /// Path of the state folder.
    pub(crate) state_dir: PathBuf,
    /// Path of the state folder with the links of its existing part resolved.
    pub(crate) real_state: PathBuf,
    /// Workspaces that the config names or the state folder implies: absolute, links resolved where they exist.
    pub(crate) workspaces: Vec<PathBuf>,
    /// Files and folders that the config names for the use of the instance.
    pub(crate) named_paths: Vec<NamedPath>,
    /// Keys of the config whose path can't be completed, each with the variable that is not set.
    pub(crate) unset_variables: Vec<(KeyPath, String)>,
    /// State of the config file.
    pub(crate) config: ConfigHealth,
    /// The config, where it is valid.
    pub(crate) read_config: Option<Arc<ReadConfig>>,
    /// The record, as soon as somebody asked for it.
    pub(crate) read_record: Arc<OnceLock<Option<Record>>>,
    /// Family of the base port that the gateway would use now, with the source of that port.
    pub(crate) base: Option<(PortFamily, PortSource)>,
    /// Family of the base port on which the gateway runs now, where that is another one than `base`.
    pub(crate) running: Option<PortFamily>,
    /// Every port that the instance holds: derived ones, pinned ones, and those that its engine might use instead.
    pub(crate) claims: Vec<Claim>,
    /// Messaging tokens of the config as (key, value), to be compared and never shown.
    pub(crate) tokens: Vec<(String, Secret)>,
    /// Path of the service file that starts the gateway.
    pub(crate) service: Option<PathBuf>,
    /// Ways in which the instance was found.
    pub(crate) found_by: Vec<FoundBy>,
}

/// State of an instance's config file, as the survey found it.
#[derive(Clone, Debug, Default)]
pub(crate) enum ConfigHealth {
    /// The file was read and is valid.
    Ok,
    /// The config file does not exist.
    #[default]
    Missing,
    /// The file can't be read or isn't valid JSON5.
    Broken(ConfigError),
}

/// Returns the label of an instance without a profile: the path of its config, with `~` for the home folder.
pub(super) fn label_of_path(home: &Path, config: &Path) -> String {
    match config.strip_prefix(home) {
        Ok(below) => format!("~/{}", below.display()),
        Err(_) => config.display().to_string(),
    }
}

/// Content of the files of an instance, before the links of its paths are followed.
pub(super) struct InstanceFiles {
    base: Option<(PortFamily, PortSource)>,
    claims: Vec<Claim>,
    named: NamedPaths,
    tokens: Vec<(String, Secret)>,
}

impl InstanceFiles {
    /// Determines the ports, paths, and tokens of an instance that was found on the host, by its files.
    pub(super) fn read(host: &Host, env: &Environment, found: &Candidate, registry: &LazyRegistry) -> Self {
        let (base, claims) = base_and_claims(found, registry);
        let value = found.reading.value();
        let named = value.map(|value| {
            let variables = ConfigVariables::new(host, &found.state_dir, value);
            named_paths::named_paths(env, &variables, &found.state_dir, value)
        });
        let tokens = value.map(|value| config_keys::channel_tokens(env, &found.state_dir, value));
        Self {
            base,
            claims,
            named: named.unwrap_or_default(),
            tokens: tokens.unwrap_or_default(),
        }
    }
}

/// Completes an instance that was found on the host by what its files say. The links of its paths are kept in `links`.
pub(super) fn survey_instance(
    env: &Environment,
    found: Candidate,
    files: InstanceFiles,
    links: &mut PathResolver,
) -> SurveyedInstance {
    let InstanceFiles {
        base,
        claims,
        mut named,
        tokens,
    } = files;
    named.resolve(links);
    let is_workspace = |named: &&NamedPath| named.purpose == PathPurpose::Workspace;
    let used = named.paths.iter().filter(is_workspace);
    let mut workspaces: Vec<_> = used.map(|named| named.path.clone()).collect();
    workspaces.sort();
    workspaces.dedup();
    let value = found.reading.value();
    if value.is_none_or(|v| v.pointer("/agents/defaults/workspace").is_none()) {
        workspaces.extend(implied_workspaces(env, &found, links));
    }
    let label = match &found.profile {
        Some(profile) => profile.to_string(),
        None => label_of_path(&env.home, &found.config_path),
    };
    let (config, read_config) = match found.reading {
        ConfigReading::Ok(read) => (ConfigHealth::Ok, Some(read)),
        ConfigReading::Missing => (ConfigHealth::Missing, None),
        ConfigReading::Broken(fault) => (ConfigHealth::Broken(fault), None),
    };
    SurveyedInstance {
        label,
        profile: found.profile,
        config_path: found.config_path,
        real_config: found.real_config,
        real_state: links.resolve(&found.state_dir).real,
        state_dir: found.state_dir,
        workspaces,
        named_paths: named.paths,
        unset_variables: named.unset_variables,
        config,
        read_config,
        read_record: Arc::default(),
        base,
        running: None,
        claims,
        tokens,
        service: found.service.map(|service| service.file),
        found_by: found.found_by,
    }
}

impl SurveyedInstance {
    /// Returns the key by which instances are sorted for a person: the default one first, then by label as a person counts.
    pub(crate) fn reading_order(&self) -> impl Ord + use<> {
        let is_default = self.profile.as_ref().is_some_and(ProfileName::is_default);
        (!is_default, natural_key(&self.label))
    }

    /// Returns the files that a person has added to the systemd unit of an instance (drop-ins).
    pub(crate) fn service_drop_ins(&self) -> Vec<PathBuf> {
        let Some(unit) = &self.service else {
            return Vec::new();
        };
        let mut folder = unit.clone().into_os_string();
        folder.push(".d");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|end| end == "conf"))
            .collect();
        files.sort();
        files
    }

    /// Returns the record of the instance, which is read once; `None` where it is broken.
    pub(crate) fn record(&self) -> Option<&Record> {
        let read = || Record::load(&self.state_dir.join(RECORD_FILE)).ok();
        self.read_record.get_or_init(read).as_ref()
    }

    /// Returns the value of the config with included files merged in; `Null` where there is no valid config.
    pub(crate) fn effective_config(&self) -> EffectiveConfig {
        let read = self.read_config.as_ref();
        read.map_or_else(|| Value::Null.into(), |read| read.effective.clone())
    }

    /// Adds the ports of the instance's gateway where it runs on another base port than its files say: one that was started
    /// with `--port`.
    pub(super) fn add_running_ports(&mut self, listeners: &[Listener]) {
        let is_own = |listener: &&Listener| {
            let owner = listener.process();
            owner.is_some_and(|owner| owner.is_gateway && owner.instance.as_ref() == Some(&self.label))
        };
        let ports: Vec<_> = listeners
            .iter()
            .filter(is_own)
            .map(|listener| listener.port)
            .collect();
        let is_set = |port: &Port| self.base.is_some_and(|(family, _)| family.base() == port.get());
        if ports.iter().any(is_set) {
            return;
        }
        // The base port is the lowest one that a gateway listens on.
        let Some(family) = ports.into_iter().min().and_then(PortFamily::new) else {
            return;
        };
        self.running = Some(family);
        let is_held = self
            .claims
            .iter()
            .filter_map(PortFamily::from_base_claim)
            .any(|held| held == family);
        if !is_held {
            self.claims.extend(family.claims());
        }
    }
}

/// Returns the base port that the gateway would use now, and every port that the instance holds. It holds the port of each
/// source that may decide next: that of its config too, while a service pins another one.
fn base_and_claims(
    found: &Candidate,
    registry: &LazyRegistry,
) -> (Option<(PortFamily, PortSource)>, Vec<Claim>) {
    let mut sources = configured_ports(found);
    let set = sources.next().or_else(|| recorded_port(found, registry));
    let mut claims = Vec::new();
    let base = match set {
        Some((port, source, key)) => {
            claims.extend(claims_of_base(port, key));
            let others = sources.filter(|(other, _, _)| *other != port);
            claims.extend(others.flat_map(|(other, _, key)| claims_of_base(other, key)));
            PortFamily::new(port).map(|family| (family, source))
        }
        None if matches!(found.reading, ConfigReading::Missing) && found.service.is_none() => None,
        None => {
            let mut bases = default_bases(found.profile.as_ref());
            if matches!(found.reading, ConfigReading::Broken(_)) {
                // The gateway can't start as it is: its likeliest port is kept for it, and no other.
                bases.truncate(1);
            }
            let families = bases.iter().copied().map(PortFamily::from);
            claims.extend(families.flat_map(PortFamily::claims));
            bases
                .first()
                .map(|base| (PortFamily::from(*base), PortSource::Default))
        }
    };
    if let Some(value) = found.reading.value() {
        let derived: Vec<_> = claims.iter().filter(|c| !c.is_pool()).map(|c| c.span).collect();
        claims.extend(
            config_keys::pinned_port_claims(value)
                .into_iter()
                .filter(|c| !derived.contains(&c.span)),
        );
    }
    (base, claims)
}

/// Returns the claims of an instance with this base port, which `key` sets.
fn claims_of_base(port: Port, key: &'static str) -> Vec<Claim> {
    match PortFamily::new(port) {
        Some(family) => family.claims().collect(),
        // No family can be derived from such a port, but it is bound all the same.
        None => vec![Claim::pinned(Span::one(port), Role::Pinned, key)],
    }
}

/// Returns the base port of an instance from each source that a gateway obeys, the strongest first, with the key that
/// sets it.
fn configured_ports(found: &Candidate) -> impl Iterator<Item = (Port, PortSource, &'static str)> {
    let service = || Some((found.service.as_ref()?.port?, PortSource::Service, "--port"));
    let env_file = || {
        let value = env_file::variable(&found.state_dir.join(".env"), PORT_VARIABLE)?;
        Some((Port::from_variable(&value)?, PortSource::EnvFile, PORT_VARIABLE))
    };
    let config = || match &found.reading {
        ConfigReading::Ok(read) => {
            let port = config::base_port(&read.effective.value)?;
            Some((port, PortSource::Config, "gateway.port"))
        }
        ConfigReading::Broken(_) => backup_port(found),
        ConfigReading::Missing => None,
    };
    [service(), env_file(), config()].into_iter().flatten()
}

/// Returns the base port that this program recorded for an instance, which counts where no gateway would find another.
fn recorded_port(found: &Candidate, registry: &LazyRegistry) -> Option<(Port, PortSource, &'static str)> {
    // A broken record sets no port here; the doctor and the instance's own gateway report it.
    let recorded = Record::load(&found.state_dir.join(RECORD_FILE))
        .ok()
        .and_then(|record| record.ports.base);
    let registered = || {
        let entries = &registry.get().entries;
        let own = found.entry.as_ref();
        let own = own.or_else(|| entries.iter().find(|entry| entry.config == found.config_path));
        own.map(|entry| entry.port)
    };
    let port = recorded.or_else(registered)?;
    Some((port, PortSource::Record, RECORD_FILE))
}

/// Returns the base port of an instance whose config can't be read: of the config that the gateway last ran with,
/// else of the newest valid backup.
fn backup_port(found: &Candidate) -> Option<(Port, PortSource, &'static str)> {
    let last_good = || {
        let reading = config_keys::read_config(&backup::last_good_path(&found.config_path));
        config::base_port(reading.value()?)
    };
    let backup = || {
        let (_, document) = backup::newest_valid(&found.config_path, None)?;
        config::base_port(document.value())
    };
    let port = last_good().or_else(backup)?;
    Some((port, PortSource::Backup, "gateway.port"))
}

/// Returns the workspaces of an instance whose config names none: every folder where a release puts one and that exists;
/// else the folder where this program puts it, unless there is no config yet.
fn implied_workspaces(env: &Environment, found: &Candidate, links: &mut PathResolver) -> Vec<PathBuf> {
    let plain = found.state_dir.join("workspace");
    let own = found.profile.as_ref().map(|profile| {
        let instance = Instance {
            state_dir: found.state_dir.clone(),
            ..Instance::canonical(&env.home, profile.clone())
        };
        (instance.default_workspace(), instance.legacy_workspace(&env.home))
    });
    let (proposed, legacy) = own.unwrap_or_else(|| (plain.clone(), None));
    let mut paths: Vec<_> = [Some(plain), Some(proposed.clone()), legacy]
        .into_iter()
        .flatten()
        .filter(|path| path.is_dir())
        .map(|path| links.resolve(&path).real)
        .collect();
    paths.sort();
    paths.dedup();
    if paths.is_empty() && !matches!(found.reading, ConfigReading::Missing) {
        paths.push(links.resolve(&proposed).real);
    }
    paths
}
