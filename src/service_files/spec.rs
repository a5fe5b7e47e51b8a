//! The specification of a gateway as a service, independent of any manager's file format, and the names of the service
//! in each manager.

use std::path::{Path, PathBuf};

use crate::ports::Port;
use crate::profile::ProfileName;
use crate::record::Engine;

/// Environment variables of an instance that a service could inherit from the login session. A service unsets those
/// that it does not set, so that the session has no effect on it.
const INHERITABLE_VARIABLES: [&str; 8] = [
    "OPENCLAW_PROFILE",
    "OPENCLAW_GATEWAY_PORT",
    "OPENCLAW_GATEWAY_TOKEN",
    "OPENCLAW_GATEWAY_PASSWORD",
    "OPENCLAW_GATEWAY_URL",
    "OPENCLAW_OAUTH_DIR",
    "OPENCLAW_HOME",
    "OPENCLAW_LOG_PREFIX",
];

/// The specification of one instance's gateway as a service. No path in it contains a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceSpec {
    /// The profile of the instance.
    pub(crate) profile: ProfileName,
    /// The absolute path of this program.
    pub(crate) program: PathBuf,
    /// The base port, always passed on the command line.
    pub(crate) port: Port,
    /// The engine of the gateway. With [`Engine::Node`], this program replaces itself by OpenClaw from npm.
    pub(crate) engine: Engine,
    /// The state folder of the instance, which is also the working directory of the service.
    pub(crate) state_dir: PathBuf,
    /// The config file of the instance.
    pub(crate) config_path: PathBuf,
    /// The search path of the service, the value of `PATH`.
    pub(crate) search_path: String,
    /// The command of OpenClaw from npm, where the user chose one.
    pub(crate) node_cli: Option<PathBuf>,
    /// `true` where a timer comes with the service, which looks whether the gateway answers.
    pub(crate) has_timer: bool,
}

impl ServiceSpec {
    /// Returns the command-line arguments with which a service starts the gateway. Profile and port are always given,
    /// also those of the default instance.
    pub(crate) fn args(&self) -> [String; 6] {
        [
            "--profile".to_owned(),
            self.profile.to_string(),
            "gateway".to_owned(),
            "run".to_owned(),
            "--port".to_owned(),
            self.port.to_string(),
        ]
    }

    /// Returns the command-line arguments with which the timer looks whether the gateway answers.
    pub(crate) fn timer_args(&self) -> [String; 5] {
        ["--profile", self.profile.as_str(), "rescue", "check", "--alert"].map(str::to_owned)
    }

    /// Returns the environment variables of the timer: those of the service, without the mark of a gateway.
    pub(crate) fn timer_variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.variables();
        variables.retain(|(name, _)| !name.starts_with("OPENCLAW_SERVICE_"));
        variables
    }

    /// Returns the description of the timer.
    pub(super) fn timer_description(&self) -> String {
        format!("{}: does it answer?", self.description())
    }

    /// Returns the environment variables of a gateway's service: the profile, the two paths of the instance, and the
    /// service marker that OpenClaw knows (docs/openclaw.md#service-environment). Never a secret: other users may
    /// read service files.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut variables = vec![
            ("PATH", self.search_path.clone()),
            ("OPENCLAW_STATE_DIR", text(&self.state_dir)),
            ("OPENCLAW_CONFIG_PATH", text(&self.config_path)),
            ("OPENCLAW_SERVICE_MARKER", "openclaw".to_owned()),
            ("OPENCLAW_SERVICE_KIND", "gateway".to_owned()),
        ];
        if !self.profile.is_default() {
            // Without the profile, the marker means that the paths belong to the default instance.
            variables.push(("OPENCLAW_PROFILE", self.profile.to_string()));
        }
        variables.extend(
            self.node_cli
                .as_deref()
                .map(|cli| ("OPENCLAW_NODE_CLI", text(cli))),
        );
        variables
    }

    /// Returns the names of the environment variables that a gateway's service must not inherit; none of
    /// [`Self::variables`] is among them.
    pub(super) fn unset_variables(&self) -> Vec<&'static str> {
        let set = self.variables();
        let is_set = |name: &&str| set.iter().any(|(own, _)| own == name);
        INHERITABLE_VARIABLES
            .into_iter()
            .filter(|name| !is_set(name))
            .collect()
    }

    /// Returns the description of a gateway's service that service managers show in lists, worded as OpenClaw words
    /// it.
    pub(super) fn description(&self) -> String {
        if self.profile.is_default() {
            "OpenClaw Gateway".to_owned()
        } else {
            format!("OpenClaw Gateway (profile: {})", self.profile)
        }
    }
}

/// Returns the name of the systemd unit for an instance profile's gateway, as OpenClaw names it:
/// `openclaw-gateway-rescue.service`.
pub(crate) fn unit_name(profile: &ProfileName) -> String {
    format!("openclaw-gateway{}.service", profile.suffix())
}

/// Time between two looks of the timer whether a gateway answers, in seconds.
pub(crate) const TIMER_SECONDS: u8 = 60;

/// Returns the name of the systemd unit, without its ending, that looks whether an instance profile's gateway answers. It
/// is not that of the gateway of any profile.
pub(crate) fn timer_unit_stem(profile: &ProfileName) -> String {
    format!("openclaw-check{}", profile.suffix())
}

/// Returns the launchd label of the agent that looks whether an instance profile's gateway answers. It is not that of the
/// gateway of any profile.
pub(crate) fn timer_label(profile: &ProfileName) -> String {
    format!("openclaw.check{}", profile.suffix().replacen('-', ".", 1))
}

/// Returns the name of the scheduled Windows task that looks whether an instance profile's gateway answers.
pub(crate) fn timer_task_name(profile: &ProfileName) -> String {
    task_name(profile).replacen("Gateway", "Gateway Check", 1)
}

/// Returns the launchd label of the service for an instance profile's gateway. `ai.openclaw.gateway` and
/// `ai.openclaw.node` are OpenClaw's own, so the profiles `gateway` and `node` get a label that no other profile can
/// have: a profile name holds no dot.
pub(crate) fn launchd_label(profile: &ProfileName) -> String {
    let name = profile.as_str();
    if profile.is_default() {
        "ai.openclaw.gateway".to_owned()
    } else if ["gateway", "node"]
        .iter()
        .any(|own| own.eq_ignore_ascii_case(name))
    {
        format!("ai.openclaw.profile.{name}")
    } else {
        format!("ai.openclaw.{name}")
    }
}

/// Returns the name of the scheduled Windows task for an instance profile's gateway.
pub(crate) fn task_name(profile: &ProfileName) -> String {
    if profile.is_default() {
        "OpenClaw Gateway".to_owned()
    } else {
        format!("OpenClaw Gateway ({profile})")
    }
}
