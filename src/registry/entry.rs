//! An entry of the registry: one instance.

use std::path::PathBuf;

use serde::Deserialize;
use toml_edit::Table;

use crate::ports::Port;
use crate::toml_document::set_value;

/// Version of the format of the registry of instances, the only one that is understood.
pub(super) const VERSION: u32 = 1;

/// Entry of an instance in the registry.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct RegistryEntry {
    /// Profile name.
    pub(crate) profile: String,
    /// Path of the config file; two entries never have the same one.
    pub(crate) config: PathBuf,
    /// Path of the state folder.
    pub(crate) state: PathBuf,
    /// Path of the workspace.
    pub(crate) workspace: PathBuf,
    /// Base port.
    pub(crate) port: Port,
}

impl RegistryEntry {
    /// Writes the values of an instance's entry to its `[[instance]]` table in the registry.
    pub(super) fn write(&self, table: &mut Table) {
        set_value(table, "profile", self.profile.as_str());
        for (key, path) in [
            ("config", &self.config),
            ("state", &self.state),
            ("workspace", &self.workspace),
        ] {
            // Paths that aren't Unicode are refused before anything is planned.
            set_value(table, key, path.to_string_lossy().as_ref());
        }
        set_value(table, "port", i64::from(self.port));
    }
}
