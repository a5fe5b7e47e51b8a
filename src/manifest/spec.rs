//! The container of an instance, without the words of any engine.

use std::path::Path;

use serde_json::Value;

use super::config::ConfigRewrite;
use super::file::ManifestFile;
use super::format::ManifestFormat;
use super::image::ImageReference;
use super::layout::{CONTAINER_CONFIG, CONTAINER_HOME, CONTAINER_STATE, SEED_CONFIG};
use super::names::service_name;
use super::note::{ManifestNote, NoteList};
use super::probes::{Probe, Probes};
use super::secrets::SecretVariables;
use super::source::ManifestSource;
use crate::config::judge::ConfigJudge;
use crate::environment::abbreviate_home;
use crate::error::Result;
use crate::i18n::{Lang, Msg, msg};
use crate::ports::{BasePort, DEFAULT_BASE};
use crate::profile::ProfileName;
use crate::record::Engine;
use crate::secret::Secret;

/// The container of an instance.
#[derive(Debug)]
pub(crate) struct ContainerSpec {
    /// The name of the service, and of all that belongs to it.
    pub(crate) name: String,
    /// The profile of the instance.
    pub(crate) profile: ProfileName,
    /// The program that runs as the gateway.
    pub(crate) engine: Engine,
    /// The image.
    pub(crate) image: ImageReference,
    /// The port at which the gateway is published on loopback.
    pub(crate) port: BasePort,
    /// The words that start the gateway.
    pub(super) command: Vec<String>,
    /// The variables that hold no secret, in order.
    pub(super) variables: Vec<(&'static str, String)>,
    /// The variables of the env file.
    pub(super) secrets: SecretVariables,
    /// The config, rewritten for the container.
    pub(super) config: Value,
    /// The limit of memory, in MiB.
    pub(super) memory: u32,
    /// The seconds that the gateway has to end.
    pub(super) stop_seconds: u64,
    /// The probes that the gateway has.
    pub(super) probes: Probes,
    /// `true` if the gateway speaks TLS itself.
    pub(super) has_tls: bool,
    /// The messaging tokens with their keys, to be compared and never shown.
    pub(super) tokens: Vec<(String, Secret)>,
    /// What was changed, left out, or is missing.
    pub(crate) notes: Vec<ManifestNote>,
}

impl ContainerSpec {
    /// Describes the container of an instance.
    ///
    /// # Errors
    /// Where the instance can't run in one.
    pub(super) fn new(source: &ManifestSource<'_>, format: ManifestFormat) -> Result<Self> {
        let mut rewrite = ConfigRewrite::run(source, format)?;
        note_rejected(source, &mut rewrite);
        note_host(source, &mut rewrite.notes);
        let memory = memory_limit(source.engine);
        Ok(Self {
            name: service_name(&source.instance.profile),
            profile: source.instance.profile.clone(),
            engine: source.engine,
            image: source.image.clone(),
            port: source.ports.base(),
            command: command(source.engine),
            variables: variables(source, format, memory),
            memory,
            stop_seconds: source.engine.stop_timeout().as_secs(),
            probes: Probes::of(source),
            has_tls: rewrite.has_tls(),
            tokens: source.found.tokens.clone(),
            secrets: rewrite.secrets,
            config: rewrite.config,
            notes: rewrite.notes.0,
        })
    }

    /// Returns the text of the config that a container starts with.
    ///
    /// # Panics
    /// Never: a value of JSON has text keys.
    pub(super) fn config_text(&self) -> String {
        let text = serde_json::to_string_pretty(&self.config).expect("values of JSON have text keys");
        text + "\n"
    }

    /// Returns the name of the file with the config that a container starts with.
    pub(super) fn config_file_name(&self) -> String {
        format!("{}.json", self.name)
    }

    /// Returns the file with the config that a container starts with.
    pub(super) fn config_file(&self) -> ManifestFile {
        ManifestFile::plain(self.config_file_name(), self.config_text())
    }

    /// Returns the name of a container's env file.
    pub(super) fn env_file_name(&self) -> String {
        format!("{}.env", self.name)
    }

    /// Returns the env file of a container, with its secrets.
    pub(super) fn env_file(&self) -> ManifestFile {
        ManifestFile {
            name: self.env_file_name(),
            text: self.secrets.env_text(|value| value.expose().to_owned()),
            redacted: Some(self.secrets.env_text(|_| String::new())),
        }
    }

    /// Returns the script that puts the config in its place where none is. What a gateway or a person changes later stays.
    pub(super) fn seed_script() -> String {
        format!(
            "test -e {CONTAINER_CONFIG} || {{ umask 077; mkdir -p {CONTAINER_STATE}; \
             cp {SEED_CONFIG} {CONTAINER_CONFIG}.new; mv {CONTAINER_CONFIG}.new {CONTAINER_CONFIG}; }}"
        )
    }

    /// Returns the script that puts the config in its place, then runs the gateway in the script's place.
    pub(super) fn start_script(&self) -> String {
        format!("set -e; {}; exec {}", Self::seed_script(), self.command.join(" "))
    }
}

/// Returns the command that tells inside a container, by its exit code, whether a probe succeeds.
pub(super) fn health_words(spec: &ContainerSpec, probe: Probe) -> Vec<String> {
    let script = match (spec.engine, probe) {
        (Engine::Native, _) => return ["openclaw", "gateway", "health"].map(str::to_owned).to_vec(),
        // An unknown path is answered by a page, with success: the answer has to be the right one.
        (Engine::Node, Probe::Route { path, key }) if !spec.has_tls => format!(
            "fetch('http://127.0.0.1:{DEFAULT_BASE}{path}')\
             .then(r=>r.json().then(b=>process.exit(r.ok&&b.{key}===true?0:1))).catch(()=>process.exit(1))"
        ),
        // A gateway's own certificate is one that nobody vouches for: that its port answers has to do.
        (Engine::Node, Probe::Route { .. } | Probe::Port) => format!(
            "require('net').connect({DEFAULT_BASE},'127.0.0.1')\
             .on('connect',()=>process.exit(0)).on('error',()=>process.exit(1))"
        ),
    };
    vec!["node".to_owned(), "-e".to_owned(), script]
}

/// Returns the limit of a gateway's memory, in MiB. A native gateway takes a tenth of it, OpenClaw from npm 750 MiB
/// (docs/openclaw.md#measurements).
fn memory_limit(engine: Engine) -> u32 {
    match engine {
        Engine::Native => 256,
        Engine::Node => 2048,
    }
}

/// Returns the words that start a gateway in its image. They are plain, so that no shell has to quote them.
fn command(engine: Engine) -> Vec<String> {
    let port = DEFAULT_BASE.to_string();
    let words: Vec<&str> = match engine {
        Engine::Native => vec!["openclaw", "gateway", "run", "--bind", "lan", "--port", &port],
        Engine::Node => vec![
            "node",
            "dist/index.js",
            "gateway",
            "--bind",
            "lan",
            "--port",
            &port,
        ],
    };
    words.into_iter().map(str::to_owned).collect()
}

/// Returns the variables of a container that hold no secret.
fn variables(
    source: &ManifestSource<'_>,
    format: ManifestFormat,
    memory: u32,
) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("HOME", CONTAINER_HOME.to_owned()),
        ("OPENCLAW_HOME", CONTAINER_HOME.to_owned()),
        ("OPENCLAW_STATE_DIR", CONTAINER_STATE.to_owned()),
        ("OPENCLAW_CONFIG_PATH", CONTAINER_CONFIG.to_owned()),
        // The port inside: clients in the container look there, whatever port is published.
        ("OPENCLAW_GATEWAY_PORT", DEFAULT_BASE.to_string()),
    ];
    match source.engine {
        Engine::Native => {
            let language = source.record.language.as_deref().and_then(Lang::from_code);
            variables.extend(language.map(|language| ("OPENCLAW_LANG", language.code().to_owned())));
        }
        Engine::Node => {
            variables.push(("OPENCLAW_DISABLE_BONJOUR", "1".to_owned()));
            // V8 does not know the limit of its container.
            variables.push(("NODE_OPTIONS", format!("--max-old-space-size={}", memory / 4 * 3)));
            if format == ManifestFormat::Quadlet {
                variables.push(("OPENCLAW_NO_RESPAWN", "1".to_owned()));
            }
        }
    }
    variables.extend(source.time_zone.clone().map(|zone| ("TZ", zone)));
    variables
}

/// Notes what the gateway would reject in the rewritten config: on this host it rejects the same.
fn note_rejected(source: &ManifestSource<'_>, rewrite: &mut ConfigRewrite<'_>) {
    let judge = source
        .release()
        .map_or_else(ConfigJudge::native, ConfigJudge::for_version);
    let findings = judge.refused(&rewrite.config.clone().into());
    if let Some(first) = findings.into_iter().next() {
        let msg = Msg::new("manifest.config-rejected").with("path", first.path);
        rewrite.notes.missing("config", msg.with_msg("why", first.why));
    }
}

/// Notes what belongs to an instance on this host and no container gets.
fn note_host(source: &ManifestSource<'_>, notes: &mut NoteList) {
    let shown = |path: &Path| abbreviate_home(&source.home, path);
    if source.image.is_local {
        notes.missing("image", msg!("manifest.image-build", image = source.image.text));
    }
    notes.left_out(
        "state",
        msg!("manifest.state", path = shown(&source.found.state_dir)),
    );
    if source.has_other_credentials {
        let path = shown(&source.instance.auth_profiles());
        notes.left_out("credentials", msg!("manifest.credentials", path = path));
    }
    for path in &source.service_additions {
        notes.left_out(
            "service-addition",
            msg!("manifest.service-addition", path = shown(path)),
        );
    }
    let command = source.instance.command();
    if source.found.service.is_some() {
        notes.left_out("service", msg!("manifest.service", command = command));
    }
    if !source.watchers.is_empty() {
        let watchers = source.watchers.join(", ");
        notes.left_out("watchers", msg!("manifest.watchers", watchers = watchers));
    }
    if !source.record.rescue.watch.is_empty() {
        let watched = source.record.rescue.watch.join(", ");
        notes.left_out("watch", msg!("manifest.watch", watched = watched));
    }
}
