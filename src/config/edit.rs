//! The change of one value of a config, and the file in which it is to be made.
//!
//! A section of a config may stand in a file of its own, by `$include`. Where a section is one included file and nothing
//! else, that file is edited, as OpenClaw 2026.9.6 does it (docs/openclaw.md#include-edits). Everywhere else the edit is
//! made in the config itself; [`EditTarget::effective`] shows whether the wanted value is then in force.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::document::{self, ConfigDocument, DigitKeys, EditError};
use super::effective::EffectiveConfig;
use super::error::ConfigError;
use super::include::{self, INCLUDE_KEY};
use super::key_path::{KeyPath, PathSegment};
use super::load::{LoadedConfig, load};
use crate::error::Error;
use crate::i18n::msg;

/// The change of the value at one key path of a config.
#[derive(Clone, Debug)]
pub(crate) enum EditOperation {
    /// The value is replaced, or created where it is missing.
    Replace(Value),
    /// An object is merged into the object that is there; any other value is replaced.
    Merge(Value),
    /// The value is removed.
    Remove,
}

impl EditOperation {
    /// Makes the change at a key path below the value `root` of a config.
    pub(crate) fn apply(&self, root: &mut Value, path: &KeyPath, digits: DigitKeys) -> Result<(), EditError> {
        match self {
            Self::Replace(value) => {
                *document::find_or_create(root, path, digits)? = value.clone();
            }
            Self::Merge(value) => {
                document::merge(document::find_or_create(root, path, digits)?, value.clone());
            }
            Self::Remove => document::remove(root, path),
        }
        Ok(())
    }

    /// Returns whether the change is about an `$include` of a config itself, so that the value to come into force is
    /// not the value that is written.
    pub(crate) fn concerns_include(&self, path: &KeyPath) -> bool {
        let names_include =
            |segment: &PathSegment| matches!(segment, PathSegment::Key(key) if key == INCLUDE_KEY);
        path.segments().iter().any(names_include)
            || match self {
                Self::Replace(value) | Self::Merge(value) => include::has_include(value),
                Self::Remove => false,
            }
    }
}

/// The file in which the value at a key path of a config is to be edited.
#[derive(Clone, Debug)]
pub(crate) struct EditTarget {
    /// The path of the file: the config's own, or that of an included file.
    pub(crate) file: PathBuf,
    /// The content of the file.
    pub(crate) document: ConfigDocument,
    /// The path of the value from the root of the file.
    pub(crate) path: KeyPath,
}

impl EditTarget {
    /// Returns the file in which to change the value at a key path of the config `main` at `config`.
    ///
    /// # Errors
    /// When a file that is a whole section of the config is missing or broken.
    pub(crate) fn find(
        config: &Path,
        main: &ConfigDocument,
        path: &KeyPath,
        operation: &EditOperation,
    ) -> Result<Self, ConfigError> {
        let mut target = Self {
            file: config.to_owned(),
            document: main.clone(),
            path: path.clone(),
        };
        // Files that include each other in a circle end here; reading the config reports them.
        for _ in 0..include::MAX_DEPTH {
            let Some((file, rest)) = target.whole_section(config, operation) else {
                break;
            };
            let document = match load(&file) {
                LoadedConfig::Ok(document) => document,
                LoadedConfig::Missing => return Err(include::missing_file(&file)),
                LoadedConfig::Broken(error) => return Err(include::broken_file(&file, error)),
            };
            target = Self {
                file,
                document,
                path: rest,
            };
        }
        Ok(target)
    }

    /// Returns the file that is a whole section of this one on the way to the value, and the value's path in it.
    /// The root of the config itself is no section, as in OpenClaw.
    fn whole_section(&self, config: &Path, operation: &EditOperation) -> Option<(PathBuf, KeyPath)> {
        let first = usize::from(self.file == config);
        let count = self.path.segments().len();
        // What is removed may be the section itself, together with its `$include`.
        let last = match operation {
            EditOperation::Remove => count.checked_sub(1)?,
            EditOperation::Replace(_) | EditOperation::Merge(_) => count,
        };
        (first..=last).find_map(|at| {
            let section = self.document.get(&self.path.prefix(at))?.as_object()?;
            let rest = self.path.suffix(at);
            let is_include_itself =
                rest.segments().first() == Some(&PathSegment::Key(INCLUDE_KEY.to_owned()));
            let file = section.get(INCLUDE_KEY)?.as_str()?;
            (section.len() == 1 && !is_include_itself)
                .then(|| (include::resolve_path(&self.file, file), rest))
        })
    }

    /// Makes the change in the content of the file. Returns whether anything changed.
    ///
    /// # Errors
    /// When another kind of value is on the way, or the text can't be edited.
    pub(crate) fn apply(&mut self, operation: &EditOperation, digits: DigitKeys) -> Result<bool, EditError> {
        let Self { document, path, .. } = self;
        document.edit(|root| operation.apply(root, path, digits))
    }

    /// Returns the config `main` at `config` as OpenClaw reads it with the present content of this file.
    ///
    /// # Errors
    /// As for [`super::effective()`].
    pub(crate) fn effective(
        &self,
        config: &Path,
        main: &ConfigDocument,
    ) -> Result<EffectiveConfig, ConfigError> {
        if self.file == config {
            super::effective(config, &self.document)
        } else {
            include::effective_with(config, main, &self.file, self.document.value())
        }
    }
}

/// A change of one value of a config: the file before and after it, and what the whole config says then.
#[derive(Clone, Debug)]
pub(crate) struct PlannedEdit {
    pub(crate) before: EditTarget,
    pub(crate) after: EditTarget,
    /// The whole config before the change.
    pub(crate) config_before: EffectiveConfig,
    /// The whole config after the change.
    pub(crate) config_after: EffectiveConfig,
}

impl PlannedEdit {
    /// Makes a change of the value at a key path of the config `main` at `config` on copies.
    ///
    /// # Errors
    /// Where the value can't be edited, or would not be in force after the edit.
    pub(crate) fn new(
        config: &Path,
        main: &ConfigDocument,
        path: &KeyPath,
        operation: &EditOperation,
        digits: DigitKeys,
    ) -> Result<Self, Error> {
        let before =
            EditTarget::find(config, main, path, operation).map_err(|e| super::broken_error(config, &e))?;
        let mut after = before.clone();
        after.apply(operation, digits)?;
        // A broken include elsewhere does not block a change, which may be the one that repairs it.
        let config_before = super::effective(config, main).ok();
        let config_after = after.effective(config, main).ok();
        if let (Some(before), Some(after)) = (&config_before, &config_after)
            && !operation.concerns_include(path)
        {
            let mut wanted = before.value.clone();
            operation.apply(&mut wanted, path, digits)?;
            if after.value != wanted {
                return Err(not_in_force(config, main, path));
            }
        }
        let own = |document: &ConfigDocument| document.value().clone().into();
        let changed = if after.file == config {
            &after.document
        } else {
            main
        };
        Ok(Self {
            config_before: config_before.unwrap_or_else(|| own(main)),
            config_after: config_after.unwrap_or_else(|| own(changed)),
            before,
            after,
        })
    }
}

/// Returns the error of a change after which a config would not have the wanted value, because included files set it
/// too.
fn not_in_force(config: &Path, main: &ConfigDocument, path: &KeyPath) -> Error {
    let files = include::files_with_value(config, main, path);
    let mut included = files.into_iter().filter(|file| file != config);
    let Some(file) = included.next() else {
        return Error::blocked(msg!("config.not-in-force", path = path));
    };
    Error::blocked(msg!("config.from-include", path = path, file = file.display()))
        .hint(msg!("config.hint-edit", path = file.display()))
}
