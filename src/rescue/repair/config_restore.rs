//! Replaces a config that no gateway starts from by an earlier one, and gives it back.
//!
//! The config is never missing on the way: it is copied beside itself and then replaced, in one transaction, so
//! that a gateway that starts meanwhile finds the old config or the new one.

use std::path::{Path, PathBuf};

use crate::apply::{self, HostLock};
use crate::config::{self, LoadedConfig};
use crate::error::{Error, Result};
use crate::host::{Host, read};
use crate::i18n::msg;
use crate::instance::InstanceContext;
use crate::plan::{self, Change, Content, FileWrite, Plan};
use crate::rescue::BROKEN_SUFFIX;
use crate::secret::{SecretOrigin, TextPiece};
use crate::{registry, survey};

/// Suffix of the file that keeps an earlier config, which a gateway's repair put in place in vain.
const RESTORED_SUFFIX: &str = "restored";

/// A config that a gateway's repair replaced, and what is needed to put it back.
#[derive(Debug)]
pub(super) struct ReplacedConfig {
    before: ConfigBefore,
    /// The file in which the replaced config is kept; `None` where there had been none.
    pub(super) kept: Option<PathBuf>,
}

/// The state of a config before a gateway's repair replaced it.
#[derive(Debug)]
enum ConfigBefore {
    /// A text, of which a copy is kept.
    Text(String),
    /// Something that is no text, which was moved aside; or nothing.
    Moved,
}

/// Replaces a gateway's config by an earlier one, and keeps the present one beside it. Returns `None` where the
/// earlier config is in place already: a repair that was cut short is complete then, and there is nothing to give
/// back.
pub(super) fn restore_config(target: InstanceContext<'_>, from: &Path) -> Result<Option<ReplacedConfig>> {
    let lock = lock_host(target)?;
    let document = match config::load(from) {
        LoadedConfig::Ok(document) => document,
        LoadedConfig::Missing => return Err(Error::failed(msg!("rescue.no-config", path = from.display()))),
        LoadedConfig::Broken(error) => return Err(config::broken_error(from, &error)),
    };
    let config = &target.instance.config_path;
    let beside = plan::stamped_sibling(config, BROKEN_SUFFIX, &time_stamp(target.host));
    let present = read::bytes(config).ok().map(String::from_utf8);
    if let Some(Ok(text)) = present {
        if text == document.text() {
            return Ok(None);
        }
        let mut changes = Vec::new();
        let kept = find_copy(config, text.as_bytes()).unwrap_or_else(|| {
            changes.push(write_config(&beside, &text, None));
            beside
        });
        changes.push(write_config(config, document.text(), Some(&text)));
        apply_changes(target, &lock, changes)?;
        return Ok(Some(ReplacedConfig {
            before: ConfigBefore::Text(text),
            kept: Some(kept),
        }));
    }
    let kept = std::fs::symlink_metadata(config).is_ok().then_some(beside);
    let moved = kept.clone().map(|to| Change::Rename {
        path: config.clone(),
        to,
    });
    let mut changes: Vec<_> = moved.into_iter().collect();
    changes.push(write_config(config, document.text(), None));
    apply_changes(target, &lock, changes)?;
    Ok(Some(ReplacedConfig {
        before: ConfigBefore::Moved,
        kept,
    }))
}

/// Puts back the config that a gateway's repair replaced.
pub(super) fn give_back_config(target: InstanceContext<'_>, replaced: ReplacedConfig) -> Result<()> {
    let lock = lock_host(target)?;
    let config = &target.instance.config_path;
    let changes = match replaced.before {
        ConfigBefore::Text(text) => {
            let restored = read::text(config).ok();
            vec![write_config(config, &text, restored.as_deref())]
        }
        ConfigBefore::Moved => {
            let mut changes = vec![Change::Rename {
                path: config.clone(),
                to: plan::stamped_sibling(config, RESTORED_SUFFIX, &time_stamp(target.host)),
            }];
            changes.extend(replaced.kept.map(|path| Change::Rename {
                path,
                to: config.clone(),
            }));
            changes
        }
    };
    apply_changes(target, &lock, changes)
}

/// Acquires the host-wide lock for writing, before a gateway's repair replaces a config. What an earlier run left
/// unfinished is completed before anything is read, because it may change the config.
fn lock_host(target: InstanceContext<'_>) -> Result<HostLock> {
    let state_home = registry::state_home(target.host, target.env);
    let lock = HostLock::acquire(&state_home, HostLock::WAIT_TIMEOUT)?;
    apply::recover(&lock)?;
    Ok(lock)
}

fn apply_changes(target: InstanceContext<'_>, lock: &HostLock, changes: Vec<Change>) -> Result<()> {
    let survey = survey::survey_host(target.host, target.env);
    let others = survey.paths_of_others(&target.instance.config_path);
    let plan = Plan {
        instance: None,
        changes,
        notices: Vec::new(),
    };
    apply::apply(lock, &plan, &others, &mut |_| {}).map(|_| ())
}

fn time_stamp(host: &Host) -> String {
    crate::time::file_stamp(&crate::time::format_millis(host.now()))
}

/// Returns the file change that writes a config during a gateway's repair. Its whole text is hidden from whoever
/// shows the plan, because the secrets of a broken config can't be located. The ring of backups is not turned: a
/// watcher that tries again and again would empty it.
fn write_config(path: &Path, text: &str, before: Option<&str>) -> Change {
    let content = Content::in_pieces(text, vec![TextPiece::Hidden(SecretOrigin::Kept)]);
    let before = before.map(|text| text.as_bytes().to_vec());
    Change::Write(FileWrite {
        backup: false,
        ..FileWrite::config(path.to_path_buf(), content, before)
    })
}

/// Returns the file in which an earlier repair of a gateway kept the same bytes of its config.
fn find_copy(config: &Path, bytes: &[u8]) -> Option<PathBuf> {
    let start = format!("{}.{BROKEN_SUFFIX}-", config.file_name()?.to_string_lossy());
    let entries = std::fs::read_dir(config.parent()?).ok()?.flatten();
    let mut copies = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&start))
        .map(|entry| entry.path())
        .filter(|path| read::bytes(path).is_ok_and(|kept| kept == bytes));
    copies.next()
}
