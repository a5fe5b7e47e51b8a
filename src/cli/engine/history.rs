//! `openclaw engine history`: the upgrades and rollbacks of an instance.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;

use super::lookup::store;
use crate::cli::Context;
use crate::i18n::{Msg, duration_msg, msg};
use crate::releases::{self, SwitchEntry, SwitchKind, SwitchOutcome};
use crate::time::{format_for_person, from_unix_millis};
use crate::ui::Table;

/// Runs `openclaw engine history`.
pub(super) fn run(context: &Context<'_>) -> ExitCode {
    let ui = &context.ui;
    let mut entries = releases::history(&store(context));
    entries.retain(|entry| entry.switch.config == context.instance.config_path);
    entries.reverse();
    if ui.is_json() {
        ui.print_json(&json!({ "ok": true, "switches": entries }));
        return ExitCode::SUCCESS;
    }
    if entries.is_empty() {
        ui.print_line(&msg!("engine.no-history", profile = context.instance.profile));
        return ExitCode::SUCCESS;
    }
    let headings = [
        msg!("engine.column-time"),
        msg!("engine.column-what"),
        msg!("engine.column-from"),
        msg!("engine.column-to"),
        msg!("engine.column-outcome"),
        msg!("engine.column-downtime"),
        msg!("engine.column-snapshot"),
    ];
    let mut table = Table::new(headings.iter().map(|heading| ui.render(heading)).collect());
    for entry in &entries {
        let downtime = entry.downtime.map(Duration::from_millis);
        table.add_row(vec![
            format_for_person(from_unix_millis(entry.switch.at)),
            ui.render(&kind_msg(entry.switch.kind)),
            entry.switch.from.name(),
            entry.switch.to.name(),
            ui.render(&outcome_msg(entry)),
            downtime.map_or_else(|| "-".to_owned(), |time| ui.render(&duration_msg(time))),
            entry.switch.before.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    ui.print(&table.render(ui.width()));
    ExitCode::SUCCESS
}

fn kind_msg(kind: SwitchKind) -> Msg {
    match kind {
        SwitchKind::Upgrade => msg!("engine.kind-upgrade"),
        SwitchKind::Rollback => msg!("engine.kind-rollback"),
    }
}

fn outcome_msg(entry: &SwitchEntry) -> Msg {
    match entry.outcome {
        SwitchOutcome::Done => msg!("engine.outcome-done"),
        SwitchOutcome::Undone => msg!("engine.outcome-undone"),
        SwitchOutcome::CutShort => msg!("engine.outcome-cut-short"),
    }
}
