//! `openclaw rescue drill`: breaks the config of another gateway on purpose, brings the gateway back, and takes the time.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::diagnosis::parse_profile;
use super::progress::print_event;
use crate::cli::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::record::{Engine, Record};
use crate::rescue;
use crate::rescue::drill::{self, DrillEvent, DrillReport};
use crate::rescue::repair::{RepairJob, RepairOrigin};
use crate::rescue::stop::StopSignal;
use crate::time::millis;
use crate::ui::{ReportOutcome, Ui};
use crate::wizard::terminal::Terminal;
use crate::wizard::{Prompter as _, Question, Reply};

/// The arguments of `openclaw rescue drill`.
#[derive(Debug, Args)]
pub(crate) struct DrillArgs {
    #[arg(value_name = "NAME")]
    pub(crate) target: Option<String>,
    #[arg(long)]
    pub(crate) yes: bool,
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `openclaw rescue drill`.
///
/// # Errors
/// Where no drill of the gateway is possible now, nobody agrees, or the gateway is not well at the end.
pub(super) fn run(context: &Context<'_>, args: &DrillArgs) -> Result<ExitCode> {
    let (ui, stop) = (&context.ui, Arc::new(StopSignal::default()));
    let name = parse_profile(args.target.as_deref().unwrap_or("default"))?;
    let survey = context.survey();
    let target = rescue::resolve_target(&context.env, &survey, &context.instance, &name)?;
    let job = job(context, &target, &stop);
    drill::check_target(&job)?;
    if !ui.is_json() {
        for msg in plan_msgs(context, &target) {
            ui.print_paragraph(&msg);
        }
    }
    let mut print = |event: DrillEvent<'_>| print_progress(ui, event);
    let report = if args.yes {
        // Ctrl-C lets the drill end with the own config; a second one changes nothing about that.
        let on_signal = Arc::clone(&stop);
        let _ = ctrlc::set_handler(move || {
            on_signal.set();
        });
        drill::run_drill(&job, &mut print)?
    } else {
        let mut terminal = ask(context, &target)?;
        terminal.release(|| drill::run_drill(&job, &mut print))?
    };
    if ui.is_json() {
        ui.print_report(outcome(&report), document(ui, &target, &report));
    } else {
        print_report(context, &target, &report);
    }
    Ok(outcome(&report).exit_code())
}

/// Offers the person at the terminal a drill of each gateway that a new rescue instance watches, where one is possible. What
/// comes of it is printed: the instance is set up either way.
///
/// # Errors
/// When the terminal is gone, or the person interrupts the question.
pub(in crate::cli) fn offer(context: &Context<'_>) -> Result<()> {
    let record = Record::read(&context.instance.record_path()).unwrap_or_default();
    let survey = context.survey();
    for name in &record.rescue.watch {
        let Ok(target) = parse_profile(name)
            .and_then(|name| rescue::resolve_target(&context.env, &survey, &context.instance, &name))
        else {
            continue;
        };
        let stop = StopSignal::default();
        let job = job(context, &target, &stop);
        if drill::check_target(&job).is_err() {
            continue;
        }
        let mut question = Question::yes_no(ask_msg(&target), Some(false)).with_cancel();
        question.intro = plan_msgs(context, &target);
        let mut terminal = Terminal::new(context.ui);
        if terminal.ask(&question)? != Reply::Yes(true) {
            let command = format!("{} rescue drill {}", context.instance.command(), target.profile);
            context
                .ui
                .print_detail(&msg!("rescue.drill-later", command = command));
            continue;
        }
        let mut print = |event: DrillEvent<'_>| print_progress(&context.ui, event);
        match terminal.release(|| drill::run_drill(&job, &mut print)) {
            Ok(report) => print_report(context, &target, &report),
            Err(error) => _ = context.ui.print_error(&error),
        }
    }
    Ok(())
}

/// Returns the drill of a gateway as the job of a repair.
fn job<'a>(context: &'a Context<'a>, target: &'a Instance, stop: &'a StopSignal) -> RepairJob<'a> {
    RepairJob {
        target: context.instance_context().with_instance(target),
        rescuer: &context.instance,
        origin: RepairOrigin::Drill,
        is_forced: true,
        stop,
    }
}

/// Returns what a drill of a gateway will do.
fn plan_msgs(context: &Context<'_>, target: &Instance) -> Vec<Msg> {
    let engine = Record::read(&target.record_path()).unwrap_or_default().engine;
    let down = match engine {
        Engine::Native => "rescue.drill-plan-down",
        Engine::Node => "rescue.drill-plan-down-node",
    };
    let rescuer = &context.instance.profile;
    vec![
        msg!("rescue.drill-plan", profile = target.profile, rescuer = rescuer),
        Msg::new(down),
        msg!("rescue.drill-plan-back"),
    ]
}

fn ask_msg(target: &Instance) -> Msg {
    msg!("rescue.drill-ask", profile = target.profile)
}

/// Asks a person for consent to a drill. Returns the terminal, which the drill uses.
///
/// # Errors
/// When the person declines, or nobody can be asked.
fn ask(context: &Context<'_>, target: &Instance) -> Result<Terminal> {
    let terminal = context.host.terminal();
    if !terminal.can_ask() || context.ui.is_json() {
        let command = format!(
            "{} rescue drill {} --yes",
            context.instance.command(),
            target.profile
        );
        return Err(
            Error::usage(msg!("rescue.drill-unasked")).hint(msg!("rescue.drill-begin", command = command))
        );
    }
    let mut terminal = Terminal::new(context.ui);
    if terminal.confirm(&ask_msg(target), Some(false))? {
        Ok(terminal)
    } else {
        Err(Error::failed(msg!("rescue.left", profile = target.profile)))
    }
}

/// Prints how far a drill is.
fn print_progress(ui: &Ui, event: DrillEvent<'_>) {
    match event {
        DrillEvent::Broken => ui.print_note(&msg!("rescue.drill-broken")),
        DrillEvent::Down(causes) => {
            for cause in causes.iter().take(1) {
                ui.print_note(&Msg::new("rescue.drill-down").with_msg("why", cause.msg()));
            }
        }
        DrillEvent::Repair(event) => print_event(ui, event),
        DrillEvent::GivenBack => ui.print_note(&msg!("rescue.drill-given-back")),
    }
}

/// Prints what came of a drill.
fn print_report(context: &Context<'_>, target: &Instance, report: &DrillReport) {
    let (ui, profile) = (&context.ui, &target.profile);
    let rescuer = &context.instance.profile;
    let took = millis(report.took);
    if report.is_success() {
        ui.print_success(&msg!(
            "rescue.drill-done",
            profile = profile,
            rescuer = rescuer,
            ms = took
        ));
    } else if let Some(error) = &report.failure {
        ui.print_error(error);
    } else if report.repair.is_none() {
        ui.print_paragraph(&msg!("rescue.drill-not-shown", profile = profile));
    } else if !report.is_rescued() {
        ui.print_paragraph(&msg!(
            "rescue.drill-in-vain",
            profile = profile,
            rescuer = rescuer
        ));
    }
    if let Some(path) = &report.aside {
        ui.print_detail(&msg!("rescue.drill-aside", path = path.display()));
    }
    if report.is_healthy {
        if !report.is_success() {
            ui.print_paragraph(&msg!("rescue.drill-well", profile = profile));
        }
    } else {
        let command = context.instance.command();
        ui.print_paragraph(&msg!(
            "rescue.drill-unhealthy",
            profile = profile,
            command = command
        ));
    }
}

/// Returns the outcome of a drill for the exit code: whether the rescuer has brought the gateway back, and all is as before.
fn outcome(report: &DrillReport) -> ReportOutcome {
    if report.is_success() {
        ReportOutcome::Fine
    } else if report.is_healthy {
        ReportOutcome::Problem(ErrorKind::Failure, "rescue.drill-in-vain")
    } else {
        ReportOutcome::Problem(ErrorKind::Unhealthy, "rescue.drill-unhealthy")
    }
}

/// Returns the JSON document about a drill.
fn document(ui: &Ui, target: &Instance, report: &DrillReport) -> Value {
    let causes = report
        .causes
        .iter()
        .map(|cause| json!({ "id": cause.kind().name(), "message": ui.render(&cause.msg()) }));
    let results = report.repair.iter().flat_map(|repair| &repair.results);
    let tried = results
        .map(|result| json!({ "id": result.step.kind().name(), "result": result.outcome.kind().name() }));
    json!({
        "target": target.profile.as_str(),
        "causes": causes.collect::<Vec<_>>(),
        "tried": tried.collect::<Vec<_>>(),
        "rescued": report.is_rescued(),
        "tookMs": millis(report.took),
        "configBack": report.is_config_back,
        "aside": report.aside,
        "healthy": report.is_healthy,
        "failure": report.failure.as_ref().map(|error| ui.render(&error.msg)),
    })
}
