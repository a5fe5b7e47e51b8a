//! The climb with hands that only pretend.

use super::*;

/// After so many steps the pretended rescuer is told to end.
const OVER: usize = 3;

struct World {
    /// What the gateway is after each step.
    after: Vec<Verdict>,
    log: Vec<String>,
}

fn climbed(steps: &[Step], before: &Verdict, after: &[Verdict]) -> (Vec<&'static str>, Vec<String>) {
    let world = std::cell::RefCell::new(World {
        after: after.iter().rev().cloned().collect(),
        log: Vec::new(),
    });
    let mut hands = Hands {
        take: &mut |step| {
            if *step == Step::Reinstall {
                return Err(Error::failed(msg!("rescue.not-ended", pid = 1)));
            }
            world.borrow_mut().log.push(step.id().to_owned());
            Ok(Some(step.id()))
        },
        wait: &mut || world.borrow_mut().after.pop().unwrap(),
        undo: &mut |step| {
            world.borrow_mut().log.push(format!("undo {step}"));
            Ok(())
        },
        over: &|| world.borrow().after.is_empty() && world.borrow().log.len() >= OVER,
        patience: PATIENCE,
    };
    let tried = climb(steps, before, &mut hands, &mut |_| {});
    let came = tried.iter().map(|tried| tried.came.id()).collect();
    (came, world.into_inner().log)
}

fn restore() -> Step {
    Step::RestoreConfig {
        from: "/last-good".into(),
        installs: false,
    }
}

#[test]
fn the_first_step_that_helps_is_the_last() {
    let (came, log) = climbed(
        &[Step::Start, Step::Restart, restore()],
        &Verdict::NotRunning,
        &[Verdict::NotRunning, Verdict::Healthy],
    );
    assert_eq!(came, ["in-vain", "helped"]);
    assert_eq!(log, ["start", "restart"]);
}

#[test]
fn a_step_that_made_it_worse_is_taken_back() {
    let (came, log) = climbed(
        &[Step::Restart, Step::Start],
        &Verdict::Unhealthy("why".to_owned()),
        &[Verdict::NotRunning, Verdict::Unhealthy("why".to_owned())],
    );
    assert_eq!(came, ["undone", "in-vain"]);
    assert_eq!(log, ["restart", "undo restart", "start"]);
}

#[test]
fn a_config_that_was_restored_in_vain_goes_back() {
    let (came, log) = climbed(
        &[restore()],
        &Verdict::NotRunning,
        &[Verdict::Unhealthy("why".to_owned())],
    );
    assert_eq!(came, ["undone"]);
    assert_eq!(log, ["restore-config", "undo restore-config"]);
}

#[test]
fn a_step_that_can_not_be_taken_does_not_end_the_climb() {
    let (came, _) = climbed(
        &[Step::Reinstall, Step::Start],
        &Verdict::NotRunning,
        &[Verdict::Healthy],
    );
    assert_eq!(came, ["failed", "helped"]);
}
