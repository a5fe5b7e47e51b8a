//! The arguments of `openclaw onboard` and `openclaw setup`.

use std::path::PathBuf;

use clap::Args;

/// The arguments of `openclaw onboard`: one flag for each question, with OpenClaw's name where it has one.
#[derive(Debug, Default, Args)]
pub(crate) struct OnboardArgs {
    #[arg(long)]
    pub(crate) non_interactive: bool,
    #[arg(long)]
    pub(crate) accept_risk: bool,
    #[arg(long, value_name = "FLOW")]
    pub(crate) flow: Option<String>,
    #[arg(long, value_name = "MODE")]
    pub(crate) mode: Option<String>,
    #[arg(long, value_name = "CHOICE")]
    pub(crate) existing: Option<String>,
    #[arg(long)]
    pub(crate) reset: bool,
    #[arg(long, value_name = "SCOPE", requires = "reset")]
    pub(crate) reset_scope: Option<String>,
    #[arg(long, value_name = "ENGINE")]
    pub(crate) engine: Option<String>,
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<String>,
    #[arg(long, value_name = "PORT")]
    pub(crate) gateway_port: Option<String>,
    #[arg(long, value_name = "BIND")]
    pub(crate) gateway_bind: Option<String>,
    #[arg(long, value_name = "IP")]
    pub(crate) gateway_custom_host: Option<String>,
    #[arg(long, value_name = "MODE")]
    pub(crate) gateway_auth: Option<String>,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    #[arg(long, value_name = "CHOICE")]
    pub(crate) auth_choice: Option<String>,
    #[arg(long, value_name = "URL")]
    pub(crate) custom_base_url: Option<String>,
    #[arg(long, value_name = "ID")]
    pub(crate) custom_model_id: Option<String>,
    #[arg(long, value_name = "ID")]
    pub(crate) custom_provider_id: Option<String>,
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    #[arg(long, value_name = "CHANNEL")]
    pub(crate) channel: Option<String>,
    #[arg(long, value_name = "ID")]
    pub(crate) channel_owner: Option<String>,
    #[arg(long, value_name = "NAME")]
    pub(crate) watch: Option<String>,
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "service")]
    #[arg(overrides_with_all = ["no_install_daemon", "skip_daemon"])]
    pub(crate) install_daemon: Option<String>,
    #[arg(long, overrides_with = "install_daemon")]
    pub(crate) no_install_daemon: bool,
    #[arg(long, overrides_with = "install_daemon")]
    pub(crate) skip_daemon: bool,
    #[arg(long)]
    pub(crate) linger: bool,
    #[arg(long)]
    pub(crate) skip_channels: bool,
    #[arg(long)]
    pub(crate) skip_bootstrap: bool,
    #[arg(long)]
    pub(crate) skip_health: bool,
    #[arg(long)]
    pub(crate) skip_skills: bool,
    #[arg(long)]
    pub(crate) skip_ui: bool,
    #[arg(long)]
    pub(crate) skip_hooks: bool,
    #[arg(long)]
    pub(crate) skip_search: bool,
    #[arg(long, value_name = "MODE")]
    pub(crate) tailscale: Option<String>,
    #[arg(long)]
    pub(crate) check: bool,
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: Option<PathBuf>,
    #[arg(long, value_name = "FILE")]
    pub(crate) save_answers: Option<PathBuf>,
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[arg(long)]
    pub(crate) json: bool,
}

/// The secrets of `openclaw onboard`, as values or, better, from files (`-` is standard input).
#[derive(Debug, Default, Args)]
pub(crate) struct SecretArgs {
    #[arg(long, value_name = "TOKEN", conflicts_with = "gateway_token_file")]
    pub(crate) gateway_token: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub(crate) gateway_token_file: Option<PathBuf>,
    #[arg(long, value_name = "PASSWORD", conflicts_with = "gateway_password_file")]
    pub(crate) gateway_password: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub(crate) gateway_password_file: Option<PathBuf>,
    #[arg(long, value_name = "KEY")]
    pub(crate) anthropic_api_key: Option<String>,
    #[arg(long, value_name = "KEY")]
    pub(crate) openai_api_key: Option<String>,
    #[arg(long, value_name = "KEY")]
    pub(crate) openrouter_api_key: Option<String>,
    #[arg(long, value_name = "KEY")]
    pub(crate) gemini_api_key: Option<String>,
    #[arg(long, value_name = "KEY")]
    pub(crate) custom_api_key: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    #[arg(long, value_name = "TOKEN", conflicts_with = "channel_token_file")]
    pub(crate) channel_token: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub(crate) channel_token_file: Option<PathBuf>,
}

/// The arguments of `openclaw setup`.
#[derive(Debug, Args)]
pub(crate) struct SetupArgs {
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<String>,
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[arg(long)]
    pub(crate) json: bool,
}
