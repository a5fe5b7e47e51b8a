//! `openclaw config restore`: lists the backups of the config, and puts one in its place.
//!
//! `restore` is the only subcommand that works on a config that can't be read. The replaced file is kept: as the newest backup, or
//! beside the config where no backup could hold it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::change::{apply_changes, refuse_taken_ports};
use crate::apply;
use crate::cli::Context;
use crate::config::backup::{self, ConfigBackup};
use crate::config::document::ConfigDocument;
use crate::config::error::ConfigError;
use crate::config::{effective_or_own, parse_bytes};
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::{Msg, msg, size_msg};
use crate::plan::{self, Change};
use crate::ui::Table;

/// The state of a backup of a config: whether it is the same as the current config, or the reason why it can't be used.
type BackupState = Result<bool, ConfigError>;

/// Runs `openclaw config restore --list`.
pub(super) fn list_backups(context: &Context<'_>) -> ExitCode {
    let path = &context.instance.config_path;
    let current = read::bytes(path).ok();
    let rows: Vec<_> = backup::list(path)
        .into_iter()
        .map(|backup| {
            let read = backup.read();
            let state = read.map(|document| current.as_deref() == Some(document.text().as_bytes()));
            (backup, state)
        })
        .collect();
    let time = |backup: &ConfigBackup| backup.modified.map(crate::time::format_seconds);
    if context.ui.is_json() {
        let list: Vec<_> = rows
            .iter()
            .map(|(backup, state)| {
                let health = backup_health_msg(backup, state);
                json!({
                    "number": backup.number,
                    "path": backup.path,
                    "modified": time(backup),
                    "bytes": backup.bytes,
                    "code": health.key(),
                    "message": context.ui.render(&health),
                })
            })
            .collect();
        context
            .ui
            .print_json(&json!({ "ok": true, "config": path, "backups": list }));
    } else if rows.is_empty() {
        context.ui.print_line(&msg!("config.no-backups"));
    } else {
        print_backups(context, &rows);
    }
    ExitCode::SUCCESS
}

/// Prints the backups of a config as a table.
fn print_backups(context: &Context<'_>, rows: &[(ConfigBackup, BackupState)]) {
    let ui = &context.ui;
    let headings = [
        msg!("config.backup-number"),
        msg!("config.backup-saved"),
        msg!("config.backup-size"),
        msg!("config.backup-state"),
        msg!("config.backup-file"),
    ];
    let mut table = Table::new(headings.iter().map(|heading| ui.render(heading)).collect());
    for (backup, state) in rows {
        let saved = backup.modified.map(crate::time::format_for_person);
        table.add_row(vec![
            backup.number.to_string(),
            saved.unwrap_or_else(|| ui.render(&msg!("config.backup-when"))),
            ui.render(&size_msg(backup.bytes)),
            ui.render(&match state {
                Ok(is_current) => usable_msg(*is_current),
                Err(fault) => fault.brief_msg(),
            }),
            file_name(&backup.path),
        ]);
    }
    ui.print(&table.render(ui.width()));
}

/// Returns the name of a backup's file, which lies beside the config.
fn file_name(backup: &Path) -> String {
    let name = backup.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Returns the sentence about whether a backup of a config can be restored.
fn backup_health_msg(backup: &ConfigBackup, state: &BackupState) -> Msg {
    match state {
        Ok(is_current) => usable_msg(*is_current),
        Err(fault) => broken_backup_msg(backup, fault),
    }
}

/// Returns the words for a backup of a config that can be restored.
fn usable_msg(is_current: bool) -> Msg {
    if is_current {
        msg!("config.backup-current")
    } else {
        msg!("config.backup-fine")
    }
}

/// Returns the sentence about a backup of a config that can't be restored.
fn broken_backup_msg(backup: &ConfigBackup, fault: &ConfigError) -> Msg {
    Msg::new("config.backup-broken")
        .with("number", backup.number)
        .with("place", fault.location(&backup.path))
        .with_msg("why", fault.why.clone())
}

/// The result of the restoration of a config.
pub(crate) struct RestoredConfig {
    /// The number of the backup; `None` for the last working config.
    number: Option<usize>,
    /// `true` if the config differed from the backup.
    is_changed: bool,
    /// The path at which the replaced file is kept.
    kept: Option<PathBuf>,
}

impl RestoredConfig {
    /// Returns the sentences about a config at a path that was restored.
    pub(crate) fn messages(&self, path: &Path) -> Vec<Msg> {
        let outcome = match self.number {
            None => msg!("config.restored-last-good", path = path.display()),
            Some(number) if self.is_changed => {
                msg!("config.restored", number = number, path = path.display())
            }
            Some(number) => msg!("config.restored-same", number = number),
        };
        let kept = self.kept.as_ref();
        let kept = kept.map(|kept| msg!("config.kept-before", path = kept.display()));
        std::iter::once(outcome).chain(kept).collect()
    }
}

/// Replaces the config of the chosen instance by its backup of this number, or by the newest one that can be used.
pub(crate) fn restore_backup(context: &Context<'_>, number: Option<usize>) -> Result<RestoredConfig> {
    let lock = context.lock()?;
    let path = &context.instance.config_path;
    let current = read::bytes(path);
    let (number, document) = choose_backup(context, number, current.as_deref().ok())?;
    let is_changed = current.as_deref().ok() != Some(document.text().as_bytes());
    let mut kept = None;
    if is_changed {
        let survey = context.survey();
        let before = current
            .as_ref()
            .ok()
            .and_then(|bytes| parse_bytes(bytes.clone()).ok());
        let before = before.unwrap_or_else(ConfigDocument::empty);
        let [before, after] = [&before, &document].map(|document| effective_or_own(path, document).value);
        refuse_taken_ports(context, &survey, &before, &after)?;
        let (changes, kept_path) = replacement(path, &document, current);
        apply_changes(context, &lock, &survey, changes)?;
        kept = kept_path;
    }
    Ok(RestoredConfig {
        number,
        is_changed,
        kept,
    })
}

/// Runs `openclaw config restore`, with the config backup of this number or the newest one that can be used.
pub(super) fn restore(context: &Context<'_>, number: Option<usize>) -> Result<ExitCode> {
    let path = &context.instance.config_path;
    let restored = restore_backup(context, number)?;
    if context.ui.is_json() {
        context.ui.print_json(&json!({
            "ok": true,
            "config": path,
            "changed": restored.is_changed,
            // The last good config has no number.
            "from": restored.number,
            "kept": restored.kept,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let messages = restored.messages(path);
    let mut messages = messages.iter();
    messages.next().inspect(|outcome| context.ui.print_line(outcome));
    messages.for_each(|kept| context.ui.print_note(kept));
    Ok(ExitCode::SUCCESS)
}

/// Returns the config to restore, and the number of its backup; the last good config has no number. Without a wanted
/// number it is the newest usable backup that differs from the current bytes.
fn choose_backup(
    context: &Context<'_>,
    number: Option<usize>,
    current: Option<&[u8]>,
) -> Result<(Option<usize>, ConfigDocument)> {
    let path = &context.instance.config_path;
    let Some(number) = number else {
        return backup::newest_valid(path, current)
            .ok_or_else(|| Error::blocked(msg!("config.no-backup", path = path.display())));
    };
    let backup = backup::list(path)
        .into_iter()
        .find(|backup| backup.number == number);
    let backup = backup.ok_or_else(|| {
        Error::failed(msg!(
            "config.no-backup-number",
            number = number,
            path = path.display()
        ))
        .hint(msg!("config.hint-list", command = context.instance.command()))
    })?;
    match backup.read() {
        Ok(document) => Ok((Some(number), document)),
        Err(fault) => Err(Error::blocked(broken_backup_msg(&backup, &fault))),
    }
}

/// Returns the changes that replace the config by a restored backup, and the path at which the replaced file is kept.
fn replacement(
    config: &Path,
    document: &ConfigDocument,
    current: Result<Vec<u8>, read::ReadError>,
) -> (Vec<Change>, Option<PathBuf>) {
    match current {
        Ok(bytes) => {
            let write = plan::config_write(config, document, Some(bytes));
            (vec![write], Some(backup::backup_path(config, 1)))
        }
        Err(read::ReadError::Missing) => (vec![plan::config_write(config, document, None)], None),
        // A folder, or a file that is too large: no backup can hold it, so it is moved aside.
        Err(_) => {
            let to = free_name(config);
            let rename = Change::Rename {
                path: config.to_path_buf(),
                to: to.clone(),
            };
            (vec![rename, plan::config_write(config, document, None)], Some(to))
        }
    }
}

/// Returns a path beside the config at which no file exists yet: `openclaw.json.broken-1`, `openclaw.json.broken-2`
/// and so on.
fn free_name(config: &Path) -> PathBuf {
    apply::free_path(|number| {
        let mut name = config.as_os_str().to_owned();
        name.push(format!(".broken-{}", number + 1));
        name.into()
    })
}
