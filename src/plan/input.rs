//! The input of a plan in addition to the answers: one instance, its config, and the other instances of the host.
//!
//! All of it is data. The caller reads it from the host, with symbolic links followed, before it plans.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::answers::{Answers, Auth, Bind, GatewayMode, NamedValue as _, Start};
use crate::config::dialect::Dialect;
use crate::config::document::{ConfigDocument, find};
use crate::config::error::ConfigError;
use crate::config::key_path::KeyPath;
use crate::environment::{Environment, abbreviate_home};
use crate::i18n::{Lang, Msg, msg};
use crate::instance::{Instance, RECORD_FILE};
use crate::ports::planner::Planner;
use crate::ports::{Port, PortSource};
use crate::profile::ProfileName;
use crate::record::{Engine, Record, ReleaseVersion};
use crate::registry::Registry;
use crate::secret::Secret;
use crate::survey::SurveyedInstance;

use super::disk::DiskSnapshot;

/// The facts that the plan of an instance depends on, in addition to the wizard's answers and the paths that it
/// touches.
#[derive(Clone)]
pub(crate) struct PlanInput<'a> {
    /// The environment variables of this run.
    pub(crate) env: &'a Environment,
    /// The instance that is set up.
    pub(crate) instance: Instance,
    /// The paths of the instance with their links followed.
    pub(crate) resolved: ResolvedPaths,
    /// The instance as the survey found it; `None` where it does not exist yet.
    pub(crate) surveyed: Option<&'a SurveyedInstance>,
    /// The other instances of the host.
    pub(crate) others: Vec<OtherInstance<'a>>,
    /// The registry of instances as it was read.
    pub(crate) registry: &'a Registry,
    /// The ports that the other instances and processes hold, as this instance sees them.
    pub(crate) planner: Planner,
    /// The config of the instance; an empty document where it has none.
    pub(crate) current: ConfigDocument,
    /// The value of that config, included files merged in.
    pub(crate) effective: Value,
    /// The workspace that `agents.defaults.workspace` of that config names, absolute, its variables filled in.
    pub(crate) named_workspace: Option<PathBuf>,
    /// `true` if the `.env` of the instance sets the gateway's token.
    pub(crate) token_in_env_file: bool,
    /// `true` if the instance has a config.
    pub(crate) exists: bool,
    /// The engine that the record of the instance names; `None` where it has no record.
    pub(crate) recorded_engine: Option<Engine>,
    /// The release of OpenClaw from npm that the record of the instance names.
    pub(crate) recorded_release: Option<ReleaseVersion>,
    /// The profiles that the gateway of the instance watches.
    pub(crate) watched: Vec<String>,
    /// The reason why the config can't be used: only a reset, which moves it aside, can be planned then.
    pub(crate) broken: Option<ConfigError>,
    /// The release family that the config is written for.
    pub(crate) dialect: Dialect,
    /// The version of OpenClaw that written files are stamped with.
    pub(crate) openclaw_version: String,
}

/// The paths of the instance that is set up, with their symbolic links followed as far as they exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResolvedPaths {
    /// The home folder.
    pub(crate) home: PathBuf,
    /// The config file.
    pub(crate) config_path: PathBuf,
    /// The state folder.
    pub(crate) state_dir: PathBuf,
    /// The folder where an early release of OpenClaw put the workspace of this profile.
    pub(crate) legacy_workspace: Option<PathBuf>,
    /// Files and folders that a gateway uses in its state folder: the path, and where it leads.
    pub(crate) state_contents: Vec<(PathBuf, PathBuf)>,
}

/// An instance of the host other than the planned one, with the links in its paths followed.
#[derive(Clone, Debug)]
pub(crate) struct OtherInstance<'a> {
    /// The instance as the survey found it.
    pub(crate) found: &'a SurveyedInstance,
    /// The config file.
    pub(crate) config_path: PathBuf,
    /// The state folder.
    pub(crate) state_dir: PathBuf,
}

/// The time, command and language that a plan writes into files and that differ from run to run.
#[derive(Clone, Debug)]
pub(crate) struct PlanStamp {
    /// The time as OpenClaw writes it: `2026-11-22T19:22:45.123Z`.
    pub(crate) now: String,
    /// The command that plans: `onboard`, `setup`.
    pub(crate) command: &'static str,
    /// The language of files that a person reads.
    pub(crate) lang: Lang,
}

impl ResolvedPaths {
    /// Resolves the symbolic links in the paths of an instance for a plan; `resolve` follows the links of one path.
    pub(crate) fn new(instance: &Instance, mut resolve: impl FnMut(&Path) -> PathBuf) -> Self {
        let contents = [
            instance.sessions(),
            instance.auth_profiles(),
            instance.env_file(),
            instance.record_path(),
        ];
        Self {
            home: resolve(&instance.home),
            config_path: resolve(&instance.config_path),
            state_dir: resolve(&instance.state_dir),
            legacy_workspace: instance
                .legacy_workspace(&instance.home)
                .map(|path| resolve(&path)),
            state_contents: contents.map(|path| (path.clone(), resolve(&path))).to_vec(),
        }
    }
}

impl<'a> OtherInstance<'a> {
    /// Creates the other instance from a surveyed one, with the links in its paths as the survey followed them.
    pub(crate) fn new(found: &'a SurveyedInstance) -> Self {
        Self {
            found,
            config_path: found.real_config.clone(),
            state_dir: found.real_state.clone(),
        }
    }
}

impl PlanInput<'_> {
    /// Returns the value at a key of the config of the instance that is planned.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        find(&self.effective, &KeyPath::parse(key).ok()?)
    }

    /// Returns `true` if the instance's config has a credential at a key: a text that is no placeholder, or a
    /// reference to a secret.
    pub(crate) fn has_credential(&self, key: &str) -> bool {
        match self.value(key) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !Secret::new(text.as_str()).is_placeholder(),
            Some(_) => true,
        }
    }

    /// Returns `true` if the config or the `.env` of the instance sets the gateway's token.
    pub(crate) fn has_token(&self) -> bool {
        self.has_credential("gateway.auth.token") || self.token_in_env_file
    }

    /// Returns the profiles that the gateway of the planned instance will watch: those that it watches now, and the one of
    /// the wizard's answers.
    pub(crate) fn watched_with(&self, answers: &Answers) -> Vec<String> {
        let added = answers.watch.iter().map(ToString::to_string);
        let added = added.filter(|profile| !self.watched.contains(profile));
        self.watched.iter().cloned().chain(added).collect()
    }

    /// Returns the record files of the instances that the planned gateway will watch, each with the instance's profile.
    pub(super) fn records_of_watched(&self, answers: &Answers) -> Vec<(ProfileName, PathBuf)> {
        let watched = self.watched_with(answers);
        let record = |other: &OtherInstance<'_>| {
            let profile = other.found.profile.clone()?;
            let is_watched = watched.iter().any(|name| *name == profile.as_str());
            is_watched.then(|| (profile, other.state_dir.join(RECORD_FILE)))
        };
        self.others.iter().filter_map(record).collect()
    }

    /// Returns the notice that the service of the planned instance comes with a timer, which tells its owners when the gateway
    /// is silent; `None` where it comes with none.
    pub(super) fn timer_notice(&self, answers: &Answers, disk: &DiskSnapshot) -> Option<Msg> {
        let records = self.records_of_watched(answers);
        let of_npm = records.iter().find(|(_, path)| {
            let record = disk.bytes(path).map(Record::from_bytes);
            record.is_some_and(|record| record.is_ok_and(|record| record.engine == Engine::Node))
        });
        let (watched, _) = of_npm.filter(|_| answers.start == Start::Service)?;
        Some(msg!("plan.timer", watched = watched))
    }

    /// Returns `true` if a service of the instance is installed.
    pub(crate) fn has_service(&self) -> bool {
        self.surveyed.is_some_and(|found| found.service.is_some())
    }

    /// Returns `true` if the instance says how clients sign in: by the mode of its config, or by a token or password.
    pub(crate) fn has_auth(&self) -> bool {
        self.text("gateway.auth.mode").is_some()
            || self.has_credential("gateway.auth.password")
            || self.has_token()
    }

    /// Returns how clients sign in to the instance: by the mode of its config, else by what it has. `None` for a
    /// mode that this program does not set, such as `trusted-proxy`.
    pub(crate) fn current_auth(&self) -> Option<Auth> {
        if self.text("gateway.auth.mode").is_some() {
            return self.text("gateway.auth.mode").and_then(Auth::from_name);
        }
        let only_password = self.has_credential("gateway.auth.password") && !self.has_token();
        Some(if only_password {
            Auth::Password
        } else {
            Auth::Token
        })
    }

    /// Returns the addresses that the gateway will listen on by the wizard's answers, else by the config; loopback
    /// where neither sets them, and `None` for a value that no release knows.
    pub(crate) fn bind(&self, answers: &Answers) -> Option<Bind> {
        let typed = self.text("gateway.bind").filter(|_| !answers.existing.is_reset());
        match (answers.bind, typed) {
            (Some(bind), _) => Some(bind),
            (None, Some(typed)) => Bind::from_name(typed),
            (None, None) => Some(Bind::Loopback),
        }
    }

    /// Returns `true` if the instance uses a gateway on another host, and the wizard's answers leave it so.
    pub(crate) fn is_remote(&self, answers: &Answers) -> bool {
        let stays = answers.mode.is_none() && !answers.existing.is_reset();
        let mode = self.text("gateway.mode").and_then(GatewayMode::from_name);
        stays && mode == Some(GatewayMode::Remote)
    }

    /// Returns the text at a key of the config of the instance that is planned.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.value(key)?.as_str()
    }

    /// Returns the base port that the instance has already: from its config, else from the survey of the host. A port
    /// that is only its engine's default does not count.
    pub(crate) fn current_port(&self) -> Option<Port> {
        let in_config = self.value("gateway.port").and_then(Port::from_json);
        in_config.or_else(|| match self.surveyed?.base? {
            (_, PortSource::Default) => None,
            (family, _) => Some(family.base().into()),
        })
    }

    /// Returns a file's path for the screen, with `~` for the home folder.
    pub(crate) fn display_path(&self, path: &Path) -> String {
        abbreviate_home(&self.env.home, path)
    }

    /// Returns the workspace folder that the instance's config names, else the default one.
    pub(crate) fn current_workspace(&self) -> PathBuf {
        self.named_workspace
            .clone()
            .unwrap_or_else(|| self.instance.default_workspace())
    }

    /// Returns the workspace folder that the planned instance will have: the answered one, else the current one.
    pub(crate) fn workspace(&self, answers: &Answers) -> PathBuf {
        answers
            .workspace
            .clone()
            .unwrap_or_else(|| self.current_workspace())
    }
}
