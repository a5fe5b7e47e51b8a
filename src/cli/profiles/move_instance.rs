//! `openclaw profiles move`: moves an instance to another host, finishes or undoes a move that was cut short, and takes one back.
//!
//! With `--json` one document is printed: `ok`, `profile`, `host`, `outcome` (`moved`, `undone`, `cancelled`, or `planned` with
//! `--dry-run`), and for a new move `basePort`, `files`, `bytes`, `aside` (the folder in which the files are kept here), `notes`
//! (what does not come along), `fault` (why the gateway there does not run as it should, or null).

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::find::find_instance;
use crate::cli::Context;
use crate::environment::abbreviate_home;
use crate::error::{Error, Result};
use crate::hosts::{HostList, HostName, RemoteHost};
use crate::i18n::{Msg, msg};
use crate::instance::Instance;
use crate::moves::{MoveLock, MoveMark, MovePhase};
use crate::probe;
use crate::profile::ProfileName;
use crate::ui::Ui;
use crate::wizard::terminal::Terminal;

mod plan;
mod settle;
mod transfer;

use plan::MovePlan;
use settle::{Departure, Settled};
use transfer::{Moved, Transfer};

/// The arguments of `openclaw profiles move`.
#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    #[arg(value_name = "NAME")]
    name: String,
    #[arg(long, value_name = "HOST", required_unless_present = "cancel")]
    to: Option<String>,
    #[arg(long)]
    new_ports: bool,
    #[arg(long, conflicts_with_all = ["to", "new_ports", "dry_run"])]
    cancel: bool,
    #[arg(long)]
    yes: bool,
    #[arg(long)]
    dry_run: bool,
}

/// Runs `openclaw profiles move NAME`.
pub(super) fn run(context: &Context<'_>, args: &MoveArgs) -> Result<ExitCode> {
    let name = ProfileName::parse(&args.name).map_err(|error| error.to_error(&args.name))?;
    let lock = MoveLock::acquire(&context.state_home())?;
    let survey = context.survey();
    let found = find_instance(&survey, &name)?;
    let instance = probe::instance_of(&context.env, found);
    let mark = MoveMark::read(&instance)?.filter(|mark| mark.phase != MovePhase::Arrived);
    if args.cancel {
        return cancel(context, &instance, mark);
    }
    let list = HostList::read(&context.state_home())?;
    let typed = args.to.as_deref().unwrap_or_default();
    let remote = list.find(&HostName::parse(typed)?)?.clone();
    if let Some(mark) = mark.filter(|_| !args.dry_run) {
        return finish_earlier(context, &list, &instance, mark);
    }
    let plan = MovePlan::make(context, &survey, found, &remote, args.new_ports)?;
    if !context.ui.is_json() {
        plan.print(context);
    }
    if args.dry_run {
        if context.ui.is_json() {
            let mut document = plan.document(context);
            document["outcome"] = "planned".into();
            context.ui.print_json(&document);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes {
        ask(context, &plan)?;
    }
    let moved = Transfer {
        context,
        plan: &plan,
        survey: &survey,
        found,
    }
    .run()?;
    drop(lock);
    report_moved(context, &plan, &moved);
    Ok(ExitCode::SUCCESS)
}

/// Asks for consent to a move.
fn ask(context: &Context<'_>, plan: &MovePlan<'_>) -> Result<()> {
    let (profile, host) = (&plan.instance.profile, &plan.remote.name);
    if !context.host.terminal().can_ask() || context.ui.is_json() {
        return Err(Error::usage(msg!("move.unasked", profile = profile, host = host)));
    }
    let question = msg!("move.ask", profile = profile, host = host);
    if Terminal::new(context.ui).confirm(&question, Some(false))? {
        return Ok(());
    }
    Err(Error::failed(msg!("move.left-here", profile = profile)))
}

/// Reports a finished move.
fn report_moved(context: &Context<'_>, plan: &MovePlan<'_>, moved: &Moved) {
    let ui = &context.ui;
    if ui.is_json() {
        let mut document = plan.document(context);
        document["outcome"] = "moved".into();
        document["files"] = moved.files.into();
        document["aside"] = json!(moved.aside);
        document["fault"] = json!(moved.fault);
        ui.print_json(&document);
        return;
    }
    let (profile, host) = (&plan.instance.profile, &plan.remote.name);
    ui.print_success(&msg!(
        "move.moved",
        profile = profile,
        host = host,
        port = plan.base_text()
    ));
    print_aside(context, moved.aside.as_ref());
    if let Some(fault) = &moved.fault {
        ui.print_note(&msg!("move.not-settled", host = host, why = fault));
    }
    ui.print_note(&msg!("move.look", profile = profile, host = host));
}

/// Says where the files of a moved instance are kept.
fn print_aside(context: &Context<'_>, aside: Option<&PathBuf>) {
    if let Some(aside) = aside {
        let path = abbreviate_home(&context.env.home, aside);
        context.ui.print_detail(&msg!("move.aside", path = path));
    }
}

/// Finishes or undoes a move that was cut short, as its two hosts know it.
fn finish_earlier(
    context: &Context<'_>,
    list: &HostList,
    instance: &Instance,
    mark: MoveMark,
) -> Result<ExitCode> {
    let remote = remote_of(list, &mark)?;
    let host = mark.other.clone();
    let settled = Departure::new(context, instance, mark)?.settle(&remote)?;
    report_settled(context, &instance.profile, &host, settled);
    Ok(ExitCode::SUCCESS)
}

/// Returns the other host of a move that was cut short.
fn remote_of(list: &HostList, mark: &MoveMark) -> Result<RemoteHost> {
    list.find(&HostName::parse(&mark.other)?).cloned()
}

/// Starts the gateway of an instance here again, whatever became of its move.
fn cancel(context: &Context<'_>, instance: &Instance, mark: Option<MoveMark>) -> Result<ExitCode> {
    let profile = &instance.profile;
    let Some(mark) = mark.filter(|mark| mark.phase != MovePhase::Arriving) else {
        return Err(Error::failed(msg!("move.none", profile = profile)));
    };
    let host = mark.other.clone();
    let was_decided = matches!(mark.phase, MovePhase::Keeping | MovePhase::Left);
    Departure::new(context, instance, mark)?.take_back(None)?;
    if context.ui.is_json() {
        context.ui.print_json(
            &json!({ "ok": true, "profile": profile.as_str(), "host": host, "outcome": "cancelled" }),
        );
        return Ok(ExitCode::SUCCESS);
    }
    context.ui.print_success(&msg!("move.undone", profile = profile));
    if was_decided {
        let warning = msg!("move.may-run-there", profile = profile, host = host);
        context.ui.print_note(&warning);
    }
    Ok(ExitCode::SUCCESS)
}

/// Reports what became of a move that was cut short.
fn report_settled(context: &Context<'_>, profile: &ProfileName, host: &str, settled: Settled) {
    let ui: &Ui = &context.ui;
    let (outcome, msg, aside): (_, Msg, _) = match settled {
        Settled::Finished(aside) => (
            "moved",
            msg!("move.finished", profile = profile, host = host),
            aside,
        ),
        Settled::Undone => ("undone", msg!("move.undone", profile = profile), None),
    };
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true, "profile": profile.as_str(), "host": host, "outcome": outcome, "aside": aside,
        }));
        return;
    }
    ui.print_success(&msg);
    print_aside(context, aside.as_ref());
}
