//! Places from surveys, and ends from files.

use std::net::IpAddr;
use std::time::SystemTime;

use super::*;
use crate::host::pid::ProcessOwner;
use crate::lock::LockHolder;
use crate::ports::{LOOPBACK, Owner};

fn listener(ip: IpAddr, port: u16, owner: Option<(u32, &str, Option<&str>)>) -> Listener {
    Listener {
        ip,
        port,
        owner: owner.map(|(pid, name, instance)| Owner {
            pid,
            name: name.to_owned(),
            instance: instance.map(str::to_owned),
        }),
    }
}

fn found(listeners: &[Listener], signed: Option<(u32, u16)>) -> String {
    let survey = Survey {
        listeners: listeners.to_vec(),
        ..Survey::default()
    };
    let whose = |pid| match pid {
        66 => ProcessOwner::OtherUser,
        67 => ProcessOwner::Gone,
        _ => ProcessOwner::Ours,
    };
    match place::find(&survey, Some("rescue"), signed, 19789, None, whose) {
        place::Place::Nowhere => "nowhere".to_owned(),
        place::Place::Own(spot) => format!("own {}", spot.addresses[0]),
        place::Place::Somebody(spot, _) => format!("somebody {}", spot.addresses[0]),
        place::Place::Other(label, pid) => format!("{label} {pid}"),
        place::Place::Stranger(_) => "stranger".to_owned(),
    }
}

#[test]
fn a_gateway_is_where_its_own_process_listens() {
    let [v4, v6] = LOOPBACK;
    let any: IpAddr = "0.0.0.0".parse().unwrap();
    let own = Some((7, "openclaw-gatewa", Some("rescue")));
    let browser = Some((8, "chromium", Some("rescue")));
    let cases: [(&[Listener], &str); 10] = [
        (&[], "nowhere"),
        (&[listener(v4, 4000, Some((9, "nginx", None)))], "nowhere"),
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
        (
            &[listener(v4, 19789, Some((9, "nginx", None)))],
            "somebody 127.0.0.1:19789",
        ),
        (&[listener(v4, 19789, Some((66, "openclaw", None)))], "stranger"),
        (&[listener(v4, 19789, Some((67, "openclaw", None)))], "nowhere"),
    ];
    for (listeners, expected) in cases {
        assert_eq!(found(listeners, None), expected, "{listeners:?}");
    }
    let by_lock = [listener(v4, 5000, Some((7, "openclaw", None)))];
    assert_eq!(found(&by_lock, Some((7, 5000))), "own 127.0.0.1:5000");
    assert_eq!(found(&by_lock, Some((8, 5000))), "nowhere");
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_is_not_told_is_another_users() {
    assert_eq!(found(&[listener(LOOPBACK[0], 19789, None)], None), "stranger");
}

#[test]
fn a_signed_lock_of_a_dead_process_means_that_it_was_killed() {
    let dead = LockHolder {
        pid: 7,
        port: 19789,
        profile: "rescue".to_owned(),
        started: SystemTime::UNIX_EPOCH,
        alive: false,
    };
    let end = |holder: Option<&LockHolder>, locked| past::judge(holder, locked, None).map(|past| past.end);
    assert_eq!(end(Some(&dead), true), Some(End::Killed));
    assert_eq!(end(None, true), Some(End::InOrder));
    assert_eq!(end(None, false), None);
}

#[test]
fn exit_codes_follow_the_table() {
    assert_eq!(Verdict::Healthy.exit_code(), 0);
    assert_eq!(Verdict::NotRunning.exit_code(), 1);
    for verdict in [
        Verdict::Stranger(None),
        Verdict::OtherProfile(String::new()),
        Verdict::ElsewhereOn(1),
        Verdict::TokenRefused,
        Verdict::Slow,
        Verdict::Unhealthy(String::new()),
    ] {
        assert_eq!(verdict.exit_code(), 3, "{verdict:?}");
    }
}
