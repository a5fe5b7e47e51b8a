//! Runs OpenClaw from npm in this program's place: as the gateway where `node` is the engine, and for commands that this
//! program does not have.

use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::Context;
use crate::boot;
use crate::engine::{self, NodeEngine};
use crate::error::{Error, ErrorReason, Result};
use crate::gateway::GatewayOptions;
use crate::global_options::GlobalOptions;
use crate::host::Host;
use crate::host::process::CommandSpec;
use crate::i18n::msg;
use crate::ports::Port;
use crate::record::{Engine, Record};
use crate::settings::InstanceFiles;
use crate::stop_record;
use crate::ui::Ui;

/// Returns the parser of the flag `--engine`, which accepts the names of the gateway engines.
pub(super) fn engine_names() -> impl TypedValueParser<Value = Engine> {
    PossibleValuesParser::new(Engine::ALL.map(Engine::name))
        .map(|name| Engine::from_name(&name).unwrap_or_default())
}

/// Returns `true` if OpenClaw from npm, and not this program, is chosen to run as the gateway. The flag has
/// precedence over the record.
pub(super) fn is_chosen(context: &Context<'_>, flag: Option<Engine>) -> Result<bool> {
    let engine = match flag {
        Some(engine) => engine,
        None => Record::read(&context.instance.record_path())?.engine,
    };
    Ok(engine == Engine::Node)
}

/// Runs OpenClaw from npm as this instance's gateway, in this process.
pub(super) fn run_gateway(context: &Context<'_>, options: &GatewayOptions) -> Result<ExitCode> {
    let instance = &context.instance;
    if options.force {
        // OpenClaw's --force kills any process on the port, another profile's gateway too (docs/openclaw.md#leak-force).
        return Err(Error::usage(msg!("engine.force"))
            .hint(msg!("engine.force-way-out", command = instance.command())));
    }
    let files = InstanceFiles::read(instance)?;
    let engine = engine::locate_for(context.instance_context(), &files.record)?;
    if let Some(stamp) = engine::newer_config_notice(&engine, instance, &files.config) {
        context.ui.print_note(&stamp);
    }
    let (port, _) = files
        .sources(context.host, instance)
        .port(options.overrides.port)?;
    let mut call = engine::gateway_command(
        context.instance_context(),
        &engine,
        &files.config,
        port,
        &options.overrides,
    )?;
    if options.verbose {
        call.args.push("--verbose".into());
    }
    stop_record::remove(instance);
    boot::save_first_config(context.instance_context());
    exec(context.host, &engine, &call)
}

/// Passes a command that this program does not have to OpenClaw from npm, for the chosen instance. Returns every other
/// error, and this one where OpenClaw is not installed.
pub(crate) fn pass_on(
    host: &Host,
    ui: Ui,
    program: &clap::Command,
    options: &GlobalOptions,
    error: Error,
) -> Result<ExitCode> {
    let is_mistyped = error.has_reason(ErrorReason::MistypedCommand);
    let is_unknown = is_mistyped || error.has_reason(ErrorReason::UnknownCommand);
    if !is_unknown || openclaw_command(program, options).is_none() {
        return Err(error);
    }
    let Ok(context) = Context::read(host, ui, options.profile.as_ref()) else {
        return Err(error);
    };
    let record = Record::read(&context.instance.record_path()).unwrap_or_default();
    let engine = match engine::locate_for(context.instance_context(), &record) {
        Ok(engine) => engine,
        Err(_) if is_mistyped => return Err(error),
        // The hints name the commands of this program, and how to install OpenClaw.
        Err(missing) => return Err(missing.hints.into_iter().fold(error, Error::hint)),
    };
    let instance = &context.instance;
    if record.release.is_some() && openclaw_command(program, options) == Some(UPDATE_COMMAND) {
        let upgrade = format!("{} engine upgrade", instance.command());
        return Err(
            Error::usage(msg!("engine.update-here", profile = instance.profile))
                .hint(msg!("engine.upgrade-it", command = upgrade)),
        );
    }
    let args = options.openclaw_args.iter().cloned();
    let port = known_port(&context);
    let call = engine::command_for_instance(host, &engine, instance, port, args);
    exec(host, &engine, &call)
}

/// Name of the command by which OpenClaw replaces its own files.
const UPDATE_COMMAND: &str = "update";
/// Commands of which OpenClaw has subcommands that this program does not have, such as `channels login`.
const SHARED_COMMANDS: [&str; 2] = ["channels", "pairing"];

/// Returns the command of a command line if this program does not have it, so that OpenClaw from npm may.
pub(crate) fn openclaw_command<'a>(program: &clap::Command, options: &'a GlobalOptions) -> Option<&'a str> {
    let word = options.command_line.get(1)?.to_str()?;
    let Some(command) = program.find_subcommand(word) else {
        return is_command_name(word).then_some(word);
    };
    let subcommand = options.command_line.get(2)?.to_str()?;
    let is_missing = is_command_name(subcommand) && command.find_subcommand(subcommand).is_none();
    (is_missing && SHARED_COMMANDS.contains(&word)).then_some(word)
}

/// Returns `true` if a word of the command line has the form of a command's name.
fn is_command_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Returns the port of the instance's gateway, or `None` where the config does not tell it; OpenClaw itself reports a
/// broken config.
fn known_port(context: &Context<'_>) -> Option<Port> {
    let instance = &context.instance;
    let files = InstanceFiles::read(instance)
        .ok()
        .filter(|files| files.config.is_object())?;
    let port = files.sources(context.host, instance).port(None);
    port.ok().map(|(port, _)| port)
}

/// Replaces this process by OpenClaw from npm.
fn exec(host: &Host, engine: &NodeEngine, call: &CommandSpec) -> Result<ExitCode> {
    host.exec(call)
        .map_err(|cause| Error::blocked(msg!("engine.failed", path = engine.path.display())).because(cause))
}
