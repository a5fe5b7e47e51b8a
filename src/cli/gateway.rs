//! `openclaw gateway`: runs one, and asks a running one.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Result;

mod call;
mod health;
mod probe;
pub(crate) mod run;
pub(super) mod service;

use super::status::{self, AskArgs};
use run::RunArgs;
use service::{ActArgs, Action, InstallArgs};

/// `openclaw gateway`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct GatewayArgs {
    #[command(subcommand)]
    pub command: Option<GatewayCommand>,
    #[command(flatten)]
    pub run: RunArgs,
}

/// `openclaw gateway ...`
#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    Run(RunArgs),
    Status(AskArgs),
    Health(health::HealthArgs),
    Probe(AskArgs),
    Call(call::CallArgs),
    Install(InstallArgs),
    Uninstall(ActArgs),
    Start(ActArgs),
    Stop(ActArgs),
    Restart(ActArgs),
}

pub(super) fn run(context: &Context<'_>, args: &GatewayArgs) -> Result<ExitCode> {
    match &args.command {
        None => run::run(context, &args.run),
        Some(GatewayCommand::Run(args)) => run::run(context, args),
        Some(GatewayCommand::Status(args)) => Ok(status::one(context, args)),
        Some(GatewayCommand::Health(args)) => health::run(context, args),
        Some(GatewayCommand::Probe(args)) => Ok(probe::run(context, args)),
        Some(GatewayCommand::Call(args)) => call::run(context, args),
        Some(GatewayCommand::Install(args)) => service::install(context, args),
        Some(GatewayCommand::Uninstall(_)) => service::act(context, Action::Uninstall),
        Some(GatewayCommand::Start(_)) => service::act(context, Action::Start),
        Some(GatewayCommand::Stop(_)) => service::act(context, Action::Stop),
        Some(GatewayCommand::Restart(_)) => service::act(context, Action::Restart),
    }
}
