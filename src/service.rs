//! Services: an instance's gateway under the system's own service manager, one each (docs/openclaw.md#services).
//!
//! A [`ServiceSpec`] says what is to be run, independent of the manager, and [`crate::service_files`] renders it.
//! Each manager is a file here: its commands, and a pure parser of its answers. The transactions that all of
//! them share ([`install`], [`uninstall`]) know only the trait.
//!
//! No library does this part: the one that is widely used (`service-manager`) writes its command lines
//! without quotes and drops failures.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::service_files::ServiceSpec;
use crate::survey;

mod install;
mod launchd;
mod linger;
mod schtasks;
#[cfg(all(test, unix))]
mod shim;
mod spec;
mod systemd;
mod trouble;

pub use install::{Drift, Preview, Wishes, drift, install, preview, uninstall};
pub use linger::{LINGER_COMMAND, Linger, enable_linger, idle_note, linger};
pub use trouble::Trouble;

/// What a service does now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// No service of this instance is installed.
    NotInstalled,
    /// Installed and not running.
    Stopped,
    /// On its way up.
    Starting,
    /// Running, as this process; 0 where the manager does not tell which.
    Running(u32),
    /// On its way down.
    Stopping,
    /// The manager tries no more.
    GaveUp,
    /// The manager could not be asked.
    #[default]
    Unknown,
}

impl State {
    /// The stable name, as `--json` has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotInstalled => "not-installed",
            Self::Stopped => "stopped",
            Self::Starting => "starting",
            Self::Running(_) => "running",
            Self::Stopping => "stopping",
            Self::GaveUp => "gave-up",
            Self::Unknown => "unknown",
        }
    }
}

/// A service as its manager sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The manager: `systemd`, `launchd`, `schtasks`.
    pub manager: &'static str,
    /// What the manager calls it: `openclaw-gateway-rescue.service`.
    pub name: String,
    /// Its file, where there is one.
    pub file: Option<PathBuf>,
    /// Whether it starts by itself at login or boot.
    pub enabled: bool,
    /// What it does now.
    pub state: State,
    /// The exit code of its last run, where known.
    pub exit_code: Option<i32>,
    /// Since when it is as it is, where known.
    pub since: Option<SystemTime>,
    /// How often the manager started it again.
    pub restarts: u32,
}

/// What an action on a service came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// `installed`, `already-installed`, `uninstalled`, `started`, `stopped`, `restarted`, `not-loaded`.
    pub result: &'static str,
    /// The service afterwards.
    pub status: Status,
    /// What else the user should know.
    pub notices: Vec<Msg>,
}

/// Where a service is, as far as its manager is concerned.
#[derive(Clone, Copy)]
struct Site<'a> {
    host: &'a Host,
    env: &'a Environment,
    instance: &'a Instance,
}

/// What a manager says of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// It knows the service.
    loaded: bool,
    enabled: bool,
    state: State,
    exit_code: Option<i32>,
    since: Option<SystemTime>,
    restarts: u32,
    /// The file is newer than what was read of it.
    stale: bool,
}

/// The managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Systemd,
    Launchd,
    Schtasks,
}

impl Kind {
    /// That of the system this program was built for.
    fn of_host() -> Self {
        match std::env::consts::OS {
            "macos" => Self::Launchd,
            "windows" => Self::Schtasks,
            _ => Self::Systemd,
        }
    }
}

/// One system's way to look after one service. Every call ends within its time.
trait Manager {
    /// Its name.
    fn kind(&self) -> &'static str;
    /// What it calls the service.
    fn name(&self) -> &str;
    /// The file that makes the service.
    fn file(&self) -> PathBuf;
    /// Every file that makes the service; that of [`Self::file`] first.
    fn paths(&self) -> Vec<PathBuf> {
        vec![self.file()]
    }
    /// What stands in each of [`Self::paths`].
    fn files(&self, spec: &ServiceSpec) -> Vec<(PathBuf, Vec<u8>)>;
    /// Whether it could start a program at this path.
    fn can_start(&self, _program: &Path) -> bool {
        true
    }
    /// Whether a process of the service can install it anew.
    fn loads_from_within(&self) -> bool {
        true
    }
    /// The commands of an installation, for somebody to read.
    fn commands(&self) -> Vec<String>;
    /// Whether it can be asked, and is the one that will read our files.
    fn reach(&self) -> Result<(), Trouble>;
    /// What it knows of the service.
    fn look(&self) -> Result<Seen, Trouble>;
    /// Whether it would take this file, which lies elsewhere under its own name.
    fn verify(&self, staged: &Path) -> Result<(), Trouble>;
    /// Takes the files in, and starts the service at every login from now on.
    fn load(&self) -> Result<(), Trouble>;
    /// The same for the next login, without the manager.
    fn load_later(&self) -> std::io::Result<()>;
    /// Starts it, a given-up one too; comes back when it is up. From within the service: when it is asked for.
    fn start(&self) -> Result<(), Trouble>;
    /// Stops it.
    fn stop(&self, wait: bool) -> Result<(), Trouble>;
    /// Stops and starts it, as [`Self::start`].
    fn restart(&self) -> Result<(), Trouble>;
    /// Runs what was just loaded, and nothing of what ran before.
    fn renew(&self) -> Result<(), Trouble> {
        self.restart()
    }
    /// Starts it at no login any more; before its files go.
    fn unload(&self) -> Result<(), Trouble>;
    /// The same without the manager.
    fn unload_later(&self) -> std::io::Result<()> {
        Ok(())
    }
    /// Knows nothing of it any more; after its files went.
    fn forget(&self) -> Result<(), Trouble> {
        Ok(())
    }
    /// Whether this process is part of the service.
    fn is_around(&self) -> bool {
        false
    }
    /// The last lines that the service wrote, where the manager keeps them.
    fn last_lines(&self, _count: usize) -> Vec<String> {
        Vec::new()
    }
}

impl<'a> Site<'a> {
    fn manager(self) -> Box<dyn Manager + 'a> {
        match Kind::of_host() {
            Kind::Systemd => Box::new(systemd::Systemd::new(self)),
            Kind::Launchd => Box::new(launchd::Launchd::new(self)),
            Kind::Schtasks => Box::new(schtasks::Schtasks::new(self)),
        }
    }

    /// The config of the instance that the installed file starts, where that is another instance: two may
    /// have one profile, the second by its paths alone.
    fn of_another(self, manager: &dyn Manager) -> Option<PathBuf> {
        let config = survey::config_of_service(&manager.file(), self.env)?;
        let real = |path: &Path| crate::host::read::canonicalize_existing(path);
        (real(&config) != real(&self.instance.config_path)).then_some(config)
    }

    fn refuse_another(self, manager: &dyn Manager) -> Result<()> {
        match self.of_another(manager) {
            Some(config) => Err(Error::failed(msg!(
                "service.other-instance",
                name = manager.name(),
                config = config.display()
            ))),
            None => Ok(()),
        }
    }

    fn fail(self, manager: &dyn Manager, trouble: &Trouble) -> Error {
        trouble.error(self.instance, manager.name(), None)
    }

    fn status(self, manager: &dyn Manager) -> Result<Status> {
        let seen = manager.look().map_err(|trouble| self.fail(manager, &trouble))?;
        Ok(status_of(manager, seen))
    }

    /// Why the service did not come up, in the words of its last lines.
    fn did_not_start(self, manager: &dyn Manager, status: &Status) -> Error {
        let name = manager.name();
        let error = match status.exit_code {
            Some(78) => Error::blocked(msg!("service.did-not-start", name = name, code = 78)),
            Some(code) => Error::failed(msg!("service.did-not-start", name = name, code = code)),
            None => Error::failed(msg!("service.did-not-come-up", name = name)),
        };
        let lines = manager.last_lines(LINES);
        let error = if lines.is_empty() {
            error
        } else {
            error.because(anyhow::anyhow!("{}", lines.join("\n  ")))
        };
        error.hint(msg!(
            "service.look",
            command = format!("{} gateway status", self.instance.command())
        ))
    }

    /// What an action came to, looked at and not believed.
    fn came_up(self, manager: &dyn Manager, said: Result<(), Trouble>, result: &'static str) -> Result<Done> {
        if manager.is_around() {
            said.map_err(|trouble| self.fail(manager, &trouble))?;
            let notices = vec![msg!("service.from-inside", name = manager.name())];
            return self.done(manager, result, notices);
        }
        let status = self.status(manager)?;
        match (said, &status.state) {
            // A manager that answers before the process is there is believed as far as it goes. One whose work
            // was overtaken by somebody else's (a second restart) complains of it, and the service runs.
            (Ok(()), State::Starting) | (Ok(()) | Err(Trouble::Said(_)), State::Running(_)) => Ok(Done {
                result,
                status,
                notices: Vec::new(),
            }),
            (Ok(()) | Err(Trouble::Said(_)), _) => Err(self.did_not_start(manager, &status)),
            (Err(trouble), _) => Err(self.fail(manager, &trouble)),
        }
    }

    fn done(self, manager: &dyn Manager, result: &'static str, notices: Vec<Msg>) -> Result<Done> {
        Ok(Done {
            result,
            status: self.status(manager)?,
            notices,
        })
    }
}

/// As many lines explain why a service does not come up.
const LINES: usize = 5;

fn status_of(manager: &dyn Manager, seen: Seen) -> Status {
    Status {
        manager: manager.kind(),
        name: manager.name().to_owned(),
        file: Some(manager.file()).filter(|file| file.exists()),
        enabled: seen.enabled,
        state: seen.state,
        exit_code: seen.exit_code,
        since: seen.since,
        restarts: seen.restarts,
    }
}

/// The service of an instance, as its manager sees it. Fails where no manager can be asked, saying why.
/// A service of the same name that starts another instance is not this one's.
pub fn status(host: &Host, env: &Environment, instance: &Instance) -> Result<Status> {
    let site = Site { host, env, instance };
    let manager = site.manager();
    let status = site.status(&*manager)?;
    Ok(match site.of_another(&*manager) {
        Some(_) => status_of(
            &*manager,
            Seen {
                state: State::NotInstalled,
                ..Seen::default()
            },
        ),
        None => status,
    })
}

/// The last lines that the service wrote, oldest first, where its manager keeps them.
pub fn last_lines(host: &Host, env: &Environment, instance: &Instance, count: usize) -> Vec<String> {
    Site { host, env, instance }.manager().last_lines(count)
}

/// Starts the service, a given-up one included. One that runs is left alone.
pub fn start(host: &Host, env: &Environment, instance: &Instance) -> Result<Done> {
    let site = Site { host, env, instance };
    let manager = site.manager();
    match site.standing(&*manager)? {
        None => site.done(&*manager, "not-loaded", Vec::new()),
        Some(State::Running(_)) => site.done(&*manager, "started", Vec::new()),
        Some(_) => {
            let said = manager.start();
            site.came_up(&*manager, said, "started")
        }
    }
}

/// Stops the service. It starts again at the next login or boot.
pub fn stop(host: &Host, env: &Environment, instance: &Instance) -> Result<Done> {
    let site = Site { host, env, instance };
    let manager = site.manager();
    if site.standing(&*manager)?.is_none() {
        return site.done(&*manager, "not-loaded", Vec::new());
    }
    let inside = manager.is_around();
    manager
        .stop(!inside)
        .map_err(|trouble| site.fail(&*manager, &trouble))?;
    let notices = inside.then(|| msg!("service.from-inside", name = manager.name()));
    site.done(&*manager, "stopped", notices.into_iter().collect())
}

/// Stops the service and starts it again. The manager does both, so that a caller that is a child of the
/// service itself may go with it.
pub fn restart(host: &Host, env: &Environment, instance: &Instance) -> Result<Done> {
    let site = Site { host, env, instance };
    let manager = site.manager();
    if site.standing(&*manager)?.is_none() {
        return site.done(&*manager, "not-loaded", Vec::new());
    }
    let said = manager.restart();
    site.came_up(&*manager, said, "restarted")
}

impl Site<'_> {
    /// What the installed service does; `None` where there is none. Fails where it is another instance's.
    fn standing(self, manager: &dyn Manager) -> Result<Option<State>> {
        let status = self.status(manager)?;
        self.refuse_another(manager)?;
        Ok(Some(status.state).filter(|state| *state != State::NotInstalled))
    }
}
