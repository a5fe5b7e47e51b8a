//! Twelve ways to be broken: what is diagnosed, what is tried.

use std::path::PathBuf;

use super::super::diagnose::causes;
use super::super::evidence::{Evidence, Folder};
use super::*;
use crate::config::diff;
use crate::ports::{Listener, Owner};
use crate::probe::{Probe, Verdict};
use crate::service::Status;

/// A target that is down, with a service, and otherwise fine.
fn down(state: State) -> Evidence {
    Evidence {
        probe: Probe::default(),
        folder: Folder::Fine,
        free: Some(1 << 30),
        refusal: None,
        way_out: None,
        restorable: Some("/last-good".into()),
        changed: Vec::new(),
        service: Some(Status {
            manager: "systemd",
            name: "openclaw-gateway.service".to_owned(),
            state,
            exit_code: Some(78),
            file: None,
            enabled: true,
            since: None,
            restarts: 0,
        }),
        program_gone: None,
        holder: None,
        log: Vec::new(),
        foreign_log: None,
    }
}

fn told(seen: &Evidence) -> (Vec<&'static str>, Vec<&'static str>) {
    let causes = causes(seen);
    let steps = steps(seen, &causes);
    (
        causes.iter().map(Cause::id).collect(),
        steps.iter().map(Step::id).collect(),
    )
}

fn edited() -> Vec<diff::ConfigDifference> {
    let before = serde_json::json!({"gateway": {"port": 1}});
    diff::between(&before, &serde_json::json!({"gateway": {"port": 2}}))
}

#[test]
fn a_healthy_gateway_has_no_cause_and_needs_no_step() {
    let mut seen = down(State::Running(7));
    seen.probe.verdict = Verdict::Healthy;
    assert_eq!(told(&seen), (vec![], vec![]));
}

#[test]
fn a_config_that_nothing_starts_from_is_restored_before_anything_is_started() {
    let mut seen = down(State::GaveUp);
    seen.refusal = Some(msg!("settings.no-token"));
    assert_eq!(told(&seen), (vec!["config", "gave-up"], vec!["restore-config"]));
    seen.restorable = None;
    assert_eq!(told(&seen).1, [""; 0]);
    seen.restorable = Some("/last-good".into());
    seen.service = Some(Status {
        state: State::NotInstalled,
        ..seen.service.unwrap()
    });
    assert_eq!(
        told(&seen),
        (vec!["config", "no-service"], vec!["restore-config"])
    );
    let installs = |seen: &Evidence| match steps(seen, &causes(seen)).as_slice() {
        [Step::RestoreConfig { installs, .. }] => *installs,
        other => panic!("{other:?}"),
    };
    assert!(installs(&seen), "there is nothing that could start it");
    seen = down(State::GaveUp);
    seen.refusal = Some(msg!("settings.no-token"));
    assert!(!installs(&seen));
    seen.program_gone = Some("/old/openclaw".into());
    assert!(installs(&seen));
}

#[test]
fn what_only_a_person_can_end_is_left_to_one() {
    for folder in [
        Folder::Gone(PathBuf::from("/a")),
        Folder::Unreadable(PathBuf::from("/a")),
        Folder::Foreign(PathBuf::from("/a")),
    ] {
        let mut seen = down(State::Stopped);
        seen.folder = folder;
        assert!(told(&seen).1.is_empty(), "{:?}", told(&seen));
    }
    let mut seen = down(State::GaveUp);
    seen.free = Some(0);
    assert_eq!(told(&seen), (vec!["disk-full", "gave-up"], vec![]));
    let mut seen = down(State::GaveUp);
    seen.probe.verdict = Verdict::OtherProfile("work".to_owned());
    assert_eq!(told(&seen), (vec!["port-of-profile"], vec![]));
    seen.probe.verdict = Verdict::Stranger(Some(Listener {
        ip: std::net::Ipv4Addr::LOCALHOST.into(),
        port: 19789,
        owner: Some(Owner {
            pid: 9,
            name: "nc".to_owned(),
            instance: None,
        }),
    }));
    assert_eq!(told(&seen), (vec!["port-taken"], vec![]));
}

#[test]
fn a_stopped_gateway_is_started_and_a_changed_config_is_the_next_suspect() {
    let mut seen = down(State::Stopped);
    assert_eq!(told(&seen), (vec!["stopped"], vec!["start", "reinstall"]));
    seen.changed = edited();
    assert_eq!(told(&seen).1, ["start", "restore-config", "reinstall"]);
}

#[test]
fn a_service_that_gave_up_is_started_again() {
    assert_eq!(
        told(&down(State::GaveUp)),
        (vec!["gave-up"], vec!["start", "reinstall"])
    );
}

#[test]
fn a_process_that_hangs_is_restarted_by_its_service_or_ended() {
    let mut seen = down(State::Running(7));
    seen.probe.verdict = Verdict::Slow;
    seen.probe.pid = Some(7);
    assert_eq!(
        told(&seen),
        (vec!["hung"], vec!["restart", "end-stale", "reinstall"])
    );
    let mut seen = down(State::Stopped);
    seen.holder = Some(8);
    assert_eq!(told(&seen), (vec!["hung"], vec!["end-stale", "reinstall"]));
}

#[test]
fn a_service_that_is_gone_is_installed_and_without_a_manager_it_is_started() {
    assert_eq!(
        told(&down(State::NotInstalled)),
        (vec!["no-service"], vec!["reinstall"])
    );
    let mut seen = down(State::NotInstalled);
    seen.service = None;
    assert_eq!(told(&seen), (vec!["stopped"], vec!["start"]));
}

#[test]
fn a_program_that_is_gone_is_replaced_by_installing() {
    let mut seen = down(State::GaveUp);
    seen.program_gone = Some("/old/openclaw".into());
    assert_eq!(told(&seen), (vec!["program-gone", "gave-up"], vec!["reinstall"]));
}

#[test]
fn one_that_runs_with_something_else_than_its_files_say_is_restarted() {
    for verdict in [Verdict::TokenRefused, Verdict::ElsewhereOn(4000)] {
        let mut seen = down(State::Running(7));
        seen.probe.verdict = verdict;
        assert_eq!(told(&seen), (vec!["outdated"], vec!["restart", "reinstall"]));
    }
}
