//! The arguments of `openclaw onboard` and `openclaw setup`.

use std::path::PathBuf;

use clap::Args;

/// The arguments of `openclaw onboard`: one flag for each question, with OpenClaw's name where it has one.
#[derive(Debug, Default, Args)]
pub(crate) struct OnboardArgs {
    #[arg(long)]
    pub non_interactive: bool,
    #[arg(long)]
    pub accept_risk: bool,
    #[arg(long, value_name = "FLOW")]
    pub flow: Option<String>,
    #[arg(long, value_name = "MODE")]
    pub mode: Option<String>,
    #[arg(long, value_name = "CHOICE")]
    pub existing: Option<String>,
    #[arg(long)]
    pub reset: bool,
    #[arg(long, value_name = "SCOPE", requires = "reset")]
    pub reset_scope: Option<String>,
    #[arg(long, value_name = "DIR")]
    pub workspace: Option<String>,
    #[arg(long, value_name = "PORT")]
    pub gateway_port: Option<String>,
    #[arg(long, value_name = "BIND")]
    pub gateway_bind: Option<String>,
    #[arg(long, value_name = "IP")]
    pub gateway_custom_host: Option<String>,
    #[arg(long, value_name = "MODE")]
    pub gateway_auth: Option<String>,
    #[command(flatten)]
    pub secrets: SecretArgs,
    #[arg(long, value_name = "CHOICE")]
    pub auth_choice: Option<String>,
    #[arg(long, value_name = "URL")]
    pub custom_base_url: Option<String>,
    #[arg(long, value_name = "ID")]
    pub custom_model_id: Option<String>,
    #[arg(long, value_name = "ID")]
    pub custom_provider_id: Option<String>,
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    #[arg(long, value_name = "CHANNEL")]
    pub channel: Option<String>,
    #[arg(long, overrides_with_all = ["no_install_daemon", "skip_daemon"])]
    pub install_daemon: bool,
    #[arg(long, overrides_with = "install_daemon")]
    pub no_install_daemon: bool,
    #[arg(long, overrides_with = "install_daemon")]
    pub skip_daemon: bool,
    #[arg(long)]
    pub skip_channels: bool,
    #[arg(long)]
    pub skip_bootstrap: bool,
    #[arg(long)]
    pub skip_health: bool,
    #[arg(long)]
    pub skip_skills: bool,
    #[arg(long)]
    pub skip_ui: bool,
    #[arg(long)]
    pub skip_hooks: bool,
    #[arg(long)]
    pub skip_search: bool,
    #[arg(long, value_name = "MODE")]
    pub tailscale: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    #[arg(long, value_name = "FILE")]
    pub save_answers: Option<PathBuf>,
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long)]
    pub json: bool,
}

/// The secrets of `openclaw onboard`, as values or, better, from files (`-` is standard input).
#[derive(Debug, Default, Args)]
pub(crate) struct SecretArgs {
    #[arg(long, value_name = "TOKEN", conflicts_with = "gateway_token_file")]
    pub gateway_token: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub gateway_token_file: Option<PathBuf>,
    #[arg(long, value_name = "PASSWORD", conflicts_with = "gateway_password_file")]
    pub gateway_password: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub gateway_password_file: Option<PathBuf>,
    #[arg(long, value_name = "KEY")]
    pub anthropic_api_key: Option<String>,
    #[arg(long, value_name = "KEY")]
    pub openai_api_key: Option<String>,
    #[arg(long, value_name = "KEY")]
    pub openrouter_api_key: Option<String>,
    #[arg(long, value_name = "KEY")]
    pub gemini_api_key: Option<String>,
    #[arg(long, value_name = "KEY")]
    pub custom_api_key: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    #[arg(long, value_name = "TOKEN", conflicts_with = "channel_token_file")]
    pub channel_token: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub channel_token_file: Option<PathBuf>,
}

/// The arguments of `openclaw setup`.
#[derive(Debug, Args)]
pub(crate) struct SetupArgs {
    #[arg(long, value_name = "DIR")]
    pub workspace: Option<String>,
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long)]
    pub json: bool,
}
