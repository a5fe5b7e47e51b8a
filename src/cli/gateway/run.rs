//! `openclaw gateway`, `openclaw gateway run`: the gateway in the foreground.

use std::process::ExitCode;

use clap::Args;

use super::super::{Context, node};
use crate::error::Result;
use crate::gateway::{self, Options};
use crate::record::Engine;
use crate::settings::Wishes;

/// The flags of a run.
#[derive(Debug, Default, Args)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct RunArgs {
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    #[arg(long)]
    pub allow_unconfigured: bool,
    #[arg(long)]
    pub force: bool,
    #[arg(long, value_name = "ENGINE", value_parser = node::engine_names())]
    pub engine: Option<Engine>,
}

pub(super) fn run(context: &Context<'_>, args: &RunArgs) -> Result<ExitCode> {
    let options = Options {
        wishes: Wishes {
            port: args.port,
            allow_unconfigured: args.allow_unconfigured,
            ..Wishes::default()
        },
        force: args.force,
    };
    if node::is_chosen(context, args.engine)? {
        return node::gateway(context, &options);
    }
    gateway::run(
        context.host,
        &context.env,
        &context.instance,
        context.ui.lang(),
        &options,
    )
}
