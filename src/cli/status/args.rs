//! The arguments of `openclaw status`, and of every command that asks a gateway.

use std::time::Duration;

use clap::Args;

use crate::cli::duration::parse_time_limit;

/// The arguments that every command which asks a gateway has.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct AskArgs {
    #[arg(long)]
    pub(crate) json: bool,
    #[arg(long, value_name = "MS", value_parser = parse_time_limit, default_value = "3000")]
    pub(crate) timeout: Duration,
}

/// The arguments of `openclaw status`.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct StatusArgs {
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}
