//! An earlier config takes the place of one that no gateway starts from, and gives it back.
//!
//! The config is never missing on the way: it is copied beside itself and then replaced, in one
//! transaction, so that a gateway that starts meanwhile finds the old one or the new one.

use std::path::{Path, PathBuf};

use super::Crew;
use crate::apply::{self, HostLock};
use crate::config::{self, LoadedConfig};
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::msg;
use crate::plan::{self, Change, Content, FileWrite, Plan};
use crate::secret::{SecretOrigin, TextPiece};
use crate::{registry, survey};

/// What a config is kept as that was replaced.
const BROKEN: &str = "broken";
/// What a config is kept as that was put in place in vain.
const RESTORED: &str = "restored";

/// What is needed to give the config back.
#[derive(Debug)]
pub enum Undo {
    /// This text stood there; the present one is the restored one.
    Text(String),
    /// It was moved here, since it is no text; nothing where there had been none.
    Moved(Option<PathBuf>),
}

impl Crew<'_> {
    /// Puts an earlier config in place; the one that stands there is kept beside it. Nothing is to be taken
    /// back where it stands there already: a repair that was cut short has come to its end.
    pub(super) fn restore(&mut self, from: &Path) -> Result<Option<Undo>> {
        let lock = self.lock()?;
        let document = match config::load(from) {
            LoadedConfig::Ok(document) => document,
            LoadedConfig::Missing => {
                return Err(Error::failed(msg!("rescue.no-config", path = from.display())));
            }
            LoadedConfig::Broken(fault) => return Err(fault.blocked(from)),
        };
        let config = &self.target.config_path;
        let beside = plan::stamped_sibling(config, BROKEN, &self.stamp());
        let standing = read::bytes(config).ok().map(String::from_utf8);
        if let Some(Ok(text)) = standing {
            if text == document.text() {
                return Ok(None);
            }
            let mut changes = Vec::new();
            let kept = kept_already(config, text.as_bytes()).unwrap_or_else(|| {
                changes.push(write(&beside, &text, None));
                beside
            });
            changes.push(write(config, document.text(), Some(&text)));
            self.apply(&lock, changes)?;
            self.kept = Some(kept);
            return Ok(Some(Undo::Text(text)));
        }
        let aside = std::fs::symlink_metadata(config).is_ok().then_some(beside);
        let moved = aside.clone().map(|to| Change::Rename {
            path: config.clone(),
            to,
        });
        let mut changes: Vec<_> = moved.into_iter().collect();
        changes.push(write(config, document.text(), None));
        self.apply(&lock, changes)?;
        self.kept.clone_from(&aside);
        Ok(Some(Undo::Moved(aside)))
    }

    /// Gives the config back that was replaced.
    pub(super) fn undo(&mut self, undo: Undo) -> Result<()> {
        let lock = self.lock()?;
        let config = &self.target.config_path;
        let changes = match undo {
            Undo::Text(text) => {
                let restored = read::text(config).ok();
                vec![write(config, &text, restored.as_deref())]
            }
            Undo::Moved(aside) => {
                let back = aside.map(|path| Change::Rename {
                    path,
                    to: config.clone(),
                });
                let mut changes = vec![Change::Rename {
                    path: config.clone(),
                    to: plan::stamped_sibling(config, RESTORED, &self.stamp()),
                }];
                changes.extend(back);
                changes
            }
        };
        self.apply(&lock, changes)?;
        self.kept = None;
        Ok(())
    }

    /// The right to write. What an earlier run left unfinished is brought to its end before anything is
    /// read: it may change the config.
    fn lock(&self) -> Result<HostLock> {
        let lock = HostLock::acquire(&registry::state_home(self.host, self.env), HostLock::WAIT_TIMEOUT)?;
        apply::recover(&lock)?;
        Ok(lock)
    }

    fn apply(&self, lock: &HostLock, changes: Vec<Change>) -> Result<()> {
        let survey = survey::take(self.host, self.env);
        let others = survey.paths_of_others(&self.target.config_path);
        let plan = Plan {
            instance: None,
            changes,
            notices: Vec::new(),
        };
        apply::apply(lock, &plan, &others, &mut |_| {}).map(|_| ())
    }

    fn stamp(&self) -> String {
        plan::folder_stamp(&humantime::format_rfc3339_millis(self.host.now()).to_string())
    }
}

/// Writes a config's text, hidden from whoever shows the plan: where its secrets are is not known of a
/// broken one. The ring of backups is not turned: a watcher that tries again and again would empty it.
fn write(path: &Path, text: &str, before: Option<&str>) -> Change {
    let content = Content::in_pieces(text, vec![TextPiece::Hidden(SecretOrigin::Kept)]);
    let before = before.map(|text| text.as_bytes().to_vec());
    Change::Write(FileWrite {
        backup: false,
        ..FileWrite::config(path.to_path_buf(), content, before)
    })
}

/// Where an earlier repair kept the very same bytes.
fn kept_already(config: &Path, bytes: &[u8]) -> Option<PathBuf> {
    let start = format!("{}.{BROKEN}-", config.file_name()?.to_string_lossy());
    let entries = std::fs::read_dir(config.parent()?).ok()?.flatten();
    let mut same = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&start))
        .map(|entry| entry.path())
        .filter(|path| read::bytes(path).is_ok_and(|kept| kept == bytes));
    same.next()
}
