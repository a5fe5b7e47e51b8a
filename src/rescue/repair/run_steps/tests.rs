//! Repairs of a fake gateway.

use super::*;
use crate::error::Error;
use crate::i18n::msg;

/// Number of log lines after which the rescuer is told to end, once no verdict is left.
const STOP_AFTER: usize = 3;

/// A gateway that answers with these verdicts, one after each step, and records what is done to it.
struct FakeGateway {
    /// The verdicts, the last one first.
    verdicts: Vec<ProbeVerdict>,
    log: Vec<String>,
}

impl RepairOps for FakeGateway {
    type Undo = &'static str;

    fn perform(&mut self, step: &RepairStep) -> Result<Option<Self::Undo>> {
        if *step == RepairStep::Reinstall {
            return Err(Error::failed(msg!("rescue.not-ended", pid = 1)));
        }
        self.log.push(step.kind().name().to_owned());
        Ok(Some(step.kind().name()))
    }

    fn wait(&mut self) -> ProbeVerdict {
        self.verdicts.pop().unwrap()
    }

    fn undo(&mut self, step: Self::Undo) -> Result<()> {
        self.log.push(format!("undo {step}"));
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.verdicts.is_empty() && self.log.len() >= STOP_AFTER
    }

    fn wait_limit(&self) -> Duration {
        Duration::ZERO
    }
}

/// Repairs a gateway that is in the state `before`, and in these states after each step. Returns the outcomes and
/// the log.
fn repair(
    steps: &[RepairStep],
    before: &ProbeVerdict,
    after: &[ProbeVerdict],
) -> (Vec<&'static str>, Vec<String>) {
    let mut gateway = FakeGateway {
        verdicts: after.iter().rev().cloned().collect(),
        log: Vec::new(),
    };
    let results = run_steps(steps, before, &mut gateway, &mut |_| {});
    let outcomes = results
        .iter()
        .map(|result| result.outcome.kind().name())
        .collect();
    (outcomes, gateway.log)
}

fn restore() -> RepairStep {
    RepairStep::RestoreConfig {
        from: "/last-good".into(),
        reinstalls: false,
    }
}

fn unhealthy() -> ProbeVerdict {
    ProbeVerdict::Unhealthy("why".to_owned())
}

#[test]
fn first_step_that_helps_is_the_last() {
    let (outcomes, log) = repair(
        &[RepairStep::Start, RepairStep::Restart { hung: None }, restore()],
        &ProbeVerdict::NotRunning,
        &[ProbeVerdict::NotRunning, ProbeVerdict::Healthy],
    );
    assert_eq!(outcomes, ["in-vain", "helped"]);
    assert_eq!(log, ["start", "restart"]);
}

#[test]
fn step_that_made_it_worse_is_undone() {
    let (outcomes, log) = repair(
        &[RepairStep::Restart { hung: None }, RepairStep::Start],
        &unhealthy(),
        &[ProbeVerdict::NotRunning, unhealthy()],
    );
    assert_eq!(outcomes, ["undone", "in-vain"]);
    assert_eq!(log, ["restart", "undo restart", "start"]);
}

#[test]
fn config_that_was_restored_in_vain_is_given_back() {
    let (outcomes, log) = repair(&[restore()], &ProbeVerdict::NotRunning, &[unhealthy()]);
    assert_eq!(outcomes, ["undone"]);
    assert_eq!(log, ["restore-config", "undo restore-config"]);
}

#[test]
fn step_that_fails_does_not_end_the_repair() {
    let (outcomes, _) = repair(
        &[RepairStep::Reinstall, RepairStep::Start],
        &ProbeVerdict::NotRunning,
        &[ProbeVerdict::Healthy],
    );
    assert_eq!(outcomes, ["failed", "helped"]);
}
