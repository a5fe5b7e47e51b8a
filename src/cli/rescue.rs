//! `openclaw rescue`: diagnoses another instance's gateway, repairs it, and watches it.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use crate::error::{Error, Result};
use crate::hosts::{HostList, HostName};
use crate::i18n::{Msg, msg};
use crate::record::Record;
use crate::rescue;
use crate::rescue::history::History;
use crate::rescue::record::{CauseKind, Recorded, StepKind, StepResultKind};
use crate::rescue::repair::{self, RepairJob, RepairOrigin};
use crate::rescue::stop::StopSignal;
use crate::rescue::watch::{self, WatchContext, WatchEvent, WatchPolicy, WatchTarget};
use crate::ui::Ui;
use crate::wizard::terminal::Terminal;

mod check;
mod diagnosis;
pub(super) mod drill;
mod progress;

use diagnosis::Diagnosis;
use progress::print_event;

/// The arguments of `openclaw rescue`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RescueArgs {
    #[command(subcommand)]
    pub(crate) command: Option<RescueCommand>,
    #[command(flatten)]
    pub(crate) repair: RepairArgs,
}

/// The subcommands of `openclaw rescue`.
#[derive(Debug, Subcommand)]
pub(crate) enum RescueCommand {
    Diagnose(DiagnoseArgs),
    Repair(RepairArgs),
    Watch(WatchArgs),
    Check(check::CheckArgs),
    Drill(drill::DrillArgs),
    History(HistoryArgs),
}

/// The arguments of `openclaw rescue diagnose`.
#[derive(Debug, Args)]
pub(crate) struct DiagnoseArgs {
    #[arg(value_name = "NAME")]
    pub(crate) target: Option<String>,
    #[arg(long, value_name = "HOST", value_parser = parse_host_name)]
    pub(crate) from: Option<HostName>,
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of `openclaw rescue repair`.
#[derive(Debug, Args)]
pub(crate) struct RepairArgs {
    #[arg(value_name = "NAME")]
    pub(crate) target: Option<String>,
    #[arg(long)]
    pub(crate) yes: bool,
    #[arg(long)]
    pub(crate) force: bool,
    #[arg(long, value_name = "HOST", value_parser = parse_host_name)]
    pub(crate) from: Option<HostName>,
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of `openclaw rescue watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[arg(value_name = "NAME")]
    pub(crate) targets: Vec<String>,
}

/// The arguments of `openclaw rescue history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    #[arg(long)]
    pub(crate) json: bool,
}

/// Parses the name of the host that a repair comes from.
fn parse_host_name(text: &str) -> Result<HostName, String> {
    HostName::parse(text).map_err(|error| error.code().to_owned())
}

/// Runs `openclaw rescue` and its subcommands.
pub(super) fn run(context: &Context<'_>, args: &RescueArgs) -> Result<ExitCode> {
    match &args.command {
        None => repair(context, &args.repair),
        Some(RescueCommand::Repair(args)) => repair(context, args),
        Some(RescueCommand::Diagnose(args)) => {
            let diagnosis = Diagnosis::of_target(context, args.target.as_deref(), args.from.is_some())?;
            if context.ui.is_json() {
                let document = diagnosis.document(context, None);
                context.ui.print_report(diagnosis.outcome(None), document);
            } else {
                diagnosis.print_causes(context);
                diagnosis.print_steps(context);
            }
            Ok(diagnosis.outcome(None).exit_code())
        }
        Some(RescueCommand::Watch(args)) => watch(context, args),
        Some(RescueCommand::Check(args)) => check::run(context, args),
        Some(RescueCommand::Drill(args)) => drill::run(context, args),
        Some(RescueCommand::History(_)) => Ok(history(context)),
    }
}

/// Runs `rescue repair`: diagnoses a gateway, and carries out the repair steps after consent.
fn repair(context: &Context<'_>, args: &RepairArgs) -> Result<ExitCode> {
    let ui = &context.ui;
    let diagnosis = Diagnosis::of_target(context, args.target.as_deref(), args.from.is_some())?;
    if !ui.is_json() {
        diagnosis.print_causes(context);
        diagnosis.print_steps(context);
    }
    if diagnosis.is_healthy() || diagnosis.steps.is_empty() {
        if ui.is_json() {
            ui.print_report(diagnosis.outcome(None), diagnosis.document(context, None));
        }
        return Ok(diagnosis.outcome(None).exit_code());
    }
    let job = RepairJob {
        target: context.instance_context().with_instance(&diagnosis.target),
        rescuer: &context.instance,
        origin: match &args.from {
            Some(other) => RepairOrigin::OtherHost(other.as_str()),
            None => RepairOrigin::Host,
        },
        is_forced: args.force,
        stop: &StopSignal::default(),
    };
    job.check_limit()?;
    if !args.yes && !has_consent(context, &diagnosis, args.from.is_some())? {
        if ui.is_json() {
            ui.print_report(diagnosis.outcome(None), diagnosis.document(context, None));
        }
        return Ok(diagnosis.outcome(None).exit_code());
    }
    let report = repair::run_repair(
        &job,
        &diagnosis.evidence,
        &diagnosis.causes,
        &diagnosis.steps,
        &mut |event| {
            print_event(&context.ui, event);
        },
    )?;
    let outcome = diagnosis.outcome(Some(&report));
    if ui.is_json() {
        ui.print_report(outcome, diagnosis.document(context, Some(&report)));
    } else {
        let key = if report.is_healthy {
            "rescue.done"
        } else {
            "rescue.in-vain"
        };
        ui.print_paragraph(&Msg::new(key).with("profile", &diagnosis.target.profile));
        if let Some(kept) = &report.kept_config {
            ui.print_detail(&msg!("rescue.kept", path = kept.display()));
        }
    }
    Ok(outcome.exit_code())
}

/// Asks a person for consent to the steps of a repair. Without a person they are only shown, and the answer is
/// `false`.
///
/// # Errors
/// When the person declines.
fn has_consent(context: &Context<'_>, diagnosis: &Diagnosis, is_from_another_host: bool) -> Result<bool> {
    let ui = &context.ui;
    let target = &diagnosis.target.profile;
    if ui.is_json() {
        return Ok(false);
    }
    let terminal = context.host.terminal();
    if !terminal.can_ask() {
        let command = context.instance.command();
        ui.print_note(&if is_from_another_host {
            msg!("rescue.only-shown-there")
        } else {
            msg!("rescue.only-shown", command = command, target = target)
        });
        return Ok(false);
    }
    if Terminal::new(*ui).confirm(&msg!("rescue.ask", profile = target), Some(false))? {
        Ok(true)
    } else {
        Err(Error::failed(msg!("rescue.left", profile = target)))
    }
}

/// Runs `rescue watch` until the user interrupts.
fn watch(context: &Context<'_>, args: &WatchArgs) -> Result<ExitCode> {
    let survey = context.survey();
    let targets = if args.targets.is_empty() {
        vec!["default".to_owned()]
    } else {
        args.targets.clone()
    };
    let names = targets
        .iter()
        .map(|name| WatchTarget::parse(name))
        .collect::<Result<Vec<_>>>()?;
    for target in &names {
        match &target.host {
            Some(host) => drop(HostList::read(&context.state_home())?.find(host)?.clone()),
            None => drop(rescue::resolve_target(
                &context.env,
                &survey,
                &context.instance,
                &target.profile,
            )?),
        }
    }
    let ui = context.ui;
    let print = |target: &WatchTarget, event: WatchEvent| ui.print_line(&event.msg(target));
    // Ctrl-C lets the current step finish. A second one ends the program, and so does the first one where no handler
    // can be set.
    let stop = Arc::new(StopSignal::default());
    let handler_stop = stop.clone();
    let interrupted = Error::interrupted().kind.exit_code();
    let _ = ctrlc::set_handler(move || {
        if handler_stop.set() {
            std::process::exit(i32::from(interrupted));
        }
    });
    let record = Record::read(&context.instance.record_path())?;
    let watcher = WatchContext {
        rescuer: context.instance_context(),
        policy: WatchPolicy::from_record(&record.rescue),
        stop: &stop,
        lang: ui.lang(),
        is_paused: &|| false,
    };
    watch::run(&watcher, &names, &print);
    Ok(ExitCode::from(interrupted))
}

/// Runs `openclaw rescue history`.
fn history(context: &Context<'_>) -> ExitCode {
    let ui = &context.ui;
    let history = History::read(&rescue::shared_dir(context.host, &context.env));
    if ui.is_json() {
        ui.print_json(&json!({ "ok": true, "repairs": history.entries }));
        return ExitCode::SUCCESS;
    }
    if history.entries.is_empty() {
        ui.print_line(&msg!("rescue.no-history"));
    }
    for entry in history.entries.iter().rev() {
        let when = crate::time::format_for_person(crate::time::from_unix_millis(entry.at));
        let row = msg!(
            "rescue.past-row",
            when = when,
            target = entry.target,
            rescuer = entry.rescuer
        );
        ui.print_hanging(0, 2, &ui.render(&row.with_msg("outcome", entry.outcome.msg())));
        let causes = entry.causes.iter();
        let causes: Vec<_> = causes
            .map(|cause| render_recorded(ui, cause, CauseKind::past_msg))
            .collect();
        if !causes.is_empty() {
            ui.print_detail(&msg!("rescue.past-causes", causes = causes.join("; ")));
        }
        for (step, result) in &entry.steps {
            let step = render_recorded(ui, step, StepKind::past_msg);
            let result = render_recorded(ui, result, StepResultKind::past_msg);
            ui.print_detail(&msg!("rescue.past-step", step = step, came = result));
        }
        if entry.drill {
            ui.print_detail(&msg!("rescue.past-drill"));
        }
        if let Some(by) = &entry.by {
            ui.print_detail(&msg!("rescue.past-by", person = by.person, channel = by.channel));
        }
    }
    ExitCode::SUCCESS
}

/// Renders a value of the repair history: its sentence, or its name where a later release wrote it.
fn render_recorded<T: Copy>(ui: &Ui, value: &Recorded<T>, msg: impl Fn(T) -> Msg) -> String {
    match value {
        Recorded::Known(value) => ui.render(&msg(*value)),
        Recorded::Later(name) => name.clone(),
    }
}
