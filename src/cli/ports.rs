//! `openclaw ports`, `ports suggest` and `ports check`: print the ports of all instances, suggest free base ports, and check
//! one.
//!
//! With `--json` each prints one document. A span is `{"first", "last"}`.
//!
//! - `ports`: `ok`; `ephemeral` (span or null); `excluded` (spans); `instances`, each with `label`,
//!   `profile` (or null), `config`, `stateDir`, `service` (or null), `health` (`ok`, `missing`, `invalid`),
//!   `fault` (null, or `{line, column, message}`), `base` (or null), `source` (`config`, `service`,
//!   `env-file`, `backup`, `record`, `default`, or null), `running` (another base port on which the gateway runs, or
//!   null), `ports`, each a span with `role`, `why` (`derived`,
//!   `pinned`, `listening`), `key` (or null), `state` (`free`, `own`, `held`) and `listeners`, and
//!   `neighbours`, each `{label, conflict, message}`; `listeners`: others among the instances' ports,
//!   each `{ip, port, pid, name, instance}`.
//! - `ports suggest`: `ok`, `profile`, `suggestions`: see below.
//! - `ports check`: `ok`, `base`, `verdict` (`disjoint`, `near`, `refused`), `code` and `message` (null
//!   unless refused), `overlaps`, each a span with `instance`, `loser` (`this` or `other`),
//!   `browserProfile` (the number of the browser profile that fails, from 1) and `message`, `notices` (sentences), `suggestion` (null
//!   unless refused).
//! - A suggestion: `base`, `span`, `ports` (role to port), `overlaps`, `ephemeral`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use console::measure_text_width;
use serde_json::{Map, Value, json};

use super::Context;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::i18n::{Msg, msg};
use crate::ports::planner::{
    OverlapLoser, Planner, PoolOverlap, PortCheck, PortNotice, PortSuggestion, PortVerdict,
};
use crate::ports::{LOOPBACK, PortFamily};
use crate::survey::{self, Survey};
use crate::ui::ReportOutcome;

mod map;

use map::span_document;

/// The arguments of `openclaw ports`.
#[derive(Debug, Args)]
pub(crate) struct PortsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<PortsCommand>,
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The subcommands of `openclaw ports`.
#[derive(Debug, Subcommand)]
pub(crate) enum PortsCommand {
    Suggest {
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=600))]
        count: u16,
    },
    Check {
        #[arg(value_name = "PORT")]
        port: u16,
    },
}

/// Runs `openclaw ports` and its subcommands.
pub(super) fn run(context: &Context<'_>, args: &PortsArgs) -> Result<ExitCode> {
    let survey = context.survey();
    match args.command {
        None => map::print_map(context.ui, &survey),
        Some(PortsCommand::Suggest { count }) => suggest(context, &survey, count.into())?,
        Some(PortsCommand::Check { port }) => return check(context, &survey, port),
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the planner of ports for this instance.
fn planner(context: &Context<'_>, survey: &Survey) -> Planner {
    survey.planner(&context.instance.profile, &context.instance.config_path)
}

/// Runs `openclaw ports suggest`.
fn suggest(context: &Context<'_>, survey: &Survey, count: usize) -> Result<()> {
    let mut planner = planner(context, survey);
    let found = survey::ports::suggest_probed(context.host, &mut planner, &LOOPBACK, count, &|_, _| {})?;
    let ui = context.ui;
    if ui.is_json() {
        let suggestions: Vec<_> = found.iter().map(|s| suggestion_document(context, s)).collect();
        let profile = context.instance.profile.as_str();
        ui.print_json(&json!({ "ok": true, "profile": profile, "suggestions": suggestions }));
        return Ok(());
    }
    for suggestion in &found {
        let family = suggestion.family;
        let kind = if suggestion.overlaps.is_empty() {
            msg!("ports.disjoint")
        } else {
            msg!("ports.near")
        };
        let ports = format!("{:<5}  {:<11}", family.base(), family.span().to_string());
        let kind_text = ui.render(&kind);
        if measure_text_width(&ports) + 2 + measure_text_width(&kind_text) <= ui.width() {
            ui.print(&format!("{ports}  {kind_text}"));
        } else {
            ui.print(ports.trim_end());
            ui.print_detail(&kind);
        }
        for overlap in &suggestion.overlaps {
            ui.print_detail(&overlap.msg());
        }
        if suggestion.ephemeral {
            ui.print_detail(&msg!("ports.ephemeral", span = family.span()));
        }
    }
    Ok(())
}

/// Runs `openclaw ports check`.
fn check(context: &Context<'_>, survey: &Survey, port: u16) -> Result<ExitCode> {
    let family = PortFamily::span_of(port);
    let mut planner = planner(context, &survey.with_owners(family));
    let check = survey::ports::check_probed(context.host, &mut planner, &LOOPBACK, port);
    let alternative = match check.verdict {
        PortVerdict::Refused(_) => survey::ports::nearest_probed(context.host, &mut planner, &LOOPBACK, port),
        _ => None,
    };
    let ui = context.ui;
    if ui.is_json() {
        let outcome = match &check.verdict {
            PortVerdict::Refused(why) => {
                ReportOutcome::Problem(ErrorKind::Blocked, why.msg(check.base).key())
            }
            _ => ReportOutcome::Fine,
        };
        ui.print_report(outcome, check_document(context, &check, alternative.as_ref()));
        return Ok(outcome.exit_code());
    }
    let check = check.accept(alternative.as_ref())?;
    let (kind, costs): (Msg, &[PoolOverlap]) = match &check.verdict {
        PortVerdict::Near(overlaps) => (msg!("ports.check-near", base = port, span = family), overlaps),
        _ => (msg!("ports.check-disjoint", base = port, span = family), &[]),
    };
    ui.print_paragraph(&kind);
    let costs = costs.iter().map(PoolOverlap::msg);
    costs
        .chain(check.notices.iter().map(PortNotice::msg))
        .for_each(|msg| ui.print_detail(&msg));
    Ok(ExitCode::SUCCESS)
}

/// Returns the JSON document of `ports check`.
fn check_document(context: &Context<'_>, check: &PortCheck, alternative: Option<&PortSuggestion>) -> Value {
    let text = |msg: Msg| context.ui.render(&msg);
    let (name, why, shared) = match &check.verdict {
        PortVerdict::Disjoint => ("disjoint", None, Vec::new()),
        PortVerdict::Near(shared) => ("near", None, overlap_documents(context, shared)),
        PortVerdict::Refused(why) => ("refused", Some(why.msg(check.base)), Vec::new()),
    };
    json!({
        "base": check.base,
        "verdict": name,
        "message": why.map(text),
        "overlaps": shared,
        "notices": check.notices.iter().map(|notice| text(notice.msg())).collect::<Vec<_>>(),
        "suggestion": alternative.map(|found| suggestion_document(context, found)),
    })
}

/// Returns a suggested base port as a part of the JSON document of `ports suggest`.
fn suggestion_document(context: &Context<'_>, suggestion: &PortSuggestion) -> Value {
    let family = suggestion.family;
    let mut ports: Map<_, _> = family
        .fixed()
        .map(|(role, port)| (role.name().to_owned(), Value::from(port)))
        .collect();
    ports.insert("cdp-pool".to_owned(), span_document(family.cdp_pool()));
    json!({
        "base": family.base(),
        "span": span_document(family.span()),
        "ports": ports,
        "overlaps": overlap_documents(context, &suggestion.overlaps),
        "ephemeral": suggestion.ephemeral,
    })
}

/// Returns overlaps of port pools as a part of the JSON document of `ports`.
fn overlap_documents(context: &Context<'_>, overlaps: &[PoolOverlap]) -> Vec<Value> {
    let document = |overlap: &PoolOverlap| {
        json!({
            "first": overlap.span.first,
            "last": overlap.span.last,
            "instance": overlap.holder,
            "loser": match overlap.loser {
                OverlapLoser::Asker => "this",
                OverlapLoser::Holder => "other",
            },
            "browserProfile": overlap.browser_number,
            "message": context.ui.render(&overlap.msg()),
        })
    };
    overlaps.iter().map(document).collect()
}
