//! `openclaw` without a command: the state of the chosen gateway in three lines, and the commands that are needed most.
//! Where no gateway is set up, the one command to start with.
//!
//! All of it goes to stderr, because the command line is incomplete ([`crate::run`] exits with 2).

use std::time::Instant;

use clap::Command;

use super::Context;
use super::status::{self, DEFAULT_TIMEOUT};
use crate::environment::abbreviate_home;
use crate::help::{self, HelpStyle};
use crate::i18n::{Lang, Msg, duration_msg, msg};
use crate::probe::Probe;
use crate::survey::Survey;

/// The commands that the overview names, which every person with a gateway needs.
const COMMON_COMMANDS: [&str; 5] = ["status", "dashboard", "logs", "doctor", "onboard"];

/// Prints the overview of the chosen instance and of the host. `program` is the declaration of the command line.
pub(super) fn print(context: &Context<'_>, program: Command) {
    let ui = &context.ui;
    let survey = context.survey();
    if survey.instances.is_empty() {
        ui.eprint_paragraph(&msg!("overview.nothing"));
        ui.eprint_paragraph(&msg!("overview.start", command = context.instance.command()));
        if !ui.knows_language() {
            for other in Lang::all().filter(|other| *other != ui.lang()) {
                ui.eprint(other.text("language.how").unwrap_or_default());
            }
        }
    } else {
        print_state(context, &survey);
        ui.eprint("");
        print_commands(context, program);
        ui.eprint("");
        ui.eprint_paragraph(&msg!("overview.all-commands"));
    }
    context.print_interrupted_note();
}

/// Prints three lines: how the chosen gateway is; what it runs as, or how to get it to run; and the other gateways.
fn print_state(context: &Context<'_>, survey: &Survey) {
    let ui = &context.ui;
    let (_, probe) = status::probe_instance(context, survey, Instant::now() + DEFAULT_TIMEOUT);
    ui.eprint_hanging("", 2, &status::headline(context, &probe));
    let hint = probe.hints(&context.instance).into_iter().next();
    let detail = match hint {
        Some(hint) => hint,
        None => facts_msg(context, &probe),
    };
    ui.eprint_hanging("  ", 2, &ui.render(&detail));
    ui.eprint_hanging("  ", 2, &ui.render(&others_msg(context, survey)));
}

/// Returns the sentence with the port, the engine and the uptime of a gateway that needs no help.
fn facts_msg(context: &Context<'_>, probe: &Probe) -> Msg {
    let engine = [Some(probe.engine.name()), probe.version.as_deref()];
    let engine: Vec<_> = engine.into_iter().flatten().collect();
    let started = probe.started;
    let up = started.and_then(|at| context.host.now().duration_since(at).ok());
    let msg = match up {
        Some(up) => Msg::new("overview.facts").with_msg("up", duration_msg(up)),
        None => Msg::new("overview.facts-only"),
    };
    msg.with("port", probe.port_number())
        .with("engine", engine.join(" "))
}

/// Returns the sentence with the names of the host's other gateways, or with the config of this one where there is no
/// other.
fn others_msg(context: &Context<'_>, survey: &Survey) -> Msg {
    let config = &context.instance.config_path;
    let own = survey.position(config);
    let others = survey.instances.iter().enumerate();
    let mut others: Vec<_> = others
        .filter(|(at, _)| Some(*at) != own)
        .map(|(_, found)| found)
        .collect();
    if others.is_empty() {
        let path = abbreviate_home(&context.env.home, config);
        return msg!("overview.config", path = path);
    }
    others.sort_by_key(|found| found.reading_order());
    let names: Vec<_> = others.iter().map(|found| found.label.as_str()).collect();
    msg!("overview.others", names = names.join(", "))
}

/// Prints the commands that are needed most, as they are typed for the chosen instance, with what they do.
fn print_commands(context: &Context<'_>, program: Command) {
    let ui = &context.ui;
    let program = help::localise(program, ui.lang());
    let entries = COMMON_COMMANDS.map(|name| {
        let found = program.find_subcommand(name);
        let about = found.and_then(Command::get_about);
        let about = about.map(ToString::to_string).unwrap_or_default();
        (format!("{} {name}", context.instance.command()), about)
    });
    let style = HelpStyle {
        width: ui.width(),
        bold: false,
    };
    ui.eprint(&ui.fit_charset(help::render_columns(&entries, style)));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_of_the_overview_is_one_that_can_be_typed_alone() {
        for name in COMMON_COMMANDS {
            let parsed = Cli::command().try_get_matches_from(["openclaw", name]);
            assert!(parsed.is_ok(), "{name}");
        }
    }
}
