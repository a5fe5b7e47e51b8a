//! The order of a repair: performs its steps until one helps, and undoes those that made it worse. What a step does
//! is behind the trait [`RepairOps`].

use std::time::Duration;

use super::super::record::StepResultKind;
use super::super::steps::RepairStep;
use crate::error::Result;
use crate::i18n::{Msg, msg};
use crate::probe::ProbeVerdict;

/// The outcome of one step of a gateway's repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StepOutcome {
    /// The gateway is well now.
    Helped,
    /// The gateway is not well.
    InVain,
    /// The gateway was not well, and the step was undone.
    Undone,
    /// The step could not be performed; with the reason.
    Failed(Msg),
}

impl StepOutcome {
    /// Returns the outcome of a step of a gateway's repair in the form that the history of repairs keeps.
    pub(crate) fn kind(&self) -> StepResultKind {
        match self {
            Self::Helped => StepResultKind::Helped,
            Self::InVain => StepResultKind::InVain,
            Self::Undone => StepResultKind::Undone,
            Self::Failed(_) => StepResultKind::Failed,
        }
    }

    /// Returns the sentence about the outcome of a step of a gateway's repair.
    pub(crate) fn msg(&self) -> Msg {
        match self {
            Self::Helped => msg!("rescue.came-helped"),
            Self::InVain => msg!("rescue.came-in-vain"),
            Self::Undone => msg!("rescue.came-undone"),
            Self::Failed(why) => msg!("rescue.came-failed").with_msg("why", why.clone()),
        }
    }
}

/// A step of a gateway's repair that was tried, with its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepResult {
    /// The step.
    pub(crate) step: RepairStep,
    /// The outcome of the step.
    pub(crate) outcome: StepOutcome,
}

/// Progress of a gateway's repair, to be shown while it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RepairEvent<'a> {
    /// This step begins.
    Performing(&'a RepairStep),
    /// The step was performed, and the gateway has this long to become well.
    Waiting(Duration),
    /// The step is complete.
    Performed(&'a StepResult),
}

/// The operations of a repair on its gateway, which tests replace.
pub(super) trait RepairOps {
    /// The data that is needed to undo a step of a gateway's repair.
    type Undo;
    /// Performs a step of a gateway's repair; returns the data to undo it, where it can be undone.
    fn perform(&mut self, step: &RepairStep) -> Result<Option<Self::Undo>>;
    /// Waits until the gateway under repair is well, or the time limit is over.
    fn wait(&mut self) -> ProbeVerdict;
    /// Undoes a step of a gateway's repair.
    fn undo(&mut self, undo: Self::Undo) -> Result<()>;
    /// Returns whether the rescuer is told to stop: then no step of a repair is begun or undone any more.
    fn is_stopped(&self) -> bool;
    /// Returns the maximum time to wait until the gateway under repair is well.
    fn wait_limit(&self) -> Duration;
}

/// Ranks how well a gateway is, to tell whether a step of a repair made it worse.
fn rank(verdict: &ProbeVerdict) -> u8 {
    match verdict {
        ProbeVerdict::Healthy | ProbeVerdict::TooManyAttempts => 4,
        ProbeVerdict::Unhealthy(_) => 3,
        ProbeVerdict::Slow
        | ProbeVerdict::Starting
        | ProbeVerdict::ShuttingDown
        | ProbeVerdict::TokenRefused
        | ProbeVerdict::ElsewhereOn(_) => 2,
        ProbeVerdict::NotRunning => 1,
        ProbeVerdict::OtherProfile(_) | ProbeVerdict::Stranger(_) => 0,
    }
}

/// Performs the steps of a gateway's repair, one after the other, until the gateway is well. `before` is how the
/// gateway was found.
pub(super) fn run_steps<Ops: RepairOps>(
    steps: &[RepairStep],
    before: &ProbeVerdict,
    ops: &mut Ops,
    on_event: &mut dyn FnMut(RepairEvent<'_>),
) -> Vec<StepResult> {
    let mut results: Vec<StepResult> = Vec::new();
    let mut current = before.clone();
    for step in steps {
        if ops.is_stopped() {
            break;
        }
        on_event(RepairEvent::Performing(step));
        let result = StepResult {
            step: step.clone(),
            outcome: run_step(step, &mut current, ops, on_event),
        };
        on_event(RepairEvent::Performed(&result));
        let has_helped = result.outcome == StepOutcome::Helped;
        results.push(result);
        if has_helped {
            break;
        }
    }
    results
}

/// Performs one step of a gateway's repair, waits, and undoes the step where it replaced a config in vain or made the
/// gateway worse than `current`, which is updated.
fn run_step<Ops: RepairOps>(
    step: &RepairStep,
    current: &mut ProbeVerdict,
    ops: &mut Ops,
    on_event: &mut dyn FnMut(RepairEvent<'_>),
) -> StepOutcome {
    let undo = match ops.perform(step) {
        Ok(undo) => undo,
        Err(error) => return StepOutcome::Failed(error.msg),
    };
    on_event(RepairEvent::Waiting(ops.wait_limit()));
    let after = ops.wait();
    if after == ProbeVerdict::Healthy {
        return StepOutcome::Helped;
    }
    if ops.is_stopped() {
        return StepOutcome::InVain;
    }
    let replaced_config = matches!(step, RepairStep::RestoreConfig { .. });
    match undo {
        Some(undo) if replaced_config || rank(&after) < rank(current) => match ops.undo(undo) {
            Ok(()) => StepOutcome::Undone,
            Err(error) => StepOutcome::Failed(error.msg),
        },
        _ => {
            *current = after;
            StepOutcome::InVain
        }
    }
}

#[cfg(test)]
mod tests;
