//! The check at the end of an onboarding: whether the gateway of the instance would start now, by the rules of its own
//! start.

use std::net::IpAddr;

use crate::boot::ConfigLoader;
use crate::cli::Context;
use crate::engine;
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::msg;
use crate::ports::{Port, PortFamily, PortSource};
use crate::record::Engine;
use crate::settings::InstanceFiles;
use crate::survey::{self, Survey};

/// Checks whether the gateway of the context's instance would start with these addresses to listen on besides loopback.
/// Returns the error about a variable that the environment of the gateway has to bring, and that is not set in this one.
///
/// # Errors
/// The error with which the gateway would end: a config or settings that its engine refuses, a missing engine, or a base
/// port that another program holds. The hints name the commands that help.
pub(super) fn check_start(
    context: &Context<'_>,
    survey: &Survey,
    addresses: &[IpAddr],
) -> Result<Option<Error>> {
    let instance = &context.instance;
    let loader = ConfigLoader::for_gateway(context.instance_context())?;
    if loader.record.engine == Engine::Node {
        engine::locate_for(context.instance_context(), &loader.record)?;
    }
    let unset = match loader.load() {
        Ok(_) => None,
        Err(error) if error.has_reason(ErrorReason::VariableUnset) => Some(error),
        Err(error) => {
            let command = instance.command();
            return Err(error.hint(msg!("onboard.hint-doctor", command = command)));
        }
    };
    let files = InstanceFiles::read(instance)?;
    let (base, source) = files.sources(context.host, instance).port(None)?;
    refuse_held_port(context, survey, addresses, base, source)?;
    Ok(unset)
}

/// Refuses a base port on which another program listens, with the command that sets a free one.
fn refuse_held_port(
    context: &Context<'_>,
    survey: &Survey,
    addresses: &[IpAddr],
    base: Port,
    source: PortSource,
) -> Result<()> {
    let instance = &context.instance;
    let survey = survey.with_owners(PortFamily::span_of(base));
    let mut planner = survey.planner(&instance.profile, &instance.config_path);
    let Some(why) = planner.listen_refusal(base, addresses) else {
        return Ok(());
    };
    let error = Error::blocked(why.msg(base.get()));
    let command = instance.command();
    // A port of the environment or of the `.env` is not changed by the config.
    let nearest = (source != PortSource::Environment)
        .then(|| survey::ports::nearest_probed(context.host, &mut planner, addresses, base));
    let hint = nearest.flatten().map(|nearest| {
        let port = nearest.family.base();
        msg!("onboard.hint-port", command = command, port = port)
    });
    let error = hint.into_iter().fold(error, Error::hint);
    Err(error.hint(msg!("ports.see-map", command = command)))
}

/// Returns whether the gateway of the context's instance listens already, so that nobody needs to start it.
pub(super) fn is_running(context: &Context<'_>, survey: &Survey) -> bool {
    let instance = &context.instance;
    let planner = survey.planner(&instance.profile, &instance.config_path);
    !planner.own_ports.is_empty()
}
