//! The arguments of the subcommands of `openclaw channels`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::duration::parse_time_limit;

/// The account that a command is about.
#[derive(Debug, Args)]
pub(crate) struct AccountArgs {
    #[arg(value_name = "CHANNEL")]
    pub(crate) channel: String,
    #[arg(long, value_name = "ID")]
    pub(crate) account: Option<String>,
}

/// The arguments of `openclaw channels status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[arg(long)]
    pub(crate) probe: bool,
    #[arg(long, value_name = "MS", value_parser = parse_time_limit, default_value = "10000")]
    pub(crate) timeout: Duration,
}

/// The arguments of `openclaw channels add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    pub(crate) account: AccountArgs,
    #[arg(long, conflicts_with = "token_file")]
    pub(crate) token_stdin: bool,
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[arg(long = "set", value_name = "SETTING")]
    pub(crate) settings: Vec<String>,
    #[arg(long = "owner", value_name = "ID")]
    pub(crate) owners: Vec<String>,
}

/// The arguments of `openclaw channels remove`.
#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    pub(crate) account: AccountArgs,
}
