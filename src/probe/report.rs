//! The result of a probe of an instance's gateway.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::channels::{self, AccountReport};
use super::last_run::LastRun;
use crate::config::schema;
use crate::error::{Error, ErrorKind};
use crate::ports::{Listener, Port, PortSource};
use crate::record::Engine;
use crate::survey::ConfigHealth;

/// The verdict of a probe on a gateway: healthy, or what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ProbeVerdict {
    /// The gateway of the instance runs and reports that it is healthy.
    Healthy,
    /// The port of the instance is free, and its gateway listens on no other port.
    #[default]
    NotRunning,
    /// The gateway of another profile answers on the port; with the profile.
    OtherProfile(String),
    /// A program that is not known as a gateway of any instance holds the port; with its listener, where known.
    Stranger(Option<Listener>),
    /// The gateway of the instance runs on another port than the configured one; with that port.
    ElsewhereOn(Port),
    /// The gateway runs and refuses the instance's token or password.
    TokenRefused,
    /// The gateway runs and did not compare the instance's token or password, because of too many failed attempts to
    /// authenticate.
    TooManyAttempts,
    /// The gateway did not answer in time.
    Slow,
    /// The gateway is starting, and may take as long as its engine needs for that.
    Starting,
    /// The gateway is ending, and may take as long as its engine needs for that.
    ShuttingDown,
    /// The gateway runs and reports that it is not healthy, or gives an unexpected answer; with the reason.
    Unhealthy(String),
}

impl ProbeVerdict {
    /// Returns the stable name of the verdict of a probe, as `--json` has it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::NotRunning => "not-running",
            Self::OtherProfile(_) => "other-profile",
            Self::Stranger(_) => "stranger",
            Self::ElsewhereOn(_) => "elsewhere",
            Self::TokenRefused => "token-refused",
            Self::TooManyAttempts => "too-many-attempts",
            Self::Slow => "slow",
            Self::Starting => "starting",
            Self::ShuttingDown => "shutting-down",
            Self::Unhealthy(_) => "unhealthy",
        }
    }

    /// Returns the class of the verdict of a probe: healthy, not running or faulty.
    pub(crate) fn class(&self) -> VerdictClass {
        match self {
            Self::Healthy => VerdictClass::Healthy,
            Self::NotRunning => VerdictClass::NotRunning,
            _ => VerdictClass::Faulty,
        }
    }

    /// Returns whether a later probe of the gateway may have another verdict although nobody acts.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::NotRunning | Self::Slow | Self::TooManyAttempts | Self::Unhealthy(_)
        ) || self.is_in_transition()
    }

    /// Returns whether the gateway is starting or ending, so that it is to be waited for and not to be repaired.
    pub(crate) fn is_in_transition(&self) -> bool {
        matches!(self, Self::Starting | Self::ShuttingDown)
    }
}

/// The classes of a probe's verdicts on a gateway, which decide exit codes and colours, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum VerdictClass {
    /// The gateway runs and is healthy.
    Healthy,
    /// The gateway does not run.
    NotRunning,
    /// The gateway is not as it should be, or something else is in its place.
    Faulty,
}

impl VerdictClass {
    /// Returns the kind of problem that a verdict of this class on a gateway is; `None` where it is none.
    pub(crate) fn error_kind(self) -> Option<ErrorKind> {
        match self {
            Self::Healthy => None,
            Self::NotRunning => Some(ErrorKind::Failure),
            Self::Faulty => Some(ErrorKind::Unhealthy),
        }
    }
}

/// The result of a probe of one instance's gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probe {
    /// The id of the instance.
    pub(crate) instance_id: String,
    /// The verdict of the probe.
    pub(crate) verdict: ProbeVerdict,
    /// The port that was probed; `None` where it can't be determined.
    pub(crate) port: Option<Port>,
    /// The pid of the gateway, where known.
    pub(crate) pid: Option<u32>,
    /// The pid of the process that is proved to be the gateway of the instance: it holds the lock. No other process may
    /// be ended for the gateway.
    pub(crate) proved_pid: Option<u32>,
    /// `true` if a gateway holds the lock whose process can't be seen from here: one in another container, for example.
    pub(crate) is_out_of_reach: bool,
    /// The version that the gateway reported.
    pub(crate) version: Option<String>,
    /// The engine that answered, else the one in the record.
    pub(crate) engine: Engine,
    /// The time from the connection to the gateway's greeting.
    pub(crate) latency: Option<Duration>,
    /// The configured port; `None` where it can't be determined.
    pub(crate) configured_port: Option<Port>,
    /// The source of the configured port.
    pub(crate) port_source: PortSource,
    /// The URL that was probed.
    pub(crate) url: String,
    /// The negotiated protocol version.
    pub(crate) protocol: Option<u64>,
    /// The time at which the gateway started.
    pub(crate) started: Option<SystemTime>,
    /// The warning that the gateway reported, such as that it runs with its last good config.
    pub(crate) warning: Option<String>,
    /// The URL of the gateway on another host that the instance uses, without credentials; `None` for an instance with a
    /// gateway of its own.
    pub(crate) remote_url: Option<String>,
    /// The sockets that listen on the configured port.
    pub(crate) listeners: Vec<Listener>,
    /// The state of the config file.
    pub(crate) config: ConfigHealth,
    /// The values of a readable config that the engine refuses.
    pub(crate) config_findings: Vec<schema::SchemaFinding>,
    /// The gateway's answer to the method `health`.
    pub(crate) health: Value,
    /// The gateway's answer to the method `status`, where that was queried.
    pub(crate) status: Value,
    /// The answer of OpenClaw from npm to the method `channels.status`, where its config has channels.
    pub(crate) channels: Value,
    /// The gateway's own entry of its presence list: host, version, platform.
    pub(crate) presence: Value,
    /// The last run of a gateway that does not run.
    pub(crate) last_run: Option<LastRun>,
    /// The error because of which the credentials can't be determined, such as a variable that is not set.
    pub(crate) auth_error: Option<Arc<Error>>,
}

impl Probe {
    /// Returns the gateway port that was probed, or 0 where it can't be determined, as `--json` has it.
    pub(crate) fn port_number(&self) -> u16 {
        self.port.map_or(0, Port::get)
    }

    /// Returns the configured port of the gateway, or 0 where it can't be determined, as `--json` has it.
    pub(crate) fn configured_port_number(&self) -> u16 {
        self.configured_port.map_or(0, Port::get)
    }

    /// Returns whether the probed gateway runs and is healthy.
    pub(crate) fn is_healthy(&self) -> bool {
        self.verdict == ProbeVerdict::Healthy
    }

    /// Returns the accounts of messaging channels that the gateway reported.
    pub(crate) fn channel_accounts(&self) -> Vec<AccountReport> {
        match self.engine {
            Engine::Native => channels::accounts_of_health(&self.health),
            Engine::Node => channels::accounts_of_status(&self.channels),
        }
    }

    /// Returns the accounts that a healthy gateway of OpenClaw from npm should receive messages for and does not: it is
    /// alive, and deaf. A native gateway connects its accounts again by itself, so that it is never deaf in this sense.
    pub(crate) fn deaf_accounts(&self) -> Vec<AccountReport> {
        let is_asked = self.is_healthy() && self.engine == Engine::Node;
        let mut accounts = if is_asked {
            self.channel_accounts()
        } else {
            Vec::new()
        };
        accounts.retain(|account| account.is_wanted() && !account.is_connected());
        accounts
    }

    /// Returns whether the probed gateway runs, healthy or not.
    pub(crate) fn is_running(&self) -> bool {
        !matches!(
            self.verdict,
            ProbeVerdict::NotRunning | ProbeVerdict::OtherProfile(_) | ProbeVerdict::Stranger(_)
        )
    }
}
