//! `openclaw gateway`: runs a gateway, asks a running one, and manages its service.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Result;

mod background;
pub(super) mod call;
mod health;
mod probe;
pub(crate) mod run;
pub(super) mod service;
mod stop;

use super::status::{self, AskArgs};
use background::StartArgs;
pub(super) use background::start_in_background;
use run::RunArgs;
pub(super) use service::wait_healthy;
use service::{InstallArgs, ServiceAction, ServiceActionArgs};

/// The arguments of `openclaw gateway`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct GatewayArgs {
    #[command(subcommand)]
    pub(crate) command: Option<GatewayCommand>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// The subcommands of `openclaw gateway`.
#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    Run(RunArgs),
    Status(AskArgs),
    Health(health::HealthArgs),
    Probe(AskArgs),
    Call(call::CallArgs),
    Install(InstallArgs),
    Uninstall(ServiceActionArgs),
    Start(StartArgs),
    Stop(ServiceActionArgs),
    Restart(ServiceActionArgs),
}

impl GatewayArgs {
    /// Returns `true` if a gateway is to run for an instance that need not be set up.
    pub(crate) fn runs_unconfigured(&self) -> bool {
        let run = match &self.command {
            None => &self.run,
            Some(GatewayCommand::Run(run)) => run,
            Some(_) => return false,
        };
        run.allow_unconfigured || run.dev
    }
}

/// Runs `openclaw gateway` and its subcommands.
pub(super) fn run(context: &Context<'_>, args: &GatewayArgs) -> Result<ExitCode> {
    match &args.command {
        None => run::run(context, &args.run),
        Some(GatewayCommand::Run(args)) => run::run(context, args),
        Some(GatewayCommand::Status(args)) => Ok(status::report_instance(context, args)),
        Some(GatewayCommand::Health(args)) => health::run(context, args),
        Some(GatewayCommand::Probe(args)) => Ok(probe::run(context, args)),
        Some(GatewayCommand::Call(args)) => call::run(context, args),
        Some(GatewayCommand::Install(args)) => service::install(context, args),
        Some(GatewayCommand::Uninstall(_)) => service::run_action(context, ServiceAction::Uninstall),
        Some(GatewayCommand::Start(args)) => background::run(context, args),
        Some(GatewayCommand::Stop(_)) => stop::run(context),
        Some(GatewayCommand::Restart(_)) => service::run_action(context, ServiceAction::Restart),
    }
}
