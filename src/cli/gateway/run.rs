//! `openclaw gateway` and `openclaw gateway run`: run the gateway in the foreground.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::super::onboard::{self, SetupArgs};
use super::super::{Context, node, preset_answers};
use crate::answers::{Auth, Bind, NamedValue as _};
use crate::error::{Error, Result};
use crate::gateway::{self, GatewayOptions, UserInteraction};
use crate::global_options::requested_lang;
use crate::i18n::{Msg, msg};
use crate::instance::InstanceContext;
use crate::ports::{Port, PortSource};
use crate::record::Engine;
use crate::secret::Secret;
use crate::settings::{InstanceFiles, RunOverrides};
use crate::wizard::terminal::Terminal;
use crate::{config, moves, survey};

/// The arguments of `openclaw gateway run`.
#[derive(Debug, Default, Args)]
pub(crate) struct RunArgs {
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(Port))]
    pub(crate) port: Option<Port>,
    #[arg(long, value_name = "MODE", value_parser = name_parser(Bind::ALL, Bind::name))]
    pub(crate) bind: Option<String>,
    #[arg(long, value_name = "MODE", value_parser = name_parser(Auth::ALL, Auth::name))]
    pub(crate) auth: Option<String>,
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file")]
    pub(crate) token: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[arg(long, value_name = "PASSWORD", conflicts_with = "password_file")]
    pub(crate) password: Option<String>,
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    #[arg(long)]
    pub(crate) allow_unconfigured: bool,
    #[arg(long)]
    pub(crate) force: bool,
    #[arg(long)]
    pub(crate) dev: bool,
    #[arg(long)]
    pub(crate) verbose: bool,
    #[arg(long, value_name = "ENGINE", value_parser = node::engine_names())]
    pub(crate) engine: Option<Engine>,
}

/// Returns a command-line parser that accepts the names of these enum values.
fn name_parser<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> PossibleValuesParser {
    PossibleValuesParser::new(all.iter().map(|value| name(*value)))
}

/// Runs the gateway of this instance in the foreground.
pub(super) fn run(context: &Context<'_>, args: &RunArgs) -> Result<ExitCode> {
    context.complete_interrupted_change()?;
    moves::settle_before_start(context.instance_context())?;
    if args.dev {
        ensure_config(context)?;
    }
    let lang = requested_lang(context.host.args());
    let options = GatewayOptions {
        overrides: overrides(context, args)?,
        force: args.force,
        verbose: args.verbose,
        lang,
    };
    refuse_claimed_port(context, args.port)?;
    if node::is_chosen(context, args.engine)? {
        return node::run_gateway(context, &options);
    }
    let interaction = UserInteraction {
        confirm: &|question| confirm(context, question),
        notify: &|msg| context.ui.print_note(msg),
    };
    let instance_context = InstanceContext {
        host: context.host,
        env: &context.env,
        instance: &context.instance,
    };
    gateway::run(instance_context, context.ui.lang(), &options, &interaction)
}

/// Refuses a port of the command line, the environment or the `.env` that conflicts with another instance's. The port of the config is
/// judged where it is set, and that of a service where the service is installed.
fn refuse_claimed_port(context: &Context<'_>, flag: Option<Port>) -> Result<()> {
    let instance = &context.instance;
    // What is wrong with the files is told where the gateway reads them.
    let Some(files) = InstanceFiles::read(instance)
        .ok()
        .filter(|_| !context.env.service_marker)
    else {
        return Ok(());
    };
    let Ok((port, source)) = files.sources(context.host, instance).port(flag) else {
        return Ok(());
    };
    let is_override = matches!(source, PortSource::Flag | PortSource::Environment);
    if !is_override || config::base_port(&files.config) == Some(port) {
        return Ok(());
    }
    let survey = context.survey();
    // Whoever listens there is named with its process where the gateway tries to listen.
    if survey.listeners.iter().any(|listener| listener.port == port) {
        return Ok(());
    }
    survey::ports::refuse_claimed_base(context.host, &survey, instance, port)
}

/// Gives an instance without a config that of `setup`, with a token and ports of its own; for `--dev`. OpenClaw writes a
/// config without a token, which its gateway then refuses (docs/openclaw.md#onboarding-config).
fn ensure_config(context: &Context<'_>) -> Result<()> {
    if context.instance.config_path.exists() {
        return Ok(());
    }
    let args = SetupArgs {
        workspace: None,
        dry_run: false,
        json: false,
    };
    onboard::setup(context, &args).map(|_| ())
}

/// Returns the values of `gateway run` flags that replace those of the config for one run.
fn overrides(context: &Context<'_>, args: &RunArgs) -> Result<RunOverrides> {
    let stdin = Some(Path::new("-"));
    if args.token_file.as_deref() == stdin && args.password_file.as_deref() == stdin {
        return Err(Error::usage(msg!("answers.stdin-twice")));
    }
    let secret = |value: &Option<String>, flag: &'static str, file: &Option<PathBuf>| match (value, file) {
        (Some(value), _) if value.trim().is_empty() => {
            let flag = flag.trim_end_matches("-file");
            Err(Error::usage(msg!("gateway.empty", flag = flag)))
        }
        (Some(value), _) => Ok(Some(Secret::new(value.trim()))),
        (None, Some(path)) => preset_answers::read_secret_file(context.host, flag, path).map(Some),
        (None, None) => Ok(None),
    };
    Ok(RunOverrides {
        port: args.port,
        bind: args.bind.as_deref().and_then(Bind::from_name),
        auth: args.auth.as_deref().and_then(Auth::from_name),
        token: secret(&args.token, "token-file", &args.token_file)?,
        password: secret(&args.password, "password-file", &args.password_file)?,
        allow_unconfigured: args.allow_unconfigured,
    })
}

/// Asks a person at the terminal to confirm what `gateway run --force` is about to do. Without a terminal the answer
/// is yes, because `--force` was given.
fn confirm(context: &Context<'_>, question: &Msg) -> Result<bool> {
    let terminal = context.host.terminal();
    if terminal.stdin && terminal.stderr {
        Terminal::new(context.ui).confirm(question, Some(false))
    } else {
        Ok(true)
    }
}
