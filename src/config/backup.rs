//! The five backups beside a config: `openclaw.json.bak`, `.bak.1` .. `.bak.4` (docs/openclaw.md#config-backups).
//!
//! `.bak` is the newest, each higher number is older. This module only reads; [`crate::apply`] rotates the backups when
//! it writes.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::document::ConfigDocument;
use super::error::ConfigError;
use super::load::{LoadedConfig, load};

/// Number of backups that are kept of a config.
pub(crate) const BACKUP_COUNT: usize = 5;

/// Returns the path at which a gateway keeps the config of its last healthy start, as 2026.9.6 names it
/// (docs/openclaw.md#last-good-config). It is none of the numbered backups.
pub(crate) fn last_good_path(config: &Path) -> PathBuf {
    let mut name = config.as_os_str().to_owned();
    name.push(".last-good");
    name.into()
}

/// A numbered backup of a config on the disk.
#[derive(Clone, Debug)]
pub(crate) struct ConfigBackup {
    /// The number of the backup: 1 is the newest, [`BACKUP_COUNT`] the oldest.
    pub number: usize,
    /// The path of the backup file.
    pub path: PathBuf,
    /// The time of the last change of the file, where the system tells it.
    pub modified: Option<SystemTime>,
    /// The size of the file, in bytes.
    pub bytes: u64,
}

/// Returns the path of a config's backup by its number: 1 is `.bak`, 2 is `.bak.1`, and so on.
pub(crate) fn backup_path(config: &Path, number: usize) -> PathBuf {
    let mut name = config.as_os_str().to_owned();
    name.push(".bak");
    if number > 1 {
        name.push(format!(".{}", number - 1));
    }
    PathBuf::from(name)
}

/// Returns the backups of a config that exist, newest first. Links are not followed.
pub(crate) fn list(config: &Path) -> Vec<ConfigBackup> {
    (1..=BACKUP_COUNT)
        .filter_map(|number| {
            let path = backup_path(config, number);
            let meta = std::fs::symlink_metadata(&path)
                .ok()
                .filter(std::fs::Metadata::is_file)?;
            Some(ConfigBackup {
                number,
                path,
                modified: meta.modified().ok(),
                bytes: meta.len(),
            })
        })
        .collect()
}

impl ConfigBackup {
    /// Reads the config that a numbered backup holds.
    ///
    /// # Errors
    /// When the file can't be read, or holds no config.
    pub(crate) fn read(&self) -> Result<ConfigDocument, ConfigError> {
        match load(&self.path) {
            LoadedConfig::Ok(document) => Ok(document),
            LoadedConfig::Broken(error) => Err(error),
            LoadedConfig::Missing => Err(crate::host::read::ReadError::Missing.into()),
        }
    }
}

/// Returns the config with which a broken one can be replaced: the newest backup that can be read and differs from
/// `current`, the bytes of the config now, with the number of the backup; else the last good config, without a number.
pub(crate) fn newest_valid(config: &Path, current: Option<&[u8]>) -> Option<(Option<usize>, ConfigDocument)> {
    let numbered = list(config).into_iter();
    let mut all = numbered
        .filter_map(|backup| Some((Some(backup.number), backup.read().ok()?)))
        .chain(match load(&last_good_path(config)) {
            LoadedConfig::Ok(document) => Some((None, document)),
            LoadedConfig::Missing | LoadedConfig::Broken(_) => None,
        });
    all.find(|(_, document)| current != Some(document.text().as_bytes()))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests make their own files")]
mod tests {
    use super::*;

    #[test]
    fn backups_have_the_names_that_openclaw_gives_them() {
        let names: Vec<_> = (1..=BACKUP_COUNT)
            .map(|n| backup_path(Path::new("/h/openclaw.json"), n))
            .collect();
        let expected =
            ["", ".1", ".2", ".3", ".4"].map(|end| PathBuf::from(format!("/h/openclaw.json.bak{end}")));
        assert_eq!(names, expected);
    }

    #[test]
    fn newest_usable_backup_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("openclaw.json");
        let write = |number, text: &str| std::fs::write(backup_path(&config, number), text).unwrap();
        assert!(newest_valid(&config, None).is_none());

        write(1, "{ broken");
        write(2, "{ same: 1 }");
        write(4, "{ good: 1 }");
        write(5, "{ older: 1 }");
        std::fs::create_dir(backup_path(&config, 3)).unwrap();
        assert_eq!(
            list(&config).iter().map(|b| b.number).collect::<Vec<_>>(),
            [1, 2, 4, 5]
        );

        let newest = |current| newest_valid(&config, current).map(|(number, _)| number);
        assert_eq!(newest(None), Some(Some(2)));
        assert_eq!(newest(Some(b"{ same: 1 }".as_slice())), Some(Some(4)));
        assert!(list(&config)[0].read().is_err());

        for number in [2, 4, 5] {
            write(number, "{ broken");
        }
        assert_eq!(newest(None), None);
        std::fs::write(last_good_path(&config), "{ good: 1 }").unwrap();
        assert_eq!(newest(None), Some(None));
    }
}
