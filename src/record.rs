//! The record of an instance, `instance.toml` in its state folder: what this program alone knows of the instance, and
//! OpenClaw's own strict config has no key for. This module is the only one that reads the file ([`Record`]) or edits its
//! text ([`RecordDocument`]).
//!
//! ```toml
//! version = 1
//! profile = "rescue"
//! engine = "native"          # native | node
//! language = "tr"
//! [ports]
//! base = 19789
//! [gateway]
//! bootFallback = "off"       # off | last-good
//! [rescue]
//! watch = ["default"]        # profiles; a change takes effect at the gateway's next start
//! interval = 10              # seconds: between two looks, 1 to 3600
//! patience = 30              # how long unwell before a repair, 0 to 3600
//! rest = 300                 # how long left alone after a repair in vain, 10 to 86400
//! [browser.ports]            # the CDP port of each browser profile, so that it stays
//! openclaw = 19800
//! [browser.colors]           # of browser profiles that were created at run time
//! work = "#0066CC"
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::host::read::{self, ReadError};
use crate::i18n::msg;
use crate::ports::Port;
use crate::toml_document::{self, TomlError};

mod document;

pub use document::RecordDocument;

/// What runs as the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// This program.
    #[default]
    Native,
    /// OpenClaw from npm.
    Node,
}

impl Engine {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::Native, Self::Node];

    /// The engine of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// The name in flags, records and `--json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Node => "node",
        }
    }
}

/// What a gateway does whose config is broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BootFallback {
    /// It refuses to start.
    #[default]
    Off,
    /// It starts from the last config that a healthy start used.
    LastGood,
}

/// The record. A key that is missing has its default; keys of others are not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Record {
    /// What runs as the gateway.
    pub engine: Engine,
    /// The language of what the gateway itself says.
    pub language: Option<String>,
    /// The ports that were reserved.
    pub ports: Ports,
    /// How the gateway starts.
    pub gateway: Gateway,
    /// Which instances this one looks after.
    pub rescue: Rescue,
    /// The browsers' ports.
    pub browser: Browser,
}

/// `[ports]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Ports {
    /// The base port that onboarding chose.
    pub base: Option<Port>,
}

/// `[gateway]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Gateway {
    /// What to do about a broken config.
    #[serde(rename = "bootFallback")]
    pub boot_fallback: BootFallback,
}

/// `[rescue]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Rescue {
    /// Profiles that this instance's gateway watches and repairs.
    pub watch: Vec<String>,
    /// Seconds between two looks; bounds and usual value: [`crate::rescue::watch::WatchPolicy`].
    pub interval: Option<u64>,
    /// Seconds that a watched gateway may be unwell before it is repaired.
    pub patience: Option<u64>,
    /// Seconds that it is left alone after a repair in vain.
    pub rest: Option<u64>,
}

/// `[browser]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Browser {
    /// The CDP port of each browser profile.
    pub ports: BTreeMap<String, Port>,
    /// The colour of each browser profile that was created at run time, `#0066CC`.
    pub colors: BTreeMap<String, String>,
}

/// Reason why a record can't be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file can't be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The file isn't TOML, or a key has a value that it can't have.
    #[error(transparent)]
    Invalid(#[from] TomlError),
}

impl RecordError {
    /// Returns `path:line:column`, or the path alone where no position is known.
    pub fn location(&self, path: &Path) -> String {
        match self {
            Self::Unreadable(_) => path.display().to_string(),
            Self::Invalid(error) => error.location(path),
        }
    }

    /// Returns the error for a command that needs the record at `path`: exit 78, the place, the reason, the ways out.
    pub fn blocked(self, path: &Path) -> Error {
        Error::blocked(msg!("record.broken", path = self.location(path)))
            .because(self)
            .hint(msg!("record.way-out", path = path.display()))
    }
}

impl Record {
    /// Reads the record at a path: the defaults where the file is missing, an error where it is broken. Guessing an engine
    /// would start the wrong program.
    ///
    /// # Errors
    /// [`RecordError::blocked`].
    pub fn read(path: &Path) -> Result<Self> {
        Self::load(path).map_err(|error| error.blocked(path))
    }

    /// Reads the record as [`Self::read`] does, with an error that a caller can look into.
    pub fn load(path: &Path) -> Result<Self, RecordError> {
        match read::bytes(path) {
            Ok(bytes) => Ok(toml_document::parse(&bytes)?.1),
            Err(ReadError::Missing) => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Parses the text of a record.
    pub fn parse(text: &str) -> Result<Self, TomlError> {
        Ok(toml_document::parse(text.as_bytes())?.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_has_its_default_and_other_keys_are_not_ours() {
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
    fn an_engine_that_does_not_exist_is_not_guessed() {
        assert!(Record::parse("engine = 'deno'").is_err());
    }
}
