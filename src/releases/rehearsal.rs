//! A rehearsal: a release of OpenClaw is started on a copy of an instance's config and state, on ports of its own.
//!
//! The copy lies in a folder of its own, which is also the home folder and the temporary folder of the gateway that is tried.
//! It has no channels and no sign-ins of channels, cron is off, and the keys in `.env` and of model providers are not the
//! real ones: so no token of a bot is polled twice, and nothing is sent. The instance goes on meanwhile.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::config_check;
use super::staging::{PROCESS_FILE, STAGING_PREFIX};
use crate::apply;
use crate::archive::{self, STATE_ENTRY};
use crate::client::{ClientFailure, GatewayClient, RequestedScopes};
use crate::engine::{self, InstalledRelease, NodeEngine, ReleaseStore};
use crate::error::{Error, Result};
use crate::host::process::CommandSpec;
use crate::host::process_group::ProcessGroup;
use crate::host::{pid, read};
use crate::i18n::msg;
use crate::instance::{CONFIG_FILE, Instance, InstanceContext};
use crate::ports::Port;
use crate::secret::Secret;
use crate::settings::ClientAuth;
use crate::snapshot::{SnapshotInputs, SnapshotLock, SnapshotReason, SnapshotTarget};
use crate::time::file_stamp;

/// Maximum time from the start of a tried gateway to its healthy answer: it brings the copied state up to date first.
const START_TIMEOUT: Duration = Duration::from_mins(5);
/// Time limit of one question to the tried gateway.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two questions to the tried gateway.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Time in which the tried gateway ends once it was told to, before it is killed.
const END_TIMEOUT: Duration = Duration::from_secs(10);
/// Parts of a variable's name that say that its value is a secret.
const SECRET_NAMES: [&str; 5] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASS"];
/// Value that takes the place of each secret in the copied `.env`.
const NO_SECRET: &str = "rehearsal";
/// Name of the log file of a tried gateway, in its temporary folder.
const LOG_FILE: &str = "rehearsal.log";
/// Variables with which OpenClaw leaves out what would send or fetch something (docs/openclaw.md#service-results).
const QUIET_VARIABLES: [&str; 6] = [
    "OPENCLAW_SKIP_CHANNELS",
    "OPENCLAW_SKIP_CRON",
    "OPENCLAW_SKIP_GMAIL_WATCHER",
    "OPENCLAW_SKIP_BROWSER_CONTROL_SERVER",
    "OPENCLAW_DISABLE_BONJOUR",
    "OPENCLAW_NO_AUTO_UPDATE",
];

/// A rehearsal of an upgrade: the instance, the release, and where both meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rehearsal<'a> {
    /// The instance.
    pub(crate) context: InstanceContext<'a>,
    /// What of the host a copy of the instance takes into account.
    pub(crate) inputs: &'a SnapshotInputs,
    /// The folder of the releases.
    pub(crate) store: &'a ReleaseStore,
    /// The release.
    pub(crate) release: &'a InstalledRelease,
    /// The config as the release is to read it.
    pub(crate) config: &'a Value,
    /// A base port that nobody has, with all that follow from it.
    pub(crate) port: Port,
}

/// The result of a rehearsal that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rehearsed {
    /// The time from the start of the gateway to its healthy answer.
    pub(crate) start_time: Duration,
    /// The size of the copied files, in bytes.
    pub(crate) bytes: u64,
}

impl Rehearsal<'_> {
    /// Rehearses: copies, starts, asks, ends, and removes the copy.
    ///
    /// # Errors
    /// Where the instance can't be copied, or the release does not start on the copy, with its own words.
    pub(crate) fn run(&self) -> Result<Rehearsed> {
        let folder = self.store.folder.join(format!(
            "{STAGING_PREFIX}rehearsal-{}",
            file_stamp(&self.inputs.now)
        ));
        let rehearsed = self.run_in(&folder);
        apply::remove_staging(&folder);
        rehearsed
    }

    fn run_in(&self, folder: &Path) -> Result<Rehearsed> {
        let bytes = self.copy(folder)?;
        let token = Secret::new(hex::encode(self.context.host.random::<16>()));
        let instance = self.tried_instance(folder);
        let paths = [
            (
                self.context.instance.state_dir.as_path(),
                instance.state_dir.as_path(),
            ),
            (self.context.env.home.as_path(), folder),
        ];
        let config = quiet_config(
            self.config,
            self.port,
            &token,
            &folder.join("tmp").join(LOG_FILE),
            &paths,
        );
        apply::write_file(&instance.config_path, format!("{config:#}\n").as_bytes())?;
        let engine = NodeEngine {
            node: Some(self.release.choose_node(self.context.host)?),
            ..self.release.engine()
        };
        let version = &self.release.receipt.version;
        config_check::run(self.context.host, version, &|words| {
            self.command(folder, &instance, &engine, words)
        })
        .map_err(|error| {
            let command = self.context.instance.command();
            error.hint(msg!("engine.mend-config", command = command))
        })?;
        let since = Instant::now();
        let mut gateway = self.start(folder, &instance, &engine)?;
        let answered = self.wait_for_health(&mut gateway, token);
        end(&mut gateway);
        answered?;
        Ok(Rehearsed {
            start_time: since.elapsed(),
            bytes,
        })
    }

    /// Returns the instance that is tried: the copy.
    fn tried_instance(&self, folder: &Path) -> Instance {
        let state_dir = folder.join(STATE_ENTRY);
        Instance {
            config_path: state_dir.join(CONFIG_FILE),
            state_dir,
            env_port: None,
            env_token: None,
            home: folder.to_path_buf(),
            ..self.context.instance.clone()
        }
    }

    /// Copies config and state as a snapshot does, so that a database is copied whole while the gateway writes it. Returns the
    /// size of the files.
    fn copy(&self, folder: &Path) -> Result<u64> {
        let archives = folder.join("archive");
        let lock = SnapshotLock::acquire(&archives)?;
        let target = SnapshotTarget {
            folder: &archives,
            ..self.inputs.target(self.context.instance, &self.context.env.home)
        };
        let made = target.create(&lock, SnapshotReason::BeforeUpgrade, None)?;
        archive::unpack(&made.snapshot.path, &made.manifest, folder)?;
        apply::remove_staging(&archives);
        let state = folder.join(STATE_ENTRY);
        // Nobody signs in to a channel or a provider of models with what lies there.
        apply::remove_staging(&state.join("credentials"));
        for agent in std::fs::read_dir(state.join("agents"))
            .into_iter()
            .flatten()
            .flatten()
        {
            apply::remove_file(&agent.path().join("agent").join("auth-profiles.json"))?;
        }
        let variables = Instance::env_file_in(&state);
        if let Ok(text) = read::text(&variables) {
            apply::write_file(&variables, without_secrets(&text).as_bytes())?;
        }
        apply::make_folders(&folder.join("tmp"))?;
        Ok(made.manifest.size())
    }

    /// Returns a command of the release for the copy: with a home folder, a temporary folder and an environment of its own.
    fn command(
        &self,
        folder: &Path,
        instance: &Instance,
        engine: &NodeEngine,
        words: &[&str],
    ) -> CommandSpec {
        let host = self.context.host;
        let mut command = engine::command_for_instance(host, engine, instance, Some(self.port), words);
        command.inherit_env = false;
        command.cwd = Some(folder.to_path_buf());
        for name in ["PATH", "LANG", "SystemRoot"] {
            if let Some(value) = host.var(name) {
                command = command.env(name, value);
            }
        }
        for name in QUIET_VARIABLES {
            command = command.env(name, "1");
        }
        let temporary = folder.join("tmp");
        command
            .env("HOME", folder)
            .env("USERPROFILE", folder)
            .env("TMPDIR", &temporary)
            .env("TEMP", &temporary)
    }

    /// Starts the release as the gateway of the copy.
    fn start(&self, folder: &Path, instance: &Instance, engine: &NodeEngine) -> Result<ProcessGroup> {
        let port = self.port.to_string();
        let words = ["gateway", "--port", &port, "--bind", "loopback"];
        let command = self.command(folder, instance, engine, &words);
        let failed =
            |cause| Error::failed(msg!("engine.failed", path = engine.path.display())).because(cause);
        let gateway = self.context.host.spawn_group(&command).map_err(failed)?;
        // Whoever finds the folder after a kill ends this process.
        let process = format!(
            "{} {}\n",
            gateway.pid(),
            pid::start_time(gateway.pid()).unwrap_or_default()
        );
        apply::write_file(&folder.join(PROCESS_FILE), process.as_bytes())?;
        Ok(gateway)
    }

    /// Waits until the gateway says that it is healthy.
    fn wait_for_health(&self, gateway: &mut ProcessGroup, token: Secret) -> Result<()> {
        let version = &self.release.receipt.version;
        let deadline = Instant::now() + START_TIMEOUT;
        let auth = ClientAuth::Token(token);
        loop {
            let said = match self.ask(&auth) {
                Ok(true) => return Ok(()),
                Ok(false) => "health: not ok".to_owned(),
                Err(failure) => format!("{failure:?}"),
            };
            let exit = gateway.poll_exit();
            if exit.is_none() && Instant::now() < deadline {
                std::thread::sleep(POLL_INTERVAL);
                continue;
            }
            let error = Error::failed(match exit.and_then(|exit| exit.code) {
                Some(code) => msg!("engine.rehearsal-ended", version = version, code = code),
                None => msg!("engine.rehearsal-silent", version = version),
            });
            let words = gateway.stderr_tail();
            let words = if words.trim().is_empty() { said } else { words };
            return Err(error.because(anyhow::anyhow!("{}", words.trim())));
        }
    }

    fn ask(&self, auth: &ClientAuth) -> Result<bool, ClientFailure> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port.get()));
        let deadline = Instant::now() + QUESTION_TIMEOUT;
        let mut client = GatewayClient::connect(&[address], auth, RequestedScopes::Read, deadline)?;
        let health = client.request("health", None)?;
        client.close();
        Ok(health["ok"] != Value::Bool(false))
    }
}

/// Ends the gateway that was tried.
fn end(gateway: &mut ProcessGroup) {
    gateway.terminate();
    let deadline = Instant::now() + END_TIMEOUT;
    while gateway.poll_exit().is_none() && Instant::now() < deadline {
        std::thread::sleep(POLL_INTERVAL);
    }
    gateway.kill();
}

/// Returns the config with which a release is tried: on a port, with a token and with a log file of its own, on loopback,
/// without channels and hooks, and with every path of the instance led into the copy.
fn quiet_config(config: &Value, port: Port, token: &Secret, log: &Path, paths: &[(&Path, &Path)]) -> Value {
    let mut config = config.clone();
    map_strings(&mut config, &|text| moved_path(text, paths));
    let Value::Object(root) = &mut config else {
        return config;
    };
    for name in ["channels", "hooks", "discovery"] {
        root.remove(name);
    }
    let logging = root.entry("logging").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(logging) = logging {
        // The log of the instance is read by whoever watches it: no line of the rehearsal belongs there.
        logging.insert("file".to_owned(), log.display().to_string().into());
    }
    let gateway = root.entry("gateway").or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(gateway) = gateway {
        gateway.insert("mode".to_owned(), "local".into());
        gateway.insert("port".to_owned(), port.get().into());
        gateway.insert("bind".to_owned(), "loopback".into());
        gateway.insert(
            "auth".to_owned(),
            serde_json::json!({ "mode": "token", "token": token.expose() }),
        );
        for name in ["tailscale", "remote", "tls", "customBindHost"] {
            gateway.remove(name);
        }
    }
    config
}

/// Replaces the texts in a value by what a function returns for them.
fn map_strings(value: &mut Value, map: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) => {
            if let Some(mapped) = map(text) {
                *text = mapped;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| map_strings(item, map)),
        Value::Object(entries) => entries.values_mut().for_each(|item| map_strings(item, map)),
        _ => {}
    }
}

/// Returns a path that lies in one of these folders as the path at the same place in the copy of the folder.
fn moved_path(text: &str, paths: &[(&Path, &Path)]) -> Option<String> {
    let path = Path::new(text);
    let moved = paths
        .iter()
        .find_map(|(from, to)| Some(to.join(path.strip_prefix(from).ok()?)));
    moved
        .filter(|_| path.is_absolute())
        .map(|path: PathBuf| path.display().to_string())
}

/// Returns the text of a `.env` file with every secret replaced by a word, so that variables are set and open nothing.
fn without_secrets(text: &str) -> String {
    let line = |line: &str| match line.split_once('=') {
        Some((name, _))
            if SECRET_NAMES
                .iter()
                .any(|part| name.to_ascii_uppercase().contains(part)) =>
        {
            format!("{name}={NO_SECRET}\n")
        }
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tried_config_reaches_neither_the_channels_nor_the_paths_of_the_instance() {
        let config = json!({
            "channels": { "telegram": { "botToken": "123:real" } },
            "gateway": { "mode": "local", "port": 18789, "bind": "lan", "auth": { "token": "real" }, "tailscale": { "mode": "serve" } },
            "agents": { "defaults": { "workspace": "/home/ada/.openclaw/workspace" }, "list": [{ "workspace": "/home/ada/notes" }] },
            "logging": { "file": "/var/log/x.log", "level": "info" },
        });
        let paths = [
            (Path::new("/home/ada/.openclaw"), Path::new("/s/state")),
            (Path::new("/home/ada"), Path::new("/s")),
        ];
        let quiet = quiet_config(
            &config,
            Port::known(20789),
            &Secret::new("own"),
            Path::new("/s/tmp/rehearsal.log"),
            &paths,
        );
        assert_eq!(
            quiet,
            json!({
                "gateway": { "mode": "local", "port": 20789, "bind": "loopback", "auth": { "mode": "token", "token": "own" } },
                "agents": { "defaults": { "workspace": "/s/state/workspace" }, "list": [{ "workspace": "/s/notes" }] },
                "logging": { "file": "/s/tmp/rehearsal.log", "level": "info" },
            })
        );
    }

    #[test]
    fn secrets_of_a_copied_env_file_open_nothing() {
        let text = "# keys\nOPENAI_API_KEY=sk-real\nexport TELEGRAM_BOT_TOKEN=1:x\nDATA=/srv\n";
        assert_eq!(
            without_secrets(text),
            "# keys\nOPENAI_API_KEY=rehearsal\nexport TELEGRAM_BOT_TOKEN=rehearsal\nDATA=/srv\n"
        );
    }
}
