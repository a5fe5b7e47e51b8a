//! `openclaw channels`: the messaging channels of this instance's bot.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Context;
use crate::error::Result;

mod add;
mod args;
mod list;
pub(super) mod lookup;
mod remove;
mod status;
mod test;

use args::{AccountArgs, AddArgs, RemoveArgs, StatusArgs};

/// The arguments of `openclaw channels`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct ChannelsArgs {
    #[command(subcommand)]
    pub(crate) command: ChannelsCommand,
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The subcommands of `openclaw channels`.
#[derive(Debug, Subcommand)]
pub(crate) enum ChannelsCommand {
    List,
    Status(StatusArgs),
    Add(AddArgs),
    Remove(RemoveArgs),
    Test(AccountArgs),
}

/// Runs `openclaw channels ...`.
pub(super) fn run(context: &Context<'_>, args: &ChannelsArgs) -> Result<ExitCode> {
    match &args.command {
        ChannelsCommand::List => list::run(context),
        ChannelsCommand::Status(args) => status::run(context, args),
        ChannelsCommand::Add(args) => add::run(context, args),
        ChannelsCommand::Remove(args) => remove::run(context, &args.account),
        ChannelsCommand::Test(args) => test::run(context, args),
    }
}
