//! The truth about one instance's gateway: is it running, is it this instance's, is it well?
//!
//! Everybody who needs to know asks here (`status`, the wait after a start, `doctor`, `rescue`), so that
//! no two answers of this program disagree. Where a gateway is comes from what listens on the host and
//! whose process it is; who it is from its liveness answer, for which nothing secret is shown; how it is
//! from a session, and the token is shown only to a process that is known as this instance's.

use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::config::{self, LoadedConfig, schema};
use crate::environment::Environment;
use crate::error::Error;
use crate::host::{Host, pid};
use crate::instance::{self, Instance};
use crate::lock;
use crate::ports::Listener;
use crate::profile::ProfileName;
use crate::record::Record;
use crate::settings::{Files, Proof};
use crate::survey::{self, ConfigHealth, Survey, Surveyed};

mod ask;
mod identity;
mod past;
mod place;
#[cfg(test)]
mod tests;
mod words;

pub use past::{End, Past};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It runs, it is this instance's, and it says that it is well.
    Healthy,
    /// Nothing listens on its port.
    #[default]
    NotRunning,
    /// A gateway answers there, of this other profile.
    OtherProfile(String),
    /// Somebody else holds the port.
    Stranger(Option<Listener>),
    /// Its gateway runs, on this other port.
    ElsewhereOn(u16),
    /// It runs and does not take our token.
    TokenRefused,
    /// It did not answer in time.
    Slow,
    /// It runs and says that it is not well, or in a way that is not understood: why.
    Unhealthy(String),
}

impl Verdict {
    /// The stable name, as `--json` has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::NotRunning => "not-running",
            Self::OtherProfile(_) => "other-profile",
            Self::Stranger(_) => "stranger",
            Self::ElsewhereOn(_) => "elsewhere",
            Self::TokenRefused => "token-refused",
            Self::Slow => "slow",
            Self::Unhealthy(_) => "unhealthy",
        }
    }

    /// The exit code: 0 healthy, 1 not running, 3 something runs there and it is not as it should be.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::NotRunning => 1,
            _ => 3,
        }
    }

    /// Whether more time may change it.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::NotRunning | Self::Slow | Self::Unhealthy(_))
    }
}

/// A gateway as it was found.
#[derive(Clone, Debug, Default)]
pub struct Probe {
    /// What was found.
    pub verdict: Verdict,
    /// The port that was asked.
    pub port: u16,
    /// The process, where known.
    pub pid: Option<u32>,
    /// What runs: the version that it gave.
    pub version: Option<String>,
    /// `native` or `node`.
    pub engine: Option<String>,
    /// How long the answer took.
    pub latency: Option<Duration>,
    /// The port that the instance is set up for.
    pub configured: u16,
    /// On which ground: `flag`, `env`, `config`, `service`, `record`, ...
    pub port_source: &'static str,
    /// The address that was asked, as a URL.
    pub url: String,
    /// The protocol that was agreed on.
    pub protocol: Option<u64>,
    /// Since when it runs.
    pub started: Option<SystemTime>,
    /// What it says though it is well: that it runs with its last good config, for example.
    pub warning: Option<String>,
    /// Who listens on the port that it is set up for.
    pub listeners: Vec<Listener>,
    /// How its config is.
    pub config: ConfigHealth,
    /// What no release would take of a config that can be read.
    pub refused: Vec<schema::SchemaFinding>,
    /// Its answer to `health`.
    pub health: Value,
    /// Its answer to `status`, where that was asked for.
    pub status: Value,
    /// What it called itself in its greeting: host, version, platform.
    pub presence: Value,
    /// What became of its last run, where it does not run.
    pub past: Option<Past>,
    /// Why nothing could be shown as proof: a variable that is missing, a secret that is not at hand.
    pub unproven: Option<std::sync::Arc<Error>>,
}

impl Probe {
    /// Whether all is well.
    pub fn is_healthy(&self) -> bool {
        self.verdict == Verdict::Healthy
    }

    /// Whether the instance's own gateway runs, however it is.
    pub fn is_running(&self) -> bool {
        !matches!(
            self.verdict,
            Verdict::NotRunning | Verdict::OtherProfile(_) | Verdict::Stranger(_)
        )
    }
}

/// Looks at the gateway of an instance, on the port that it really uses. At most `limit`.
pub fn instance(host: &Host, env: &Environment, instance: &Instance, limit: Duration) -> Probe {
    let deadline = Instant::now() + limit;
    let survey = survey::take(host, env);
    let found = survey
        .position(&instance.config_path)
        .map(|at| &survey.instances[at]);
    one(host, &survey, found, instance, deadline, false).0
}

/// The same, and what proves us there: for whoever goes on to ask that gateway something.
pub fn reach(host: &Host, env: &Environment, instance: &Instance, limit: Duration) -> (Probe, Proof) {
    let deadline = Instant::now() + limit;
    let survey = survey::take(host, env);
    let found = survey
        .position(&instance.config_path)
        .map(|at| &survey.instances[at]);
    one(host, &survey, found, instance, deadline, false)
}

/// The same, with a survey that is at hand, and with more asked: `status`, for whoever shows it.
pub fn in_detail(host: &Host, survey: &Survey, instance: &Instance, deadline: Instant) -> Probe {
    let found = survey
        .position(&instance.config_path)
        .map(|at| &survey.instances[at]);
    one(host, survey, found, instance, deadline, true).0
}

/// The same of an instance that a survey found. Ends by `deadline`.
pub fn surveyed(
    host: &Host,
    env: &Environment,
    survey: &Survey,
    found: &Surveyed,
    deadline: Instant,
) -> Probe {
    let instance = of(env, found);
    one(host, survey, Some(found), &instance, deadline, false).0
}

/// An instance as a survey found it, with nothing inherited from the environment. One that has no name is
/// called after its state folder, as its paths in an environment would have it.
pub fn of(env: &Environment, found: &Surveyed) -> Instance {
    let by_folder = || instance::owner_of_state(&env.home, &found.state_dir);
    let profile = found.profile.clone().or_else(by_folder);
    let profile = profile.unwrap_or_else(ProfileName::default_profile);
    Instance {
        state_dir: found.state_dir.clone(),
        config_path: found.config_path.clone(),
        ..Instance::canonical(&env.home, profile)
    }
}

/// How long to wait between two looks at a gateway that starts.
const PAUSE: Duration = Duration::from_millis(100);

/// Waits until the gateway of an instance is well, at most `limit`; tells what it last was. Ends early
/// where waiting can't help: somebody else holds the port, or the token is refused.
pub fn wait_healthy(host: &Host, env: &Environment, target: &Instance, limit: Duration) -> Probe {
    wait_healthy_while(host, env, target, limit, || true)
}

/// The same for as long as it `may_come`: whoever starts it may know better that it won't.
pub fn wait_healthy_while(
    host: &Host,
    env: &Environment,
    target: &Instance,
    limit: Duration,
    mut may_come: impl FnMut() -> bool,
) -> Probe {
    let deadline = Instant::now() + limit;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let probe = instance(host, env, target, left.max(PAUSE));
        let is_over = !probe.verdict.may_pass() || Instant::now() + PAUSE >= deadline;
        if is_over || !may_come() {
            return probe;
        }
        std::thread::sleep(PAUSE);
    }
}

/// What files say of an instance's gateway.
struct Known {
    configured: u16,
    port_source: &'static str,
    proof: Result<Proof, Error>,
    bind_host: Option<std::net::IpAddr>,
    engine: &'static str,
    config: ConfigHealth,
    refused: Vec<schema::SchemaFinding>,
}

impl Known {
    fn read(host: &Host, found: Option<&Surveyed>, instance: &Instance) -> Self {
        let (value, config) = match config::load(&instance.config_path) {
            LoadedConfig::Missing => (Value::Null, ConfigHealth::Missing),
            LoadedConfig::Broken(fault) => (Value::Null, ConfigHealth::Broken(fault)),
            LoadedConfig::Ok(document) => match config::effective(&instance.config_path, &document) {
                Ok(value) => (value, ConfigHealth::Ok),
                Err(fault) => (Value::Null, ConfigHealth::Broken(fault)),
            },
        };
        let refused = match config {
            ConfigHealth::Ok => schema::refused_by_all(&value),
            ConfigHealth::Missing | ConfigHealth::Broken(_) => Vec::new(),
        };
        // No gateway runs with a config that is broken or refused: where one runs, it is with the last good
        // one, and is asked with that one's token.
        let is_usable = refused.is_empty() && !matches!(config, ConfigHealth::Broken(_));
        let last_good = || match config::load(&instance.last_good_path()) {
            LoadedConfig::Ok(last) => Some(last.value().clone()),
            LoadedConfig::Missing | LoadedConfig::Broken(_) => None,
        };
        let files = Files {
            config: if is_usable {
                value
            } else {
                last_good().unwrap_or(value)
            },
            record: Record::read(&instance.record_path()).unwrap_or_default(),
        };
        let sources = files.sources(host, instance);
        let surveyed = found.filter(|_| instance.wished_port.is_none());
        let surveyed = surveyed.and_then(|found| found.base);
        let (configured, port_source) = match (surveyed, sources.port(None)) {
            (Some((family, source)), _) => (family.base(), source.name()),
            (None, Ok((port, from))) => (port, from.name()),
            (None, Err(_)) => (0, "default"),
        };
        Self {
            configured,
            port_source,
            proof: sources.client_proof(),
            bind_host: sources.bind(None).ok().and_then(|(_, ip)| ip),
            engine: files.record.engine.name(),
            config,
            refused,
        }
    }
}

fn one(
    host: &Host,
    survey: &Survey,
    found: Option<&Surveyed>,
    instance: &Instance,
    deadline: Instant,
    in_detail: bool,
) -> (Probe, Proof) {
    let known = Known::read(host, found, instance);
    let listeners = survey.listeners.iter().filter(|l| l.port == known.configured);
    let mut probe = Probe {
        port: known.configured,
        configured: known.configured,
        port_source: known.port_source,
        url: format!("ws://127.0.0.1:{}", known.configured),
        listeners: listeners.cloned().collect(),
        config: known.config.clone(),
        refused: known.refused.clone(),
        engine: Some(known.engine.to_owned()),
        ..Probe::default()
    };
    let label = found.map(|found| found.label.as_str());
    let holder = lock::read_holder(&instance.lock_path());
    let alive = holder.as_ref().filter(|holder| holder.alive);
    let signed = alive.map(|holder| (holder.pid, holder.port));
    let whose = |pid| pid::process_owner(pid, &instance.state_dir);
    let (port, bind) = (known.configured, known.bind_host);
    let place = place::find(survey, label, signed, port, bind, whose);
    if let (Some(holder), place::Place::Nowhere) = (alive, &place) {
        // It lives and does not listen: it starts, or it ends.
        probe.pid = Some(holder.pid);
        probe.started = Some(holder.started);
        probe.verdict = Verdict::Slow;
    }
    ask::ask(&mut probe, place, instance, &known, deadline, in_detail);
    if !probe.is_running() {
        probe.past = past::of(instance, holder.as_ref().filter(|holder| !holder.alive));
    }
    let proof = known.proof.unwrap_or_else(|error| {
        probe.unproven = Some(std::sync::Arc::new(error));
        Proof::None
    });
    (probe, proof)
}
