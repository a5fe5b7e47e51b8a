//! The kinds of repair that `doctor --fix` makes.

use std::path::PathBuf;

use serde_json::Value;

use crate::config::key_path::KeyPath;

/// A repair of one problem of an instance, as `doctor --fix` makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fix {
    /// Changes the mode of a file or folder.
    SetMode {
        /// The file or folder.
        path: PathBuf,
        /// The present mode.
        from: u32,
        /// The mode that it gets.
        to: u32,
    },
    /// Sets a key of the config, or removes it.
    SetKey {
        /// The config.
        config: PathBuf,
        /// The key.
        key: KeyPath,
        /// The new value; `None` removes the key.
        value: Option<Value>,
    },
    /// Replaces the config by a backup of it.
    RestoreConfig {
        /// The config.
        config: PathBuf,
        /// The backup's text.
        text: String,
    },
    /// Creates a folder.
    MakeFolder(PathBuf),
    /// Renames a file or folder.
    Rename {
        /// The present path.
        path: PathBuf,
        /// The new path, where nothing exists.
        to: PathBuf,
    },
    /// Completes the change of a run that was cut short. It needs no plan: whoever takes the host lock does it first.
    CompleteChange,
    /// Removes the instance with this config from the registry.
    Deregister(PathBuf),
}
