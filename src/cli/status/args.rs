//! The arguments of `openclaw status`, and of every command that asks a gateway.

use std::time::Duration;

use clap::Args;

use crate::cli::duration::parse_time_limit;

/// Maximum time that a command waits for a gateway, where the command line names none.
pub(in crate::cli) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

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
    #[arg(long, requires = "all")]
    pub(crate) hosts: bool,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    /// A command line with the arguments of `openclaw status` alone.
    #[derive(Debug, clap::Parser)]
    struct StatusLine {
        #[command(flatten)]
        args: StatusArgs,
    }

    #[test]
    fn default_of_the_flag_is_the_default_time_limit() {
        let line = StatusLine::try_parse_from(["status"]).expect("no argument is needed");
        assert_eq!(line.args.ask.timeout, DEFAULT_TIMEOUT);
    }
}
