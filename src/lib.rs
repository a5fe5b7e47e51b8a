//! A program that sets up, runs and repairs several OpenClaw gateways on one host, each isolated from the others.
//!
//! The flow of data:
//!
//! ```text
//! argv + env -> Environment -> Instance paths
//!                                  |
//! host ------> Survey -------------+
//!                                  v
//! prompts, flags, answers -> Interview -> Answers -> plan() -> Plan -> apply() -> Report -> ui
//! ```
//!
//! Everything before `apply` only reads. The domain (`ports`, `plan`, `config`, `survey`) speaks in [`i18n::Msg`] and knows
//! no screen, which is `ui`'s. Clock, environment, sockets and programs are `host`'s, and files are changed by `apply`:
//! `clippy.toml` enforces this.

mod agent;
pub mod answers;
pub mod apply;
pub mod archive;
mod background;
mod boot;
mod bot;
mod browser;
pub mod cli;
mod client;
pub mod config;
pub mod devtools;
pub mod doctor;
mod editor;
mod engine;
mod env_file;
pub mod environment;
pub mod error;
pub mod gateway;
mod global_options;
pub mod help;
pub mod host;
mod hosts;
mod https;
pub mod i18n;
mod installation;
pub mod instance;
pub mod lock;
mod logs;
mod manifest;
mod models;
mod moves;
pub mod plan;
pub mod ports;
mod probe;
pub mod profile;
mod record;
mod registry;
pub mod releases;
mod report;
pub mod rescue;
pub mod secret;
mod service;
mod service_files;
mod sessions;
pub mod settings;
mod shell_completion;
pub mod snapshot;
mod stop_record;
mod survey;
mod sync;
mod text;
mod time;
mod toml_document;
mod ui;
mod url;
mod verify;
mod wizard;

#[cfg(test)]
#[path = "../tests/support/skip.rs"]
#[expect(dead_code, reason = "the unit tests use few of the reasons")]
#[expect(
    clippy::disallowed_methods,
    reason = "it appends to a file of the test run, which a variable names"
)]
mod skip;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::error::{Error, Result};
use crate::global_options::GlobalOptions;
use crate::host::Host;
use crate::i18n::msg;
use crate::ui::Ui;

/// Runs the program: detects the language, parses the command line, runs the command, and reports its error.
/// Returns the exit code.
pub fn run(host: &Host) -> ExitCode {
    let requested = global_options::requested_lang(host.args()).map(i18n::Lang::code);
    let requested = requested.into_iter().chain(environment::Environment::lang(host));
    let lang = i18n::detect(requested, |name| host.var(name), sys_locale::get_locale);
    let options = global_options::parse_global_options(host.args());
    let ui_options = match &options {
        Ok(options) => ui::UiOptions {
            json: options.json,
            no_color: options.no_color,
            accessible: options.accessible,
        },
        Err(_) => ui::UiOptions {
            json: host.args().iter().any(|a| a == "--json"),
            ..ui::UiOptions::default()
        },
    };
    let mut ui = Ui::new(host, lang, ui_options);
    if installation::command_name(host) == installation::PACKAGE_NAME {
        let commands = cli::Cli::command();
        let names = commands
            .get_subcommands()
            .flat_map(|c| c.get_name_and_visible_aliases());
        ui = ui.with_second_name(text::SecondName::new(
            installation::PACKAGE_NAME,
            names.map(str::to_owned).collect(),
        ));
    }
    if let Some(code) = cli::completions::complete(host, cli::Cli::command(), ui.lang(), ui) {
        return code;
    }
    match options.and_then(|options| dispatch(host, ui, &options)) {
        Ok(code) => code,
        Err(error) => {
            ui.report_error(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

/// Parses the program's command line without its global options, and runs the command. A line that clap refuses is
/// explained, or passed on to OpenClaw from npm.
fn dispatch(host: &Host, ui: Ui, options: &GlobalOptions) -> Result<ExitCode> {
    // OpenClaw checks the value of --lang where the command is one of OpenClaw.
    if let Err(error) = options.require_known_lang()
        && cli::node::openclaw_command(&cli::Cli::command(), options).is_none()
    {
        return Err(error);
    }
    if let Some(name) = &options.host {
        return cli::remote::run(
            host,
            ui,
            options,
            name,
            options.command_line.get(1..).unwrap_or_default(),
        );
    }
    if cli::version::is_asked_for(&options.command_line) {
        return Ok(cli::version::run(host, ui));
    }
    let Ok(matches) = cli::Cli::command().try_get_matches_from(&options.command_line) else {
        return explain(host, ui, options)
            .or_else(|error| cli::node::pass_on(host, ui, &cli::Cli::command(), options, error));
    };
    let parsed =
        cli::Cli::from_arg_matches(&matches).map_err(|e| Error::usage(msg!("cli.usage")).because(e))?;
    if let Some(name) = &parsed.host {
        return cli::remote::run(host, ui, options, name, &options.words_without_host());
    }
    let Some(command) = parsed.command else {
        return Ok(cli::version::run(host, ui));
    };
    cli::dispatch(host, ui, options.profile.as_ref(), command)
}

/// Explains a command line that clap did not accept: requested help goes to stdout, other help to stderr, and a wrong
/// line is an error. A line without a command gets an overview instead of the help page: with a person at the terminal one
/// that renews itself, else on stderr and with exit 2 as every incomplete line: a script whose command is an empty variable
/// must not go on.
fn explain(host: &Host, ui: Ui, options: &GlobalOptions) -> Result<ExitCode> {
    let is_empty = options.command_line.len() == 1;
    if is_empty && let Some(code) = cli::show_overview(host, ui, options.profile.as_ref())? {
        return Ok(code);
    }
    let style = help::HelpStyle {
        width: ui.width(),
        bold: ui.colour(),
    };
    match help::explain(cli::Cli::command(), &options.command_line, ui.lang(), style) {
        help::Explanation::Requested(page) => {
            ui.print(&ui.fit_charset(page));
            Ok(ExitCode::SUCCESS)
        }
        help::Explanation::NothingRequested(_) if ui.is_json() => {
            Err(Error::usage(msg!("cli.usage")).hint(msg!("cli.see-help", command = "openclaw")))
        }
        help::Explanation::NothingRequested(page) => {
            ui.eprint(&ui.fit_charset(page));
            Ok(ExitCode::from(2))
        }
        help::Explanation::Invalid(error) => Err(error),
    }
}
