//! The start of the gateway at the end of an onboarding, and the proof that it answers.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::answers::{Answers, Start};
use crate::background;
use crate::boot;
use crate::cli::Context;
use crate::cli::gateway::service;
use crate::error::{Error, Result};
use crate::i18n::msg;
use crate::instance::Instance;
use crate::probe;
use crate::record::Record;
use crate::rescue::{diagnose, evidence};

use super::start_check::is_running;

/// Starts the gateway of an onboarded instance in the way that was answered, but for a terminal, and waits until it answers
/// where `waits`. Returns the key and the document of the start for `--json`; `None` where nothing was started.
///
/// # Errors
/// When the service can't be installed, or the gateway does not become well; the hints say why. The onboarding stays done.
pub(super) fn start_after_onboarding(
    context: &Context<'_>,
    answers: &Answers,
    waits: bool,
) -> Result<Option<(&'static str, Value)>> {
    match answers.start {
        Start::Service => {
            let linger = answers.linger == Some(true);
            let document = service::install_after_onboarding(context, linger, waits)?;
            Ok(Some(("service", document)))
        }
        // It may have been started by somebody else meanwhile.
        Start::Background if !is_running(context, &context.survey()) => {
            let document = start_in_background(context, waits)?;
            Ok(Some(("background", document)))
        }
        Start::Background | Start::Terminal | Start::No => Ok(None),
    }
}

/// Starts the gateway as a process in the background, and waits until it answers where `waits`.
fn start_in_background(context: &Context<'_>, waits: bool) -> Result<Value> {
    let (at, profile) = (context.instance_context(), &context.instance.profile);
    let mut process = background::start_gateway(at, false)?;
    let pid = process.id();
    if !waits {
        return Ok(json!({ "pid": pid, "healthy": null }));
    }
    let probe = {
        let _waiting = context.ui.spinner(&msg!("onboard.starting", profile = profile));
        let timeout = Record::read(&context.instance.record_path())
            .unwrap_or_default()
            .engine
            .start_timeout();
        let may_come_up = || process.try_wait().is_ok_and(|exit| exit.is_none());
        probe::wait_until_healthy_while(at, timeout, may_come_up)
    };
    if !probe.is_healthy() {
        return Err(failure(context));
    }
    boot::save_last_good_of_node_engine(at);
    if !context.ui.is_json() {
        let msg = msg!("onboard.runs-in-background", profile = profile, pid = pid);
        context.ui.print_success(&msg);
    }
    Ok(json!({ "pid": pid, "healthy": true }))
}

/// Returns the error for a gateway that was started and does not answer, with the causes that a diagnosis finds.
fn failure(context: &Context<'_>) -> Error {
    let command = context.instance.command();
    let causes = diagnose::diagnose(&evidence::collect(context.instance_context()));
    let error = Error::unhealthy(msg!("onboard.not-started", profile = context.instance.profile));
    let error = causes.iter().fold(error, |error, cause| error.hint(cause.msg()));
    error.hint(msg!("onboard.next-logs", command = command))
}

/// The end of an onboarding whose plan was carried out, or was only to be shown.
#[derive(Debug)]
pub(super) enum OnboardEnd {
    /// The command ends with this exit code.
    Exit(ExitCode),
    /// The gateway of this instance was started, and the command ends.
    Started(Box<Instance>),
    /// The gateway of this instance runs in this terminal now.
    RunGateway(Box<Instance>),
}

impl OnboardEnd {
    /// Runs the gateway in this terminal until somebody ends it, where that was answered. Returns the exit code of the
    /// command.
    pub(super) fn finish(self, context: &Context<'_>) -> Result<ExitCode> {
        match self {
            Self::Exit(code) => Ok(code),
            Self::Started(_) => Ok(ExitCode::SUCCESS),
            Self::RunGateway(instance) => {
                background::become_gateway(context.instance_context().with_instance(&instance))
            }
        }
    }
}
