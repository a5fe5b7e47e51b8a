//! `openclaw rescue`: what is wrong with another gateway, and its repair.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use crate::error::{Error, Result};
use crate::i18n::{Msg, msg};
use crate::profile::ProfileName;
use crate::record::Record;
use crate::rescue;
use crate::rescue::history::{History, Outcome};
use crate::rescue::repair::{self, Came, Event, Mission, Tried};
use crate::rescue::watch::{self, End, Pace, Post};
use crate::rescue::words;
use crate::survey;
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
                context.ui.document(&case.document(context, None));
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
            ui.document(&case.document(context, None));
        }
        return Ok(case.exit());
    }
    let mission = Mission {
        host: context.host,
        env: &context.env,
        rescuer: &context.instance,
        target: &case.target,
        watched: false,
        forced: args.force,
        over: &AtomicBool::new(false),
    };
    mission.within_limits()?;
    if !args.yes {
        let terminal = context.host.terminal();
        if ui.is_json() || !(terminal.stdin && terminal.stderr) {
            if ui.is_json() {
                ui.document(&case.document(context, None));
            } else {
                ui.note(&msg!(
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
    let report = repair::carry_out(&mission, &case.seen, &case.causes, &case.steps, &mut |event| {
        tell(context, event);
    })?;
    if ui.is_json() {
        ui.document(&case.document(context, Some(&report)));
    } else {
        let key = if report.healthy {
            "rescue.done"
        } else {
            "rescue.in-vain"
        };
        ui.paragraph(&Msg::new(key).with("profile", &case.target.profile));
        if let Some(kept) = &report.kept {
            ui.remark(&msg!("rescue.kept", path = kept.display()));
        }
    }
    Ok(ExitCode::from(u8::from(!report.healthy)))
}

fn tell(context: &Context<'_>, event: Event<'_>) {
    let ui = &context.ui;
    match event {
        // All of it, with its file, stands in the list above.
        Event::Taking(step) => {
            let short = words::step(step.id()).unwrap_or_else(|| step.msg());
            ui.note(&msg!("rescue.taking").with_msg("step", short));
        }
        Event::Waiting(limit) => ui.note(&msg!("rescue.waiting", seconds = limit.as_secs())),
        Event::Came(Tried { came, .. }) => ui.note(&came_msg(came)),
    }
}

fn came_msg(came: &Came) -> Msg {
    match came {
        Came::Helped => msg!("rescue.came-helped"),
        Came::InVain => msg!("rescue.came-in-vain"),
        Came::Undone => msg!("rescue.came-undone"),
        Came::Failed(why) => msg!("rescue.came-failed").with_msg("why", why.clone()),
    }
}

fn watch(context: &Context<'_>, args: &WatchArgs) -> Result<ExitCode> {
    let survey = survey::take(context.host, &context.env);
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
        rescue::target(&context.env, &survey, &context.instance, name)?;
    }
    let ui = context.ui;
    let mut tell = |name: &ProfileName, news: watch::News| ui.line(&news.msg(name));
    // Ctrl-C lets the step in hand come to its end; a second one, or where nobody can hear it, does not.
    let end = Arc::new(End::default());
    let told = end.clone();
    let interrupted = Error::interrupted().kind.exit_code();
    let _ = ctrlc::set_handler(move || {
        if told.tell() {
            std::process::exit(i32::from(interrupted));
        }
    });
    let post = Post {
        host: context.host,
        env: &context.env,
        rescuer: &context.instance,
        pace: Pace::of(&Record::read(&context.instance.record_path())?.rescue),
        end: &end,
    };
    watch::rounds(&post, &names, &mut tell);
    Ok(ExitCode::from(interrupted))
}

fn history(context: &Context<'_>) -> ExitCode {
    let ui = &context.ui;
    let history = History::read(&rescue::folder(context.host, &context.env));
    if ui.is_json() {
        ui.document(&json!({ "ok": true, "repairs": history.entries }));
        return ExitCode::SUCCESS;
    }
    if history.entries.is_empty() {
        ui.line(&msg!("rescue.no-history"));
    }
    for entry in history.entries.iter().rev() {
        let time = std::time::UNIX_EPOCH + Duration::from_millis(entry.at);
        let when = humantime::format_rfc3339_seconds(time);
        let outcome = match entry.outcome {
            Outcome::Begun => msg!("rescue.outcome-begun"),
            Outcome::Healthy => msg!("rescue.outcome-healthy"),
            Outcome::InVain => msg!("rescue.outcome-in-vain"),
        };
        let row = msg!(
            "rescue.past-row",
            when = when,
            target = entry.target,
            rescuer = entry.rescuer
        );
        ui.hanging(0, 2, &ui.say(&row.with_msg("outcome", outcome)));
        let or_id = |id: &str, words: Option<Msg>| words.map_or_else(|| id.to_owned(), |msg| ui.say(&msg));
        let causes: Vec<_> = (entry.causes.iter())
            .map(|id| or_id(id, words::cause(id)))
            .collect();
        ui.remark(&msg!("rescue.past-causes", causes = causes.join("; ")));
        for (step, came) in &entry.steps {
            let (step, came) = (or_id(step, words::step(step)), or_id(came, words::came(came)));
            ui.remark(&msg!("rescue.past-step", step = step, came = came));
        }
    }
    ExitCode::SUCCESS
}
