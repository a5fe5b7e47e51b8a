//! Collects what can be seen of a target from outside: its gateway, its files, its service, its log. Reads only.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::boot::ConfigLoader;
use crate::config::diff::{self, ConfigDifference};
use crate::config::key_path::KeyPath;
use crate::config::{self, LoadedConfig, backup};
use crate::environment::Environment;
use crate::error::ErrorReason;
use crate::host::{FileSystemSpace, Host, read};
use crate::i18n::{Msg, msg};
use crate::instance::{Instance, InstanceContext};
use crate::logs;
use crate::probe::{self, Probe, ProbeVerdict};
use crate::record::Record;
use crate::registry::{self, Registry};
use crate::releases::{self, RecentUpgrade};
use crate::service::{self, ServiceStatus};
use crate::survey::InstalledService;

/// Time limit of one probe of a gateway, for a diagnosis.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// The result of the check whether a gateway can use its state folder and its config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StateDirHealth {
    /// Both can be used.
    Ok,
    /// The state folder is missing, or is no folder.
    Gone(PathBuf),
    /// The state folder of a registered instance has no record, so it is not the one that was set up.
    Emptied(PathBuf),
    /// The state folder or the config can't be read, and is this user's.
    Unreadable(PathBuf),
    /// The state folder or the config can't be read, and is another user's.
    ForeignOwner(PathBuf),
}

/// The evidence about a gateway that can be collected from outside, for a diagnosis.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// The answer of the gateway itself.
    pub(crate) probe: Probe,
    /// The state of the folder and the files that the gateway needs.
    pub(crate) state_dir: StateDirHealth,
    /// The path of the state folder.
    pub(crate) state_path: PathBuf,
    /// The free space of the file system of the state folder, where known.
    pub(crate) disk: Option<FileSystemSpace>,
    /// The reason why no gateway starts from the config.
    pub(crate) config_refusal: Option<Msg>,
    /// The hint for a person about that reason, where it is not the config that is to be mended.
    pub(crate) refusal_hint: Option<Msg>,
    /// An earlier config from which a gateway would start: that of the last healthy start, else a backup.
    pub(crate) restorable_config: Option<PathBuf>,
    /// The changes of the config since the last healthy start.
    pub(crate) config_changes: Vec<ConfigDifference>,
    /// The upgrade of the last day, where it can be rolled back.
    pub(crate) recent_upgrade: Option<RecentUpgrade>,
    /// The service of the target; `None` where no manager can be asked.
    pub(crate) service: Option<ServiceStatus>,
    /// The program that the service starts, where it is missing.
    pub(crate) missing_program: Option<PathBuf>,
    /// The last warnings and errors of the log, the oldest first.
    pub(crate) log: Vec<String>,
    /// The file that these lines are from, where OpenClaw from npm wrote it.
    pub(crate) openclaw_log: Option<PathBuf>,
}

impl Evidence {
    /// Returns whether nothing is wrong: the gateway is healthy, and its channels work.
    pub(crate) fn is_well(&self) -> bool {
        self.probe.is_healthy() && self.probe.deaf_accounts().is_empty()
    }
}

/// Collects the evidence for a diagnosis of a gateway: its process, service, config, disk and log.
pub(crate) fn collect(target: InstanceContext<'_>) -> Evidence {
    let InstanceContext { host, env, instance } = target;
    let mut probe = probe::probe_gateway(target, PROBE_TIMEOUT);
    if probe.verdict == ProbeVerdict::Slow {
        // A gateway that is about to start is not hung; it gets as much time again.
        probe = probe::wait_until_healthy(target, PROBE_TIMEOUT);
    }
    let service = service::status(target).ok();
    if let Some(service) = &service {
        service.refine_verdict(&mut probe, host.now());
    }
    let record = Record::read(&instance.record_path()).unwrap_or_default();
    let (log, openclaw_log) = logs::last_complaints(target, record.engine);
    let state_dir = check_state_dir(target);
    let loader = ConfigLoader::for_other_gateway(target);
    let restorable_config = loader.as_ref().ok().and_then(find_restorable_config);
    // A record that can't be read is no fault of the config.
    let is_config_usable = loader.as_ref().map_or(true, ConfigLoader::is_config_usable);
    let refusal = match loader.and_then(|loader| loader.load()) {
        // The service may have folders for included files in its environment that this process does not know: that is
        // no reason to put another config in the place of the user's.
        Err(error) if error.has_reason(ErrorReason::IncludeRefused) => None,
        Err(error) if state_dir == StateDirHealth::Ok => Some(error),
        _ => None,
    };
    let hint = refusal.as_ref().and_then(|error| error.hints.last().cloned());
    Evidence {
        probe,
        state_path: instance.state_dir.clone(),
        disk: host.file_system_space(&instance.state_dir),
        config_changes: config_changes(instance),
        recent_upgrade: releases::recent_upgrade(target, &record),
        missing_program: missing_program(env, instance),
        state_dir,
        refusal_hint: hint.filter(|_| is_config_usable),
        config_refusal: refusal.map(|error| error.msg),
        restorable_config,
        service,
        log,
        openclaw_log,
    }
}

/// Checks whether the user of a gateway can use its state folder and its config.
fn check_state_dir(context: InstanceContext<'_>) -> StateDirHealth {
    let (host, target) = (context.host, context.instance);
    let state = &target.state_dir;
    match std::fs::read_dir(state) {
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => return denied(host, state),
        Err(_) => return StateDirHealth::Gone(state.clone()),
        Ok(_) => {}
    }
    match read::open(&target.config_path) {
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => denied(host, &target.config_path),
        _ if is_without_its_record(context) => StateDirHealth::Emptied(state.clone()),
        _ => StateDirHealth::Ok,
    }
}

/// Returns whether an instance is in the registry although its state folder has no record: this program writes both
/// when it sets an instance up. Nothing tells then which engine its gateway has.
fn is_without_its_record(context: InstanceContext<'_>) -> bool {
    let InstanceContext { host, env, instance } = context;
    let registry = Registry::read(&registry::state_home(host, env).join(registry::REGISTRY_FILE));
    let config = read::canonicalize_existing(&instance.config_path);
    let mut entries = registry.entries.iter();
    !instance.record_path().exists()
        && entries.any(|entry| read::canonicalize_existing(&entry.config) == config)
}

/// Returns why the user of a gateway can't use a path, by the owner of the path.
fn denied(host: &Host, path: &Path) -> StateDirHealth {
    let is_own = host.file_owner_id(path) == host.user_id();
    if is_own {
        StateDirHealth::Unreadable(path.to_path_buf())
    } else {
        StateDirHealth::ForeignOwner(path.to_path_buf())
    }
}

/// Returns the program that the service of a gateway starts, where it is missing.
fn missing_program(env: &Environment, target: &Instance) -> Option<PathBuf> {
    let config = read::canonicalize_existing(&target.config_path);
    let services = InstalledService::find_all(env).into_iter();
    let mut programs = services
        .filter(|service| read::canonicalize_existing(&service.config_path) == config)
        .filter_map(|service| service.argv.first().map(PathBuf::from));
    programs.find(|program| program.is_absolute() && !program.exists())
}

/// Returns an earlier config from which a gateway would start, other than the present one.
fn find_restorable_config(loader: &ConfigLoader) -> Option<PathBuf> {
    let target = &loader.context.instance;
    let present = read::bytes(&target.config_path).ok();
    let differs = |path: &Path| read::bytes(path).is_ok_and(|bytes| Some(bytes) != present);
    earlier_configs(target)
        .find(|path| differs(path) && loader.load_from(path).is_ok_and(|usable| usable.has_file()))
}

/// Returns whether there is an earlier config from which a gateway would start: a repair has something to put back where the
/// present one breaks.
pub(crate) fn has_earlier_config(target: InstanceContext<'_>) -> bool {
    let loader = ConfigLoader::for_other_gateway(target);
    loader.is_ok_and(|loader| {
        let mut earlier = earlier_configs(target.instance);
        earlier.any(|path| loader.load_from(&path).is_ok_and(|usable| usable.has_file()))
    })
}

/// Returns the earlier configs of an instance: that of the last healthy start, then the backups.
fn earlier_configs(instance: &Instance) -> impl Iterator<Item = PathBuf> + use<> {
    let backups = backup::list(&instance.config_path).into_iter();
    std::iter::once(instance.last_good_path()).chain(backups.map(|backup| backup.path))
}

/// Returns the sentence about a key of a config that was changed since the last healthy start. The values are shown as
/// they are: without their secrets.
pub(crate) fn change_msg(path: &KeyPath, before: Option<&str>, after: Option<&str>) -> Msg {
    match (before, after) {
        (Some(before), Some(after)) => {
            msg!("rescue.changed", path = path, before = before, after = after)
        }
        (None, Some(after)) => msg!("rescue.added", path = path, after = after),
        (_, None) => msg!("rescue.removed", path = path),
    }
}

/// Returns what was changed in a gateway's config since its last healthy start; `None` where either text can't be
/// read.
fn config_changes(target: &Instance) -> Vec<ConfigDifference> {
    match (
        config::load(&target.last_good_path()),
        config::load(&target.config_path),
    ) {
        (LoadedConfig::Ok(good), LoadedConfig::Ok(now)) => diff::between(good.value(), now.value()),
        _ => Vec::new(),
    }
}
