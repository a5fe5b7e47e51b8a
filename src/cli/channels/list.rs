//! `openclaw channels list`: the accounts in the config. No secret is shown.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::lookup;
use crate::bot::report;
use crate::cli::Context;
use crate::error::Result;
use crate::i18n::{Msg, msg};
use crate::probe::channels::AccountReport;
use crate::text::sanitize;
use crate::ui::Table;

/// Runs `openclaw channels list`.
pub(super) fn run(context: &Context<'_>) -> Result<ExitCode> {
    let config = lookup::load_config(context)?;
    let reports = report::describe(context.instance_context(), &config, lookup::engine(context)?);
    let ui = &context.ui;
    if ui.is_json() {
        let accounts: Vec<_> = reports.iter().map(document).collect();
        ui.print_json(&json!({"ok": true, "accounts": accounts}));
    } else if reports.is_empty() {
        ui.print_line(&msg!("channels.none", command = context.instance.command()));
    } else {
        print_table(context, &reports);
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the JSON form of an account as the config has it.
fn document(report: &AccountReport) -> Value {
    json!({
        "channel": report.channel,
        "label": report.label,
        "accountId": report.account_id,
        "enabled": report.enabled,
        "configured": report.configured,
        "supported": report.supported,
        "tokenSource": report.token_source,
        "dmPolicy": report.dm_policy,
        "owners": report.owners,
    })
}

fn print_table(context: &Context<'_>, reports: &[AccountReport]) {
    let ui = &context.ui;
    let headings = [
        msg!("channels.channel"),
        msg!("channels.account-id"),
        msg!("channels.state"),
        msg!("channels.token"),
        msg!("channels.policy"),
        msg!("channels.owners"),
    ];
    let mut table = Table::new(headings.iter().map(|heading| ui.render(heading)).collect());
    let shown = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), sanitize);
    for report in reports {
        table.add_row(vec![
            sanitize(&report.channel),
            sanitize(&report.account_id),
            ui.render(&state_msg(report)),
            shown(&report.token_source),
            shown(&report.dm_policy),
            report
                .owners
                .map_or_else(|| "-".to_owned(), |count| count.to_string()),
        ]);
    }
    ui.print(&table.render(ui.width()));
}

/// Returns the word about whether an account is to work.
fn state_msg(report: &AccountReport) -> Msg {
    if report.supported == Some(false) {
        msg!("channels.not-in-engine")
    } else if !report.enabled {
        msg!("channels.off")
    } else if !report.configured {
        msg!("channels.no-token")
    } else {
        msg!("channels.on")
    }
}
