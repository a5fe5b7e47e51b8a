//! The command line as it is typed: types for `clap`, and the dispatch to one module per verb.
//!
//! No help text stands here: `help` puts the words of the chosen language into the commands before they
//! are shown. The global words (`--profile`, `--lang`, ...) are taken out before (`selection`); they are
//! declared here for the help and the completions.

#![expect(clippy::struct_excessive_bools, reason = "each flag of a command line is one")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::apply::{self, HostLock};
use crate::environment::Environment;
use crate::error::Result;
use crate::host::Host;
use crate::i18n::{Msg, msg};
use crate::instance::{Instance, InstanceContext};
use crate::profile::{self, ProfileName};
use crate::registry;
use crate::survey::Survey;
use crate::ui::Ui;

pub mod browser;
pub mod completions;
mod config;
pub mod dashboard;
mod doctor;
pub mod gateway;
mod given;
mod logs;
pub mod man;
pub mod node;
mod onboard;
mod ports;
mod profiles;
pub mod rescue;
mod snapshot;
mod status;

/// `openclaw`
#[derive(Debug, Parser)]
#[command(
    name = "openclaw",
    version,
    disable_version_flag = true,
    disable_help_subcommand = true
)]
#[command(arg_required_else_help = true)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct Cli {
    #[arg(long, global = true, value_name = "NAME", overrides_with = "profile")]
    pub profile: Option<String>,
    #[arg(long, global = true)]
    pub dev: bool,
    #[arg(long, global = true, value_name = "CODE")]
    pub lang: Option<String>,
    #[arg(long, global = true)]
    pub no_color: bool,
    #[arg(long, global = true)]
    pub accessible: bool,
    #[arg(short = 'V', short_alias = 'v', long)]
    pub version: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub enum Command {
    Onboard(Box<OnboardArgs>),
    Setup(SetupArgs),
    Ports(PortsArgs),
    Profiles(ProfilesArgs),
    Rescue(rescue::RescueArgs),
    Config(ConfigArgs),
    Dashboard(dashboard::DashboardArgs),
    Status(status::StatusArgs),
    Logs(logs::LogsArgs),
    Gateway(Box<gateway::GatewayArgs>),
    Doctor(DoctorArgs),
    Snapshot(SnapshotArgs),
    Browser(browser::BrowserArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

/// `openclaw onboard`: each question's flag, named as OpenClaw names it where it has one.
#[derive(Debug, Default, Args)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct OnboardArgs {
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

/// The secrets of `onboard`: as a value, or better from a file (`-` is standard input).
#[derive(Debug, Default, Args)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct SecretArgs {
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

/// `openclaw setup`
#[derive(Debug, Args)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct SetupArgs {
    #[arg(long, value_name = "DIR")]
    pub workspace: Option<String>,
    #[arg(long)]
    pub dry_run: bool,
    #[arg(long)]
    pub json: bool,
}

/// `openclaw ports`
#[derive(Debug, Args)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct PortsArgs {
    #[command(subcommand)]
    pub command: Option<PortsCommand>,
    #[arg(long, global = true)]
    pub json: bool,
}

/// `openclaw ports ...`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub enum PortsCommand {
    Suggest {
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=600))]
        count: u16,
    },
    Check {
        #[arg(value_name = "PORT")]
        port: u16,
    },
}

/// `openclaw profiles`
#[derive(Debug, Args)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct ProfilesArgs {
    #[command(subcommand)]
    pub command: Option<ProfilesCommand>,
    #[arg(long, global = true)]
    pub json: bool,
}

/// `openclaw profiles ...`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub enum ProfilesCommand {
    List,
    Remove {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(long)]
        workspace: bool,
        #[arg(long)]
        yes: bool,
        #[arg(long)]
        dry_run: bool,
    },
    Export {
        #[arg(value_name = "NAME")]
        name: String,
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[arg(long)]
        with_secrets: bool,
    },
    Import {
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[arg(long = "as", value_name = "NAME")]
        name: String,
        #[arg(long)]
        dry_run: bool,
    },
}

/// `openclaw doctor`
#[derive(Debug, Args)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct DoctorArgs {
    #[arg(long)]
    pub all: bool,
    #[arg(long)]
    pub fix: bool,
    #[arg(long, requires = "fix")]
    pub dry_run: bool,
    #[arg(long, requires = "fix")]
    pub yes: bool,
    #[arg(long)]
    pub json: bool,
}

/// `openclaw snapshot`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct SnapshotArgs {
    #[command(subcommand)]
    pub command: SnapshotCommand,
    #[arg(long, global = true)]
    pub json: bool,
}

/// `openclaw snapshot ...`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub enum SnapshotCommand {
    Create,
    List,
    Restore {
        #[arg(value_name = "ID")]
        id: Option<String>,
        #[arg(long)]
        yes: bool,
    },
}

/// `openclaw config`
#[derive(Debug, Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub command: ConfigCommand,
    #[arg(long, global = true)]
    pub json: bool,
}

/// `openclaw config ...`
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub enum ConfigCommand {
    Get {
        #[arg(value_name = "PATH")]
        path: String,
    },
    Set {
        #[arg(value_name = "PATH")]
        path: String,
        #[arg(
            value_name = "VALUE",
            required_unless_present = "stdin",
            conflicts_with = "stdin",
            allow_hyphen_values = true
        )]
        value: Option<String>,
        #[arg(long)]
        stdin: bool,
        #[arg(long)]
        replace: bool,
    },
    Unset {
        #[arg(value_name = "PATH")]
        path: String,
    },
    File,
    Validate,
    Restore {
        #[arg(long, conflicts_with = "to")]
        list: bool,
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=5))]
        to: Option<u8>,
    },
}

/// `openclaw completions`
#[derive(Debug, Args)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct CompletionsArgs {
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// The shells that can be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "names say it")]
pub enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

/// `openclaw man`
#[derive(Debug, Args)]
#[expect(missing_docs, reason = "help texts are in the catalogues")]
pub struct ManArgs {
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// What every verb works with: the world, its wishes, the chosen instance, the screen.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The outside world.
    pub host: &'a Host,
    /// What the environment wishes.
    pub env: Environment,
    /// The instance that profile and environment mean.
    pub instance: Instance,
    /// The screen.
    pub ui: Ui,
}

impl<'a> Context<'a> {
    /// Returns the instance together with the host and the environment.
    pub(crate) fn instance_context(&self) -> InstanceContext<'_> {
        InstanceContext {
            host: self.host,
            env: &self.env,
            instance: &self.instance,
        }
    }

    /// Reads the environment, resolves the instance, and says what was set aside.
    fn read(host: &'a Host, ui: Ui, profile: Option<&ProfileName>) -> Result<Self> {
        let env = Environment::read(host)?;
        let instance = Instance::resolve(&env, profile)?;
        for notice in &instance.notices {
            ui.note(notice);
        }
        Ok(Self {
            host,
            env,
            instance,
            ui,
        })
    }

    /// The right to write on this host: the lock, with a run that was cut short brought to its end first.
    fn lock(&self) -> Result<HostLock> {
        let lock = HostLock::acquire(
            &registry::state_home(self.host, &self.env),
            HostLock::WAIT_TIMEOUT,
        )?;
        if let Some(recovered) = apply::recover(&lock)? {
            for msg in &recovered.msgs {
                self.ui.note(msg);
            }
        }
        Ok(lock)
    }

    /// The existing profile that was probably meant by this one's name.
    fn probably_meant(&self, survey: &Survey) -> Option<Msg> {
        let names = survey.instances.iter().filter_map(|found| found.profile.as_ref());
        let near = profile::nearest(
            &self.instance.profile,
            names.filter(|name| **name != self.instance.profile),
        )?;
        Some(msg!("profiles.meant", profile = near))
    }

    /// The time as OpenClaw writes it: `2026-11-22T19:22:45.123Z`.
    fn now(&self) -> String {
        humantime::format_rfc3339_millis(self.host.now()).to_string()
    }
}

/// Carries a verb out. Scripts and man pages need no instance, and so no home folder.
pub fn dispatch(host: &Host, ui: Ui, profile: Option<&ProfileName>, command: Command) -> Result<ExitCode> {
    let context = || Context::read(host, ui, profile);
    match command {
        Command::Completions(args) => completions::run(host, ui, &args),
        Command::Man(args) => man::run(ui, &args),
        Command::Config(args) => config::run(&context()?, &args),
        Command::Dashboard(args) => dashboard::run(&context()?, &args),
        Command::Status(args) => Ok(status::run(&context()?, &args)),
        Command::Logs(args) => logs::run(&context()?, &args),
        Command::Gateway(args) => gateway::run(&context()?, *args),
        Command::Doctor(args) => doctor::run(&context()?, &args),
        Command::Snapshot(args) => snapshot::run(&context()?, &args),
        Command::Browser(args) => browser::run(&context()?, &args),
        Command::Onboard(args) => onboard::onboard(&context()?, &args),
        Command::Setup(args) => onboard::setup(&context()?, &args),
        Command::Rescue(args) => rescue::run(&context()?, &args),
        Command::Profiles(args) => profiles::run(&context()?, &args),
        Command::Ports(args) => ports::run(&context()?, &args),
    }
}
