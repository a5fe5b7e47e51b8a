//! The report on a host: the data that the checks read.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::installed_files::InstallationReport;
use super::path_index::PathIndexes;
use super::sandbox_containers::ContainerName;
use crate::apply::{InstancePaths, InterruptedTransaction, OtherPaths};
use crate::browser::checks::BrowserCheck;
use crate::config::document::ConfigDocument;
use crate::config::judge::Verdict;
use crate::environment;
use crate::error::Error;
use crate::host::FileSystemSpace;
use crate::host::folder_listings::FolderListings;
use crate::i18n::Msg;
use crate::instance::Instance;
use crate::lock::LockHolder;
use crate::ports::planner::PortHolder;
use crate::ports::{Listener, Port};
use crate::probe::Probe;
use crate::record::{Engine, Record, RecordError};
use crate::service::{Linger, ServiceDrift, ServiceStatus};
use crate::settings::Settings;
use crate::survey::map::PortMap;
use crate::survey::named_paths::NamedPath;
use crate::survey::{InstalledService, Survey, SurveyedInstance};

/// The instances that the doctor examines: one or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The chosen instance, compared with all others.
    One,
    /// All instances. A problem between two of them is reported once.
    All,
}

/// The state of a host and its instances at one moment, which the doctor's checks examine.
#[derive(Debug)]
pub(crate) struct HostReport<'a> {
    /// The survey of the host.
    pub(super) survey: &'a Survey,
    /// The ports of all instances and the processes that hold them.
    pub(super) map: PortMap<'a>,
    /// The claims of all instances, in the order of their ports, as soon as a free port is to be named.
    pub(super) port_holders: OnceCell<Vec<(usize, Arc<PortHolder>)>>,
    /// The folders that were listed, by which it is known what does not exist.
    pub(super) folders: FolderListings,
    /// Every instance. Those of the survey come first, in its order.
    pub(super) instances: Vec<InstanceReport<'a>>,
    /// The paths of all instances, by which those are found that share one.
    pub(super) paths: PathIndexes,
    /// The paths of the instances of the survey, resolved as soon as a fix is to be judged.
    pub(super) instance_paths: OnceCell<InstancePaths>,
    /// Every service of a gateway with the config that it starts, links followed.
    pub(super) services: Vec<(PathBuf, InstalledService)>,
    /// The state of lingering, by which services of this user run without a login.
    pub(super) linger: Linger,
    /// The run that was cut short in the middle of a change and has not been completed.
    pub(super) interrupted: Option<InterruptedTransaction>,
    /// The home folder.
    pub(super) home: PathBuf,
    /// The home folder, links followed.
    pub(super) real_home: PathBuf,
    /// The copies of this program on the host, and its files of another version.
    pub(super) installation: InstallationReport,
    /// The path of this program, where the system tells it.
    pub(super) program: Option<PathBuf>,
    pub(super) scope: Scope,
    /// The index of the chosen instance; `None` where all are examined.
    pub(super) chosen: Option<usize>,
}

/// The state of one instance at one moment, which the doctor's checks examine. Parts that need other programs or many
/// files are collected for selected instances only.
#[derive(Debug)]
pub(super) struct InstanceReport<'a> {
    /// The index among [`HostReport::instances`].
    pub(super) index: usize,
    /// The name by which the user knows the instance.
    pub(super) label: String,
    /// The paths of the instance.
    pub(super) instance: Instance,
    /// The config and the state folder, links followed.
    pub(super) resolved: ResolvedPaths,
    /// The beginning of a command for this instance: `openclaw --profile rescue`.
    pub(super) command: String,
    /// The instance in the survey; `None` where its config is another instance's.
    pub(super) found: Option<&'a SurveyedInstance>,
    /// The config as its file has it; `None` where it is missing or broken.
    pub(super) document: Option<ConfigDocument>,
    /// The config with included files merged in; `Null` where there is none.
    pub(super) config: Value,
    /// The judgement of the config by the engine of the instance; `None` where there is no config.
    pub(super) verdict: Option<Verdict>,
    /// A digest of each channel token by its key. The digests have a key of their own in each run, so that they can
    /// be compared and used for nothing else.
    pub(super) tokens: Vec<(String, [u8; 32])>,
    /// The debugging addresses of browsers that the config sets, each with its key.
    pub(super) browser_addresses: Vec<(String, String)>,
    /// The names of the containers in which agents are sandboxed.
    pub(super) containers: Vec<ContainerName>,
    /// A digest of the gateway's token, and the number of its characters.
    pub(super) gateway_token: Option<([u8; 32], usize)>,
    /// The settings of the gateway, or the reason why it would refuse to start; `None` without a config.
    pub(super) settings: Option<Result<Settings, Error>>,
    /// The record, `instance.toml`.
    pub(super) record: Result<Record, RecordError>,
    /// The reason why the release of OpenClaw that the record names can't run; `None` where it can, or none is named.
    pub(super) release_fault: Option<Msg>,
    /// The agents of a native gateway whose first model can't be asked.
    pub(super) unusable_models: Vec<UnusableModel>,
    /// The files and folders that exist and whose mode, owner or link matters, by path.
    pub(super) paths: BTreeMap<PathBuf, InspectedPath>,
    /// The file system of the state folder.
    pub(super) disk: Option<DiskState>,
    /// The process of the gateway, where one listens.
    pub(super) running: Option<RunningGateway<'a>>,
    /// The answer of the gateway, where there is one to ask.
    pub(super) probe: Option<Probe>,
    /// The state of the service, where its manager could be asked.
    pub(super) service: Option<ServiceStatus>,
    /// The differences between the service and a new installation; `None` where they are not known.
    pub(super) drift: Option<ServiceDrift>,
    /// The units of the system's systemd that start the gateway.
    pub(super) system_units: Vec<PathBuf>,
    /// The process that holds the gateway's lock, or that died with it.
    pub(super) lock: Option<LockHolder>,
    /// The results of `browser doctor`, where the instance uses a browser.
    pub(super) browser: Vec<BrowserCheck>,
    /// Files and folders that a restore, an import or an installation of the service left when it was killed.
    pub(super) leftovers: Vec<PathBuf>,
}

/// An agent whose first model can't be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnusableModel {
    /// The id of the agent.
    pub(crate) agent: String,
    /// The sentence that says why.
    pub(crate) why: Msg,
    /// The model that it asks instead; `None` where it does not answer.
    pub(crate) instead: Option<String>,
}

/// The paths of an instance with all links followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResolvedPaths {
    pub(super) config: PathBuf,
    pub(super) state: PathBuf,
}

/// The metadata of a file or folder of an instance, as the doctor inspects it: purpose, mode, owner and link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InspectedPath {
    /// The purpose of the file or folder.
    pub(super) role: PathRole,
    /// The mode, links followed.
    pub(super) mode: u32,
    /// The id of the owner, where that is not this user.
    pub(super) owner: Option<u32>,
    /// The target, where the path is a link.
    pub(super) link: Option<PathBuf>,
    /// `true` for a folder, links followed.
    pub(super) is_folder: bool,
}

/// The purpose of a file or folder of an instance that the doctor inspects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathRole {
    /// The config.
    Config,
    /// A backup of the config.
    Backup,
    /// A file with keys or tokens.
    Secret,
    /// The state folder.
    State,
    /// A workspace.
    Workspace,
    /// Anything else in the state folder.
    Other,
}

/// The state of the file system that holds an instance's state folder: its free space, and whether it is on a
/// network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DiskState {
    /// The free space.
    pub(super) space: FileSystemSpace,
    /// The kind of network file system; `None` for a local one.
    pub(super) network: Option<&'static str>,
}

/// A gateway process that listens on this host.
#[derive(Debug)]
pub(super) struct RunningGateway<'a> {
    /// The process.
    pub(super) pid: u32,
    /// The sockets on which the process listens.
    pub(super) listeners: Vec<&'a Listener>,
    /// The environment variables `OPENCLAW_*` of the process; empty where they may not be read.
    pub(super) vars: Vec<(String, String)>,
}

impl<'a> HostReport<'a> {
    /// Completes the report by the agents of native gateways whose models can't be asked, which a caller finds: the doctor knows
    /// no models.
    #[must_use]
    pub(crate) fn with_unusable_models(
        mut self,
        find: impl Fn(&Instance, &Value) -> Vec<UnusableModel>,
    ) -> Self {
        let chosen = self.chosen;
        let selected = self.instances.iter_mut();
        let selected = selected.filter(|own| chosen.is_none_or(|chosen| chosen == own.index));
        for own in selected {
            let is_native = own
                .record
                .as_ref()
                .is_ok_and(|record| record.engine == Engine::Native);
            if is_native && !own.config.is_null() {
                own.unusable_models = find(&own.instance, &own.config);
            }
        }
        self
    }

    /// Returns the instances that the doctor examines.
    pub(super) fn selected(&self) -> impl Iterator<Item = &InstanceReport<'a>> {
        let is_selected = |own: &&InstanceReport<'a>| self.chosen.is_none_or(|chosen| chosen == own.index);
        self.instances.iter().filter(is_selected)
    }

    /// Returns `true` for the first instance that the doctor examines, with which problems of the whole host are
    /// reported.
    pub(super) fn is_first_selected(&self, own: &InstanceReport<'_>) -> bool {
        self.selected()
            .next()
            .is_some_and(|first| first.index == own.index)
    }

    /// Returns the instances with which the doctor compares an instance, so that each pair is compared once.
    pub(super) fn others_to_compare(
        &self,
        own: &InstanceReport<'_>,
    ) -> impl Iterator<Item = &InstanceReport<'a>> {
        let own = own.index;
        let others = self.instances.iter();
        others.filter(move |other| self.must_compare(own, other.index))
    }

    /// Returns whether the doctor compares an instance with another one, given their indices.
    fn must_compare(&self, own: usize, other: usize) -> bool {
        match self.scope {
            Scope::One => other != own,
            Scope::All => other < own,
        }
    }

    /// Returns the first of the instances with these indices with which the doctor compares an instance.
    pub(super) fn first_to_compare(
        &self,
        own: &InstanceReport<'_>,
        found: impl IntoIterator<Item = usize>,
    ) -> Option<&InstanceReport<'a>> {
        let found = found.into_iter();
        let first = found.filter(|other| self.must_compare(own.index, *other)).min()?;
        Some(&self.instances[first])
    }

    /// Returns the first of the instances with these indices that is another one and of which a condition holds.
    pub(super) fn first_other(
        &self,
        own: &InstanceReport<'_>,
        found: impl Iterator<Item = usize>,
        condition: impl Fn(&InstanceReport<'_>) -> bool,
    ) -> Option<&InstanceReport<'a>> {
        let others = found.filter(|other| *other != own.index);
        let first = others.filter(|other| condition(&self.instances[*other])).min()?;
        Some(&self.instances[first])
    }

    /// Returns the instances that claim ports, each with its position in the survey, in the order of their ports.
    pub(super) fn port_holders(&self) -> &[(usize, Arc<PortHolder>)] {
        self.port_holders.get_or_init(|| {
            let mut holders = self.survey.port_holders();
            holders.sort_by_key(|(_, holder)| holder.claims.first().map(|claim| claim.span));
            holders
        })
    }

    /// Returns the paths of all instances of the survey but those of this one, which a fix of it must not touch.
    pub(super) fn paths_of_others(&self, own: &InstanceReport<'_>) -> OtherPaths<'_> {
        let resolve = || InstancePaths::resolve(self.survey.paths_of_instances());
        let position = self.survey.position(&own.instance.config_path);
        self.instance_paths.get_or_init(resolve).but_of(position)
    }

    /// Returns whether a command was cut short while it was changing this instance, so that its files are partly old
    /// and partly new.
    pub(super) fn is_half_changed(&self, own: &InstanceReport<'_>) -> bool {
        let roots = [
            own.instance.config_path.as_path(),
            &own.instance.state_dir,
            &own.resolved.config,
            &own.resolved.state,
        ];
        self.interrupted
            .as_ref()
            .is_some_and(|interrupted| interrupted.touches(&roots))
    }

    /// Returns a path for display, with `~` for the home folder.
    pub(super) fn display_path(&self, path: &Path) -> String {
        environment::abbreviate_home(&self.home, path)
    }
}

impl<'a> InstanceReport<'a> {
    /// Returns the paths that the config of an instance names.
    pub(super) fn named_paths(&self) -> &'a [NamedPath] {
        self.found.map(|found| &found.named_paths[..]).unwrap_or_default()
    }

    /// Returns the text at a JSON pointer in an instance's config; `None` where there is no text.
    pub(super) fn config_text(&self, pointer: &str) -> Option<&str> {
        self.config.pointer(pointer)?.as_str()
    }

    /// Returns the base port of an instance; `None` where none is known.
    pub(super) fn base_port(&self) -> Option<Port> {
        self.found?.base.map(|(family, _)| family.base().into())
    }

    /// Returns the files and folders of an instance that have a purpose, such as backups of its config.
    pub(super) fn paths_with_role(&self, role: PathRole) -> impl Iterator<Item = (&PathBuf, &InspectedPath)> {
        self.paths
            .iter()
            .filter(move |(_, inspected)| inspected.role == role)
    }
}
