//! `openclaw engine use`: chooses what runs the gateway of an instance, and renews its service.

use std::process::ExitCode;

use serde_json::json;

use super::lookup::{apply_change, no_instance, parse_version, record_write, store};
use crate::boot::ConfigLoader;
use crate::cli::Context;
use crate::cli::gateway::wait_healthy;
use crate::engine;
use crate::error::{Error, ErrorReason, Result};
use crate::i18n::msg;
use crate::record::{Engine, Record, ReleaseVersion};
use crate::releases::EngineChoice;
use crate::service::{self, ActionOutcome, InstallOptions, RunState};
use crate::settings::RunOverrides;

/// Outcome for the gateway of an instance for which another engine was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GatewayOutcome {
    /// Nothing runs it as a service; the choice holds from its next start.
    NextStart,
    /// The service runs the new engine, and the gateway answers.
    Healthy,
}

/// Runs `openclaw engine use`.
pub(super) fn run(context: &Context<'_>, typed: &str) -> Result<ExitCode> {
    let choice = parse_choice(context, typed)?;
    let instance = &context.instance;
    if !instance.config_path.exists() {
        return Err(no_instance(context));
    }
    let before = Record::read(&instance.record_path())?;
    let record = choice.in_record(&before);
    check_config(context, &record)?;
    let is_changed = record != before;
    let outcome = if is_changed {
        switch(context, &choice, &before)?
    } else {
        GatewayOutcome::NextStart
    };
    let (ui, name) = (&context.ui, choice.name());
    if ui.is_json() {
        ui.print_json(&json!({
            "ok": true,
            "profile": instance.profile.as_str(),
            "engine": choice.engine.name(),
            "release": choice.release,
            "changed": is_changed,
            "healthy": (outcome == GatewayOutcome::Healthy).then_some(true),
        }));
        return Ok(ExitCode::SUCCESS);
    }
    match (is_changed, outcome) {
        (false, _) => ui.print_line(&msg!(
            "engine.used-already",
            profile = instance.profile,
            engine = name
        )),
        (true, GatewayOutcome::Healthy) => {
            ui.print_success(&msg!("engine.used", profile = instance.profile, engine = name));
        }
        (true, GatewayOutcome::NextStart) => {
            ui.print_success(&msg!(
                "engine.used-next",
                profile = instance.profile,
                engine = name
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Parses the engine that a user typed, and checks that it is there: `native`, `node`, or the version of a release.
fn parse_choice(context: &Context<'_>, typed: &str) -> Result<EngineChoice> {
    if let Some(engine) = Engine::from_name(typed) {
        if engine == Engine::Node {
            engine::locate(context.host, &context.env)?;
        }
        return Ok(EngineChoice {
            engine,
            release: None,
        });
    }
    let version = parse_version(typed)?;
    let release = store(context).find(&version).ok_or_else(|| {
        let command = format!("openclaw engine install {version}");
        Error::failed(msg!("engine.not-installed", version = version))
            .hint(msg!("engine.install-it", command = command))
    })?;
    release.choose_node(context.host)?;
    Ok(EngineChoice {
        engine: Engine::Node,
        release: Some(version),
    })
}

/// Records a release as the one that runs the gateway of an instance, whose gateway does not run yet.
///
/// # Errors
/// Where the release refuses the config of the instance.
pub(super) fn record_release(context: &Context<'_>, version: &ReleaseVersion) -> Result<()> {
    let choice = EngineChoice {
        engine: Engine::Node,
        release: Some(version.clone()),
    };
    let record = choice.in_record(&Record::read(&context.instance.record_path())?);
    check_config(context, &record)?;
    write_record(context, &choice)
}

/// Checks that the gateway would start from the config of the instance with the engine of this record. A variable that only
/// the environment of the gateway has is no obstacle.
fn check_config(context: &Context<'_>, record: &Record) -> Result<()> {
    let at = context.instance_context();
    let loader = ConfigLoader {
        judge: engine::config_judge(record, at),
        context: at.to_owned(),
        record: record.clone(),
        overrides: RunOverrides::default(),
    };
    match loader.load() {
        Err(error) if !error.has_reason(ErrorReason::VariableUnset) => Err(error),
        _ => Ok(()),
    }
}

/// Records the choice, and renews the service of the gateway where it runs. Where that fails, the old record and service are
/// put back.
fn switch(context: &Context<'_>, choice: &EngineChoice, before: &Record) -> Result<GatewayOutcome> {
    write_record(context, choice)?;
    let old = EngineChoice::of(before);
    renew_service(context).map_err(|error| {
        let undone = write_record(context, &old).and_then(|()| renew_service(context));
        match undone {
            Ok(_) => error.hint(msg!("engine.old-is-back", engine = old.name())),
            Err(cause) => error.hint(msg!("engine.not-back", engine = old.name()).with_msg("why", cause.msg)),
        }
    })
}

/// Writes the choice into the record of the instance.
fn write_record(context: &Context<'_>, choice: &EngineChoice) -> Result<()> {
    let lock = context.lock()?;
    apply_change(context, &lock, record_write(context, choice)?)
}

/// Renews the service of the gateway and waits for its answer, where the service runs. One that is stopped stays so.
fn renew_service(context: &Context<'_>) -> Result<GatewayOutcome> {
    let at = context.instance_context();
    let is_running = service::status(at).is_ok_and(|status| {
        matches!(
            status.state,
            RunState::Running(_) | RunState::Starting | RunState::GaveUp
        )
    });
    if !is_running {
        return Ok(GatewayOutcome::NextStart);
    }
    let options = InstallOptions::default();
    let port = service::preview(at, options)?.port;
    let renewed = {
        let _lock = context.lock()?;
        let _waiting = context
            .ui
            .spinner(&msg!("service.acting", profile = context.instance.profile));
        service::install(at, options)?
    };
    if renewed.outcome == ActionOutcome::AlreadyInstalled {
        service::restart(at)?;
    }
    if wait_healthy(context, port) {
        return Ok(GatewayOutcome::Healthy);
    }
    let (profile, command) = (&context.instance.profile, context.instance.command());
    Err(
        Error::unhealthy(msg!("service.up-not-healthy", profile = profile, port = port)).hint(msg!(
            "service.look",
            command = format!("{command} gateway status")
        )),
    )
}
