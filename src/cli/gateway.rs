//! `openclaw gateway`: runs one, and asks a running one.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Result;

pub mod run;

use run::RunArgs;

/// `openclaw gateway`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct GatewayArgs {
    #[command(subcommand)]
    pub command: Option<GatewayCommand>,
    #[command(flatten)]
    pub run: RunArgs,
}

/// `openclaw gateway ...`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub enum GatewayCommand {
    Run(RunArgs),
}

pub(super) fn run(context: &Context<'_>, args: GatewayArgs) -> Result<ExitCode> {
    match args.command {
        None => run::run(context, &args.run),
        Some(GatewayCommand::Run(args)) => run::run(context, &args),
    }
}
