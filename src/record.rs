//! The record of an instance, `instance.toml` in its state folder: the settings of this program, for which OpenClaw's own
//! strict config has no key. This module is the only one that reads the file ([`Record`]) or edits its
//! text ([`RecordDocument`]).
//!
//! ```toml
//! version = 1
//! profile = "rescue"
//! engine = "native"          # native | node
//! pinned = true              # `openclaw engine pin`: this release is not upgraded
//! release = "2026.9.6"       # with node: the release that `openclaw engine use` chose; if missing, the OpenClaw on PATH
//! language = "tr"
//! [ports]
//! base = 19789
//! [gateway]
//! bootFallback = "off"       # off | last-good
//! [rescue]
//! watch = ["default"]        # profiles, or PROFILE@HOST; a change takes effect at the gateway's next start
//! interval = 10              # seconds between two probes, 1 to 3600
//! patience = 30              # seconds that a gateway is unhealthy before a repair, 0 to 3600
//! rest = 300                 # seconds without a repair after a failed one, 10 to 86400
//! check = true               # a timer looks whether this gateway answers; if missing, where a watched one is npm's
//! [rescue.alerts]            # what the bot tells its owners unasked
//! quiet = "23:00-07:00"      # local time in which nothing is sent
//! word = "off"               # off | daily | weekly
//! webhook = "https://ntfy.sh" # posted to as JSON, as ntfy takes it; a secret
//! topic = "my-gateways"      # the topic of ntfy
//! [agent]
//! tokensPerDay = 2000000     # tokens that the agents of the native engine may use in a day
//! [browser.ports]            # the CDP port of each browser profile, kept for its next start
//! openclaw = 19800
//! [browser.colors]           # of browser profiles that were created at run time
//! work = "#0066CC"
//! ```

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::read::{self, ReadError};
use crate::i18n::msg;
use crate::ports::Port;
use crate::toml_document::{self, TomlError};

mod alerts;
mod document;
mod release_version;

pub(crate) use alerts::{AlertsTable, QuietHours, WordInterval};
pub(crate) use document::RecordDocument;
pub(crate) use release_version::ReleaseVersion;

/// The program that runs as the gateway of an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    /// The native engine: this program itself.
    #[default]
    Native,
    /// The node engine: OpenClaw from npm.
    Node,
}

impl Engine {
    /// Every program that can run as an instance's gateway, the default first.
    pub(crate) const ALL: [Self; 2] = [Self::Native, Self::Node];

    /// Returns the engine of a gateway by its name, `native` or `node`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// Returns the name of a gateway's engine in flags, `instance.toml` and `--json`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Node => "node",
        }
    }

    /// Returns the maximum time from the start of a gateway to its first healthy answer. OpenClaw from npm needs a
    /// minute where the host does other things too, and may bring its state up to date first
    /// (docs/openclaw.md#start-and-end).
    pub(crate) fn start_timeout(self) -> Duration {
        match self {
            Self::Native => Duration::from_secs(30),
            Self::Node => Duration::from_mins(2),
        }
    }

    /// Returns the maximum time that a gateway takes to end once it was told to. OpenClaw from npm first completes the
    /// runs of its agents (docs/openclaw.md#start-and-end).
    pub(crate) fn stop_timeout(self) -> Duration {
        match self {
            Self::Native => Duration::from_secs(30),
            Self::Node => Duration::from_secs(330),
        }
    }
}

/// Behaviour of a gateway that starts with a broken config.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BootFallback {
    /// The gateway refuses to start.
    #[default]
    Off,
    /// The gateway starts from the last config that a healthy start used.
    LastGood,
}

/// The values of `instance.toml`, the file with this program's settings for an instance. A missing key has its
/// default; unknown keys are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    /// The program that runs as the gateway.
    pub(crate) engine: Engine,
    /// The release of OpenClaw from npm that runs as the gateway where that is the engine; `None` for the one on the search
    /// path.
    pub(crate) release: Option<ReleaseVersion>,
    /// `true` if no upgrade takes the instance to another release.
    pub(crate) pinned: bool,
    /// Name of the profile for which the file was written; another one than the instance's in a copied state folder.
    pub(crate) profile: Option<String>,
    /// Language of the gateway's own messages, as a code such as `tr`.
    pub(crate) language: Option<String>,
    /// Ports that are reserved for the instance.
    pub(crate) ports: PortsTable,
    /// Start of the gateway.
    pub(crate) gateway: GatewayTable,
    /// Instances that the gateway watches and repairs.
    pub(crate) rescue: RescueTable,
    /// Limits of the agents.
    pub(crate) agent: AgentTable,
    /// Ports and colours of the browser profiles.
    pub(crate) browser: BrowserTable,
}

/// The table `[ports]` of an `instance.toml`, the file with this program's settings for an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct PortsTable {
    /// Base port that onboarding chose.
    pub(crate) base: Option<Port>,
}

/// The table `[gateway]` of an `instance.toml`, the file with this program's settings for an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct GatewayTable {
    /// Behaviour of a start with a broken config.
    #[serde(rename = "bootFallback")]
    pub(crate) boot_fallback: BootFallback,
}

/// The table `[rescue]` of an `instance.toml`, the file with this program's settings for an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct RescueTable {
    /// Profiles that this instance's gateway watches and repairs.
    pub(crate) watch: Vec<String>,
    /// Seconds between two probes; range and default: [`crate::rescue::watch::WatchPolicy`].
    pub(crate) interval: Option<u64>,
    /// Seconds that a watched gateway may be unhealthy before it is repaired.
    pub(crate) patience: Option<u64>,
    /// Seconds without another repair after a failed one.
    pub(crate) rest: Option<u64>,
    /// The decision whether the service of this instance comes with a timer that looks whether its gateway answers; where it is missing, it
    /// does if OpenClaw from npm runs a watched gateway.
    pub(crate) check: Option<bool>,
    /// What the bot tells its owners of them, and when.
    pub(crate) alerts: AlertsTable,
}

/// The table `[agent]` of an `instance.toml`, the file with this program's settings for an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct AgentTable {
    /// Tokens that all agents of the instance may use in a day; where it is missing, two million.
    #[serde(rename = "tokensPerDay")]
    pub(crate) tokens_per_day: Option<u64>,
}

/// The table `[browser]` of an `instance.toml`, the file with this program's settings for an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct BrowserTable {
    /// CDP port of each browser profile, by name.
    pub(crate) ports: BTreeMap<String, Port>,
    /// Colour of each browser profile that was created at run time, such as `#0066CC`, by name.
    pub(crate) colors: BTreeMap<String, String>,
}

/// The reason why an `instance.toml` can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The file can't be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The file isn't TOML, or a key has a value that it can't have.
    #[error(transparent)]
    Invalid(#[from] TomlError),
}

impl RecordError {
    /// Returns the place of an error in an `instance.toml` as `path:line:column`, or the path alone where no position
    /// is known.
    pub(crate) fn location(&self, path: &Path) -> String {
        match self {
            Self::Unreadable(_) => path.display().to_string(),
            Self::Invalid(error) => error.location(path),
        }
    }

    /// Returns the error for a command that needs the `instance.toml` at `path`: exit 78, the place, the reason, the
    /// ways out.
    pub(crate) fn blocked(self, path: &Path) -> Error {
        Error::blocked(msg!("record.broken", path = self.location(path)))
            .because(self)
            .hint(msg!("record.way-out", path = path.display()))
    }
}

impl Record {
    /// Reads the `instance.toml` at a path: the defaults where the file is missing, an error where it is broken.
    /// Guessing an engine would start the wrong program.
    ///
    /// # Errors
    /// [`RecordError::blocked`].
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Self::load(path).map_err(|error| error.blocked(path))
    }

    /// Reads the `instance.toml` at a path as [`Self::read`] does, with an error that tells a missing permission from
    /// bad TOML.
    pub(crate) fn load(path: &Path) -> Result<Self, RecordError> {
        match read::bytes(path) {
            Ok(bytes) => Ok(Self::from_bytes(&bytes)?),
            Err(ReadError::Missing) => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Parses the content of an `instance.toml`.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, TomlError> {
        toml_document::parse(bytes)
    }

    /// Parses the text of an `instance.toml`, in tests.
    #[cfg(test)]
    pub(crate) fn parse(text: &str) -> Result<Self, TomlError> {
        Self::from_bytes(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_keys_have_their_defaults_and_unknown_keys_are_ignored() {
        assert_eq!(Record::parse("").unwrap(), Record::default());
        let text = "version = 1\nengine = 'node'\nfuture = 1\n[gateway]\nbootFallback = 'last-good'\n\
                    [browser.ports]\nopenclaw = 19800\n[rescue]\nwatch = ['default']\n[ports]\nbase = 19789";
        let record = Record::parse(text).unwrap();
        assert_eq!(record.engine, Engine::Node);
        assert_eq!(record.gateway.boot_fallback, BootFallback::LastGood);
        assert_eq!(record.browser.ports["openclaw"], 19800);
        assert_eq!(record.rescue.watch, ["default"]);
        assert_eq!(record.ports.base, Port::new(19789));
    }

    #[test]
    fn unknown_engine_is_an_error() {
        assert!(Record::parse("engine = 'deno'").is_err());
    }
}
