//! `openclaw gateway start --background`: starts the gateway without a service, as a process that runs until it is stopped or
//! the host restarts.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::service::{self, ServiceAction};
use crate::background;
use crate::boot;
use crate::cli::Context;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::probe;
use crate::record::Record;
use crate::rescue::{diagnose, evidence};
use crate::service::RunState;

/// The arguments of `openclaw gateway start`.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    #[arg(long)]
    pub(crate) background: bool,
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `openclaw gateway start`. A gateway that has a service is started by that, whatever was asked for.
pub(super) fn run(context: &Context<'_>, args: &StartArgs) -> Result<ExitCode> {
    let at = context.instance_context();
    let has_service =
        || crate::service::status(at).is_ok_and(|status| status.state != RunState::NotInstalled);
    if !args.background || has_service() {
        let command = format!("{} gateway start --background", context.instance.command());
        return service::run_action(context, ServiceAction::Start).map_err(|error| {
            if has_service() {
                error
            } else {
                error.hint(msg!("gateway.start-background", command = command))
            }
        });
    }
    let ui = &context.ui;
    if let Some(pid) = probe::find_gateway_process(at) {
        if ui.is_json() {
            ui.print_json(&json!({ "ok": true, "action": "start", "result": "already-running", "pid": pid }));
        } else {
            let profile = &context.instance.profile;
            ui.print_paragraph(&msg!("gateway.runs-already", profile = profile, pid = pid));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut document = start_in_background(context, true)?;
    if ui.is_json() {
        for (key, value) in [
            ("ok", Value::from(true)),
            ("action", "start".into()),
            ("result", "started".into()),
        ] {
            document[key] = value;
        }
        ui.print_json(&document);
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts the gateway as a process in the background, and waits until it answers where `waits`. Returns the JSON document of the
/// start.
///
/// # Errors
/// When it can't be started, or does not become well; the hints say why.
pub(in crate::cli) fn start_in_background(context: &Context<'_>, waits: bool) -> Result<Value> {
    let (at, profile) = (context.instance_context(), &context.instance.profile);
    let mut process = background::start_gateway(at, false)?;
    let pid = process.id();
    if !waits {
        return Ok(json!({ "pid": pid, "healthy": null }));
    }
    let probe = {
        let _waiting = context.ui.spinner(&msg!("onboard.starting", profile = profile));
        let timeout = Record::read(&context.instance.record_path())
            .unwrap_or_default()
            .engine
            .start_timeout();
        let may_come_up = || process.try_wait().is_ok_and(|exit| exit.is_none());
        probe::wait_until_healthy_while(at, timeout, may_come_up)
    };
    if !probe.is_healthy() {
        return Err(failure(context));
    }
    boot::save_last_good_of_node_engine(at);
    if !context.ui.is_json() {
        let msg = msg!("onboard.runs-in-background", profile = profile, pid = pid);
        context.ui.print_success(&msg);
    }
    Ok(json!({ "pid": pid, "healthy": true }))
}

/// Returns the error for a gateway that was started and does not answer, with the causes that a diagnosis finds.
fn failure(context: &Context<'_>) -> Error {
    let command = context.instance.command();
    let causes = diagnose::diagnose(&evidence::collect(context.instance_context()));
    let error = Error::unhealthy(msg!("onboard.not-started", profile = context.instance.profile));
    let error = causes.iter().fold(error, |error, cause| error.hint(cause.msg()));
    error.hint(msg!("onboard.next-logs", command = command))
}
