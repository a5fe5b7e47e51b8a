//! What can be seen of a target from outside. Reads only.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::boot::Boot;
use crate::config::diff::{self, ConfigDifference};
use crate::config::{self, LoadedConfig, backup};
use crate::environment::Environment;
use crate::host::{Host, read};
use crate::i18n::Msg;
use crate::instance::Instance;
use crate::lock;
use crate::probe::{self, Probe, Verdict};
use crate::record::Record;
use crate::service::{self, Status};
use crate::survey::InstalledService;

mod log;

/// How long the gateway has to answer.
const LIMIT: Duration = Duration::from_secs(3);

/// How the state folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Folder {
    /// It can be used.
    Fine,
    /// It is not there.
    Gone(PathBuf),
    /// It, or what the gateway needs in it, can't be read.
    Unreadable(PathBuf),
    /// Somebody else's.
    Foreign(PathBuf),
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What the gateway itself says.
    pub probe: Probe,
    /// Its state folder.
    pub folder: Folder,
    /// Free bytes where its state is, where known.
    pub free: Option<u64>,
    /// Why no gateway starts from its config.
    pub refusal: Option<Msg>,
    /// What a person can do about that, where the config itself is not what is to be mended.
    pub way_out: Option<Msg>,
    /// An earlier config from which one would start: the last that a healthy start used, else a backup.
    pub restorable: Option<PathBuf>,
    /// What was changed in the config since the last healthy start.
    pub changed: Vec<ConfigDifference>,
    /// Its service; nothing where no manager can be asked.
    pub service: Option<Status>,
    /// The program that its service starts, where that is not there.
    pub program_gone: Option<PathBuf>,
    /// The living process that holds its lock.
    pub holder: Option<u32>,
    /// The last lines of its log that are warnings or worse, the oldest first.
    pub log: Vec<String>,
    /// The file that these lines are from, where OpenClaw from npm wrote it.
    pub foreign_log: Option<PathBuf>,
}

impl Evidence {
    /// The process of the gateway, where one lives: what answered, else who holds the lock.
    pub fn pid(&self) -> Option<u32> {
        self.probe.pid.or(self.holder)
    }
}

/// Looks at everything.
pub fn gather(host: &Host, env: &Environment, target: &Instance) -> Evidence {
    let mut probe = probe::instance(host, env, target, LIMIT);
    if probe.verdict == Verdict::Slow {
        // One that starts just now is not hung; it gets as much time again.
        probe = probe::wait_healthy(host, env, target, LIMIT);
    }
    let engine = Record::read(&target.record_path()).unwrap_or_default().engine;
    let (log, foreign_log) = log::complaints(target, engine);
    let folder = folder(host, target);
    let boot = Boot::of(host, env, target);
    let restorable = boot.as_ref().ok().and_then(restorable);
    let refusal = match boot.and_then(|boot| boot.read()) {
        Err(error) if folder == Folder::Fine => Some(error),
        _ => None,
    };
    let way_out = refusal.as_ref().and_then(|error| error.hints.last().cloned());
    let service = service::status(host, env, target).ok();
    Evidence {
        probe,
        free: host.free_disk_bytes(&target.state_dir),
        changed: changed(target),
        program_gone: program_gone(env, target),
        holder: lock::read_holder(&target.lock_path())
            .filter(|holder| holder.alive)
            .map(|holder| holder.pid),
        folder,
        way_out: way_out.filter(|hint| !hint.key().starts_with("config.")),
        refusal: refusal.map(|error| error.msg),
        restorable,
        service,
        log,
        foreign_log,
    }
}

/// Whether the gateway's user can use its folder and its config.
fn folder(host: &Host, target: &Instance) -> Folder {
    let state = &target.state_dir;
    match std::fs::read_dir(state) {
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => return refused(host, state),
        Err(_) => return Folder::Gone(state.clone()),
        Ok(_) => {}
    }
    match std::fs::File::open(&target.config_path) {
        Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => refused(host, &target.config_path),
        _ => Folder::Fine,
    }
}

fn refused(host: &Host, path: &Path) -> Folder {
    let is_own = host.file_owner_id(path) == host.user_id();
    if is_own {
        Folder::Unreadable(path.to_path_buf())
    } else {
        Folder::Foreign(path.to_path_buf())
    }
}

/// What the target's service would start, where that is not there.
fn program_gone(env: &Environment, target: &Instance) -> Option<PathBuf> {
    let config = read::canonicalize_existing(&target.config_path);
    let services = InstalledService::find_all(env).into_iter();
    let mut programs = services
        .filter(|service| read::canonicalize_existing(&service.config_path) == config)
        .filter_map(|service| service.argv.first().map(PathBuf::from));
    programs.find(|program| program.is_absolute() && !program.exists())
}

/// An earlier config from which a gateway would start, other than the one that stands.
fn restorable(boot: &Boot) -> Option<PathBuf> {
    let target = &boot.instance;
    let standing = read::bytes(&target.config_path).ok();
    let differs = |path: &Path| read::bytes(path).is_ok_and(|bytes| Some(bytes) != standing);
    let backups = backup::list(&target.config_path)
        .into_iter()
        .map(|backup| backup.path);
    std::iter::once(target.last_good_path())
        .chain(backups)
        .find(|path| differs(path) && boot.read_at(path).is_ok_and(|ready| ready.has_file()))
}

/// What was changed since the last healthy start, as far as both can be read.
fn changed(target: &Instance) -> Vec<ConfigDifference> {
    match (
        config::load(&target.last_good_path()),
        config::load(&target.config_path),
    ) {
        (LoadedConfig::Ok(good), LoadedConfig::Ok(now)) => diff::between(good.value(), now.value()),
        _ => Vec::new(),
    }
}
