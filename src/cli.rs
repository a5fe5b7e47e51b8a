//! The command line as it is typed: the types for `clap`, and the dispatch to one module for each command.
//!
//! The types have no help texts: `help` puts the sentences of the chosen language into the commands before they are
//! shown. `global_options` removes the global options (`--profile`, `--lang`, ...) before clap parses the line; they are
//! declared here for the help and the completions.

#![expect(clippy::struct_excessive_bools, reason = "each flag of a command line is one")]

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::error::Result;
use crate::host::Host;
use crate::profile::ProfileName;
use crate::ui::Ui;

mod agent;
mod browser;
mod channels;
mod chat;
pub(crate) mod completions;
mod config;
mod context;
mod dashboard;
mod doctor;
mod duration;
mod engine;
mod gateway;
pub(crate) mod hosts;
mod left_out;
mod logs;
mod man;
pub(crate) mod node;
mod onboard;
mod overview;
mod pairing;
mod ports;
mod preset_answers;
mod profiles;
pub(crate) mod remote;
mod rescue;
mod snapshot;
mod status;
pub(crate) mod version;

use context::Context;

/// The arguments of `openclaw`.
#[derive(Debug, Parser)]
#[command(
    name = "openclaw",
    version,
    disable_version_flag = true,
    disable_help_subcommand = true
)]
#[command(arg_required_else_help = true)]
pub struct Cli {
    #[arg(long, global = true, value_name = "NAME", overrides_with = "profile")]
    pub(crate) profile: Option<String>,
    #[arg(long, global = true)]
    pub(crate) dev: bool,
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) host: Option<String>,
    #[arg(long, global = true, value_name = "CODE")]
    pub(crate) lang: Option<String>,
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    #[arg(long, global = true)]
    pub(crate) accessible: bool,
    #[arg(short = 'V', short_alias = 'v', long)]
    pub(crate) version: bool,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The subcommands of the `openclaw` program.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Onboard(Box<onboard::OnboardArgs>),
    Setup(onboard::SetupArgs),
    Gateway(Box<gateway::GatewayArgs>),
    Status(status::StatusArgs),
    Dashboard(dashboard::DashboardArgs),
    Logs(logs::LogsArgs),
    Chat(chat::ChatArgs),
    Agent(agent::AgentArgs),
    Config(config::ConfigArgs),
    Doctor(doctor::DoctorArgs),
    Rescue(rescue::RescueArgs),
    Snapshot(snapshot::SnapshotArgs),
    Engine(engine::EngineArgs),
    Profiles(profiles::ProfilesArgs),
    Ports(ports::PortsArgs),
    Hosts(hosts::HostsArgs),
    Browser(browser::BrowserArgs),
    Channels(channels::ChannelsArgs),
    Pairing(pairing::PairingArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Command {
    /// Returns `true` if a command is about an instance that exists already: it neither sets one up nor is about the host.
    fn needs_existing_instance(&self) -> bool {
        match self {
            Self::Onboard(_)
            | Self::Setup(_)
            | Self::Ports(_)
            | Self::Profiles(_)
            | Self::Hosts(_)
            | Self::Completions(_)
            | Self::Man(_) => false,
            Self::Gateway(args) => !args.runs_unconfigured(),
            Self::Engine(args) => args.is_about_instance(),
            Self::Rescue(_)
            | Self::Config(_)
            | Self::Dashboard(_)
            | Self::Status(_)
            | Self::Logs(_)
            | Self::Chat(_)
            | Self::Agent(_)
            | Self::Doctor(_)
            | Self::Snapshot(_)
            | Self::Channels(_)
            | Self::Pairing(_)
            | Self::Browser(_) => true,
        }
    }
}

/// Shows the overview that a command line without a command gets, and returns the exit code. Returns `None`, and shows
/// nothing, where the files of the user can't be found.
///
/// # Errors
/// Exit 1 where the profile does not exist and its name is probably a misspelling.
pub(crate) fn show_overview(host: &Host, ui: Ui, profile: Option<&ProfileName>) -> Result<Option<ExitCode>> {
    let Ok(context) = Context::read(host, ui, profile) else {
        return Ok(None);
    };
    if profile.is_some() {
        context.refuse_misspelled_profile()?;
    }
    overview::run(&context, Cli::command()).map(Some)
}

/// Runs the subcommand that the command line names, and returns the exit code of the program. `completions` and `man`
/// need no instance, and therefore no home folder.
pub(crate) fn dispatch(
    host: &Host,
    ui: Ui,
    profile: Option<&ProfileName>,
    command: Command,
) -> Result<ExitCode> {
    let needs_instance = profile.is_some() && command.needs_existing_instance();
    let read_context = || -> Result<Context<'_>> {
        let context = Context::read(host, ui, profile)?;
        if needs_instance {
            context.refuse_misspelled_profile()?;
        }
        Ok(context)
    };
    let run = |run: &dyn Fn(&Context<'_>) -> Result<ExitCode>| {
        let context = read_context()?;
        let result = run(&context);
        // A command that writes has completed it by now.
        context.print_interrupted_note();
        result
    };
    match command {
        Command::Completions(args) => Ok(completions::run(host, ui, &args)),
        Command::Man(args) => man::run(host, ui, Cli::command(), &args),
        // It reports an interrupted run as a finding.
        Command::Doctor(args) => doctor::run(&read_context()?, &args),
        Command::Config(args) => run(&|context| config::run(context, &args)),
        Command::Dashboard(args) => run(&|context| dashboard::run(context, &args)),
        Command::Status(args) => run(&|context| status::run(context, &args)),
        Command::Hosts(args) => run(&|context| hosts::run(context, &args)),
        Command::Logs(args) => run(&|context| logs::run(context, &args)),
        Command::Chat(args) => run(&|context| chat::run(context, &args)),
        Command::Agent(args) => run(&|context| agent::run(context, &args)),
        Command::Gateway(args) => run(&|context| gateway::run(context, &args)),
        Command::Snapshot(args) => run(&|context| snapshot::run(context, &args)),
        Command::Engine(args) => run(&|context| engine::run(context, &args)),
        Command::Browser(args) => run(&|context| browser::run(context, &args)),
        Command::Channels(args) => run(&|context| channels::run(context, &args)),
        Command::Pairing(args) => run(&|context| pairing::run(context, &args)),
        Command::Onboard(args) => run(&|context| onboard::onboard(context, &args)),
        Command::Setup(args) => run(&|context| onboard::setup(context, &args)),
        Command::Rescue(args) => run(&|context| rescue::run(context, &args)),
        Command::Profiles(args) => run(&|context| profiles::run(context, &args)),
        Command::Ports(args) => run(&|context| ports::run(context, &args)),
    }
}
