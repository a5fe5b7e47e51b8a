//! The start of the gateway at the end of an onboarding, and the proof that it answers.

use std::process::ExitCode;

use serde_json::Value;

use crate::answers::{Answers, Start};
use crate::background;
use crate::cli::Context;
use crate::cli::gateway::{service, start_in_background};
use crate::error::Result;
use crate::instance::Instance;

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
    /// Returns the end of an onboarding whose gateway is to run in this terminal, or was started.
    pub(super) fn of_start(instance: Instance, runs_here: bool, is_started: bool) -> Self {
        match (runs_here, is_started) {
            (true, _) => Self::RunGateway(Box::new(instance)),
            (_, true) => Self::Started(Box::new(instance)),
            _ => Self::Exit(ExitCode::SUCCESS),
        }
    }

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
