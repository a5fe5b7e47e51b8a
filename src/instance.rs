//! The instance of a run: the paths of one gateway, from a profile and the environment.
//!
//! This module alone knows where the files of an instance lie, and alone decides what an inherited environment means
//! beside a chosen profile (docs/design.md#environment-rules). A shell that a gateway started carries that gateway's
//! paths, port and token; a command for another profile that followed them would write into the first one
//! (docs/openclaw.md#leak-inherited-environment).

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::config::backup;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::ports::Port;
use crate::profile::ProfileName;
use crate::secret::{Secret, with_shown_value};
use crate::text::quote_for_shell;

mod config_variables;
mod context;
mod legacy;

pub(crate) use config_variables::ConfigVariables;
pub use context::{InstanceContext, OwnedInstanceContext};
pub(crate) use legacy::{LEGACY_CONFIG_FILES, LegacyPaths};

/// Name of the config file of an instance in its state folder.
pub(crate) const CONFIG_FILE: &str = "openclaw.json";
/// Name of the file (`instance.toml`) in each state folder in which this program keeps its settings for the instance:
/// engine, ports, rescue ([`crate::record`]).
pub(crate) const RECORD_FILE: &str = "instance.toml";
/// Name of the lock file of an instance's gateway in its state folder.
pub(crate) const LOCK_FILE: &str = "gateway.lock";
/// Start of the name of an instance's state folder, and the whole name of the default instance's.
const STATE_FOLDER: &str = ".openclaw";
/// Number of bytes of the hash that make the id of an instance.
const INSTANCE_ID_BYTES: usize = 8;

/// The paths of an instance, and the port and the token that the environment sets for this run of it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Profile name.
    pub profile: ProfileName,
    /// Path of the state folder.
    pub state_dir: PathBuf,
    /// Path of the config file.
    pub config_path: PathBuf,
    /// Port of `OPENCLAW_GATEWAY_PORT`, where that is meant for this instance.
    pub env_port: Option<Port>,
    /// Token of `OPENCLAW_GATEWAY_TOKEN`, where that is meant for this instance.
    pub env_token: Option<Secret>,
    /// `true` where a flag, the environment or its paths select the instance, `false` where it is the default for lack of
    /// a choice.
    pub is_explicit: bool,
    /// Names of the variables of the environment that are ignored, since they belong to another profile.
    pub ignored_variables: Vec<&'static str>,
    /// Notices for the user about variables that are ignored and custom paths that are used.
    pub notices: Vec<Msg>,
    /// Path of the home folder.
    pub home: PathBuf,
}

impl Instance {
    /// Returns the canonical state folder of an instance's profile: `~/.openclaw` or `~/.openclaw-NAME`.
    pub fn canonical_state(home: &Path, profile: &ProfileName) -> PathBuf {
        home.join(format!("{STATE_FOLDER}{}", profile.suffix()))
    }

    /// Returns the instance of a profile at its canonical paths, without any environment variable.
    pub fn canonical(home: &Path, profile: ProfileName) -> Self {
        let state_dir = Self::canonical_state(home, &profile);
        Self {
            config_path: state_dir.join(CONFIG_FILE),
            state_dir,
            profile,
            env_port: None,
            env_token: None,
            is_explicit: true,
            ignored_variables: Vec::new(),
            notices: Vec::new(),
            home: home.to_path_buf(),
        }
    }

    /// Determines the instance that a run of this program is about from the profile of the command line (`flag`) and
    /// the environment (docs/design.md#environment-rules). Variables that belong to another profile are ignored, with
    /// a notice.
    ///
    /// # Errors
    /// Exit 2 for an unusable profile name or port in the environment, and for a new profile whose name differs from an
    /// existing one's by case only.
    pub fn resolve(env: &Environment, flag: Option<&ProfileName>) -> Result<Self> {
        let owners = VariableOwners::new(env, flag)?;
        let Some(profile) = flag.cloned().or_else(|| owners.profile.clone()) else {
            return Ok(Self::from_paths(env, owners.state_dir.or(owners.config_path)));
        };
        let is_own = |owner: &Option<ProfileName>| owner.as_ref().is_none_or(|owner| *owner == profile);
        // A service without a profile is the default instance's.
        let is_of_default_service = env.service_marker && owners.are_unknown();
        let is_foreign_profile = !is_own(&owners.profile) || (is_of_default_service && !profile.is_default());
        let own_path = |owner: &Option<ProfileName>| !is_foreign_profile && is_own(owner);
        let state = env.state_dir.as_deref().filter(|_| own_path(&owners.state_dir));
        let config = env
            .config_path
            .as_deref()
            .filter(|_| own_path(&owners.config_path));

        let mut instance = Self::canonical(&env.home, profile.clone());
        instance.set_custom_paths(state, config);
        instance.follow_legacy_paths();
        if own_path(&owners.state_dir) && own_path(&owners.config_path) {
            instance.set_port_and_token(env)?;
        } else {
            let is_profile_ignored = owners.profile.as_ref() != Some(&profile);
            instance.ignore_variables(foreign_variables(
                env,
                state.is_none(),
                config.is_none(),
                is_profile_ignored,
            ));
        }
        refuse_case_clash(&env.home, &instance)?;
        Ok(instance)
    }

    /// Returns the instance of a run for which no profile was named: that of the paths in the environment, else the
    /// default one. `owner` is the profile to which the paths belong.
    fn from_paths(env: &Environment, owner: Option<ProfileName>) -> Self {
        let mut instance = Self::canonical(&env.home, owner.unwrap_or_else(ProfileName::default_profile));
        if let Some(dir) = &env.state_dir {
            instance.state_dir.clone_from(dir);
            instance.config_path = dir.join(CONFIG_FILE);
        }
        if let Some(path) = &env.config_path {
            instance.config_path.clone_from(path);
        }
        instance.is_explicit = env.state_dir.is_some() || env.config_path.is_some();
        instance.follow_legacy_paths();
        // An unusable port is reported by the command that needs one; without a profile it can't reach a wrong instance.
        instance.env_port = env.gateway_port.as_deref().and_then(Port::from_variable);
        instance.env_token.clone_from(&env.gateway_token);
        instance
    }

    /// Moves an instance to the paths of its state folder and config that the environment variables set. A state
    /// folder alone moves the config with it (docs/openclaw.md#leak-state-folder-alone).
    fn set_custom_paths(&mut self, state: Option<&Path>, config: Option<&Path>) {
        if let Some(dir) = state {
            self.note_custom_path("OPENCLAW_STATE_DIR", dir, &self.state_dir.clone());
            self.config_path = dir.join(CONFIG_FILE);
            self.state_dir = dir.to_path_buf();
        }
        if let Some(path) = config {
            self.note_custom_path("OPENCLAW_CONFIG_PATH", path, &self.config_path.clone());
            self.config_path = path.to_path_buf();
        }
    }

    /// Sets the gateway's port and token of an instance from the environment variables.
    ///
    /// # Errors
    /// Exit 2 where the port is invalid.
    fn set_port_and_token(&mut self, env: &Environment) -> Result<()> {
        self.env_token.clone_from(&env.gateway_token);
        if let Some(typed) = &env.gateway_port {
            let port = Port::from_variable(typed)
                .ok_or_else(|| Error::usage(with_shown_value(Msg::new("environment.port"), typed)))?;
            self.env_port = Some(port);
        }
        Ok(())
    }

    /// Records the environment variables that are ignored because they belong to another instance, with one notice
    /// for all.
    fn ignore_variables(&mut self, names: Vec<&'static str>) {
        if !names.is_empty() {
            let (profile, list) = (&self.profile, names.join(", "));
            let notice = msg!("instance.set-aside", profile = profile, names = list);
            self.notices.push(notice);
        }
        self.ignored_variables = names;
    }

    /// Adds a notice about a state folder or config that the environment sets and that is not at its canonical path.
    fn note_custom_path(&mut self, name: &'static str, path: &Path, canonical: &Path) {
        if path != canonical {
            self.notices
                .push(msg!("instance.custom-path", name = name, path = path.display()));
        }
    }

    /// Returns the workspace that onboarding proposes for an instance: a folder in the state folder, with the profile
    /// in its name (docs/design.md#isolation-rules).
    pub fn default_workspace(&self) -> PathBuf {
        self.state_dir.join(format!("workspace{}", self.profile.suffix()))
    }

    /// Returns `~/.openclaw/workspace-NAME`, where early releases of OpenClaw put the workspace of a profile.
    pub fn legacy_workspace(&self, home: &Path) -> Option<PathBuf> {
        (!self.profile.is_default()).then(|| {
            home.join(STATE_FOLDER)
                .join(format!("workspace{}", self.profile.suffix()))
        })
    }

    /// Returns the path of the record of an instance, `instance.toml` ([`crate::record`]).
    pub fn record_path(&self) -> PathBuf {
        self.state_dir.join(RECORD_FILE)
    }

    /// Returns the path of an instance's `.env` file, which OpenClaw reads into its environment.
    pub fn env_file(&self) -> PathBuf {
        Self::env_file_in(&self.state_dir)
    }

    /// Returns the path of the environment file (`.env`) in the state folder of any instance.
    pub(crate) fn env_file_in(state_dir: &Path) -> PathBuf {
        state_dir.join(".env")
    }

    /// Returns the path of the file with the main agent's API keys of model providers
    /// (docs/openclaw.md#provider-keys).
    pub fn auth_profiles(&self) -> PathBuf {
        Self::auth_profiles_in(&self.state_dir)
    }

    /// Returns the path of the file with the main agent's API keys in the state folder of any instance.
    pub(crate) fn auth_profiles_in(state_dir: &Path) -> PathBuf {
        state_dir
            .join("agents")
            .join("main")
            .join("agent")
            .join("auth-profiles.json")
    }

    /// Returns the folder of the main agent's chat sessions.
    pub fn sessions(&self) -> PathBuf {
        self.state_dir.join("agents").join("main").join("sessions")
    }

    /// Returns the path of the lock file on which the gateway of an instance holds a lock while it runs.
    pub fn lock_path(&self) -> PathBuf {
        self.state_dir.join(LOCK_FILE)
    }

    /// Returns the id of the instance: 16 hexadecimal digits of the hash of the config's path, links followed. It is the
    /// same at every start, and no other instance has it.
    pub fn id(&self) -> String {
        Self::id_of(&read::canonicalize_existing(&self.config_path))
    }

    /// Returns the id of the instance with this config, the links of whose path are followed.
    pub(crate) fn id_of(real_config: &Path) -> String {
        let hash = Sha256::digest(real_config.as_os_str().as_encoded_bytes());
        hex::encode(&hash[..INSTANCE_ID_BYTES])
    }

    /// Returns the path of the copy of the config that the last healthy start used, which lies beside the config
    /// (docs/openclaw.md#last-good-config).
    pub fn last_good_path(&self) -> PathBuf {
        backup::last_good_path(&self.config_path)
    }

    /// Returns the folder of the gateway's log files.
    pub fn logs(&self) -> PathBuf {
        self.state_dir.join("logs")
    }

    /// Returns the folder that the canvas host serves.
    pub fn canvas(&self) -> PathBuf {
        self.state_dir.join("canvas")
    }

    /// Returns the path of the device key that identifies the instance as a client (docs/openclaw.md#device-files).
    pub fn device_key(&self) -> PathBuf {
        self.state_dir.join("identity").join("device.json")
    }

    /// Returns the path of the file with the device tokens that gateways gave to the instance as a client
    /// (docs/openclaw.md#device-files).
    pub fn device_tokens(&self) -> PathBuf {
        self.state_dir.join("identity").join("device-auth.json")
    }

    /// Returns the path of the file with the devices that the gateway has paired (docs/openclaw.md#device-tokens).
    pub fn paired_devices(&self) -> PathBuf {
        self.state_dir.join("devices").join("paired.json")
    }

    /// Returns the folder of a browser profile of an instance (docs/openclaw.md#browser-folders).
    pub fn browser(&self, name: &str) -> PathBuf {
        self.state_dir.join("browser").join(name)
    }

    /// Returns the start of a shell command of this program for an instance, to be pasted: `openclaw --profile
    /// rescue`. Custom paths, to which the profile alone does not lead, are set as variables before it.
    pub fn command(&self) -> String {
        let variable = |name, path: &Path, own: &Path| {
            let is_own = path == own;
            (!is_own).then(|| format!("{name}={}", shell_quote(path)))
        };
        if self.legacy_paths().is_some() {
            return "openclaw".to_owned();
        }
        let own_config = self.state_dir.join(CONFIG_FILE);
        let own_state = Self::canonical_state(&self.home, &self.profile);
        let flag = (!self.profile.is_default()).then(|| format!("--profile {}", self.profile));
        let words = [
            variable("OPENCLAW_CONFIG_PATH", &self.config_path, &own_config),
            variable("OPENCLAW_STATE_DIR", &self.state_dir, &own_state),
            Some("openclaw".to_owned()),
            flag,
        ];
        words.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// The instance profiles to which the `OPENCLAW_*` environment variables belong.
struct VariableOwners {
    /// Profile of `OPENCLAW_PROFILE`.
    profile: Option<ProfileName>,
    /// Profile whose canonical state folder `OPENCLAW_STATE_DIR` is.
    state_dir: Option<ProfileName>,
    /// Profile whose canonical config `OPENCLAW_CONFIG_PATH` is.
    config_path: Option<ProfileName>,
}

impl VariableOwners {
    /// Determines to which instance profiles the `OPENCLAW_*` environment variables belong. An unusable profile name
    /// is an error unless `flag` names the profile: then it only shows that the environment is another profile's.
    fn new(env: &Environment, flag: Option<&ProfileName>) -> Result<Self> {
        let profile = match (&env.profile, flag) {
            (Some(name), None) => Some(ProfileName::parse(name).map_err(|e| e.to_error(name))?),
            (name, _) => name
                .as_deref()
                .map(|n| ProfileName::parse(n).unwrap_or_else(|_| ProfileName::unusable())),
        };
        let (state_dir, config_path) = (env.state_dir.as_deref(), env.config_path.as_deref());
        Ok(Self {
            profile,
            state_dir: state_dir.and_then(|dir| owner_of_state(&env.home, dir)),
            config_path: config_path.and_then(|path| owner_of_config(&env.home, path)),
        })
    }

    /// Returns whether no environment variable names an instance profile.
    fn are_unknown(&self) -> bool {
        self.profile.is_none() && self.state_dir.is_none() && self.config_path.is_none()
    }
}

/// Quotes a path as one word of a shell command, where it needs quotes.
pub(crate) fn shell_quote(path: &Path) -> String {
    quote_for_shell(&path.display().to_string())
}

/// Returns the instance profile whose canonical state folder this is, links followed, or `None` for any other folder.
pub(crate) fn owner_of_state(home: &Path, dir: &Path) -> Option<ProfileName> {
    let by_name = |home: &Path, dir: &Path| -> Option<ProfileName> {
        if dir.parent()? != home {
            return None;
        }
        profile_of_folder(dir.file_name()?.to_str()?)
    };
    by_name(home, dir).or_else(|| by_name(&read::canonicalize(home).ok()?, &read::canonicalize(dir).ok()?))
}

/// Returns the instance profile whose canonical config this is, or `None` for any other path.
fn owner_of_config(home: &Path, path: &Path) -> Option<ProfileName> {
    let is_config = path.file_name().is_some_and(|name| name == CONFIG_FILE);
    owner_of_state(home, path.parent()?).filter(|_| is_config)
}

/// Returns the instance profile to which a state folder belongs, by the name of the folder, `.openclaw` or
/// `.openclaw-NAME`; `None` for any other name.
pub(crate) fn profile_of_folder(name: &str) -> Option<ProfileName> {
    match name.strip_prefix(STATE_FOLDER)? {
        "" => Some(ProfileName::default_profile()),
        suffix => ProfileName::parse(suffix.strip_prefix('-')?)
            .ok()
            .filter(|p| !p.is_default()),
    }
}

/// Returns the names of the environment variables that are set but ignored because they belong to another instance.
/// The three flags tell whether state folder, config and profile are; the port, the token and the other variables of
/// an instance always are.
fn foreign_variables(env: &Environment, state: bool, config: bool, profile: bool) -> Vec<&'static str> {
    let mut names = Vec::new();
    let mut add = |set: bool, name| {
        if set {
            names.push(name);
        }
    };
    add(profile && env.profile.is_some(), "OPENCLAW_PROFILE");
    add(state && env.state_dir.is_some(), "OPENCLAW_STATE_DIR");
    add(config && env.config_path.is_some(), "OPENCLAW_CONFIG_PATH");
    add(env.gateway_port.is_some(), "OPENCLAW_GATEWAY_PORT");
    add(env.gateway_token.is_some(), "OPENCLAW_GATEWAY_TOKEN");
    names.extend(&env.instance_variables);
    names
}

/// Refuses a new instance profile whose name differs from an existing one's by case only: on a file system that
/// ignores case both would have the same folder.
fn refuse_case_clash(home: &Path, instance: &Instance) -> Result<()> {
    if instance.profile.is_default() || instance.state_dir.exists() {
        return Ok(());
    }
    let Ok(entries) = std::fs::read_dir(home) else {
        return Ok(());
    };
    let twin = entries
        .filter_map(|entry| profile_of_folder(entry.ok()?.file_name().to_str()?))
        .find(|other| other.differs_only_by_case(&instance.profile));
    match twin {
        Some(other) => Err(
            Error::usage(msg!("profile.case", name = instance.profile, other = other))
                .hint(msg!("profile.case-way-out", other = other)),
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
