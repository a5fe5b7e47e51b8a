//! `openclaw channels status`: how the accounts of a running gateway are; with `--probe` the servers of each channel are
//! asked too, whether the gateway runs or not.
//!
//! The exit code is 0 where every account that is switched on works, 1 where the gateway does not run, and 3 where an
//! account does not work.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::args::StatusArgs;
use super::lookup;
use crate::bot::direct::DirectAccount;
use crate::bot::{channels, report};
use crate::cli::Context;
use crate::cli::gateway::call::endpoint_of;
use crate::client;
use crate::error::{ErrorKind, Result};
use crate::i18n::msg;
use crate::probe;
use crate::probe::channels::{AccountReport, accounts_of_status};
use crate::text::sanitize;
use crate::ui::ReportOutcome;

/// Runs `openclaw channels status`.
pub(super) fn run(context: &Context<'_>, args: &StatusArgs) -> Result<ExitCode> {
    let deadline = Instant::now() + args.timeout;
    let (probed, auth) = probe::probe_for_client(context.instance_context(), args.timeout);
    let is_running = probed.is_running();
    let reports = if is_running {
        let endpoint = endpoint_of(context, probed, auth)?;
        let left = deadline.saturating_duration_since(Instant::now());
        let params = json!({"probe": args.probe, "timeoutMs": crate::time::millis(left)});
        accounts_of_status(&client::call(&endpoint, "channels.status", Some(&params), left)?)
    } else {
        describe(context, args.probe, deadline)?
    };
    let outcome = outcome(&reports, is_running);
    let ui = &context.ui;
    if ui.is_json() {
        let document =
            json!({"ok": outcome == ReportOutcome::Fine, "running": is_running, "accounts": reports});
        ui.print_report(outcome, document);
        return Ok(outcome.exit_code());
    }
    if !is_running {
        ui.print_line(&msg!(
            "channels.gateway-down",
            command = context.instance.command()
        ));
    } else if reports.is_empty() {
        ui.print_line(&msg!("channels.none", command = context.instance.command()));
    }
    for report in &reports {
        print_account(context, report, is_running);
    }
    Ok(outcome.exit_code())
}

/// Returns the accounts in the config of a gateway that does not run, with what the servers of the channels say where
/// they are to be asked.
fn describe(context: &Context<'_>, asks: bool, deadline: Instant) -> Result<Vec<AccountReport>> {
    let config = lookup::load_config(context)?;
    let mut reports = report::describe(context.instance_context(), &config, lookup::engine(context)?);
    for report in reports.iter_mut().filter(|report| asks && report.is_wanted()) {
        let Some(channel) = channels::by_name(&report.channel) else {
            continue;
        };
        let account = DirectAccount::find(context.instance_context(), &config, channel, &report.account_id)?;
        let left = deadline.saturating_duration_since(Instant::now());
        if let Some(account) = account {
            report.probe = account.probe(left.max(Duration::from_millis(1)), context.ui.lang());
        }
    }
    Ok(reports)
}

fn outcome(reports: &[AccountReport], is_running: bool) -> ReportOutcome {
    let is_faulty = |report: &AccountReport| {
        report.is_wanted() && (!report.is_connected() || report.probe["ok"] == Value::Bool(false))
    };
    if !is_running {
        ReportOutcome::Problem(ErrorKind::Failure, "channels.gateway-down")
    } else if reports.iter().any(is_faulty) {
        ReportOutcome::Problem(ErrorKind::Unhealthy, "channels.not-connected")
    } else {
        ReportOutcome::Fine
    }
}

/// Prints one account: its state in a line, and what is wrong below it.
fn print_account(context: &Context<'_>, report: &AccountReport, is_running: bool) {
    let ui = &context.ui;
    ui.print_line(&report.line_msg(is_running));
    if let Some(error) = &report.last_error {
        ui.print_detail(&msg!("channels.last-error", why = sanitize(error)));
    }
    match &report.probe["ok"] {
        Value::Bool(true) => {
            let name = report.probe["bot"]["username"].as_str().unwrap_or_default();
            let ms = report.probe["elapsedMs"].as_u64().unwrap_or_default();
            ui.print_detail(&msg!("channels.probe-ok", name = sanitize(name), ms = ms));
        }
        Value::Bool(false) => {
            let why = report.probe["error"].as_str().unwrap_or_default();
            ui.print_detail(&msg!("channels.probe-failed", why = sanitize(why)));
        }
        _ => {}
    }
}
