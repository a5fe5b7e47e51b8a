//! The engine of an instance with its release, as the record says.

use serde::{Deserialize, Serialize};

use crate::record::{Engine, Record, ReleaseVersion};

/// The engine of an instance's gateway: this program, the OpenClaw of the host, or a release of the instance's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EngineChoice {
    /// The engine.
    pub(crate) engine: Engine,
    /// The release, where the instance has one of its own.
    pub(crate) release: Option<ReleaseVersion>,
}

impl EngineChoice {
    /// Returns what runs the gateway of an instance with this record.
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            engine: record.engine,
            release: record.release.clone(),
        }
    }

    /// Returns the record of an instance with this choice instead of its own.
    pub(crate) fn in_record(&self, record: &Record) -> Record {
        Record {
            engine: self.engine,
            release: self.release.clone(),
            ..record.clone()
        }
    }

    /// Returns the words for a person.
    pub(crate) fn name(&self) -> String {
        match &self.release {
            Some(version) => format!("OpenClaw {version}"),
            None => self.engine.name().to_owned(),
        }
    }
}
