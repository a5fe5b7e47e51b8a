//! What the environment wishes: every `OPENCLAW_*` variable and the home folder, read once.
//!
//! No other module reads such a variable. What the wishes *mean* beside a `--profile` is decided in
//! [`crate::instance`]; this module only knows their names.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::host::Host;
use crate::i18n::msg;
use crate::secret::Secret;

/// The environment's wishes, as they stand, blank ones left out.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// The folder that `~` means: `OPENCLAW_HOME` (as OpenClaw 2026.9.6 reads it), else `HOME`.
    pub home: PathBuf,
    /// `OPENCLAW_PROFILE`.
    pub profile: Option<String>,
    /// `OPENCLAW_STATE_DIR`, `~` expanded, absolute.
    pub state_dir: Option<PathBuf>,
    /// `OPENCLAW_CONFIG_PATH`, `~` expanded, absolute.
    pub config_path: Option<PathBuf>,
    /// `OPENCLAW_GATEWAY_PORT` as it stands.
    pub gateway_port: Option<String>,
    /// `OPENCLAW_GATEWAY_TOKEN`.
    pub gateway_token: Option<Secret>,
    /// Which other variables that belong to one instance are set: URL, password, unit, label, task.
    pub others: Vec<&'static str>,
    /// `OPENCLAW_SERVICE_MARKER` is set: the environment is that of a service.
    pub service_marker: bool,
    /// `OPENCLAW_NODE_CLI`: where OpenClaw from npm is.
    pub node_cli: Option<PathBuf>,
}

/// Variables that name something of one instance and travel with its environment (docs/openclaw.md#variables-of-one-instance).
const OTHERS: [&str; 8] = [
    "OPENCLAW_GATEWAY_URL",
    "OPENCLAW_GATEWAY_PASSWORD",
    "OPENCLAW_OAUTH_DIR",
    "OPENCLAW_SYSTEMD_UNIT",
    "OPENCLAW_LAUNCHD_LABEL",
    "OPENCLAW_WINDOWS_TASK_NAME",
    "OPENCLAW_TASK_SCRIPT",
    "OPENCLAW_LOG_PREFIX",
];

/// The names of before OpenClaw was called so, which its early release still follows (docs/openclaw.md#legacy-names). They
/// say nothing to this program, so they must not speak to what it starts either.
pub const LEGACY: [&str; 6] = [
    "CLAWDBOT_PROFILE",
    "CLAWDBOT_STATE_DIR",
    "CLAWDBOT_CONFIG_PATH",
    "CLAWDBOT_GATEWAY_PORT",
    "CLAWDBOT_GATEWAY_TOKEN",
    "CLAWDBOT_GATEWAY_PASSWORD",
];

/// What marks the environment of a service (docs/openclaw.md#variables-of-one-instance).
pub const OF_SERVICE: [&str; 3] = [
    "OPENCLAW_SERVICE_MARKER",
    "OPENCLAW_SERVICE_KIND",
    "OPENCLAW_SERVICE_VERSION",
];

impl Environment {
    /// Reads the variables. Fails where no usable home folder is known, before anything is written.
    pub fn read(host: &Host) -> Result<Self> {
        let home = home(host)?;
        let path = |name: &str| -> Result<Option<PathBuf>> {
            host.var(name)
                .map(|value| absolute(&home, host.cwd(), value))
                .transpose()
                .map_err(|value| Error::usage(msg!("environment.path", name = name, value = value)))
        };
        Ok(Self {
            profile: host.var("OPENCLAW_PROFILE").map(str::to_owned),
            state_dir: path("OPENCLAW_STATE_DIR")?,
            config_path: path("OPENCLAW_CONFIG_PATH")?,
            gateway_port: host.var("OPENCLAW_GATEWAY_PORT").map(str::to_owned),
            gateway_token: host.var("OPENCLAW_GATEWAY_TOKEN").map(Secret::new),
            others: OTHERS
                .into_iter()
                .filter(|name| host.var(name).is_some())
                .collect(),
            service_marker: host.var("OPENCLAW_SERVICE_MARKER").is_some(),
            node_cli: path("OPENCLAW_NODE_CLI")?,
            home,
        })
    }

    /// The language wish, `OPENCLAW_LANG`: needed before anything that can fail.
    pub fn lang(host: &Host) -> Option<&str> {
        host.var("OPENCLAW_LANG")
    }

    /// Whether a variable belongs to this program: what it means is decided in [`crate::instance`], so that
    /// nobody may read it past the environment rules.
    pub fn is_ours(name: &str) -> bool {
        name.starts_with("OPENCLAW_")
    }

    /// The variables that name something of one instance: what a program started for another instance must
    /// not inherit.
    pub fn of_an_instance(host: &Host) -> Vec<OsString> {
        const OF_THE_USER: [&str; 3] = ["OPENCLAW_HOME", "OPENCLAW_LANG", "OPENCLAW_NODE_CLI"];
        let names = host
            .var_names_with_prefix("OPENCLAW_")
            .chain(host.var_names_with_prefix("CLAWDBOT_"));
        names
            .filter(|name| !OF_THE_USER.contains(name))
            .map(OsString::from)
            .collect()
    }

    /// A path as a user may type it, `~` expanded, made absolute.
    pub fn expand(&self, cwd: Option<&Path>, typed: &str) -> Option<PathBuf> {
        absolute(&self.home, cwd, typed).ok()
    }
}

/// The home folder, or why there is none that may be written to.
fn home(host: &Host) -> Result<PathBuf> {
    let (name, value) = match (
        host.var("OPENCLAW_HOME"),
        host.var("HOME").or_else(|| host.var("USERPROFILE")),
    ) {
        (Some(value), _) => ("OPENCLAW_HOME", value),
        (None, Some(value)) => ("HOME", value),
        (None, None) => {
            return Err(Error::usage(msg!("environment.no-home")).hint(msg!("environment.set-home")));
        }
    };
    let path = match value.strip_prefix('~') {
        // Only OPENCLAW_HOME may lean on HOME.
        Some(rest) if name == "OPENCLAW_HOME" && (rest.is_empty() || rest.starts_with('/')) => {
            let base = host
                .var("HOME")
                .ok_or_else(|| Error::usage(msg!("environment.no-home")))?;
            Path::new(base).join(rest.trim_start_matches('/'))
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
    Ok(path)
}

/// Returns a path for the screen, with `~` for the home folder.
pub fn abbreviate_home(home: &Path, path: &Path) -> String {
    match path.strip_prefix(home) {
        Ok(below) if below.as_os_str().is_empty() => "~".to_owned(),
        Ok(below) => format!("~/{}", below.display()),
        Err(_) => path.display().to_string(),
    }
}

fn absolute(home: &Path, cwd: Option<&Path>, typed: &str) -> std::result::Result<PathBuf, String> {
    let path = match typed.strip_prefix('~') {
        Some("") => home.to_path_buf(),
        Some(rest) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
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
    Ok(tidy(&path))
}

/// The path without `.` and `..`, by its words alone: nothing is asked of the disk.
fn tidy(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}
