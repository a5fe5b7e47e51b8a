//! Tests of the location of gateways by a survey, and of the last run by its traces.

use std::net::IpAddr;
use std::time::SystemTime;

use super::location::GatewayLocation;
use super::*;
use crate::error::ErrorKind;
use crate::host::pid::ProcessOwner;
use crate::lock::LockHolder;
use crate::ports::{LOOPBACK, Listener, ListeningProcess, Port, SocketOwner};

/// The pid of a process of another user.
const FOREIGN_PID: u32 = 66;
/// The pid of a process that has ended since the survey.
const GONE_PID: u32 = 67;

/// Returns a listener. Its owner is a pid, a name, and the label of the instance to which the survey assigned it.
fn listener(ip: IpAddr, port: u16, owner: Option<(u32, &str, Option<&str>)>) -> Listener {
    Listener {
        ip,
        port: Port::known(port),
        owner: owner.map_or(SocketOwner::OtherUser, |(pid, name, instance)| {
            SocketOwner::Process(ListeningProcess {
                pid,
                name: name.to_owned(),
                instance: instance.map(str::to_owned),
                is_gateway: instance.is_some() && name != "chromium",
            })
        }),
    }
}

/// Locates the gateway of the instance `rescue` on port 19789, and describes its location.
fn locate(listeners: &[Listener], lock_owner: Option<(u32, u16)>) -> String {
    let lock_owner = lock_owner.map(|(pid, port)| (pid, Port::known(port)));
    let survey = Survey {
        listeners: listeners.to_vec(),
        ..Survey::default()
    };
    let process_owner = |pid| match pid {
        FOREIGN_PID => ProcessOwner::OtherUser,
        GONE_PID => ProcessOwner::Gone,
        _ => ProcessOwner::Ours,
    };
    match location::locate(
        &survey,
        Some("rescue"),
        lock_owner,
        Port::new(19789),
        None,
        process_owner,
    ) {
        GatewayLocation::Nowhere => "nowhere".to_owned(),
        GatewayLocation::Own(endpoint) => format!("own {}", endpoint.addresses[0]),
        GatewayLocation::Unidentified(endpoint, _) => format!("unidentified {}", endpoint.addresses[0]),
        GatewayLocation::OtherInstance(label, pid) => format!("{label} {pid}"),
        GatewayLocation::Stranger(_) => "stranger".to_owned(),
    }
}

#[test]
fn gateway_is_located_where_a_process_of_its_instance_listens() {
    let [v4, v6] = LOOPBACK;
    let any: IpAddr = "0.0.0.0".parse().unwrap();
    let own = Some((7, "openclaw-gatewa", Some("rescue")));
    let browser = Some((8, "chromium", Some("rescue")));
    let nginx = Some((9, "nginx", None));
    let cases: [(&[Listener], &str); 10] = [
        (&[], "nowhere"),
        (&[listener(v4, 4000, nginx)], "nowhere"),
        (
            &[listener(v6, 19789, own), listener(v4, 19789, own)],
            "own 127.0.0.1:19789",
        ),
        (&[listener(any, 19789, own)], "own 127.0.0.1:19789"),
        (
            &[listener(v4, 4003, own), listener(v4, 4000, own)],
            "own 127.0.0.1:4000",
        ),
        (&[listener(v4, 19800, browser)], "nowhere"),
        (&[listener(v4, 19789, Some((9, "node", Some("main"))))], "main 9"),
        (&[listener(v4, 19789, nginx)], "unidentified 127.0.0.1:19789"),
        (
            &[listener(v4, 19789, Some((FOREIGN_PID, "openclaw", None)))],
            "stranger",
        ),
        (
            &[listener(v4, 19789, Some((GONE_PID, "openclaw", None)))],
            "nowhere",
        ),
    ];
    for (listeners, expected) in cases {
        assert_eq!(locate(listeners, None), expected, "{listeners:?}");
    }
}

#[test]
fn gateway_is_located_by_process_and_port_of_its_lock() {
    let listeners = [listener(LOOPBACK[0], 5000, Some((7, "openclaw", None)))];
    assert_eq!(locate(&listeners, Some((7, 5000))), "own 127.0.0.1:5000");
    assert_eq!(locate(&listeners, Some((8, 5000))), "nowhere");
}

#[cfg(target_os = "linux")]
#[test]
fn socket_without_a_known_process_is_another_users() {
    assert_eq!(locate(&[listener(LOOPBACK[0], 19789, None)], None), "stranger");
}

#[test]
fn lock_that_names_a_dead_process_means_that_it_was_killed() {
    let dead = LockHolder {
        pid: 7,
        port: Port::known(19789),
        profile: "rescue".to_owned(),
        started: SystemTime::UNIX_EPOCH,
        stopping_since: None,
        alive: false,
    };
    let end = |holder: Option<&LockHolder>, has_lock_file| {
        last_run::from_traces(holder, has_lock_file, None).map(|run| run.end)
    };
    assert_eq!(end(Some(&dead), true), Some(RunEnd::Killed));
    assert_eq!(end(None, true), Some(RunEnd::Orderly));
    assert_eq!(end(None, false), None);
}

#[test]
fn exit_code_is_0_healthy_1_not_running_3_otherwise() {
    let exit_code = |verdict: &ProbeVerdict| verdict.class().error_kind().map(ErrorKind::exit_code);
    assert_eq!(exit_code(&ProbeVerdict::Healthy), None);
    assert_eq!(exit_code(&ProbeVerdict::NotRunning), Some(1));
    for verdict in [
        ProbeVerdict::Stranger(None),
        ProbeVerdict::OtherProfile(String::new()),
        ProbeVerdict::ElsewhereOn(Port::known(1)),
        ProbeVerdict::TokenRefused,
        ProbeVerdict::TooManyAttempts,
        ProbeVerdict::Slow,
        ProbeVerdict::Unhealthy(String::new()),
    ] {
        assert_eq!(exit_code(&verdict), Some(3), "{verdict:?}");
    }
}
