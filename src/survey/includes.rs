//! Files that a config includes and that are not its instance's alone.

use std::path::Path;

use super::Survey;
use crate::config::include;
use crate::config::key_path::KeyPath;
use crate::host::read;
use crate::i18n::{Msg, msg};

impl Survey {
    /// Returns the reason not to change the file in which the value at a key path of a config is set: other instances may
    /// read it too, since it lies outside of the config's folder, or one of them includes it. `None` for the config itself
    /// and for included files of its own.
    pub(crate) fn refuse_included_file(&self, config: &Path, path: &KeyPath, file: &Path) -> Option<Msg> {
        if file == config {
            return None;
        }
        let own = self.position(config);
        let others = self.instances.iter().enumerate();
        let mut others = others
            .filter(|(at, _)| Some(*at) != own)
            .map(|(_, other)| &other.config_path);
        let includes_file = |other: &&std::path::PathBuf| {
            let read = include::included_files(other);
            read.iter().any(|read| read == file)
        };
        if let Some(user) = others.find(includes_file) {
            let (file, config) = (file.display(), user.display());
            return Some(msg!(
                "config.include-shared",
                path = path,
                file = file,
                config = config
            ));
        }
        let folder = config.parent().and_then(|folder| read::canonicalize(folder).ok());
        let is_inside = match (&folder, read::canonicalize(file)) {
            (Some(folder), Ok(file)) => file.starts_with(folder),
            _ => false,
        };
        (!is_inside).then(|| msg!("config.include-outside", path = path, file = file.display()))
    }
}
