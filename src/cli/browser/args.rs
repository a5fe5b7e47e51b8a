//! The flags and commands of `openclaw browser`.

use clap::{Args, Subcommand};

/// The flags of `openclaw browser`.
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct BrowserArgs {
    #[command(subcommand)]
    pub(crate) command: BrowserCommand,
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) browser_profile: Option<String>,
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[arg(long, global = true, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    pub(crate) timeout: Option<u64>,
}

/// The subcommands of `openclaw browser`.
#[derive(Debug, Subcommand)]
pub(crate) enum BrowserCommand {
    Status,
    Start,
    Stop,
    Profiles,
    CreateProfile {
        #[arg(long, value_name = "NAME")]
        name: String,
        #[arg(long, value_name = "COLOR")]
        color: Option<String>,
    },
    DeleteProfile {
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    Tabs,
    Open {
        #[arg(value_name = "URL")]
        url: String,
    },
    Focus {
        #[arg(value_name = "TAB")]
        tab: String,
    },
    Close {
        #[arg(value_name = "TAB")]
        tab: String,
    },
    Navigate {
        #[arg(value_name = "URL")]
        url: String,
        #[arg(long, value_name = "TAB")]
        target_id: Option<String>,
    },
    Screenshot {
        #[arg(value_name = "TAB")]
        tab: Option<String>,
        #[arg(long)]
        full_page: bool,
        #[arg(long = "type", value_name = "TYPE", value_parser = ["png", "jpeg"], default_value = "png")]
        format: String,
    },
    Snapshot {
        #[arg(long, value_name = "TAB")]
        target_id: Option<String>,
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
    },
    Doctor,
}
