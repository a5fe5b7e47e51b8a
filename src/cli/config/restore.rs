//! Going back to a backup: what is there, and putting one in the config's place.
//!
//! The one verb that works on a config that can't be read. What stood there is kept: in the ring of
//! backups, or beside the config where it is nothing that a backup could hold.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::change::write;
use crate::apply;
use crate::cli::Context;
use crate::config::backup::{self, ConfigBackup};
use crate::config::error::ConfigError;
use crate::error::{Error, Result};
use crate::host::read;
use crate::i18n::{Msg, msg};
use crate::plan::{self, Change};

/// `config restore --list`
pub(super) fn list(context: &Context<'_>) -> ExitCode {
    let path = &context.instance.config_path;
    let current = read::bytes(path).ok();
    let rows: Vec<_> = backup::list(path)
        .into_iter()
        .map(|backup| {
            let health = health(&backup, current.as_deref());
            (backup, health)
        })
        .collect();
    let time = |backup: &ConfigBackup| {
        backup
            .modified
            .map(|time| humantime::format_rfc3339_seconds(time).to_string())
    };
    if context.ui.is_json() {
        let list: Vec<_> = rows
            .iter()
            .map(|(backup, health)| {
                json!({
                    "number": backup.number,
                    "path": backup.path,
                    "modified": time(backup),
                    "bytes": backup.bytes,
                    "code": health.key(),
                    "message": context.ui.render(health),
                })
            })
            .collect();
        context
            .ui
            .print_json(&json!({ "ok": true, "config": path, "backups": list }));
    } else if rows.is_empty() {
        context
            .ui
            .print_line(&msg!("config.no-backup", path = path.display()));
    } else {
        for (backup, health) in rows {
            let when = time(&backup).unwrap_or_else(|| context.ui.render(&msg!("config.backup-when")));
            let row = Msg::new("config.backup-row")
                .with("number", backup.number)
                .with("when", when)
                .with("bytes", backup.bytes)
                .with("path", backup.path.display())
                .with_msg("health", health);
            context.ui.print_line(&row);
        }
    }
    ExitCode::SUCCESS
}

/// Whether a backup can be used, in words.
fn health(backup: &ConfigBackup, current: Option<&[u8]>) -> Msg {
    match backup.read() {
        Ok(document) if current == Some(document.text().as_bytes()) => msg!("config.backup-current"),
        Ok(_) => msg!("config.backup-fine"),
        Err(fault) => unusable(backup, &fault),
    }
}

fn unusable(backup: &ConfigBackup, fault: &ConfigError) -> Msg {
    Msg::new("config.backup-broken")
        .with("number", backup.number)
        .with("place", fault.location(&backup.path))
        .with_msg("why", fault.why.clone())
}

/// `config restore`
pub(super) fn restore(context: &Context<'_>, number: Option<usize>) -> Result<ExitCode> {
    let lock = context.lock()?;
    let path = &context.instance.config_path;
    let current = read::bytes(path);
    let now = current.as_deref().ok();
    let (from, document) = match number {
        None => backup::newest_valid(path, now)
            .ok_or_else(|| Error::blocked(msg!("config.no-backup", path = path.display())))?,
        Some(number) => {
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
                Ok(document) => (Some(number), document),
                Err(fault) => return Err(Error::blocked(unusable(&backup, &fault))),
            }
        }
    };
    let changed = now != Some(document.text().as_bytes());
    let mut kept = None;
    if changed {
        let mut steps = Vec::new();
        let before = match current {
            Ok(bytes) => {
                kept = Some(backup::backup_path(path, 1));
                Some(bytes)
            }
            Err(read::ReadError::Missing) => None,
            // Too large, a folder, no text: no backup can hold it, but it is not lost either.
            Err(_) => {
                let to = free_name(path);
                steps.push(Change::Rename {
                    path: path.clone(),
                    to: to.clone(),
                });
                kept = Some(to);
                None
            }
        };
        steps.push(plan::config_write(path, &document, before));
        write(context, &lock, &context.survey(), steps)?;
    }
    if context.ui.is_json() {
        context.ui.print_json(&json!({
            "ok": true,
            "config": path,
            "changed": changed,
            // The last good config has no place in the ring.
            "from": from,
            "kept": kept,
        }));
    } else {
        let said = match from {
            None => msg!("config.restored-last-good", path = path.display()),
            Some(number) if changed => msg!("config.restored", number = number, path = path.display()),
            Some(number) => msg!("config.restored-same", number = number),
        };
        context.ui.print_line(&said);
        if let Some(kept) = kept {
            context
                .ui
                .print_note(&msg!("config.kept-before", path = kept.display()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A name beside the config that nothing has.
fn free_name(config: &Path) -> PathBuf {
    apply::free_path(|number| {
        let mut name = config.as_os_str().to_owned();
        name.push(format!(".broken-{}", number + 1));
        name.into()
    })
}
