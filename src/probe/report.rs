//! The result of a probe: what was found out about one instance's gateway.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::last_run::LastRun;
use crate::config::schema;
use crate::error::Error;
use crate::ports::{Listener, Port, PortSource};
use crate::record::Engine;
use crate::survey::ConfigHealth;

/// How a gateway was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ProbeVerdict {
    /// The instance's own gateway runs and says that it is well.
    Healthy,
    /// Nothing listens on the port of the instance.
    #[default]
    NotRunning,
    /// A gateway of this other profile answers on the port.
    OtherProfile(String),
    /// A program that is no gateway of ours holds the port; with its socket, where known.
    Stranger(Option<Listener>),
    /// The instance's own gateway runs, on this other port.
    ElsewhereOn(Port),
    /// The gateway runs and does not accept the instance's token or password.
    TokenRefused,
    /// The gateway did not answer in time.
    Slow,
    /// The gateway runs and says that it is not well, or answers in a way that is not understood; with the reason.
    Unhealthy(String),
}

impl ProbeVerdict {
    /// Returns the stable name, as `--json` has it.
    pub(crate) fn name(&self) -> &'static str {
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

    /// Returns the exit code of a command that reports it: 0 healthy, 1 not running, 3 anything else.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::NotRunning => 1,
            _ => 3,
        }
    }

    /// Returns whether a later probe may find something else without anybody acting.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::NotRunning | Self::Slow | Self::Unhealthy(_))
    }
}

/// What was found out about the gateway of one instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probe {
    /// How the gateway was found.
    pub(crate) verdict: ProbeVerdict,
    /// The port that was asked; `None` where none can be told.
    pub(crate) port: Option<Port>,
    /// The process of the gateway, where known.
    pub(crate) pid: Option<u32>,
    /// The version that the gateway gave.
    pub(crate) version: Option<String>,
    /// The engine that answered, else the one of the record.
    pub(crate) engine: Engine,
    /// The time until the gateway's answer.
    pub(crate) latency: Option<Duration>,
    /// The port that the instance is set up for; `None` where none can be told.
    pub(crate) configured_port: Option<Port>,
    /// What sets that port.
    pub(crate) port_source: PortSource,
    /// The address that was asked, as a URL.
    pub(crate) url: String,
    /// The version of the protocol that client and gateway agreed on.
    pub(crate) protocol: Option<u64>,
    /// The time at which the gateway started.
    pub(crate) started: Option<SystemTime>,
    /// What a gateway that is well warns of: that it runs with its last good config, for example.
    pub(crate) warning: Option<String>,
    /// The sockets that listen on the port that the instance is set up for.
    pub(crate) listeners: Vec<Listener>,
    /// Whether the config can be read.
    pub(crate) config: ConfigHealth,
    /// What no release of OpenClaw accepts in a config that can be read.
    pub(crate) config_findings: Vec<schema::SchemaFinding>,
    /// The gateway's answer to `health`.
    pub(crate) health: Value,
    /// The gateway's answer to `status`, where that was asked for.
    pub(crate) status: Value,
    /// The gateway's own entry of its presence list: host, version, platform.
    pub(crate) presence: Value,
    /// The last run of a gateway that does not run.
    pub(crate) last_run: Option<LastRun>,
    /// Why the instance's files give no credentials to show: a variable that is missing, a secret that is not at
    /// hand.
    pub(crate) auth_error: Option<Arc<Error>>,
}

impl Probe {
    /// Returns the port that was asked, or 0 where none can be told, as `--json` has it.
    pub(crate) fn port_number(&self) -> u16 {
        self.port.map_or(0, Port::get)
    }

    /// Returns the port that the instance is set up for, or 0 where none can be told, as `--json` has it.
    pub(crate) fn configured_port_number(&self) -> u16 {
        self.configured_port.map_or(0, Port::get)
    }

    /// Returns whether the gateway runs and is well.
    pub(crate) fn is_healthy(&self) -> bool {
        self.verdict == ProbeVerdict::Healthy
    }

    /// Returns whether the instance's own gateway runs, well or not.
    pub(crate) fn is_running(&self) -> bool {
        !matches!(
            self.verdict,
            ProbeVerdict::NotRunning | ProbeVerdict::OtherProfile(_) | ProbeVerdict::Stranger(_)
        )
    }
}
