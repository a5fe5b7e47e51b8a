//! Gateways that this program starts without a service: processes of their own in the background, or in the place of this
//! one.

use std::process::{Child, ExitCode};

use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::host::ports;
use crate::host::process::CommandSpec;
use crate::i18n::msg;
use crate::instance::InstanceContext;

/// Environment variable of a gateway that this program started in the background.
const BACKGROUND_VARIABLE: &str = "OPENCLAW_IN_BACKGROUND";

/// Returns whether this program started a gateway in the background, so that it may end it and start it again as it was: no
/// terminal and no supervisor waits for it. `false` where the system does not tell (it does on Linux).
pub(crate) fn is_started_here(gateway: u32) -> bool {
    let (_, variables) = ports::arguments_and_env(gateway, BACKGROUND_VARIABLE);
    !variables.is_empty()
}

/// Starts the gateway of an instance as a process that outlives this one. With `has_manager`, systemd starts it in a scope
/// of its own, where this process is part of a service.
///
/// # Errors
/// When the program can't be started.
pub(crate) fn start_gateway(target: InstanceContext<'_>, has_manager: bool) -> Result<Child> {
    let mut command = gateway_command(target)?.env(BACKGROUND_VARIABLE, "1");
    if has_manager {
        command = command.in_own_scope(target.host);
    }
    let spawned = target.host.spawn_detached(&command);
    spawned.map_err(|cause| failed(target).because(cause))
}

/// Runs the gateway of an instance in the terminal of this process, which it replaces where the system can do that. Returns
/// the exit code of the gateway.
///
/// # Errors
/// When the program can't be started.
pub(crate) fn become_gateway(target: InstanceContext<'_>) -> Result<ExitCode> {
    let command = gateway_command(target)?;
    let ran = target.host.exec(&command);
    ran.map_err(|cause| failed(target).because(cause))
}

/// Returns the command that runs the gateway of an instance in the foreground.
fn gateway_command(target: InstanceContext<'_>) -> Result<CommandSpec> {
    program_command(target, ["gateway", "run"])
}

/// Returns the command that runs this program for an instance, with the words of the command line behind its profile.
///
/// # Errors
/// When the program can't be found.
pub(crate) fn program_command<'a>(
    target: InstanceContext<'a>,
    words: impl IntoIterator<Item = &'a str>,
) -> Result<CommandSpec> {
    let InstanceContext { host, instance, .. } = target;
    let program = host.program().ok_or_else(|| failed(target))?;
    let words = ["--profile", instance.profile.as_str()].into_iter().chain(words);
    let mut command = CommandSpec::new(program, words);
    // Variables of another instance must not decide for the target (docs/design.md#environment-rules).
    command.env_removed = Environment::inherited_instance_variables(host);
    command.env_removed.push(BACKGROUND_VARIABLE.into());
    Ok(command
        .env("OPENCLAW_STATE_DIR", &instance.state_dir)
        .env("OPENCLAW_CONFIG_PATH", &instance.config_path))
}

/// Returns the error for a gateway that can't be started.
fn failed(target: InstanceContext<'_>) -> Error {
    Error::failed(msg!("rescue.not-started", profile = target.instance.profile))
}
