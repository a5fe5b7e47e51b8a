//! `openclaw rescue`: what is wrong with another gateway, and its repair.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::profile::ProfileName;
use crate::record::Record;
use crate::rescue;
use crate::rescue::history::{History, RepairOutcome};
use crate::rescue::record::{CauseKind, Recorded, StepKind, StepResultKind};
use crate::rescue::repair::{self, RepairEvent, RepairJob, StepOutcome, StepResult};
use crate::rescue::stop::StopSignal;
use crate::rescue::watch::{self, WatchContext, WatchEvent, WatchPolicy};
use crate::ui::Ui;
use crate::wizard::terminal::Terminal;

mod case;

use case::{Case, parse};

/// `openclaw rescue`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct RescueArgs {
    #[command(subcommand)]
    pub command: Option<RescueCommand>,
    #[command(flatten)]
    pub repair: RepairArgs,
}

/// `openclaw rescue ...`
#[derive(Debug, Subcommand)]
pub(crate) enum RescueCommand {
    Diagnose(DiagnoseArgs),
    Repair(RepairArgs),
    Watch(WatchArgs),
    History(HistoryArgs),
}

/// `openclaw rescue diagnose`
#[derive(Debug, Args)]
pub(crate) struct DiagnoseArgs {
    #[arg(value_name = "NAME")]
    pub target: Option<String>,
    #[arg(long)]
    pub json: bool,
}

/// `openclaw rescue repair`
#[derive(Debug, Args)]
pub(crate) struct RepairArgs {
    #[arg(value_name = "NAME")]
    pub target: Option<String>,
    #[arg(long)]
    pub yes: bool,
    #[arg(long)]
    pub force: bool,
    #[arg(long)]
    pub json: bool,
}

/// `openclaw rescue watch`
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    #[arg(value_name = "NAME")]
    pub targets: Vec<String>,
}

/// `openclaw rescue history`
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    #[arg(long)]
    pub json: bool,
}

pub(super) fn run(context: &Context<'_>, args: &RescueArgs) -> Result<ExitCode> {
    match &args.command {
        None => repair(context, &args.repair),
        Some(RescueCommand::Repair(args)) => repair(context, args),
        Some(RescueCommand::Diagnose(args)) => {
            let case = Case::open(context, args.target.as_deref())?;
            if context.ui.is_json() {
                context.ui.print_json(&case.document(context, None));
            } else {
                case.show(context);
                case.show_ladder(context);
            }
            Ok(case.exit())
        }
        Some(RescueCommand::Watch(args)) => watch(context, args),
        Some(RescueCommand::History(_)) => Ok(history(context)),
    }
}

fn repair(context: &Context<'_>, args: &RepairArgs) -> Result<ExitCode> {
    let ui = &context.ui;
    let case = Case::open(context, args.target.as_deref())?;
    if !ui.is_json() {
        case.show(context);
        case.show_ladder(context);
    }
    if case.is_healthy() || case.steps.is_empty() {
        if ui.is_json() {
            ui.print_json(&case.document(context, None));
        }
        return Ok(case.exit());
    }
    let job = RepairJob {
        target: context.instance_context().with_instance(&case.target),
        rescuer: &context.instance,
        is_watched: false,
        is_forced: args.force,
        stop: &StopSignal::default(),
    };
    job.check_limit()?;
    if !args.yes {
        let terminal = context.host.terminal();
        if ui.is_json() || !(terminal.stdin && terminal.stderr) {
            if ui.is_json() {
                ui.print_json(&case.document(context, None));
            } else {
                ui.print_note(&msg!(
                    "rescue.only-shown",
                    command = context.instance.command(),
                    target = case.target.profile
                ));
            }
            return Ok(case.exit());
        }
        if !Terminal::new(*ui).confirm(&msg!("rescue.ask", profile = case.target.profile), Some(false))? {
            return Err(Error::failed(msg!("rescue.left", profile = case.target.profile)));
        }
    }
    let report = repair::run_repair(&job, &case.evidence, &case.causes, &case.steps, &mut |event| {
        tell(context, event);
    })?;
    if ui.is_json() {
        ui.print_json(&case.document(context, Some(&report)));
    } else {
        let key = if report.is_healthy {
            "rescue.done"
        } else {
            "rescue.in-vain"
        };
        ui.print_paragraph(&Msg::new(key).with("profile", &case.target.profile));
        if let Some(kept) = &report.kept_config {
            ui.print_detail(&msg!("rescue.kept", path = kept.display()));
        }
    }
    Ok(ExitCode::from(u8::from(!report.is_healthy)))
}

fn tell(context: &Context<'_>, event: RepairEvent<'_>) {
    let ui = &context.ui;
    match event {
        // All of it, with its file, stands in the list above.
        RepairEvent::Performing(step) => {
            ui.print_note(&msg!("rescue.taking").with_msg("step", step.kind().past_msg()));
        }
        RepairEvent::Waiting(limit) => ui.print_note(&msg!("rescue.waiting", seconds = limit.as_secs())),
        RepairEvent::Performed(StepResult { outcome, .. }) => ui.print_note(&outcome_msg(outcome)),
    }
}

fn outcome_msg(outcome: &StepOutcome) -> Msg {
    match outcome {
        StepOutcome::Helped => msg!("rescue.came-helped"),
        StepOutcome::InVain => msg!("rescue.came-in-vain"),
        StepOutcome::Undone => msg!("rescue.came-undone"),
        StepOutcome::Failed(why) => msg!("rescue.came-failed").with_msg("why", why.clone()),
    }
}

fn watch(context: &Context<'_>, args: &WatchArgs) -> Result<ExitCode> {
    let survey = context.survey();
    let wished = if args.targets.is_empty() {
        vec!["default".to_owned()]
    } else {
        args.targets.clone()
    };
    let names = wished
        .iter()
        .map(|name| parse(name))
        .collect::<Result<Vec<_>>>()?;
    for name in &names {
        rescue::resolve_target(&context.env, &survey, &context.instance, name)?;
    }
    let ui = context.ui;
    let mut tell = |name: &ProfileName, event: WatchEvent| ui.print_line(&event.msg(name));
    // Ctrl-C lets the step in hand come to its end; a second one, or where nobody can hear it, does not.
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
    };
    watch::run(&watcher, &names, &mut tell);
    Ok(ExitCode::from(interrupted))
}

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
        let time = std::time::UNIX_EPOCH + Duration::from_millis(entry.at);
        let when = humantime::format_rfc3339_seconds(time);
        let outcome = match entry.outcome {
            RepairOutcome::Begun => msg!("rescue.outcome-begun"),
            RepairOutcome::Healthy => msg!("rescue.outcome-healthy"),
            RepairOutcome::InVain => msg!("rescue.outcome-in-vain"),
        };
        let row = msg!(
            "rescue.past-row",
            when = when,
            target = entry.target,
            rescuer = entry.rescuer
        );
        ui.print_hanging(0, 2, &ui.render(&row.with_msg("outcome", outcome)));
        let causes = entry.causes.iter();
        let causes: Vec<_> = causes.map(|cause| text(ui, cause, CauseKind::past_msg)).collect();
        ui.print_detail(&msg!("rescue.past-causes", causes = causes.join("; ")));
        for (step, result) in &entry.steps {
            let step = text(ui, step, StepKind::past_msg);
            let result = text(ui, result, StepResultKind::past_msg);
            ui.print_detail(&msg!("rescue.past-step", step = step, came = result));
        }
    }
    ExitCode::SUCCESS
}

/// Renders a value of the history: its sentence, or its name where a later release wrote it.
fn text<T: Copy>(ui: &Ui, value: &Recorded<T>, msg: impl Fn(T) -> Msg) -> String {
    match value {
        Recorded::Known(value) => ui.render(&msg(*value)),
        Recorded::Later(name) => name.clone(),
    }
}
