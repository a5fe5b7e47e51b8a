//! `openclaw rescue check`: looks whether the own gateway answers, for a timer of the service manager.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::bot::alerts::check::{self, CheckReport};
use crate::cli::Context;
use crate::cli::status::probe_outcome;
use crate::error::Result;
use crate::i18n::msg;
use crate::record::Record;
use crate::rescue::watch;

/// The arguments of `openclaw rescue check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[arg(long)]
    pub(crate) alert: bool,
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `openclaw rescue check`.
pub(super) fn run(context: &Context<'_>, args: &CheckArgs) -> Result<ExitCode> {
    let instance = context.instance_context();
    let (probe, event) = watch::look(instance, &context.survey());
    let report = if args.alert {
        let record = Record::read(&context.instance.record_path())?;
        check::tell_owners(
            instance.to_owned(),
            context.ui.lang(),
            &record.rescue,
            event.as_ref(),
        )?
    } else {
        CheckReport::default()
    };
    let ui = &context.ui;
    let outcome = probe_outcome(&probe);
    let profile = context.instance.profile.as_str();
    if ui.is_json() {
        let failures: Vec<_> = report.failures.iter().map(|failure| ui.render(failure)).collect();
        let document = json!({
            "profile": profile,
            "state": event.as_ref().map(watch::WatchEvent::name),
            "message": ui.render(&probe.msg(profile)),
            "told": report.told,
            "failures": failures,
        });
        ui.print_report(outcome, document);
        return Ok(outcome.exit_code());
    }
    ui.print_line(&probe.msg(profile));
    if report.told > 0 {
        ui.print_detail(&msg!("rescue.told", count = report.told));
    }
    for failure in &report.failures {
        ui.eprint_paragraph(failure);
    }
    Ok(outcome.exit_code())
}
