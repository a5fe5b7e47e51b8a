//! The ports that a new instance gets, in a network where only the test itself listens.

use std::net::TcpListener;

use super::{base_port, config_path, onboard, onboard_ok, sandbox_with_main, written_files};
use crate::support::{Sandbox, network};

#[test]
fn l14_each_new_instance_gets_the_next_free_thousand() {
    network::own(|| {
        let sandbox = sandbox_with_main();
        for (profile, port) in [("rescue", 19789), ("dev", 19001), ("third", 20789)] {
            let _ = onboard_ok(&sandbox, profile, &[]);
            assert_eq!(base_port(&sandbox, profile), port, "{profile}");
        }
    });
}

/// Offsets of the fixed ports of a family, and of the first and last port of its CDP pool.
const OFFSETS: [u16; 8] = [0, 1, 2, 3, 4, 10, 11, 110];

#[test]
fn l14_fixed_port_in_use_moves_the_suggestion() {
    network::own(|| {
        for host in ["127.0.0.1", "[::1]", "0.0.0.0"] {
            for offset in OFFSETS {
                let address = format!("{host}:{}", 19789 + offset);
                let _listener = TcpListener::bind(&address).expect("a port of this network");
                let sandbox = sandbox_with_main();
                let _ = onboard_ok(&sandbox, "rescue", &[]);
                let got = base_port(&sandbox, "rescue");
                if offset < 11 {
                    assert_eq!(got, 20789, "{address} is held");
                } else {
                    // One port of the pool is no reason to move: a hundred are left.
                    assert!([19789, 20789].contains(&got), "{got}");
                }
            }
        }
    });
}

#[test]
fn derived_port_in_use_is_refused_and_its_process_reported() {
    network::own(|| {
        let _listener = TcpListener::bind("127.0.0.1:21793").expect("a port of this network");
        let sandbox = Sandbox::new();
        let run = onboard(&sandbox, "rescue", &["--gateway-port", "21789", "--json"]);
        let document = run.json();
        assert_eq!(
            (run.code, &document["code"]),
            (78, &"ports.held".into()),
            "{run:?}"
        );
        let message = document["message"].as_str().expect("a message");
        let pid = format!("pid {}", std::process::id());
        assert!(message.contains("21793") && message.contains(&pid), "{message}");
        assert!(written_files(&sandbox).is_empty());
    });
}

#[test]
fn base_near_another_instance_is_refused_and_overlapping_pools_are_reported() {
    let sandbox = sandbox_with_main();
    for (port, code) in [
        ("18789", "ports.same-base"),
        ("18799", "ports.too-close"),
        ("18800", "ports.too-close"),
    ] {
        let run = onboard(&sandbox, "rescue", &["--gateway-port", port, "--json"]).exits(78);
        let document = run.json();
        assert_eq!(document["code"], code, "{port}");
        assert!(
            document["message"]
                .as_str()
                .is_some_and(|m| m.contains("default")),
            "{document}"
        );
        assert!(!sandbox.path(".openclaw-rescue").exists());
    }
    // 18809 lies in the CDP pool of 18789: allowed, and what it costs is said.
    let run = onboard_ok(&sandbox, "rescue", &["--gateway-port", "18809", "--json"]);
    let notices = run.json()["notices"].to_string();
    assert!(
        notices.contains("18809-18899") && notices.contains("default"),
        "{notices}"
    );
}

#[test]
fn ports_of_a_stopped_instance_stay_reserved() {
    let sandbox = Sandbox::new();
    sandbox.write(config_path("a"), "{ gateway: { port: 22789 } }");
    sandbox.write(
        ".openclaw-b/instance.toml",
        "version = 1\n[ports]\nbase = 23789\n",
    );
    sandbox.write(".openclaw-b/openclaw.json", "{ broken");
    for (port, holder) in [("22793", "a"), ("23789", "b")] {
        let document = onboard(&sandbox, "c", &["--gateway-port", port, "--json"])
            .exits(78)
            .json();
        let message = document["message"].as_str().expect("a message");
        assert!(message.contains(&format!("of {holder}")), "{message}");
    }
}

#[test]
fn l14_pinned_ports_of_another_instance_are_refused() {
    let holder = TcpListener::bind("127.0.0.1:0").expect("a port");
    let pinned = holder.local_addr().expect("an address").port();
    drop(holder);
    for pin in [
        format!("browser: {{ profiles: {{ work: {{ cdpPort: {pinned}, color: '#FF4500' }} }} }}"),
        format!("browser: {{ cdpUrl: 'http://127.0.0.1:{pinned}' }}"),
        format!("canvasHost: {{ port: {pinned} }}"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(
            config_path("other"),
            format!("{{ gateway: {{ port: 20789 }}, {pin} }}"),
        );
        let near = pinned.min(65_400).to_string();
        let document = onboard(&sandbox, "rescue", &["--gateway-port", &near, "--json"])
            .exits(78)
            .json();
        assert_eq!(document["code"], "ports.taken", "{pin}: {document}");
        let message = document["message"].as_str().expect("a message");
        assert!(message.contains("other"), "{message}");
    }
}
