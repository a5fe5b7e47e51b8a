//! What a service is to run, and what each manager calls it: no word of any one manager's language.

use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::i18n::msg;
use crate::instance::Instance;
use crate::profile::ProfileName;
use crate::record::Engine;

/// The search path of a service: fixed, so that it does not depend on the shell that installed it.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Variables of one instance that a manager may have been given by a login: none of them may decide for
/// this one.
const FOREIGN: [&str; 8] = [
    "OPENCLAW_PROFILE",
    "OPENCLAW_GATEWAY_PORT",
    "OPENCLAW_GATEWAY_TOKEN",
    "OPENCLAW_GATEWAY_PASSWORD",
    "OPENCLAW_GATEWAY_URL",
    "OPENCLAW_OAUTH_DIR",
    "OPENCLAW_HOME",
    "OPENCLAW_LOG_PREFIX",
];

/// One instance's gateway as a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its instance's name.
    pub profile: ProfileName,
    /// This program, absolute.
    pub program: PathBuf,
    /// The base port, always said on the command line.
    pub port: u16,
    /// What runs as the gateway. With `node` this program starts it and hands over.
    pub engine: Engine,
    /// The state folder.
    pub state_dir: PathBuf,
    /// The config.
    pub config_path: PathBuf,
    /// The search path.
    pub path: String,
    /// Where OpenClaw from npm is, where the user chose one.
    pub node_cli: Option<PathBuf>,
}

impl Spec {
    /// The service of an instance on this port. Fails where a path can't stand in a service file.
    pub(super) fn of(
        host: &Host,
        env: &Environment,
        instance: &Instance,
        port: u16,
        engine: Engine,
    ) -> Result<Self> {
        let program = program(host).ok_or_else(|| Error::failed(msg!("service.no-program")))?;
        let node_cli = env.node_cli.clone().filter(|_| engine == Engine::Node);
        for path in [&program, &instance.state_dir, &instance.config_path]
            .into_iter()
            .chain(&node_cli)
        {
            // A line break would end a line of every manager's file; other bytes are no text.
            if path
                .to_str()
                .is_none_or(|text| text.chars().any(char::is_control))
            {
                return Err(Error::blocked(msg!("service.odd-path", path = path.display())));
            }
        }
        Ok(Self {
            profile: instance.profile.clone(),
            program,
            port,
            engine,
            state_dir: instance.state_dir.clone(),
            config_path: instance.config_path.clone(),
            path: path(host, engine),
            node_cli,
        })
    }

    /// The words after the program: profile and port are always said, the default's too.
    pub fn args(&self) -> [String; 6] {
        [
            "--profile".to_owned(),
            self.profile.to_string(),
            "gateway".to_owned(),
            "run".to_owned(),
            "--port".to_owned(),
            self.port.to_string(),
        ]
    }

    /// Its variables: the instance's name and two paths, and the marker that OpenClaw knows (docs/openclaw.md#service-environment). Never
    /// a secret: these files can be read by others.
    pub fn vars(&self) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut vars = vec![
            ("PATH", self.path.clone()),
            ("OPENCLAW_STATE_DIR", text(&self.state_dir)),
            ("OPENCLAW_CONFIG_PATH", text(&self.config_path)),
            ("OPENCLAW_SERVICE_MARKER", "openclaw".to_owned()),
            ("OPENCLAW_SERVICE_KIND", "gateway".to_owned()),
        ];
        if !self.profile.is_default() {
            // Without it the marker would say that the paths are the default instance's.
            vars.push(("OPENCLAW_PROFILE", self.profile.to_string()));
        }
        vars.extend(
            self.node_cli
                .as_deref()
                .map(|cli| ("OPENCLAW_NODE_CLI", text(cli))),
        );
        vars
    }

    /// The variables that it must not inherit; none of [`Self::vars`] is among them.
    pub(super) fn unset(&self) -> Vec<&'static str> {
        let set = self.vars();
        let is_set = |name: &&str| set.iter().any(|(own, _)| own == name);
        FOREIGN.into_iter().filter(|name| !is_set(name)).collect()
    }

    /// What it is called in lists, in OpenClaw's words.
    pub fn description(&self) -> String {
        if self.profile.is_default() {
            "OpenClaw Gateway".to_owned()
        } else {
            format!("OpenClaw Gateway (profile: {})", self.profile)
        }
    }
}

/// The unit of systemd, as OpenClaw names it.
pub(super) fn unit(profile: &ProfileName) -> String {
    format!("openclaw-gateway{}.service", profile.suffix())
}

/// The label of launchd. `ai.openclaw.gateway` and `ai.openclaw.node` are OpenClaw's own, so profiles
/// of these names get a label that no profile's name can make: a name has no dot.
pub(super) fn label(profile: &ProfileName) -> String {
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

/// The scheduled task of Windows.
pub(super) fn task(profile: &ProfileName) -> String {
    if profile.is_default() {
        "OpenClaw Gateway".to_owned()
    } else {
        format!("OpenClaw Gateway ({profile})")
    }
}

/// The path by which this program is to be started again. Where it was called by a link that leads here
/// (`~/.local/bin/openclaw`), the link: what it points to may be gone after the next update.
fn program(host: &Host) -> Option<PathBuf> {
    let running = host.program()?;
    let text = running.to_string_lossy();
    // Linux says so where the file was replaced while it runs.
    let running = text
        .strip_suffix(" (deleted)")
        .map_or_else(|| running.to_path_buf(), PathBuf::from);
    let called = Path::new(host.args().first()?);
    let called = match called.components().count() {
        1 => called.to_str().and_then(|name| host.find_program(name)),
        _ => Some(called.to_path_buf()),
    };
    let same =
        |link: &PathBuf| link.is_absolute() && link.canonicalize().ok().is_some_and(|real| real == running);
    called
        .filter(same)
        .or_else(|| running.is_absolute().then_some(running))
}

/// The search path; for the node engine with the folder where `node` is now.
fn path(host: &Host, engine: Engine) -> String {
    let node = (engine == Engine::Node)
        .then(|| host.find_program("node"))
        .flatten();
    let folder = node.and_then(|node| Some(node.parent()?.to_str()?.to_owned()));
    match folder {
        Some(folder) if !PATH.split(':').any(|known| known == folder) => format!("{folder}:{PATH}"),
        _ => PATH.to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn name(text: &str) -> ProfileName {
        ProfileName::parse(text).unwrap()
    }

    /// A service whose paths hold everything that a manager could take for something else.
    pub(in crate::service) fn odd() -> Spec {
        Spec {
            profile: name("A_b"),
            program: PathBuf::from("/opt/Ağaç & Çınar/100% $HOME/openclaw"),
            port: 19789,
            engine: Engine::Native,
            state_dir: PathBuf::from("/home/ayşe gül/\"ev\" 50% <ş> $x `y` \\z & it's"),
            config_path: PathBuf::from("/home/ayşe gül/\"ev\" 50% <ş> $x `y` \\z & it's/openclaw.json"),
            path: PATH.to_owned(),
            node_cli: None,
        }
    }

    /// Compares a text with its golden file.
    pub(in crate::service) fn golden(name: &str, text: &str) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/service/golden");
        insta::with_settings!({ snapshot_path => folder, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, text);
        });
    }

    /// The default instance's, with plain paths.
    pub(in crate::service) fn plain() -> Spec {
        Spec {
            profile: ProfileName::default_profile(),
            program: PathBuf::from("/usr/local/bin/openclaw"),
            port: 18000,
            engine: Engine::Native,
            state_dir: PathBuf::from("/home/ada/.openclaw"),
            config_path: PathBuf::from("/home/ada/.openclaw/openclaw.json"),
            path: PATH.to_owned(),
            node_cli: None,
        }
    }

    #[test]
    fn names_are_those_of_openclaw_and_no_two_profiles_share_one() {
        let profiles = ["default", "rescue", "a-b", "A_b", "gateway", "node", "profile"].map(name);
        let of = |names: fn(&ProfileName) -> String| profiles.iter().map(names).collect::<Vec<_>>();
        assert_eq!(
            of(unit)[..4],
            [
                "openclaw-gateway.service",
                "openclaw-gateway-rescue.service",
                "openclaw-gateway-a-b.service",
                "openclaw-gateway-A_b.service"
            ]
        );
        assert_eq!(
            of(label)[..6],
            [
                "ai.openclaw.gateway",
                "ai.openclaw.rescue",
                "ai.openclaw.a-b",
                "ai.openclaw.A_b",
                "ai.openclaw.profile.gateway",
                "ai.openclaw.profile.node"
            ]
        );
        assert_eq!(of(task)[..2], ["OpenClaw Gateway", "OpenClaw Gateway (rescue)"]);
        for names in [of(unit), of(label), of(task)] {
            let distinct: std::collections::BTreeSet<_> = names.iter().collect();
            assert_eq!(distinct.len(), names.len());
        }
    }

    #[test]
    fn profile_and_port_are_said_once_each_and_the_defaults_too() {
        assert_eq!(
            plain().args().join(" "),
            "--profile default gateway run --port 18000"
        );
    }
}
