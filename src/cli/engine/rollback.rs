//! `openclaw engine rollback`: undoes the last upgrade of an instance, with the config and the state of that time.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::lookup::store;
use super::steps::{recover, run_rollback};
use crate::cli::Context;
use crate::error::{Error, Result};
use crate::i18n::{duration_msg, msg};
use crate::releases::{Rollback, StoreLock, Switch, SwitchEntry};
use crate::time::{format_for_person, from_unix_millis};
use crate::wizard::terminal::Terminal;

/// Files of a state folder that were written since an upgrade.
struct WrittenSince {
    files: usize,
    newest: Option<SystemTime>,
}

/// Runs `openclaw engine rollback`.
pub(super) fn run(context: &Context<'_>, yes: bool) -> Result<ExitCode> {
    let (store, state_home) = (store(context), context.state_home());
    let lock = StoreLock::acquire(&store)?;
    let switch = Switch::new(context.instance_context(), &store, &state_home);
    recover(context, switch)?;
    let instance = &context.instance;
    let rollback = Rollback::find(context.instance_context(), &store, &state_home)?;
    let since = from_unix_millis(rollback.upgrade.switch.at);
    let written = written_since(&instance.state_dir, since);
    if !yes {
        ask(context, &rollback.upgrade, &written)?;
    }
    let entry = run_rollback(context, rollback, &lock, switch)?;
    drop(lock);
    print(context, &entry, &written);
    Ok(ExitCode::SUCCESS)
}

/// Finds what was written in a state folder since a time. What was moved aside is left out.
fn written_since(state: &Path, since: SystemTime) -> WrittenSince {
    let mut open: Vec<PathBuf> = vec![state.to_path_buf()];
    let mut written = WrittenSince {
        files: 0,
        newest: None,
    };
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() {
                let is_aside = folder == state && entry.file_name() == "aside";
                open.extend((!is_aside).then(|| entry.path()));
            } else if let Ok(modified) = meta.modified()
                && modified > since
            {
                written.files += 1;
                written.newest = written.newest.max(Some(modified));
            }
        }
    }
    written
}

/// Says what a rollback would lose, and asks.
fn ask(context: &Context<'_>, last: &SwitchEntry, written: &WrittenSince) -> Result<()> {
    let terminal = context.host.terminal();
    if !terminal.can_ask() || context.ui.is_json() {
        return Err(Error::usage(msg!(
            "engine.rollback-unasked",
            command = context.instance.command()
        )));
    }
    let newest = written.newest.map_or_else(|| "-".to_owned(), format_for_person);
    context.ui.print_note(&msg!(
        "engine.rollback-loses",
        time = format_for_person(from_unix_millis(last.switch.at)),
        files = written.files,
        newest = newest
    ));
    let ask = msg!(
        "engine.rollback-ask",
        profile = context.instance.profile,
        engine = last.switch.from.name()
    );
    if Terminal::new(context.ui).confirm(&ask, Some(false))? {
        Ok(())
    } else {
        Err(Error::failed(msg!("engine.left")))
    }
}

fn print(context: &Context<'_>, entry: &SwitchEntry, written: &WrittenSince) {
    let ui = &context.ui;
    if ui.is_json() {
        let mut document = json!(entry);
        document["ok"] = true.into();
        document["filesWrittenSince"] = written.files.into();
        ui.print_json(&document);
        return;
    }
    let (profile, engine) = (&context.instance.profile, entry.switch.to.name());
    match entry.downtime.map(Duration::from_millis) {
        Some(time) => ui.print_success(
            &msg!("engine.rolled-back", profile = profile, engine = engine)
                .with_msg("downtime", duration_msg(time)),
        ),
        None => ui.print_success(&msg!(
            "engine.rolled-back-stopped",
            profile = profile,
            engine = engine
        )),
    }
    if let Some(id) = &entry.switch.before {
        ui.print_note(&msg!(
            "snapshot.undo",
            command = context.instance.command(),
            id = id
        ));
    }
}
