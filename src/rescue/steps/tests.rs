//! Broken gateways: which causes are diagnosed, and which steps are planned.

use std::path::PathBuf;

use super::super::diagnose::diagnose;
use super::super::evidence::{Evidence, StateDirHealth};
use super::*;
use crate::config::diff;
use crate::host::FileSystemSpace;
use crate::ports::{Listener, ListeningProcess, Port, SocketOwner};
use crate::probe::{Probe, ProbeVerdict};
use crate::releases::RecentUpgrade;
use crate::service::{ManagerKind, ServiceStatus, StopCause};

/// A file system with enough room.
const ROOMY_DISK: FileSystemSpace = FileSystemSpace {
    free_bytes: 1 << 30,
    free_inodes: Some(1 << 20),
    is_read_only: false,
};

/// A target that does not run, with a service in this state, and otherwise fine.
fn down(state: RunState) -> Evidence {
    Evidence {
        probe: Probe::default(),
        state_dir: StateDirHealth::Ok,
        state_path: PathBuf::from("/a"),
        disk: Some(ROOMY_DISK),
        config_refusal: None,
        refusal_hint: None,
        restorable_config: Some("/last-good".into()),
        config_changes: Vec::new(),
        recent_upgrade: None,
        service: Some(ServiceStatus {
            manager: ManagerKind::Systemd,
            name: "openclaw-gateway.service".to_owned(),
            state,
            exit_code: Some(78),
            file: None,
            enabled: true,
            since: None,
            stop_cause: StopCause::Unknown,
            restarts: 0,
        }),
        missing_program: None,
        log: Vec::new(),
        openclaw_log: None,
    }
}

/// Returns the names of the causes and of the steps.
fn planned(evidence: &Evidence) -> (Vec<&'static str>, Vec<&'static str>) {
    let causes = diagnose(evidence);
    let steps = plan_steps(evidence, &causes);
    (
        causes.iter().map(|cause| cause.kind().name()).collect(),
        steps.iter().map(|step| step.kind().name()).collect(),
    )
}

fn changes() -> Vec<diff::ConfigDifference> {
    let before = serde_json::json!({"gateway": {"port": 1}});
    diff::between(&before, &serde_json::json!({"gateway": {"port": 2}}))
}

#[test]
fn healthy_gateway_has_no_cause_and_no_step() {
    let mut evidence = down(RunState::Running(7));
    evidence.probe.verdict = ProbeVerdict::Healthy;
    assert_eq!(planned(&evidence), (vec![], vec![]));
}

#[test]
fn config_from_which_nothing_starts_is_restored_and_nothing_else_is_tried() {
    let mut evidence = down(RunState::GaveUp);
    evidence.config_refusal = Some(msg!("settings.no-token"));
    assert_eq!(
        planned(&evidence),
        (vec!["config", "gave-up"], vec!["restore-config"])
    );
    evidence.restorable_config = None;
    assert_eq!(planned(&evidence).1, [""; 0]);
    evidence.restorable_config = Some("/last-good".into());
    evidence.service = Some(ServiceStatus {
        state: RunState::NotInstalled,
        ..evidence.service.unwrap()
    });
    assert_eq!(
        planned(&evidence),
        (vec!["config", "no-service"], vec!["restore-config"])
    );
    let reinstalls = |evidence: &Evidence| match plan_steps(evidence, &diagnose(evidence)).as_slice() {
        [RepairStep::RestoreConfig { reinstalls, .. }] => *reinstalls,
        other => panic!("{other:?}"),
    };
    assert!(reinstalls(&evidence), "there is nothing that could start it");
    evidence = down(RunState::GaveUp);
    evidence.config_refusal = Some(msg!("settings.no-token"));
    assert!(!reinstalls(&evidence));
    evidence.missing_program = Some("/old/openclaw".into());
    assert!(reinstalls(&evidence));
}

#[test]
fn gateway_that_is_starting_or_shutting_down_is_waited_for() {
    for (verdict, cause) in [
        (ProbeVerdict::Starting, "starting"),
        (ProbeVerdict::ShuttingDown, "shutting-down"),
    ] {
        let mut evidence = down(RunState::Running(7));
        evidence.probe.verdict = verdict;
        assert_eq!(planned(&evidence), (vec![cause], vec![]));
    }
}

#[test]
fn hung_process_of_a_service_is_ended_before_its_manager_is_asked() {
    let mut evidence = down(RunState::Running(7));
    evidence.probe.verdict = ProbeVerdict::Slow;
    evidence.probe.proved_pid = Some(7);
    let steps = plan_steps(&evidence, &diagnose(&evidence));
    assert_eq!(steps[0], RepairStep::Restart { hung: Some(7) }, "{steps:?}");
}

#[test]
fn cause_that_only_a_person_can_end_has_no_step() {
    for state_dir in [
        StateDirHealth::Gone(PathBuf::from("/a")),
        StateDirHealth::Emptied(PathBuf::from("/a")),
        StateDirHealth::Unreadable(PathBuf::from("/a")),
        StateDirHealth::ForeignOwner(PathBuf::from("/a")),
    ] {
        let mut evidence = down(RunState::Stopped);
        evidence.state_dir = state_dir;
        assert!(planned(&evidence).1.is_empty(), "{:?}", planned(&evidence));
    }
    let mut evidence = down(RunState::GaveUp);
    evidence.probe.verdict = ProbeVerdict::OtherProfile("work".to_owned());
    assert_eq!(planned(&evidence), (vec!["port-of-profile"], vec![]));
    assert_port_is_settable(&evidence);
    evidence.probe.verdict = ProbeVerdict::Stranger(Some(Listener {
        ip: std::net::Ipv4Addr::LOCALHOST.into(),
        port: Port::known(19789),
        owner: SocketOwner::Process(ListeningProcess {
            pid: 9,
            name: "nc".to_owned(),
            instance: None,
            is_gateway: false,
        }),
    }));
    assert_eq!(planned(&evidence), (vec!["port-taken"], vec![]));
    assert_port_is_settable(&evidence);
}

/// Checks that the way out of a cause names the commands that find and set another port, in every language.
fn assert_port_is_settable(evidence: &Evidence) {
    let remedy = diagnose(evidence)[0]
        .by_hand("openclaw --profile a")
        .expect("a way out");
    for lang in crate::i18n::Lang::all() {
        let text = remedy.render(lang);
        for command in [
            "openclaw --profile a ports suggest",
            "openclaw --profile a config set gateway.port",
        ] {
            assert!(text.contains(command), "{text}");
        }
    }
}

#[test]
fn gateway_on_a_disk_that_can_not_be_written_has_no_step() {
    let mut evidence = down(RunState::GaveUp);
    for (disk, cause) in [
        (
            FileSystemSpace {
                free_bytes: 0,
                ..ROOMY_DISK
            },
            "disk-full",
        ),
        (
            FileSystemSpace {
                free_inodes: Some(0),
                ..ROOMY_DISK
            },
            "no-inodes",
        ),
        (
            FileSystemSpace {
                is_read_only: true,
                ..ROOMY_DISK
            },
            "disk-read-only",
        ),
        // A read-only image, such as squashfs, has no free bytes either.
        (
            FileSystemSpace {
                free_bytes: 0,
                free_inodes: Some(0),
                is_read_only: true,
            },
            "disk-read-only",
        ),
    ] {
        evidence.disk = Some(disk);
        assert_eq!(planned(&evidence), (vec![cause, "gave-up"], vec![]));
    }
}

#[test]
fn stopped_gateway_is_started_before_a_changed_config_is_restored() {
    let mut evidence = down(RunState::Stopped);
    assert_eq!(planned(&evidence), (vec!["stopped"], vec!["start", "reinstall"]));
    evidence.config_changes = changes();
    assert_eq!(planned(&evidence).1, ["start", "restore-config", "reinstall"]);
}

#[test]
fn service_that_gave_up_is_started() {
    assert_eq!(
        planned(&down(RunState::GaveUp)),
        (vec!["gave-up"], vec!["start", "reinstall"])
    );
}

#[test]
fn masked_service_is_left_to_a_person() {
    assert_eq!(planned(&down(RunState::Masked)), (vec!["masked"], vec![]));
}

#[test]
fn service_in_a_crash_loop_is_not_started_once_more_but_installed_anew() {
    for state in [RunState::Starting, RunState::Running(7)] {
        let mut evidence = down(state);
        evidence.service.as_mut().unwrap().restarts = 1;
        assert_eq!(planned(&evidence).0, ["stopped"], "a single crash is no loop");
        evidence.service.as_mut().unwrap().restarts = 2;
        assert_eq!(planned(&evidence), (vec!["crash-loop"], vec!["reinstall"]));
        evidence.config_changes = changes();
        assert_eq!(planned(&evidence).1, ["restore-config", "reinstall"]);
    }
}

#[test]
fn hung_process_is_restarted_by_its_service_or_ended() {
    let mut evidence = down(RunState::Running(7));
    evidence.probe.verdict = ProbeVerdict::Slow;
    evidence.probe.proved_pid = Some(7);
    assert_eq!(
        planned(&evidence),
        (vec!["hung"], vec!["restart", "end-stale", "reinstall"])
    );
    let mut evidence = down(RunState::Stopped);
    evidence.probe.proved_pid = Some(8);
    assert_eq!(planned(&evidence), (vec!["hung"], vec!["end-stale", "reinstall"]));
}

#[test]
fn missing_service_is_installed_and_without_a_manager_the_gateway_is_started() {
    assert_eq!(
        planned(&down(RunState::NotInstalled)),
        (vec!["no-service"], vec!["reinstall"])
    );
    let mut evidence = down(RunState::NotInstalled);
    evidence.service = None;
    assert_eq!(planned(&evidence), (vec!["stopped"], vec!["start"]));
}

#[test]
fn missing_program_is_replaced_by_installing_the_service() {
    let mut evidence = down(RunState::GaveUp);
    evidence.missing_program = Some("/old/openclaw".into());
    assert_eq!(
        planned(&evidence),
        (vec!["program-gone", "gave-up"], vec!["reinstall"])
    );
}

#[test]
fn gateway_that_runs_with_other_settings_than_its_files_is_restarted() {
    for verdict in [
        ProbeVerdict::TokenRefused,
        ProbeVerdict::ElsewhereOn(Port::known(4000)),
    ] {
        let mut evidence = down(RunState::Running(7));
        evidence.probe.verdict = verdict;
        assert_eq!(
            planned(&evidence),
            (vec!["outdated"], vec!["restart", "reinstall"])
        );
    }
}

#[test]
fn healthy_gateway_of_openclaw_whose_channel_does_not_run_is_restarted_and_nothing_else() {
    let account = |running: bool| {
        serde_json::json!({
            "accountId": "default", "enabled": true, "configured": true, "running": running, "lastError": "401 Unauthorized",
        })
    };
    let evidence = |engine, running| {
        let mut evidence = down(RunState::Running(7));
        evidence.probe.verdict = ProbeVerdict::Healthy;
        evidence.probe.engine = engine;
        evidence.probe.channels = serde_json::json!({
            "channelLabels": { "telegram": "Telegram" }, "channelAccounts": { "telegram": [account(running)] },
        });
        evidence
    };
    let deaf = evidence(crate::record::Engine::Node, false);
    let causes = diagnose(&deaf);
    assert_eq!(
        causes,
        [Cause::Deaf("Telegram (default): 401 Unauthorized".to_owned())]
    );
    assert!(!deaf.is_well());
    assert_eq!(plan_steps(&deaf, &causes), [RepairStep::Restart { hung: None }]);
    for well in [
        evidence(crate::record::Engine::Node, true),
        evidence(crate::record::Engine::Native, false),
    ] {
        assert!(well.is_well() && diagnose(&well).is_empty());
    }
}

#[test]
fn upgrade_of_the_last_day_is_rolled_back_where_nothing_else_has_helped() {
    let upgraded = |mut evidence: Evidence| {
        evidence.recent_upgrade = Some(RecentUpgrade {
            from: "OpenClaw 2026.1.30".to_owned(),
            to: "OpenClaw 2026.9.6".to_owned(),
        });
        evidence
    };
    assert_eq!(
        planned(&upgraded(down(RunState::GaveUp))).1,
        ["start", "reinstall", "roll-back"]
    );
    let mut evidence = upgraded(down(RunState::GaveUp));
    evidence.config_refusal = Some(msg!("settings.no-token"));
    assert_eq!(planned(&evidence).1, ["restore-config", "roll-back"]);
    // Whoever has to free the disk first does that.
    evidence = upgraded(down(RunState::GaveUp));
    evidence.state_dir = StateDirHealth::Unreadable("/a".into());
    assert_eq!(planned(&evidence).1, [""; 0]);
    evidence = upgraded(down(RunState::Running(7)));
    evidence.probe.verdict = ProbeVerdict::Healthy;
    assert_eq!(planned(&evidence).1, [""; 0]);
}
