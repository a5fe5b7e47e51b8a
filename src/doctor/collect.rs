//! Collecting the report on a host: files, gateways, services, browsers. It only reads.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::browser::fixed_addresses;
use super::candidates::{Candidate, find_candidates};
use super::host_report::{DiskState, HostReport, InstanceReport, ResolvedPaths, RunningGateway, Scope};
use super::inspected_paths::inspect_paths;
use super::installed_files::InstallationReport;
use super::path_index::PathIndexes;
use super::sandbox_containers::container_names;
use super::system;
use crate::apply;
use crate::archive;
use crate::browser::BrowserContext;
use crate::browser::checks::{BrowserCheck, check_profile};
use crate::browser::debug_port::PortUsage;
use crate::browser::profiles::BrowserConfig;
use crate::config::document::ConfigDocument;
use crate::config::effective::EffectiveConfig;
use crate::config::judge::{ConfigJudge, Verdict};
use crate::config::{self, LoadedConfig};
use crate::engine;
use crate::environment::Environment;
use crate::error::Error;
use crate::host::folder_listings::FolderListings;
use crate::host::read::{PathResolver, canonicalize_existing};
use crate::host::{self, Host};
use crate::i18n::Msg;
use crate::instance::{Instance, InstanceContext};
use crate::lock;
use crate::ports::{Listener, ListeningProcess, Port};
use crate::probe;
use crate::record::{Engine, Record, RecordError};
use crate::registry;
use crate::secret::{Secret, keyed_digest};
use crate::service::{self, Linger, ServiceDrift, ServiceStatus};
use crate::settings::{RunOverrides, SettingSources, Settings};
use crate::survey::{InstalledService, Survey, SurveyedInstance, SystemUnits};
use crate::sync;

/// Time within which a gateway must answer the doctor's probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

impl<'a> HostReport<'a> {
    /// Collects the doctor's report on the host. Instances of which a gateway or the manager of a service is to be asked
    /// have a thread of their own for that.
    ///
    /// # Panics
    /// Where collecting from one instance panics, which is a bug of this program.
    pub(crate) fn collect(chosen: InstanceContext<'_>, survey: &'a Survey, scope: Scope) -> Self {
        let InstanceContext { host, env, instance } = chosen;
        let position = survey.position(&instance.config_path);
        let candidates = find_candidates(chosen, survey, position).into_iter();
        let candidates: Vec<_> = candidates.enumerate().collect();
        // Without an entry in the survey the chosen instance follows those that have one.
        let chosen_index = position.unwrap_or(survey.instances.len());
        let is_selected = |index: usize| scope == Scope::All || index == chosen_index;
        let digest_key: [u8; 32] = host.random();
        let collector = Collector {
            host,
            env,
            survey,
            system_units: SystemUnits::find(host, env),
            digest_key,
            folders: FolderListings::default(),
            links: Mutex::default(),
            disks: Mutex::default(),
        };
        collector.add_state_folders();
        let report = |(index, (found, instance)): &(usize, Candidate<'a>)| {
            collector.report(*index, *found, instance.clone(), is_selected(*index))
        };
        let mut instances: Vec<InstanceReport<'a>> = sync::map_concurrently(&candidates, report);
        std::thread::scope(|threads| {
            let asked = instances.iter_mut().filter(|own| is_selected(own.index));
            for own in asked.filter(|own| collector.must_ask(own)) {
                threads.spawn(|| collector.ask(own));
            }
        });
        if scope == Scope::All && position.is_none() {
            remove_absent(&mut instances, chosen_index);
        }
        let services = installed_services(env);
        let linger = if services.is_empty() {
            Linger::Unknown
        } else {
            service::linger(chosen)
        };
        collector.check_browsers(&mut instances, is_selected);
        Self {
            survey,
            map: survey.port_map(),
            folders: collector.folders,
            port_holders: OnceCell::new(),
            instance_paths: OnceCell::new(),
            services,
            linger,
            interrupted: apply::interrupted_transaction(&registry::state_home(host, env)),
            home: env.home.clone(),
            real_home: canonicalize_existing(&env.home),
            installation: InstallationReport::collect(host, env),
            program: host.program().map(Path::to_path_buf),
            scope,
            chosen: (scope == Scope::One).then_some(chosen_index),
            paths: index_paths(&instances),
            instances,
        }
    }
}

/// Returns the indexes of the paths of these instances.
fn index_paths(instances: &[InstanceReport<'_>]) -> PathIndexes {
    let mut paths = PathIndexes::default();
    for own in instances {
        paths.add_instance(own.index, &own.resolved.config, &own.resolved.state, own.found);
    }
    paths
}

/// Removes an instance from the report where it does not exist: nobody asked for it.
fn remove_absent(instances: &mut Vec<InstanceReport<'_>>, index: usize) {
    if !is_absent(instances, index) {
        return;
    }
    instances.remove(index);
    for (index, own) in instances.iter_mut().enumerate() {
        own.index = index;
    }
}

/// Returns `true` if nothing of an instance exists, or its folder is another instance's.
fn is_absent(instances: &[InstanceReport<'_>], index: usize) -> bool {
    let own = &instances[index];
    let mut others = instances.iter().filter(|other| other.index != index);
    own.paths.is_empty()
        || others.any(|other| other.document.is_some() && other.resolved.state == own.resolved.state)
}

/// Returns every installed service that starts a gateway, each with the path of the config that it starts, links
/// followed.
fn installed_services(env: &Environment) -> Vec<(PathBuf, InstalledService)> {
    let services = InstalledService::find_all(env).into_iter();
    services
        .map(|service| (canonicalize_existing(&service.config_path), service))
        .collect()
}

/// The inputs that the doctor's reports on all instances of one host share, and what was found out for all of them.
struct Collector<'c, 'a> {
    host: &'c Host,
    env: &'c Environment,
    survey: &'a Survey,
    system_units: SystemUnits,
    folders: FolderListings,
    links: Mutex<PathResolver>,
    /// The states of the file systems that hold state folders, by the number of the device.
    disks: Mutex<HashMap<u64, Option<DiskState>>>,
    /// The key of the digests of tokens; it is good for this run alone.
    digest_key: [u8; 32],
}

impl<'a> Collector<'_, 'a> {
    /// Lists the home folder, so that its folders are known to be no links.
    fn add_state_folders(&self) {
        let mut links = sync::lock(&self.links);
        let entries = self.folders.entries(&self.env.home).into_iter();
        for folder in entries.filter(|entry| entry.kind.is_some_and(|kind| kind.is_dir())) {
            links.add_folder(&folder.path);
        }
    }

    /// Collects the doctor's report on one instance. Parts that need other programs or many files are left out unless
    /// the instance is selected.
    fn report(
        &self,
        index: usize,
        found: Option<&'a SurveyedInstance>,
        instance: Instance,
        is_selected: bool,
    ) -> InstanceReport<'a> {
        let (document, effective) = load_config(&instance, found);
        let same_record = found.filter(|found| found.state_dir == instance.state_dir);
        let record = match same_record.and_then(SurveyedInstance::record) {
            Some(record) => Ok(record.clone()),
            // The reason is wanted too.
            None => Record::load(&instance.record_path()),
        };
        let label = found.map_or_else(|| instance.profile.to_string(), |found| found.label.clone());
        let verdict = self.judge_config(&instance, &record, &effective);
        let config = effective.value;
        let mut report = InstanceReport {
            index,
            command: instance.command(),
            resolved: self.resolve_paths(&instance, found),
            tokens: found.map(|found| self.token_digests(found)).unwrap_or_default(),
            browser_addresses: fixed_addresses(&config),
            containers: container_names(&config),
            gateway_token: self.gateway_token(&config),
            settings: self.settings(&instance, &config, &record),
            document,
            config,
            verdict,
            record,
            running: self.running_gateway(&label),
            lock: Some(instance.lock_path())
                .filter(|path| !self.folders.is_absent(path))
                .and_then(|path| lock::read_holder(&path)),
            found,
            label,
            instance,
            paths: BTreeMap::new(),
            release_fault: None,
            unusable_models: Vec::new(),
            disk: None,
            probe: None,
            service: None,
            drift: None,
            browser: Vec::new(),
            leftovers: Vec::new(),
            system_units: Vec::new(),
        };
        if is_selected {
            self.examine(&mut report);
        }
        report
    }

    /// Returns the config and the state folder of an instance, links followed.
    fn resolve_paths(&self, instance: &Instance, found: Option<&SurveyedInstance>) -> ResolvedPaths {
        let config = match found.filter(|found| found.config_path == instance.config_path) {
            Some(found) => found.real_config.clone(),
            None => self.resolve(&instance.config_path),
        };
        let state = self.resolve(&instance.state_dir);
        ResolvedPaths { config, state }
    }

    /// Returns a path with the links of its existing part resolved.
    fn resolve(&self, path: &Path) -> PathBuf {
        let mut links = sync::lock(&self.links);
        match (path.parent(), path.file_name()) {
            (Some(folder), Some(name)) if self.folders.is_listed_as_absent(path) => {
                links.resolve(folder).real.join(name)
            }
            _ => links.resolve(path).real,
        }
    }

    /// Returns the reason why the release of OpenClaw that the record of an instance names can't run.
    fn release_fault(&self, instance: &Instance, record: &Result<Record, RecordError>) -> Option<Msg> {
        let record = record.as_ref().ok()?;
        let is_named = record.engine == Engine::Node && record.release.is_some();
        let fault = is_named.then(|| engine::locate_for(self.context(instance), record));
        fault?.err().map(|error| error.msg)
    }

    /// Collects the parts of a report on an instance that need many files.
    fn examine(&self, report: &mut InstanceReport<'a>) {
        report.release_fault = self.release_fault(&report.instance, &report.record);
        let state = &report.instance.state_dir;
        report.paths = inspect_paths(self.host, &self.folders, &report.instance, report.found);
        report.disk = self.disk_state(state);
        report.leftovers = archive::leftover_staging_dirs(&self.folders, state);
        report.system_units = self.system_units.that_start(&report.resolved.config);
        if let Some(found) = report.found {
            let plain = probe::instance_of(self.env, found);
            let leftovers =
                service::leftovers(self.context(&plain), &self.folders, |file| self.resolve(file));
            report.leftovers.extend(leftovers);
        }
    }

    /// Returns the context of an instance on the host of the report.
    fn context<'i>(&'i self, instance: &'i Instance) -> InstanceContext<'i> {
        InstanceContext {
            host: self.host,
            env: self.env,
            instance,
        }
    }

    /// Returns the state of the file system that holds a folder, or would hold it.
    fn disk_state(&self, folder: &Path) -> Option<DiskState> {
        let mut parts = folder.ancestors();
        let (existing, meta) = parts.find_map(|part| Some((part, std::fs::metadata(part).ok()?)))?;
        let mut disks = sync::lock(&self.disks);
        let disk = disks.entry(system::device(&meta));
        *disk.or_insert_with(|| system::disk_state(self.host, existing))
    }

    /// Returns whether a gateway or the manager of a service is to be asked about an instance.
    fn must_ask(&self, report: &InstanceReport<'a>) -> bool {
        report
            .found
            .is_some_and(|found| found.service.is_some() || self.may_run(found, report))
    }

    /// Collects the parts of a report on an instance that others tell: its gateway, and the manager of its service.
    fn ask(&self, report: &mut InstanceReport<'a>) {
        let Some(found) = report.found else {
            return;
        };
        // The service and the gateway know nothing of this run's environment.
        let plain = probe::instance_of(self.env, found);
        let context = self.context(&plain);
        if self.may_run(found, report) {
            let deadline = Instant::now() + PROBE_TIMEOUT;
            report.probe = Some(probe::probe_surveyed(context, self.survey, deadline));
        }
        (report.service, report.drift) = ask_manager(context, found);
        if let (Some(probe), Some(service)) = (&mut report.probe, &report.service) {
            service.refine_verdict(probe, self.host.now());
        }
    }

    /// Judges the config of an instance by the engine of its record; `None` where there is no config. A record that cannot
    /// be read is reported by a check of its own.
    fn judge_config(
        &self,
        instance: &Instance,
        record: &Result<Record, RecordError>,
        config: &EffectiveConfig,
    ) -> Option<Verdict> {
        let record = record.as_ref().ok();
        let engine = record.map_or_else(Engine::default, |record| record.engine);
        let node = self.survey.node_for(record).map(|node| node.version);
        let context = self.context(instance);
        let judge =
            ConfigJudge::new(engine, node.as_deref()).with_include_roots(context.include_roots_of(config));
        config.value.is_object().then(|| judge.judge(config))
    }

    /// Returns the settings of an instance's gateway, or the reason why the gateway would refuse to start; `None`
    /// without a config or with a broken `instance.toml`.
    fn settings(
        &self,
        instance: &Instance,
        config: &Value,
        record: &Result<Record, RecordError>,
    ) -> Option<Result<Settings, Error>> {
        let record = record.as_ref().ok().filter(|_| config.is_object())?;
        let sources = SettingSources {
            host: self.host,
            instance,
            config,
            record,
            may_have_env_file: !self.folders.is_absent(&instance.env_file()),
        };
        Some(sources.settings(&RunOverrides::default()))
    }

    /// Returns a digest of each token by which an instance's channels log in to chat services, with the config key of
    /// the token.
    fn token_digests(&self, found: &SurveyedInstance) -> Vec<(String, [u8; 32])> {
        let digest = |(key, token): &(String, Secret)| (key.clone(), self.digest(token.expose()));
        found.tokens.iter().map(digest).collect()
    }

    /// Returns a digest of the token in a config that clients of the gateway must present, and the number of its
    /// characters; `None` where the config has none or takes it from a variable.
    fn gateway_token(&self, config: &Value) -> Option<([u8; 32], usize)> {
        let token = config.pointer("/gateway/auth/token")?.as_str()?.trim();
        (!token.contains("${")).then(|| (self.digest(token), token.chars().count()))
    }

    /// Returns a digest of a secret token, which the doctor can compare with other digests of the same run.
    fn digest(&self, token: &str) -> [u8; 32] {
        keyed_digest(&self.digest_key, token)
    }

    /// Returns the running gateway of the instance with this label; `None` where no gateway of it listens.
    fn running_gateway(&self, label: &str) -> Option<RunningGateway<'a>> {
        let mut owners = self.survey.listeners.iter().filter_map(Listener::process);
        let is_gateway =
            |owner: &&ListeningProcess| owner.is_gateway && owner.instance.as_deref() == Some(label);
        let pid = owners.find(is_gateway)?.pid;
        let is_own = |listener: &&Listener| listener.process().is_some_and(|owner| owner.pid == pid);
        Some(RunningGateway {
            pid,
            listeners: self.survey.listeners.iter().filter(is_own).collect(),
            vars: host::ports::arguments_and_env(pid, "OPENCLAW_").1,
        })
    }

    /// Returns whether a lock or a listener says that an instance has a gateway that can be asked. A gateway that runs this
    /// very check does not ask itself: it answers by checking.
    fn may_run(&self, found: &SurveyedInstance, report: &InstanceReport<'_>) -> bool {
        let (running, lock) = (report.running.as_ref(), report.lock.as_ref());
        let base = found.base.map(|(family, _)| Port::from(family.base()));
        let listens = self
            .survey
            .listeners
            .iter()
            .any(|listener| Some(listener.port) == base);
        let is_self = running.is_some_and(|running| running.pid == std::process::id());
        (listens || running.is_some() || lock.is_some_and(|lock| lock.alive)) && !is_self
    }

    /// Runs `browser doctor` for each selected instance that uses a browser: its config names one, or one has run.
    fn check_browsers(&self, instances: &mut [InstanceReport<'_>], is_selected: impl Fn(usize) -> bool) {
        for index in (0..instances.len()).filter(|index| is_selected(*index)) {
            if let Some(checks) = self.browser_checks(instances, index) {
                instances[index].browser = checks;
            }
        }
    }

    /// Runs `browser doctor` for one instance; returns `None` if the instance uses no browser.
    fn browser_checks(&self, instances: &[InstanceReport<'_>], index: usize) -> Option<Vec<BrowserCheck>> {
        let own = &instances[index];
        let folder = own.instance.state_dir.join("browser");
        let uses = own.config.get("browser").is_some() || self.folders.exists(&folder);
        let (record, base_port) = (own.record.as_ref().ok()?, own.base_port()?);
        if !uses || !BrowserConfig::from_config(&own.config).enabled {
            return None;
        }
        let context = BrowserContext {
            host: self.host.clone(),
            env: self.env.clone(),
            instance: own.instance.clone(),
            base_port,
        };
        let profiles = context.profiles(&own.config, record);
        let profile = profiles.find(None)?;
        let mut usage = PortUsage::from_survey(self.survey, own.config.is_object().then_some(&own.config));
        let none = Record::default();
        for other in instances.iter().filter(|other| other.index != index) {
            if let Some(found) = other.found {
                usage.add_instance(found, other.record.as_ref().unwrap_or(&none), &other.config);
            }
        }
        Some(check_profile(
            &context,
            &own.config,
            record,
            &profiles,
            profile,
            &usage,
        ))
    }
}

/// Returns the config of an instance as the survey read it, else reads it: its parsed document, `None` where the file is
/// missing or broken, and the whole config with included files merged in.
fn load_config(
    instance: &Instance,
    found: Option<&SurveyedInstance>,
) -> (Option<ConfigDocument>, EffectiveConfig) {
    // Files that a config includes are found from its own folder.
    let found = found.filter(|found| found.config_path == instance.config_path);
    if let Some(read) = found.and_then(|found| found.read_config.as_ref()) {
        return (Some(read.document.clone()), read.effective.clone());
    }
    let document = match config::load(&instance.config_path) {
        LoadedConfig::Ok(document) => Some(document),
        LoadedConfig::Missing | LoadedConfig::Broken(_) => None,
    };
    let effective = document
        .as_ref()
        .map(|document| config::effective(&instance.config_path, document));
    let effective = effective.and_then(Result::ok);
    (document, effective.unwrap_or_else(|| Value::Null.into()))
}

/// Asks the service manager about the service of an instance, where a service file exists.
fn ask_manager(
    context: InstanceContext<'_>,
    found: &SurveyedInstance,
) -> (Option<ServiceStatus>, Option<ServiceDrift>) {
    if found.service.is_none() {
        return (None, None);
    }
    let drift = service::drift(context).ok().flatten();
    (service::status(context).ok(), drift)
}
