//! `openclaw gateway health`: prints the gateway's answer to the method `health`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::super::status::AskArgs;
use super::call;
use crate::cli::Context;
use crate::client;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::probe;

/// The arguments of `openclaw gateway health`.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    pub(crate) ask: AskArgs,
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    #[arg(long, value_name = "FILE", requires = "url")]
    pub(crate) token_file: Option<PathBuf>,
}

/// Runs `openclaw gateway health`.
pub(super) fn run(context: &Context<'_>, args: &HealthArgs) -> Result<ExitCode> {
    let (health, latency) = if let Some(url) = &args.url {
        let target = call::remote_endpoint(url, args.token_file.as_deref())?;
        let since = std::time::Instant::now();
        let health = client::call(&target, "health", None, args.ask.timeout)?;
        if health["ok"] == false {
            return Err(Error::unhealthy(msg!("client.unwell", url = url)));
        }
        (health, since.elapsed())
    } else {
        let probe = probe::probe_gateway(context.instance_context(), args.ask.timeout);
        if !probe.is_healthy() {
            return Err(probe.error(&context.instance));
        }
        (probe.health, probe.latency.unwrap_or_default())
    };
    print_health(context, &health, latency);
    Ok(ExitCode::SUCCESS)
}

/// Prints the gateway's answer to `gateway health`, or a sentence with the time that it took.
fn print_health(context: &Context<'_>, health: &Value, latency: std::time::Duration) {
    if context.ui.is_json() {
        context.ui.print_json(health);
    } else {
        context
            .ui
            .print_line(&msg!("status.well", ms = latency.as_millis()));
    }
}
