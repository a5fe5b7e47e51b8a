//! One gateway's own set of paths: profile and environment in, paths out.
//!
//! This is the one place that knows where things of an instance lie, and the one place that decides
//! what an inherited environment means beside a chosen profile (docs/design.md#environment-rules). A
//! shell started by one gateway carries that gateway's paths, port and token along; taken at their
//! word they would make the next profile write into the first one (docs/openclaw.md#leak-inherited-environment).

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::config::backup;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::ports::Port;
use crate::profile::ProfileName;
use crate::secret::Secret;

mod context;

pub use context::{InstanceContext, OwnedInstanceContext};

/// The config's name in its state folder.
pub const CONFIG_FILE: &str = "openclaw.json";
/// The record that this program keeps in each state folder: engine, language, ports.
pub const RECORD_FILE: &str = "instance.toml";
/// Name of the lock file in a state folder.
pub(crate) const LOCK_FILE: &str = "gateway.lock";
/// Start of a state folder's name.
const FOLDER: &str = ".openclaw";
/// Bytes of the hash that make an id.
const ID_BYTES: usize = 8;

/// One instance's paths, and what the environment wishes for this run of it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its name.
    pub profile: ProfileName,
    /// Its state folder.
    pub state_dir: PathBuf,
    /// Its config file.
    pub config_path: PathBuf,
    /// The port that `OPENCLAW_GATEWAY_PORT` wishes for this run.
    pub wished_port: Option<Port>,
    /// The token that `OPENCLAW_GATEWAY_TOKEN` brings.
    pub wished_token: Option<Secret>,
    /// Whether flag or environment named the profile, or the paths did; `false` means nobody chose.
    pub chosen: bool,
    /// The variables of the environment that belong to another profile, and so mean nothing here.
    pub set_aside: Vec<&'static str>,
    /// What was set aside or honoured of the environment: one line each for the user.
    pub notices: Vec<Msg>,
    /// The home folder, where its profile alone would lead.
    pub home: PathBuf,
}

impl Instance {
    /// The canonical state folder of a profile: `~/.openclaw`, `~/.openclaw-NAME`.
    pub fn canonical_state(home: &Path, profile: &ProfileName) -> PathBuf {
        home.join(format!("{FOLDER}{}", profile.suffix()))
    }

    /// The instance of a profile as if nothing were inherited.
    pub fn canonical(home: &Path, profile: ProfileName) -> Self {
        let state_dir = Self::canonical_state(home, &profile);
        Self {
            config_path: state_dir.join(CONFIG_FILE),
            state_dir,
            profile,
            wished_port: None,
            wished_token: None,
            chosen: true,
            set_aside: Vec::new(),
            notices: Vec::new(),
            home: home.to_path_buf(),
        }
    }

    /// What profile and environment mean together. `flag` is the profile of the command line.
    pub fn resolve(env: &Environment, flag: Option<&ProfileName>) -> Result<Self> {
        let from_env = match (&env.profile, flag) {
            (Some(name), None) => Some(ProfileName::parse(name).map_err(|e| e.refuse(name))?),
            // Beside a flag an unusable name only says that the environment is not this profile's.
            (name, _) => name
                .as_deref()
                .map(|n| ProfileName::parse(n).unwrap_or_else(|_| ProfileName::unusable())),
        };
        let state_owner = env
            .state_dir
            .as_deref()
            .and_then(|dir| owner_of_state(&env.home, dir));
        let config_owner = env
            .config_path
            .as_deref()
            .and_then(|path| owner_of_config(&env.home, path));
        let Some(profile) = flag.cloned().or_else(|| from_env.clone()) else {
            return Ok(Self::by_paths(env, state_owner.or(config_owner)));
        };
        let mine = |owner: &Option<ProfileName>| owner.as_ref().is_none_or(|owner| *owner == profile);
        let marked_default =
            env.service_marker && from_env.is_none() && state_owner.is_none() && config_owner.is_none();
        let whole_is_foreign = !mine(&from_env) || (marked_default && !profile.is_default());
        let foreign = whole_is_foreign || !mine(&state_owner) || !mine(&config_owner);

        let mut instance = Self::canonical(&env.home, profile.clone());
        let state = env
            .state_dir
            .as_ref()
            .filter(|_| !whole_is_foreign && mine(&state_owner));
        let config = env
            .config_path
            .as_ref()
            .filter(|_| !whole_is_foreign && mine(&config_owner));
        if let Some(dir) = state {
            instance.note_custom("OPENCLAW_STATE_DIR", dir, &instance.state_dir.clone());
            instance.config_path = dir.join(CONFIG_FILE);
            instance.state_dir.clone_from(dir);
        }
        if let Some(path) = config {
            instance.note_custom("OPENCLAW_CONFIG_PATH", path, &instance.config_path.clone());
            instance.config_path.clone_from(path);
        }
        if foreign {
            let aside = set_aside(
                env,
                state.is_none(),
                config.is_none(),
                from_env.as_ref() != Some(&profile),
            );
            if !aside.is_empty() {
                let names = aside.join(", ");
                instance
                    .notices
                    .push(msg!("instance.set-aside", profile = profile, names = names));
            }
            instance.set_aside = aside;
        } else {
            instance.take_wishes(env)?;
        }
        refuse_case_clash(&env.home, &instance)?;
        Ok(instance)
    }

    /// No profile was named: the two paths alone decide (the manual way), else the default instance.
    fn by_paths(env: &Environment, owner: Option<ProfileName>) -> Self {
        let mut instance = Self::canonical(&env.home, owner.unwrap_or_else(ProfileName::default_profile));
        if let Some(dir) = &env.state_dir {
            instance.state_dir.clone_from(dir);
            instance.config_path = dir.join(CONFIG_FILE);
        }
        if let Some(path) = &env.config_path {
            instance.config_path.clone_from(path);
        }
        instance.chosen = env.state_dir.is_some() || env.config_path.is_some();
        // An unusable port is reported by whoever needs one; here nothing was chosen that it could break.
        instance.wished_port = env.gateway_port.as_deref().and_then(Port::from_variable);
        instance.wished_token.clone_from(&env.gateway_token);
        instance
    }

    fn take_wishes(&mut self, env: &Environment) -> Result<()> {
        self.wished_token.clone_from(&env.gateway_token);
        if let Some(typed) = &env.gateway_port {
            let port = Port::from_variable(typed)
                .ok_or_else(|| Error::usage(msg!("environment.port", value = typed)))?;
            self.wished_port = Some(port);
        }
        Ok(())
    }

    fn note_custom(&mut self, name: &'static str, path: &Path, canonical: &Path) {
        if path != canonical {
            self.notices
                .push(msg!("instance.custom-path", name = name, path = path.display()));
        }
    }

    /// The workspace that is proposed: in the instance's own folder, its name carrying the profile
    /// (docs/design.md#isolation-rules).
    pub fn default_workspace(&self) -> PathBuf {
        self.state_dir.join(format!("workspace{}", self.profile.suffix()))
    }

    /// `~/.openclaw/workspace-NAME`, where early releases of OpenClaw put a profile's workspace.
    pub fn legacy_workspace(&self, home: &Path) -> Option<PathBuf> {
        (!self.profile.is_default()).then(|| {
            home.join(FOLDER)
                .join(format!("workspace{}", self.profile.suffix()))
        })
    }

    /// Engine, language and port record.
    pub fn record_path(&self) -> PathBuf {
        self.state_dir.join(RECORD_FILE)
    }

    /// Keys that OpenClaw reads into its environment.
    pub fn env_file(&self) -> PathBuf {
        self.state_dir.join(".env")
    }

    /// The provider keys of the main agent (docs/openclaw.md#provider-keys).
    pub fn auth_profiles(&self) -> PathBuf {
        self.state_dir.join("agents/main/agent/auth-profiles.json")
    }

    /// The folder of the main agent's sessions.
    pub fn sessions(&self) -> PathBuf {
        self.state_dir.join("agents/main/sessions")
    }

    /// The gateway's lock, held on an open file for as long as it runs.
    pub fn lock_path(&self) -> PathBuf {
        self.state_dir.join(LOCK_FILE)
    }

    /// The same for every start of this instance's gateway, and no other's: 16 hexadecimal digits, by the
    /// config's path, links followed.
    pub fn id(&self) -> String {
        let path = read::canonicalize_existing(&self.config_path);
        let hash = Sha256::digest(path.as_os_str().as_encoded_bytes());
        hex::encode(&hash[..ID_BYTES])
    }

    /// The config that the last healthy start used, beside the config (docs/openclaw.md#last-good-config).
    pub fn last_good_path(&self) -> PathBuf {
        backup::last_good_path(&self.config_path)
    }

    /// The folder of the gateway's own log files.
    pub fn logs(&self) -> PathBuf {
        self.state_dir.join("logs")
    }

    /// What the canvas host serves.
    pub fn canvas(&self) -> PathBuf {
        self.state_dir.join("canvas")
    }

    /// This instance's own key as a client (docs/openclaw.md#device-files).
    pub fn device_key(&self) -> PathBuf {
        self.state_dir.join("identity/device.json")
    }

    /// The device tokens that gateways gave to this instance's client (docs/openclaw.md#device-files).
    pub fn device_tokens(&self) -> PathBuf {
        self.state_dir.join("identity/device-auth.json")
    }

    /// The devices that this instance's gateway has paired (docs/openclaw.md#device-tokens).
    pub fn paired_devices(&self) -> PathBuf {
        self.state_dir.join("devices/paired.json")
    }

    /// The folder of one browser profile (docs/openclaw.md#browser-folders).
    pub fn browser(&self, name: &str) -> PathBuf {
        self.state_dir.join("browser").join(name)
    }

    /// The start of a command for this instance, to be pasted: `openclaw --profile rescue`. Paths to which
    /// the profile alone does not lead (the manual way) stand before it.
    pub fn command(&self) -> String {
        let variable = |name, path: &Path, own: &Path| {
            let is_own = path == own;
            (!is_own).then(|| format!("{name}={}", word(path)))
        };
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

/// A path as a word of a shell command.
pub fn word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-+@:,~%".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The profile whose canonical state folder this is, links followed.
pub fn owner_of_state(home: &Path, dir: &Path) -> Option<ProfileName> {
    let by_words = |home: &Path, dir: &Path| -> Option<ProfileName> {
        if dir.parent()? != home {
            return None;
        }
        profile_of_folder(dir.file_name()?.to_str()?)
    };
    by_words(home, dir).or_else(|| by_words(&home.canonicalize().ok()?, &dir.canonicalize().ok()?))
}

/// The profile whose canonical config this is.
fn owner_of_config(home: &Path, path: &Path) -> Option<ProfileName> {
    let is_config = path.file_name().is_some_and(|name| name == CONFIG_FILE);
    owner_of_state(home, path.parent()?).filter(|_| is_config)
}

/// The profile of a state folder's name: `.openclaw`, `.openclaw-NAME`.
pub fn profile_of_folder(name: &str) -> Option<ProfileName> {
    match name.strip_prefix(FOLDER)? {
        "" => Some(ProfileName::default_profile()),
        suffix => ProfileName::parse(suffix.strip_prefix('-')?)
            .ok()
            .filter(|p| !p.is_default()),
    }
}

/// The names of the variables that are set aside because they belong to another profile.
fn set_aside(env: &Environment, state: bool, config: bool, profile: bool) -> Vec<&'static str> {
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
    names.extend(&env.others);
    names
}

/// A name that differs from an existing folder's by case only would be the same folder elsewhere.
fn refuse_case_clash(home: &Path, instance: &Instance) -> Result<()> {
    if instance.profile.is_default() || instance.state_dir.exists() {
        return Ok(());
    }
    let Ok(entries) = std::fs::read_dir(home) else {
        return Ok(());
    };
    let twin = entries
        .filter_map(|entry| profile_of_folder(entry.ok()?.file_name().to_str()?))
        .find(|other| other.same_but_case(&instance.profile));
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
