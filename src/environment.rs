//! The environment of a run: the home folder and every `OPENCLAW_*` variable, read once.
//!
//! No other module reads such a variable. Which of them hold beside a `--profile` is decided in [`crate::instance`]; this
//! module reads them only.

use std::ffi::OsString;
use std::path::{MAIN_SEPARATOR, Path, PathBuf, is_separator};

use crate::error::{Error, Result};
use crate::host::{Host, read};
use crate::i18n::msg;
use crate::secret::Secret;

mod typed_path;

pub(crate) use typed_path::TypedPathError;

/// The values of this program's environment variables (`OPENCLAW_*`) and the home folder; an empty variable counts as
/// unset.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Home folder, which `~` stands for: `OPENCLAW_HOME` (as OpenClaw 2026.9.6 reads it), else `HOME`.
    pub home: PathBuf,
    /// Value of `OPENCLAW_PROFILE`, not yet parsed.
    pub profile: Option<String>,
    /// Path of `OPENCLAW_STATE_DIR`, `~` expanded, absolute.
    pub state_dir: Option<PathBuf>,
    /// Path of `OPENCLAW_CONFIG_PATH`, `~` expanded, absolute.
    pub config_path: Option<PathBuf>,
    /// Value of `OPENCLAW_GATEWAY_PORT`, not yet parsed.
    pub gateway_port: Option<String>,
    /// Value of `OPENCLAW_GATEWAY_TOKEN`.
    pub gateway_token: Option<Secret>,
    /// Names of the other variables of one instance that are set: URL, password, unit, label, task.
    pub instance_variables: Vec<&'static str>,
    /// `true` where `OPENCLAW_SERVICE_MARKER` is set: the environment is that of a service.
    pub service_marker: bool,
    /// Path of `OPENCLAW_NODE_CLI`, the program of OpenClaw from npm.
    pub node_cli: Option<PathBuf>,
}

/// Further variables that belong to one instance and are inherited with its environment
/// (docs/openclaw.md#variables-of-one-instance).
const INSTANCE_VARIABLES: [&str; 8] = [
    "OPENCLAW_GATEWAY_URL",
    "OPENCLAW_GATEWAY_PASSWORD",
    "OPENCLAW_OAUTH_DIR",
    "OPENCLAW_SYSTEMD_UNIT",
    "OPENCLAW_LAUNCHD_LABEL",
    "OPENCLAW_WINDOWS_TASK_NAME",
    "OPENCLAW_TASK_SCRIPT",
    "OPENCLAW_LOG_PREFIX",
];

/// Variables under an earlier name of OpenClaw, which its early release still reads (docs/openclaw.md#legacy-names). This
/// program ignores them, so they are removed from the environment of an engine that it starts.
pub(crate) const LEGACY_VARIABLES: [&str; 6] = [
    "CLAWDBOT_PROFILE",
    "CLAWDBOT_STATE_DIR",
    "CLAWDBOT_CONFIG_PATH",
    "CLAWDBOT_GATEWAY_PORT",
    "CLAWDBOT_GATEWAY_TOKEN",
    "CLAWDBOT_GATEWAY_PASSWORD",
];

/// Environment variables that mark a program as started by a service manager
/// (docs/openclaw.md#variables-of-one-instance).
pub(crate) const SERVICE_VARIABLES: [&str; 3] = [
    "OPENCLAW_SERVICE_MARKER",
    "OPENCLAW_SERVICE_KIND",
    "OPENCLAW_SERVICE_VERSION",
];

/// Name of the variable that sets the base port of a gateway.
pub(crate) const PORT_VARIABLE: &str = "OPENCLAW_GATEWAY_PORT";
/// Name of the variable with the folders from which OpenClaw lets a config include files
/// (docs/openclaw.md#include-boundary).
pub(crate) const INCLUDE_ROOTS_VARIABLE: &str = "OPENCLAW_INCLUDE_ROOTS";

impl Environment {
    /// Reads the home folder and this program's environment variables (`OPENCLAW_*`).
    ///
    /// # Errors
    /// Exit 2 where there is no usable home folder, or a path is unusable.
    pub fn read(host: &Host) -> Result<Self> {
        refuse_non_unicode(host)?;
        let home = home_dir(host)?;
        let path = |name: &str| -> Result<Option<PathBuf>> {
            host.var(name)
                .map(|value| absolute_path(&home, host.cwd(), value))
                .transpose()
                .map_err(|value| Error::usage(msg!("environment.path", name = name, value = value)))
        };
        Ok(Self {
            profile: host.var("OPENCLAW_PROFILE").map(str::to_owned),
            state_dir: path("OPENCLAW_STATE_DIR")?,
            config_path: path("OPENCLAW_CONFIG_PATH")?,
            gateway_port: host.var(PORT_VARIABLE).map(str::to_owned),
            gateway_token: host.var("OPENCLAW_GATEWAY_TOKEN").map(Secret::new),
            instance_variables: INSTANCE_VARIABLES
                .into_iter()
                .filter(|name| host.var(name).is_some())
                .collect(),
            service_marker: host.var("OPENCLAW_SERVICE_MARKER").is_some(),
            node_cli: path("OPENCLAW_NODE_CLI")?,
            home,
        })
    }

    /// Returns the value of `OPENCLAW_LANG`, in which the error of [`Self::read`] is reported, too.
    pub fn lang(host: &Host) -> Option<&str> {
        host.var("OPENCLAW_LANG")
    }

    /// Returns the value of `OPENCLAW_INCLUDE_ROOTS`, the folders from which OpenClaw lets a config include files.
    pub(crate) fn include_roots(host: &Host) -> Option<&str> {
        host.var(INCLUDE_ROOTS_VARIABLE)
    }

    /// Returns whether a variable is one of this program's (`OPENCLAW_*`). Its value holds only as [`crate::instance`] decides,
    /// so a config must not refer to it.
    pub fn is_own_variable(name: &str) -> bool {
        name.starts_with("OPENCLAW_")
    }

    /// Returns the names of the variables of this run that belong to one instance: a program that is started for another
    /// instance must not inherit them.
    pub fn inherited_instance_variables(host: &Host) -> Vec<OsString> {
        const USER_VARIABLES: [&str; 3] = ["OPENCLAW_HOME", "OPENCLAW_LANG", "OPENCLAW_NODE_CLI"];
        let names = host
            .var_names_with_prefix("OPENCLAW_")
            .chain(host.var_names_with_prefix("CLAWDBOT_"));
        names
            .filter(|name| !USER_VARIABLES.contains(name))
            .map(OsString::from)
            .collect()
    }

    /// Returns a file path that a user typed with `~` expanded, absolute, and without `.` and `..`; `None` where it
    /// can't be one.
    pub fn expand(&self, cwd: Option<&Path>, typed: &str) -> Option<PathBuf> {
        absolute_path(&self.home, cwd, typed).ok()
    }
}

/// Refuses a variable that this program reads and whose value is not Unicode: to pass over it would be to work on another
/// instance. Configs name paths in Unicode, so that no gateway could use such a home folder.
fn refuse_non_unicode(host: &Host) -> Result<()> {
    let home = ["OPENCLAW_HOME", "HOME", "USERPROFILE"];
    // The first one that is set is the home folder; the others are not read.
    let home = home.into_iter().find(|name| host.is_var_set(name));
    let paths = ["OPENCLAW_STATE_DIR", "OPENCLAW_CONFIG_PATH", "OPENCLAW_NODE_CLI"];
    for name in home.into_iter().chain(paths) {
        if let Some(value) = host.non_unicode_var(name) {
            let error = Error::usage(msg!("environment.not-unicode-path", name = name, value = value));
            return Err(error.hint(msg!("environment.rename-path")));
        }
    }
    let values = ["OPENCLAW_PROFILE", PORT_VARIABLE, "OPENCLAW_GATEWAY_TOKEN"];
    match values
        .into_iter()
        .find(|name| host.non_unicode_var(name).is_some())
    {
        Some(name) => Err(Error::usage(msg!("environment.not-unicode", name = name))),
        None => Ok(()),
    }
}

/// Returns whether `OPENCLAW_HOME` sets the home folder instead of the user's own one.
pub(crate) fn has_openclaw_home(host: &Host) -> bool {
    host.var("OPENCLAW_HOME").is_some()
}

/// Returns the home folder of the user as a variable names it: `HOME`, on Windows `USERPROFILE` where that is unset.
pub(crate) fn user_home(host: &Host) -> Option<&str> {
    host.var("HOME").or_else(|| host.var("USERPROFILE"))
}

/// Returns the home folder that the environment sets by `OPENCLAW_HOME`, else by `HOME` or `USERPROFILE`.
///
/// # Errors
/// Exit 2 where none is set, it isn't an absolute path, it isn't a folder, or it is another user's because of `sudo`.
fn home_dir(host: &Host) -> Result<PathBuf> {
    let (name, value) = match (host.var("OPENCLAW_HOME"), user_home(host)) {
        (Some(value), _) => ("OPENCLAW_HOME", value),
        (None, Some(value)) => ("HOME", value),
        (None, None) => {
            return Err(Error::usage(msg!("environment.no-home")).hint(msg!("environment.set-home")));
        }
    };
    let path = match value.strip_prefix('~') {
        // Only OPENCLAW_HOME may be relative to HOME.
        Some(rest) if name == "OPENCLAW_HOME" && (rest.is_empty() || rest.starts_with(is_separator)) => {
            let base = user_home(host).ok_or_else(|| Error::usage(msg!("environment.no-home")))?;
            Path::new(base).join(rest.trim_start_matches(is_separator))
        }
        _ => PathBuf::from(value),
    };
    if !path.is_absolute() || path.parent().is_none() {
        return Err(
            Error::usage(msg!("environment.home-not-absolute", name = name, value = value))
                .hint(msg!("environment.set-home")),
        );
    }
    if path.exists() && !path.is_dir() {
        return Err(
            Error::usage(msg!("environment.home-not-folder", name = name, value = value))
                .hint(msg!("environment.set-home")),
        );
    }
    if let Some(owner) = host.home_owner_under_sudo(&path) {
        return Err(Error::usage(msg!(
            "environment.sudo-home",
            home = path.display(),
            owner = owner
        ))
        .hint(msg!("environment.sudo-way-out")));
    }
    // On Windows either separator may be typed, and one is shown.
    Ok(if cfg!(windows) { without_dots(&path) } else { path })
}

/// Returns a file path for the screen, with `~` for the home folder.
pub(crate) fn abbreviate_home(home: &Path, path: &Path) -> String {
    match path.strip_prefix(home) {
        Ok(below) if below.as_os_str().is_empty() => "~".to_owned(),
        Ok(below) => format!("~{MAIN_SEPARATOR}{}", below.display()),
        Err(_) => path.display().to_string(),
    }
}

/// Returns a file path that a user typed with `~` expanded, absolute, and without `.` and `..`; the path for an error
/// message where it can't be one.
fn absolute_path(home: &Path, cwd: Option<&Path>, typed: &str) -> std::result::Result<PathBuf, String> {
    let path = match typed.strip_prefix('~') {
        Some("") => home.to_path_buf(),
        Some(rest) if rest.starts_with(is_separator) => home.join(rest.trim_start_matches(is_separator)),
        _ => PathBuf::from(typed),
    };
    let path = if path.is_absolute() {
        path
    } else {
        cwd.ok_or_else(|| typed.to_owned())?.join(path)
    };
    if typed.contains('\0') {
        return Err(typed.escape_debug().to_string());
    }
    Ok(without_dots(&path))
}

/// Removes `.` and `..` from a file path. A symbolic link before `..` is followed, so that the path leads where it leads
/// for the system.
fn without_dots(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if out.is_symlink() {
                    out = read::canonicalize(&out).unwrap_or(out);
                }
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
