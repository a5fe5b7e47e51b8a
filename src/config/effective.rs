//! A config as OpenClaw reads it: with every `$include` replaced by the content of the included files, and with what is
//! known of these files.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::key_path::KeyPath;
use crate::host::read;

/// The value of a config with included files merged in, and the files that it includes. `${VAR}` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveConfig {
    /// The value.
    pub value: Value,
    /// The folder of the config file; `None` where it includes nothing.
    pub(super) folder: Option<IncludeRoot>,
    /// The included files, in the order in which they are read.
    pub(super) files: Vec<IncludedFile>,
}

/// A file that a config, or a file that it includes, names in an `$include`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IncludedFile {
    /// The path of the `$include` key in the config with included files merged in.
    pub(super) key: KeyPath,
    /// The path of the file, without `.` and `..`.
    pub(super) path: PathBuf,
    /// The path of the file with its links followed.
    pub(super) real_path: PathBuf,
    /// The size of the file in bytes.
    pub(super) bytes: u64,
    /// The number of names (hard links) that the file has.
    pub(super) link_count: u64,
}

/// A folder from which a release of OpenClaw lets a config include files (docs/openclaw.md#include-boundary).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IncludeRoot {
    /// The path of the folder, without `.` and `..`.
    path: PathBuf,
    /// The path of the folder with its links followed.
    real_path: PathBuf,
}

impl From<Value> for EffectiveConfig {
    /// Returns a config without included files.
    fn from(value: Value) -> Self {
        Self {
            value,
            folder: None,
            files: Vec::new(),
        }
    }
}

impl EffectiveConfig {
    /// Returns whether the config includes other files.
    pub(crate) fn includes_files(&self) -> bool {
        !self.files.is_empty()
    }
}

impl IncludedFile {
    /// Looks at a file that is included at a key of a config.
    pub(super) fn inspect(key: KeyPath, path: &Path) -> Self {
        let metadata = std::fs::metadata(path).ok();
        Self {
            key,
            path: path.to_owned(),
            real_path: read::canonicalize_existing(path),
            bytes: metadata.as_ref().map_or(0, std::fs::Metadata::len),
            link_count: metadata.as_ref().map_or(1, read::link_count),
        }
    }
}

impl IncludeRoot {
    /// Returns the folder at a path, from which files may be included. It need not exist.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            real_path: read::canonicalize_existing(&path),
            path,
        }
    }

    /// Returns whether the folder holds a file that is included, by the file's path alone.
    pub(super) fn names(&self, file: &IncludedFile) -> bool {
        file.path.starts_with(&self.path)
    }

    /// Returns whether the folder holds a file that is included, links followed.
    pub(super) fn holds(&self, file: &IncludedFile) -> bool {
        file.real_path.starts_with(&self.real_path)
    }
}
