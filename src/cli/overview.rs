//! `openclaw` without a command: each gateway of the host in a line, what is wrong with it, and the commands that are needed
//! most. Where no gateway is set up, a person is offered the wizard.
//!
//! With a person at the terminal it is a view that renews itself ([`live`]). Else all of it goes to stderr once, because the
//! command line is incomplete: the exit code is 2.

use std::process::ExitCode;
use std::time::Instant;

use clap::Command;

use super::Context;
use super::onboard::{self, OnboardArgs};
use super::status::DEFAULT_TIMEOUT;
use crate::error::Result;
use crate::help;
use crate::i18n::{Lang, msg};
use crate::survey::Survey;
use crate::wizard::terminal::Terminal;

mod commands;
mod live;
mod states;
mod watch;

use commands::command_lines;

/// Maximum number of sentences about one gateway in the overview.
const MAX_PROBLEMS: usize = 2;
/// Number of columns by which the sentences about a gateway are indented.
const PROBLEM_INDENT: usize = 4;

/// Runs `openclaw` without a command. `program` is the declaration of the command line.
///
/// # Errors
/// When the terminal is gone, or the wizard fails.
pub(super) fn run(context: &Context<'_>, program: Command) -> Result<ExitCode> {
    let survey = context.survey();
    if survey.instances.is_empty() {
        return offer_onboarding(context);
    }
    let program = help::localise(program, context.ui.lang());
    let is_found = survey.position(&context.instance.config_path).is_some();
    if is_found && live::is_possible(context) {
        context.print_interrupted_note();
        return live::run(context, &survey, &program);
    }
    print(context, &survey, &program);
    context.print_interrupted_note();
    Ok(ExitCode::from(2))
}

/// Says that the host has no gateway yet, and offers a person at the terminal to set one up.
fn offer_onboarding(context: &Context<'_>) -> Result<ExitCode> {
    let ui = &context.ui;
    ui.eprint_paragraph(&msg!("overview.nothing"));
    let terminal = context.host.terminal();
    let is_person = terminal.can_ask() && !ui.is_json();
    if is_person && Terminal::new(*ui).confirm(&msg!("overview.ask"), Some(true))? {
        return onboard::onboard(context, &OnboardArgs::default());
    }
    ui.eprint_paragraph(&msg!("overview.start", command = context.instance.command()));
    if !ui.knows_language() {
        for other in Lang::all().filter(|other| *other != ui.lang()) {
            ui.eprint(other.text("language.how").unwrap_or_default());
        }
    }
    context.print_interrupted_note();
    Ok(if is_person {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(2)
    })
}

/// Prints the gateways of the host once, and the commands for the chosen one.
fn print(context: &Context<'_>, survey: &Survey, program: &Command) {
    let ui = &context.ui;
    let deadline = Instant::now() + DEFAULT_TIMEOUT;
    let states = states::probe_gateways(context.instance_context(), survey, deadline);
    let lines = states::gateway_lines(ui, &states, context.host.now(), ui.error_width());
    for (state, line) in states.iter().zip(lines) {
        match &state.probe {
            Some(probe) if ui.plain() => ui.eprint_paragraph(&probe.msg(&state.label)),
            _ => ui.eprint(&line),
        }
        for problem in state.problems().iter().take(MAX_PROBLEMS) {
            let indent = " ".repeat(PROBLEM_INDENT);
            ui.eprint_hanging(&indent, PROBLEM_INDENT, &ui.render(problem));
        }
    }
    ui.eprint("");
    ui.eprint(&command_lines(ui, &context.instance, program, ui.error_width()));
    ui.eprint("");
    ui.eprint_paragraph(&msg!("overview.all-commands"));
}
