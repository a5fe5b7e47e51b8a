//! Installed service files of gateways, written by OpenClaw or by this program (docs/openclaw.md#services): which
//! instance a file starts, and on which port.

use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::host::read::{self, ReadError};
use crate::instance::{CONFIG_FILE, Instance, LegacyPaths};
use crate::ports::Port;
use crate::profile::ProfileName;
use crate::service_files::{ServiceCommand, environment_file, plist, task, unit};

/// A service file of this user, such as a systemd unit, that starts a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InstalledService {
    /// The path of the file.
    pub(crate) file: PathBuf,
    /// The profile after which the file is named, where the name stands for one.
    pub(crate) named: Option<ProfileName>,
    /// The profile that the command or its environment variables name, else that of the file's name.
    pub(crate) profile: Option<ProfileName>,
    /// The config file that the gateway uses.
    pub(crate) config_path: PathBuf,
    /// The state folder that the gateway uses.
    pub(crate) state_dir: PathBuf,
    /// The port that the command or its environment variables set.
    pub(crate) port: Option<Port>,
    /// The program and its arguments.
    pub(crate) argv: Vec<String>,
    /// The release of this program or of OpenClaw that wrote the file (`OPENCLAW_SERVICE_VERSION`).
    pub(crate) version: Option<String>,
    /// The reason why the file can't be read; `None` where it can.
    pub(crate) unreadable: Option<String>,
}

/// Folder of the user's systemd units, relative to the home folder.
const UNIT_DIR: &str = ".config/systemd/user";
/// Starts of the names of systemd units that an earlier OpenClaw wrote for the default instance
/// (docs/openclaw.md#service-names).
const LEGACY_UNITS: [&str; 2] = ["clawdbot-gateway", "moltbot-gateway"];
/// Folder of the user's launchd agents, relative to the home folder.
const AGENT_DIR: &str = "Library/LaunchAgents";

impl InstalledService {
    /// Returns the services of gateways that are installed for this user, ordered by path.
    pub(crate) fn find_all(env: &Environment) -> Vec<Self> {
        let units = files_named(&env.home.join(UNIT_DIR), "openclaw-gateway", ".service");
        let units = units
            .into_iter()
            .map(|(file, suffix)| match suffix.trim_start_matches('-') {
                "" => (file, "default".to_owned()),
                profile => (file, profile.to_owned()),
            });
        let legacy = LEGACY_UNITS
            .into_iter()
            .flat_map(|start| files_named(&env.home.join(UNIT_DIR), start, ".service"))
            .map(|(file, _)| (file, "default".to_owned()));
        let agents = files_named(&env.home.join(AGENT_DIR), "ai.openclaw.", ".plist");
        let agents = agents.into_iter().map(|(file, label)| match label.as_str() {
            "gateway" => (file, "default".to_owned()),
            // Profiles that are called like a service of OpenClaw's own have another label.
            label => {
                let profile = label.strip_prefix("profile.").unwrap_or(label);
                (file, profile.to_owned())
            }
        });
        let mut services: Vec<_> = units
            .chain(legacy)
            .chain(agents)
            .filter_map(|(file, profile)| {
                // A file that can't be read starts an unknown command, and is still installed.
                let command = read_command(&file, env);
                if has_legacy_name(&file) && !may_start_gateway(&command, &file) {
                    return None;
                }
                let unreadable = command.as_ref().err().map(ToString::to_string);
                let service = Self::new(command.unwrap_or_default(), file, &profile, env);
                Some(Self {
                    named: service.named.clone().filter(|_| !service.has_legacy_name()),
                    // A masked unit is a link to this device.
                    unreadable: unreadable.filter(|_| !is_masked(&service.file)),
                    ..service
                })
            })
            .collect();
        services.sort_by(|a, b| a.file.cmp(&b.file));
        services
    }

    /// Returns whether the file of a gateway's service has the name that an earlier OpenClaw gave it.
    pub(crate) fn has_legacy_name(&self) -> bool {
        has_legacy_name(&self.file)
    }

    /// Determines profile, paths and port of a gateway's installed service from its command; `named` is the profile
    /// in the name of its file.
    pub(super) fn new(command: ServiceCommand, file: PathBuf, named: &str, env: &Environment) -> Self {
        let flag = command
            .flag("--profile")
            .and_then(|name| ProfileName::parse(name).ok());
        // Earlier names of the variables (docs/openclaw.md#legacy-names).
        let variable = |name: &str| {
            let legacy = name.replacen("OPENCLAW_", "CLAWDBOT_", 1);
            command.variable(name).or_else(|| command.variable(&legacy))
        };
        let path = |name: &str| variable(name).and_then(|value| env.expand(None, value));
        // A profile in the environment alone moves no path, one on the command line does
        // (docs/openclaw.md#order-of-precedence).
        let named = ProfileName::parse(named).ok();
        let set_state = path("OPENCLAW_STATE_DIR").map(|state| (state.join(CONFIG_FILE), state));
        let (config, state) = set_state.unwrap_or_else(|| {
            // What starts no gateway, like a masked unit or an empty one, is known by the name of its file only.
            let named = named.clone().filter(|_| !command.starts_gateway());
            let profile = flag
                .clone()
                .or(named)
                .unwrap_or_else(ProfileName::default_profile);
            paths_of_profile(&env.home, &profile)
        });
        let profile = flag.or_else(|| match variable("OPENCLAW_PROFILE") {
            Some(name) => ProfileName::parse(name).ok(),
            None => named.clone(),
        });
        let port = command
            .flag("--port")
            .or_else(|| variable("OPENCLAW_GATEWAY_PORT"));
        Self {
            named,
            version: command.variable("OPENCLAW_SERVICE_VERSION").map(str::to_owned),
            profile,
            config_path: path("OPENCLAW_CONFIG_PATH").unwrap_or(config),
            state_dir: state,
            port: port.and_then(Port::from_variable),
            argv: command.argv,
            unreadable: None,
            file,
        }
    }
}

/// Returns the config and the state folder of an instance for which a service sets neither.
fn paths_of_profile(home: &Path, profile: &ProfileName) -> (PathBuf, PathBuf) {
    if let Some(legacy) = LegacyPaths::find(home).filter(|_| profile.is_default()) {
        return (legacy.config_path, legacy.state_dir);
    }
    let state = Instance::canonical_state(home, profile);
    (state.join(CONFIG_FILE), state)
}

/// Returns the config file of the gateway that a service file starts; `None` where the file can't be read, or starts no
/// gateway.
pub(crate) fn config_of_service(file: &Path, env: &Environment) -> Option<PathBuf> {
    let command = read_command(file, env)
        .ok()
        .filter(ServiceCommand::starts_gateway)?;
    Some(InstalledService::new(command, file.to_path_buf(), "default", env).config_path)
}

/// Returns the program that a service file starts instead of a gateway; `None` where it starts a gateway, or nothing.
pub(crate) fn other_program_of_service(file: &Path, env: &Environment) -> Option<String> {
    let command = read_command(file, env)
        .ok()
        .filter(|command| !command.starts_gateway())?;
    command.argv.into_iter().next()
}

/// Reads the command of a gateway's service file, and the environment files that it names, in the format of the
/// manager that its file extension belongs to.
fn read_command(file: &Path, env: &Environment) -> Result<ServiceCommand, ReadError> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("service") => {
            let unit = unit::parse(&read::text(file)?, &env.home);
            let mut command = unit.command;
            for path in &unit.environment_files {
                let text = read::text(path).unwrap_or_default();
                command.env.extend(environment_file::parse(&text));
            }
            Ok(command)
        }
        Some("plist") => Ok(plist::parse(&read::bytes(file)?)),
        Some("cmd") => Ok(task::parse_script(&read::text(file)?)),
        _ => Ok(ServiceCommand::default()),
    }
}

/// Returns whether a service file has the name that an earlier OpenClaw gave the service of a gateway.
fn has_legacy_name(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    LEGACY_UNITS.iter().any(|start| name.starts_with(start))
}

/// Returns whether a service file may start a gateway: its command is one, or can't be read. By its name alone no file of
/// an earlier OpenClaw is one: `clawdbot-gateway-tunnel.service` may be anything.
fn may_start_gateway(command: &Result<ServiceCommand, ReadError>, file: &Path) -> bool {
    match command {
        Ok(command) => command.starts_gateway(),
        Err(_) => !is_masked(file),
    }
}

/// Returns whether a systemd unit is masked, so that nothing can start it.
fn is_masked(file: &Path) -> bool {
    read::canonicalize_existing(file) == Path::new("/dev/null")
}

/// Returns the files of a folder whose names have this start and this end, each with the part between.
fn files_named(folder: &Path, start: &str, end: &str) -> Vec<(PathBuf, String)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let name = entry.file_name();
        let between = name.to_str()?.strip_prefix(start)?.strip_suffix(end)?;
        Some((entry.path(), between.to_owned()))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::survey::tests::write_file;

    const HOME: &str = "/home/ayşe";

    /// Reads a gateway's service file with this text, named after a profile.
    fn installed(extension: &str, text: &str, named: &str) -> InstalledService {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x").with_extension(extension);
        write_file(&file, text);
        let env = Environment {
            home: HOME.into(),
            ..Environment::default()
        };
        InstalledService::new(read_command(&file, &env).unwrap(), file, named, &env)
    }

    #[test]
    fn unit_of_the_early_release_is_understood() {
        let text = "[Unit]\nDescription=OpenClaw Gateway (profile: rescue, v2026.1.30)\nExecStart=no\n\n[Service]\n\
            ExecStart=\"/usr/bin/node\" \"/opt/open claw/dist/index.js\" gateway --port 19789\nRestart=always\n\
            Environment=HOME=/home/ayşe\nEnvironment=\"OPENCLAW_PROFILE=rescue\"\n\
            Environment=OPENCLAW_STATE_DIR=~/.openclaw-rescue\n\
            Environment=OPENCLAW_CONFIG_PATH=/home/ayşe/.openclaw-rescue/openclaw.json\n\
            Environment=OPENCLAW_GATEWAY_PORT=20000\n\n[Install]\nWantedBy=default.target\n";
        let service = installed("service", text, "rescue");
        assert_eq!(service.port, Port::new(19789), "the command line wins");
        assert_eq!(service.profile.unwrap().as_str(), "rescue");
        assert_eq!(service.state_dir, Path::new(HOME).join(".openclaw-rescue"));
        assert_eq!(
            service.config_path,
            Path::new(HOME).join(".openclaw-rescue/openclaw.json")
        );
    }

    #[test]
    fn environment_file_is_read_and_may_be_missing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("gateway.env");
        write_file(&file, "# x\nOPENCLAW_GATEWAY_PORT=\"23789\"\n");
        let text = format!(
            "[Service]\nEnvironment=OPENCLAW_GATEWAY_PORT=1\nEnvironmentFile=-{}\nEnvironmentFile=-/nowhere\n",
            file.display()
        );
        assert_eq!(installed("service", &text, "x").port, Port::new(23789));
    }

    #[test]
    fn profile_in_the_environment_alone_runs_on_the_default_paths() {
        let text = "[Service]\nEnvironment=OPENCLAW_PROFILE=foo\nExecStart=node x gateway\n";
        let service = installed("service", text, "foo");
        assert_eq!(service.state_dir, Path::new(HOME).join(".openclaw"));
        let text = "[Service]\nExecStart=openclaw --profile foo gateway\n";
        let service = installed("service", text, "foo");
        assert_eq!(service.state_dir, Path::new(HOME).join(".openclaw-foo"));
        assert_eq!(service.port, None);
    }

    #[test]
    fn service_that_starts_no_gateway_belongs_to_the_profile_of_its_name() {
        let other = "[Service]\nExecStart=/usr/bin/python3 /home/ayşe/openclaw-notes/srv.py\n";
        for text in ["", "[Service]\nType=simple\n", other] {
            let service = installed("service", text, "rescue");
            assert_eq!(
                service.state_dir,
                Path::new(HOME).join(".openclaw-rescue"),
                "{text}"
            );
            assert_eq!(service.profile.unwrap().as_str(), "rescue", "{text}");
        }
        let script = "[Service]\nEnvironment=OPENCLAW_PROFILE=foo\nExecStart=/home/ayşe/start.sh\n";
        let service = installed("service", script, "rescue");
        assert_eq!(service.state_dir, Path::new(HOME).join(".openclaw"));
    }

    #[test]
    fn unit_of_an_earlier_openclaw_starts_the_default_instance_at_its_earlier_paths() {
        let dir = tempfile::tempdir().unwrap();
        let env = Environment {
            home: dir.path().to_path_buf(),
            ..Environment::default()
        };
        write_file(&dir.path().join(".clawdbot/clawdbot.json"), "{}");
        let unit = "[Service]\nExecStart=node /opt/x/dist/entry.js gateway --port 18789\n";
        for name in LEGACY_UNITS {
            let file = dir.path().join(UNIT_DIR).join(format!("{name}.service"));
            write_file(&file, unit);
        }
        // A name proves nothing: this one starts a tunnel.
        let tunnel = dir.path().join(UNIT_DIR).join("clawdbot-gateway-tunnel.service");
        write_file(
            &tunnel,
            "[Service]\nExecStart=/usr/bin/ssh -N -L 1:localhost:1 box\n",
        );
        let found = InstalledService::find_all(&env);
        assert_eq!(found.len(), LEGACY_UNITS.len());
        for service in found {
            assert!(service.has_legacy_name() && service.named.is_none());
            assert_eq!(service.profile.unwrap().as_str(), "default");
            assert_eq!(service.config_path, dir.path().join(".clawdbot/clawdbot.json"));
            assert_eq!(service.state_dir, dir.path().join(".clawdbot"));
        }
        let variables = "Environment=CLAWDBOT_STATE_DIR=/srv/bot CLAWDBOT_GATEWAY_PORT=20000\n";
        let service = installed(
            "service",
            &format!("[Service]\nExecStart=node x gateway\n{variables}"),
            "x",
        );
        assert_eq!(service.state_dir, Path::new("/srv/bot"));
        assert_eq!(service.port, Port::new(20000));
    }

    #[test]
    fn property_list_and_script_name_profile_and_port() {
        let list = "<?xml version=\"1.0\"?><plist><dict><key>ProgramArguments</key><array>\
            <string>/usr/bin/node</string><string>gateway</string><string>--port</string><string>19789</string></array>\
            <key>EnvironmentVariables</key><dict><key>OPENCLAW_STATE_DIR</key><string>/a &amp;lt; b</string>\
            </dict></dict></plist>";
        let script = "set \"OPENCLAW_STATE_DIR=/a &lt; b\"\r\n\"C:\\node.exe\" gateway --port 19789\r\n";
        for (extension, text) in [("plist", list), ("cmd", script)] {
            let service = installed(extension, text, "rescue");
            assert_eq!(service.port, Port::new(19789));
            assert_eq!(service.state_dir, Path::new("/a &lt; b"));
            assert_eq!(service.profile.unwrap().as_str(), "rescue");
        }
    }
}
