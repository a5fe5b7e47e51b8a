//! Services: an instance's gateway under the system's own service manager, one each (`facts.md` 5).
//!
//! A [`Spec`] says what is to be run, independent of the manager. Each manager is a file: a pure renderer
//! of its files, a pure parser of its answers, and the commands between them.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::instance::Instance;
use crate::msg;

/// What a service does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// No service of this instance is installed.
    NotInstalled,
    /// Installed and not running.
    Stopped,
    /// On its way up.
    Starting,
    /// Running, as this process.
    Running(u32),
    /// The manager tries no more.
    GaveUp,
    /// The manager could not be asked.
    Unknown,
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
}

/// The service of an instance, as its manager sees it. Fails where no manager can be asked, saying why.
pub fn status(host: &Host, env: &Environment, instance: &Instance) -> Result<Status> {
    let _ = (host, env);
    Err(Error::no(msg!("service.unavailable", profile = instance.profile)))
}

/// Starts the service, a given-up one included.
pub fn start(host: &Host, env: &Environment, instance: &Instance) -> Result<Done> {
    status(host, env, instance).map(|status| Done {
        result: "started",
        status,
    })
}

/// Stops the service.
pub fn stop(host: &Host, env: &Environment, instance: &Instance) -> Result<Done> {
    status(host, env, instance).map(|status| Done {
        result: "stopped",
        status,
    })
}

/// Starts the service again.
pub fn restart(host: &Host, env: &Environment, instance: &Instance) -> Result<Done> {
    status(host, env, instance).map(|status| Done {
        result: "restarted",
        status,
    })
}
