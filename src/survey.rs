//! The survey of a host: one read-only pass over its instances, ports, registry, and services, as an immutable value.
//!
//! Instances are looked for in the folders `~/.openclaw*`, in further `*.json` files in `~/.openclaw` (OpenClaw's guide to
//! several gateways on one host puts one config per instance there), in the registry, and in the files of installed
//! services. A broken instance is part of the survey, with the reason; it never fails the survey as a whole.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::dialect;
use crate::engine::{self, ReleaseStore};
use crate::environment::Environment;
use crate::host::read::PathResolver;
use crate::host::{self, Host};
use crate::instance::Instance;
use crate::ports::planner::is_usual_port;
use crate::ports::{Listener, Port, SocketOwner, Span};
use crate::profile::ProfileName;
use crate::record::{Engine, Record};
use crate::registry::{self, LazyRegistry, Registry};
use crate::sync::map_concurrently;

mod config_keys;
mod discover;
mod gateway_locks;
mod includes;
mod instance;
mod listeners;
pub(crate) mod map;
pub(crate) mod named_paths;
pub(crate) mod ports;
mod service;
mod system_units;
#[cfg(test)]
mod tests;

pub(crate) use crate::engine::NodeEngine;
use discover::Candidate;
pub(crate) use discover::{FoundBy, holds_workspaces_only};
pub(crate) use gateway_locks::{SharedLocks, find_openclaw_lock_holder};
use instance::InstanceFiles;
pub(crate) use instance::{ConfigHealth, SurveyedInstance};
pub(crate) use listeners::KnownSockets;
pub(crate) use service::{InstalledService, config_of_service, other_program_of_service};
pub(crate) use system_units::{SystemUnits, find_system_units};

/// Surveys the host for its instances, ports and installed engine. What can't be read is left out or reported as
/// broken; this never fails.
pub(crate) fn survey_host(host: &Host, env: &Environment) -> Survey {
    survey_all(host, env, registry_of(host, env))
}

/// Surveys the host for its instances, those of this registry among them.
fn survey_all(host: &Host, env: &Environment, registry: LazyRegistry) -> Survey {
    let mut links = PathResolver::default();
    let candidates = discover::find_candidates(env, registry.get(), &mut links);
    let mut survey = survey_candidates(host, env, registry, candidates, &mut links);
    survey.find_listeners(is_usual_port);
    survey
}

/// Surveys the host for a command that asks about one instance. The other instances are surveyed too where the answer may
/// depend on them: the paths are not the usual ones of its profile, another process listens on one of its ports, or its
/// gateway is not found there and may run elsewhere.
pub(crate) fn survey_for(host: &Host, env: &Environment, instance: &Instance) -> Survey {
    let mut links = PathResolver::default();
    let registry = registry_of(host, env);
    let Some(candidate) = discover::find_candidate(env, instance, &mut links) else {
        return survey_all(host, env, registry);
    };
    let mut survey = survey_candidates(host, env, registry, vec![candidate], &mut links);
    survey.find_listeners(|_| false);
    let own = &survey.instances[0];
    let is_own = |listener: &&Listener| {
        let owner = listener.process().and_then(|owner| owner.instance.as_ref());
        owner == Some(&own.label)
    };
    let (own_listeners, others): (Vec<_>, Vec<_>) = survey.listeners.iter().partition(is_own);
    let is_claimed = |port| own.claims.iter().any(|claim| claim.span.contains(port));
    let may_be_own = |port| own_listeners.is_empty() && is_usual_port(port);
    if others
        .iter()
        .any(|other| is_claimed(other.port) || may_be_own(other.port))
    {
        return survey_all(host, env, survey.registry);
    }
    survey
}

/// Finds the configs that the instances of these profiles may have, whether or not the files exist. Neither other instances
/// nor sockets are looked at, so that this costs a few files however many instances the host has.
pub(crate) fn find_configs(host: &Host, env: &Environment, profiles: &[ProfileName]) -> BTreeSet<PathBuf> {
    discover::find_configs(env, registry_of(host, env).get(), profiles)
}

fn registry_of(host: &Host, env: &Environment) -> LazyRegistry {
    LazyRegistry::new(&registry::state_home(host, env))
}

/// Surveys the files of these instances, and what of the host they have in common, but for the listening sockets.
fn survey_candidates(
    host: &Host,
    env: &Environment,
    registry: LazyRegistry,
    candidates: Vec<Candidate>,
    links: &mut PathResolver,
) -> Survey {
    let read = |candidate: &Candidate| InstanceFiles::read(host, env, candidate, &registry);
    let files = map_concurrently(&candidates, read);
    let found = candidates.into_iter().zip(files);
    let mut instances: Vec<_> = found
        .map(|(candidate, files)| instance::survey_instance(env, candidate, files, links))
        .collect();
    sort_and_label(&env.home, &mut instances);
    let span = |(first, last)| Span { first, last };
    Survey {
        home: env.home.clone(),
        instances,
        ephemeral: host::ports::ephemeral_range().map(span),
        excluded: host::ports::excluded_ranges().into_iter().map(span).collect(),
        node: engine::find_package(host, env),
        releases: ReleaseStore::of_host(host, env),
        registry,
        ..Survey::default()
    }
}

/// Sorts the instances, the default one first, then by label, and makes their labels unique: where two instances have the
/// same profile, all but the first get the path of their config as their label.
fn sort_and_label(home: &Path, instances: &mut [SurveyedInstance]) {
    let mut used = BTreeSet::new();
    for instance in instances.iter_mut() {
        if !used.insert(instance.label.clone()) {
            instance.label = instance::label_of_path(home, &instance.config_path);
        }
    }
    instances.sort_by(|a, b| {
        let key = |i: &SurveyedInstance| !i.profile.as_ref().is_some_and(ProfileName::is_default);
        key(a).cmp(&key(b)).then_with(|| a.label.cmp(&b.label))
    });
}

/// The instances, ports, and installed engine of a host at one time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Survey {
    /// Home folder of the instances.
    pub(crate) home: PathBuf,
    /// Every instance, the default one first, then by label; one for each config file.
    pub(crate) instances: Vec<SurveyedInstance>,
    /// Every TCP socket that listens. Its owner is looked up where an instance claims the port, or a new one would get
    /// it, and where somebody asked for it ([`Survey::with_owners`]).
    pub(crate) listeners: Vec<Listener>,
    /// The sockets of `listeners`, by which another look finds what is new.
    pub(crate) sockets: KnownSockets,
    /// Ephemeral ports, which the kernel hands out to clients; `None` where the system does not tell them.
    pub(crate) ephemeral: Option<Span>,
    /// Ports that the system reserves for itself (Windows).
    pub(crate) excluded: Vec<Span>,
    /// OpenClaw from npm, where it is installed for the whole host.
    pub(crate) node: Option<NodeEngine>,
    /// The releases of OpenClaw from npm that instances have for themselves.
    pub(crate) releases: ReleaseStore,
    /// The registry; see [`Self::registry`].
    pub(crate) registry: LazyRegistry,
}

impl Survey {
    /// Returns the registry as it was read.
    pub(crate) fn registry(&self) -> &Registry {
        self.registry.get()
    }

    /// Finds the listening TCP sockets, with their processes on the ports that instances claim and on those that
    /// `needs_owner` selects, and the gateways that run on another port than their files say.
    fn find_listeners(&mut self, needs_owner: impl Fn(Port) -> bool) {
        let find = |survey: &Self| {
            listeners::find_listeners(&survey.home, &survey.instances, &survey.sockets, &needs_owner)
        };
        (self.listeners, self.sockets) = find(self);
        for instance in &mut self.instances {
            instance.add_running_ports(&self.listeners);
        }
        if self.instances.iter().any(|instance| instance.running.is_some()) {
            // The ports of a gateway that was started with another base port are claimed only now.
            (self.listeners, self.sockets) = find(self);
        }
    }

    /// Reads the listening TCP sockets of the host as they are now, with their processes on the ports that instances
    /// claim or a new one would get, and on those that `needs_owner` selects.
    pub(crate) fn current_listeners(&self, needs_owner: impl Fn(Port) -> bool) -> Vec<Listener> {
        let needs_owner = |port| is_usual_port(port) || needs_owner(port);
        listeners::find_listeners(&self.home, &self.instances, &self.sockets, needs_owner).0
    }

    /// Reads the listening TCP sockets and their processes again; everything else in the survey of the host stays as
    /// it was.
    pub(crate) fn refresh_listeners(&mut self) {
        (self.listeners, self.sockets) =
            listeners::find_listeners(&self.home, &self.instances, &self.sockets, is_usual_port);
    }

    /// Returns the survey with the owners of the sockets that listen on these ports, which are looked up where the survey
    /// has not done that.
    pub(crate) fn with_owners(&self, ports: Span) -> Cow<'_, Self> {
        let is_unknown = |l: &Listener| l.owner == SocketOwner::NotLookedUp && ports.contains(l.port);
        if !self.listeners.iter().any(is_unknown) {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self {
            listeners: self.current_listeners(|port| ports.contains(port)),
            ..self.clone()
        })
    }

    /// Asks the command of OpenClaw from npm for its version where its files do not tell it and an instance needs it.
    pub(crate) fn query_node_version(&mut self, host: &Host, env: &Environment) {
        let is_node = |instance: &SurveyedInstance| {
            let record = instance.record();
            record.is_some_and(|record| record.engine == Engine::Node && record.release.is_none())
        };
        if self.node.is_none() && self.instances.iter().any(is_node) {
            self.node = engine::locate(host, env).ok();
        }
    }

    /// Returns the OpenClaw from npm of an instance with this record: the release that the record names, else that of the
    /// host, which this program runs too.
    pub(crate) fn node_for(&self, record: Option<&Record>) -> Option<NodeEngine> {
        match record.and_then(|record| record.release.as_ref()) {
            Some(version) => self.releases.find(version).map(|release| release.engine()),
            None => self.node.clone(),
        }
    }

    /// Returns the version of OpenClaw that reads the config of an instance with this record: that of its OpenClaw from npm,
    /// else the newest one that this program knows.
    pub(crate) fn config_reader(&self, record: Option<&Record>) -> String {
        let node = self.node_for(record).map(|node| node.version);
        node.unwrap_or_else(|| dialect::NEWEST_KNOWN_VERSION.to_owned())
    }

    /// Returns the configs, state folders, workspaces and other named paths of every instance, each with the position of
    /// the instance.
    pub(crate) fn paths_of_instances(&self) -> impl Iterator<Item = (usize, &PathBuf)> {
        self.instances.iter().enumerate().flat_map(|(at, instance)| {
            let named = instance.named_paths.iter().map(|named| &named.path);
            let all = named
                .chain(&instance.workspaces)
                .chain([&instance.config_path, &instance.state_dir]);
            all.map(move |path| (at, path))
        })
    }

    /// Returns the configs, state folders, workspaces and other named paths of every instance but the one with this
    /// config.
    pub(crate) fn paths_of_others(&self, config_path: &Path) -> Vec<PathBuf> {
        let own = self.position(config_path);
        let of_others = self.paths_of_instances().filter(|(at, _)| Some(*at) != own);
        of_others.map(|(_, path)| path.clone()).collect()
    }
}
