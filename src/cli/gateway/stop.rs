//! `openclaw gateway stop`: ends the gateway of the instance, whoever started it, by its service and by its process.

use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::service::{document, outcome_msg};
use crate::cli::Context;
use crate::error::{Error, Result};
use crate::host::pid;
use crate::i18n::{Msg, msg};
use crate::record::Engine;
use crate::service::{self, ActionOutcome, ActionReport, RunState};
use crate::{lock, probe, stop_record};

/// The result of a stop of the gateway.
struct Stop {
    /// The report of the service manager; `None` where none can be asked.
    service: Option<ActionReport>,
    /// The process of a gateway outside of the service that was ended.
    ended: Option<u32>,
}

/// Runs `openclaw gateway stop`.
pub(super) fn run(context: &Context<'_>) -> Result<ExitCode> {
    let instance = context.instance_context();
    // First the record: a watcher that sees the gateway end must know that it was told to.
    let was_recorded = stop_record::is_in_force(&context.instance, None);
    stop_record::write(
        &context.instance,
        probe::find_gateway_process(instance),
        context.host.now(),
    );
    let stop = stop_gateway(context).inspect_err(|_| {
        // What does not run, and could not be stopped for that reason alone, is to stay as it is.
        if !was_recorded && runs(context) {
            stop_record::remove(&context.instance);
        }
    })?;
    stop.print(context);
    Ok(ExitCode::SUCCESS)
}

/// Returns whether a gateway of the instance runs, where its process can be seen or elsewhere.
fn runs(context: &Context<'_>) -> bool {
    let holder = lock::read_holder(&context.instance.lock_path());
    holder.is_some_and(|holder| holder.alive)
        || probe::find_gateway_process(context.instance_context()).is_some()
}

/// Stops the service of the gateway, and then ends a process that is proved to be the gateway and still runs: it was
/// started in a terminal, or by a rescuer.
fn stop_gateway(context: &Context<'_>) -> Result<Stop> {
    let instance = context.instance_context();
    let service = {
        let _waiting = context
            .ui
            .spinner(&msg!("service.acting", profile = context.instance.profile));
        service::stop(instance)
    };
    // Where this command runs inside of the service, the manager is still stopping it.
    let is_stopping = |report: &ActionReport| report.status.state == RunState::Stopping;
    if service.as_ref().is_ok_and(is_stopping) {
        return Ok(Stop {
            service: service.ok(),
            ended: None,
        });
    }
    let ended = end_process(context)?;
    match service {
        Err(error) if ended.is_none() => Err(error),
        service => Ok(Stop {
            service: service.ok(),
            ended,
        }),
    }
}

/// Ends the process that is proved to be the gateway, and returns its pid; `None` where no gateway runs.
///
/// # Errors
/// When the gateway runs where it can't be ended: in another container, or as another user.
fn end_process(context: &Context<'_>) -> Result<Option<u32>> {
    let (instance, profile) = (context.instance_context(), &context.instance.profile);
    let Some(process) = probe::find_gateway_process(instance) else {
        let holder = lock::read_holder(&context.instance.lock_path());
        return match holder.filter(|holder| holder.alive) {
            Some(_) => Err(out_of_reach(context)),
            None => Ok(None),
        };
    };
    if !pid::is_same_user(process) && context.host.user_id() != Some(0) {
        return Err(out_of_reach(context));
    }
    let _waiting = context
        .ui
        .spinner(&msg!("service.ending", profile = profile, pid = process));
    pid::terminate(process, stop_timeout(context, process))
        .map_err(|cause| Error::failed(msg!("gateway.force-failed", pid = process)).because(cause))?;
    Ok(Some(process))
}

/// Returns the time that a gateway process may take to end. The lock tells which engine it is: the record may have been
/// changed since it started.
fn stop_timeout(context: &Context<'_>, process: u32) -> Duration {
    let holder = lock::read_holder(&context.instance.lock_path());
    let is_native = holder.is_some_and(|holder| holder.alive && holder.pid == process);
    if is_native { Engine::Native } else { Engine::Node }.stop_timeout()
}

/// Returns the error that the gateway runs where this command can't end it.
fn out_of_reach(context: &Context<'_>) -> Error {
    let profile = &context.instance.profile;
    Error::failed(msg!("service.out-of-reach", profile = profile)).hint(service::stop_hint())
}

impl Stop {
    /// Returns the sentences about what was stopped.
    fn msgs(&self, context: &Context<'_>) -> Vec<Msg> {
        let profile = &context.instance.profile;
        let service = self.service.as_ref();
        let stopped = service.filter(|report| report.outcome != ActionOutcome::NotInstalled);
        let ended = self
            .ended
            .map(|pid| msg!("service.process-stopped", profile = profile, pid = pid));
        let mut msgs: Vec<_> = stopped
            .map(|report| outcome_msg(context, report))
            .into_iter()
            .chain(ended)
            .collect();
        if msgs.is_empty() {
            let name = service.map_or("-", |report| report.status.name.as_str());
            msgs.push(msg!("service.nothing-to-stop", profile = profile, name = name));
        }
        msgs
    }

    /// Prints what was stopped.
    fn print(&self, context: &Context<'_>) {
        let ui = &context.ui;
        let msgs = self.msgs(context);
        if ui.is_json() {
            ui.print_json(&self.document(context, &msgs));
            return;
        }
        for msg in &msgs {
            ui.print_paragraph(msg);
        }
        for notice in self.service.iter().flat_map(|report| &report.notices) {
            ui.eprint_paragraph(notice);
        }
    }

    /// Returns the JSON document of `gateway stop`: that of the service, with the process that was ended outside of it.
    fn document(&self, context: &Context<'_>, msgs: &[Msg]) -> Value {
        let message: Vec<_> = msgs.iter().map(|msg| context.ui.render(msg)).collect();
        let mut document = match &self.service {
            Some(report) => document(context, "stop", report, &report.notices),
            None => json!({
                "action": "stop", "ok": true, "profile": context.instance.profile.as_str(),
                "service": null, "warnings": [],
            }),
        };
        if self.ended.is_some() {
            document["result"] = ActionOutcome::Stopped.name().into();
        }
        document["message"] = message.join(" ").into();
        document["pid"] = self.ended.into();
        document
    }
}
