//! The end of an onboarding asks whether the gateway would start, and names what stands in its way.

use std::net::TcpListener;

use serde_json::json;

use crate::support::{Ran, Sandbox, network};

const CONFIG: &str = ".openclaw/openclaw.json";
/// Every way to set an instance up without a person.
const WAYS: [&[&str]; 3] = [
    &["onboard", "--non-interactive", "--accept-risk"],
    &[
        "onboard",
        "--non-interactive",
        "--accept-risk",
        "--existing",
        "keep",
    ],
    &["setup"],
];

/// Creates a home folder whose default instance has this config.
fn sandbox_with(config: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(CONFIG, config);
    sandbox
}

/// Asserts that an onboarding ended with the error that the start of the gateway ends with, and no next command.
#[track_caller]
fn assert_not_startable(sandbox: &Sandbox, ran: &Ran, named: &str) {
    let start = sandbox.run(["gateway"]).exits(78);
    assert!(start.stderr.contains(named), "{start:?}");
    assert_eq!(ran.code, 78, "{ran:?}");
    assert!(ran.stderr.contains(named), "{ran:?}");
    for word in ["is set up", "openclaw gateway\n", "gateway install"] {
        assert!(!ran.stdout.contains(word), "{word}: {ran:?}");
    }
}

#[test]
fn config_that_the_gateway_would_refuse_is_no_success() {
    for way in WAYS {
        let sandbox = sandbox_with(
            r#"{ "gateway": { "mode": "local", "port": 28789, "auth": { "token": "t0ken-4711" } }, "myOwnKey": { "a": 1 } }"#,
        );
        let ran = sandbox.run(way);
        assert_not_startable(&sandbox, &ran, "myOwnKey");
        assert!(ran.stderr.contains("openclaw doctor --fix"), "{ran:?}");
        let turkish = sandbox.run([&["--lang", "tr"], way].concat()).exits(78);
        assert!(turkish.stdout.contains("henüz başlatılamaz"), "{turkish:?}");
        let document = sandbox.run([way, &["--json"]].concat()).exits(78).json();
        assert_eq!(
            (&document["ok"], &document["code"], &document["exit"]),
            (&json!(false), &json!("gateway.invalid"), &json!(78)),
            "{document:#}"
        );
        assert_eq!(document["start"]["code"], "gateway.invalid");
        assert_eq!(document["configPath"], json!(sandbox.path(CONFIG)));

        // The command that is named helps.
        let _ = sandbox.run(["doctor", "--fix", "--yes"]);
        let after = sandbox.run(way).exits(0);
        assert!(after.stdout.contains("openclaw gateway"), "{after:?}");
    }
}

#[test]
fn base_port_that_another_program_holds_is_no_success() {
    network::own(|| {
        for way in WAYS {
            let sandbox = sandbox_with(
                r#"{ "gateway": { "mode": "local", "port": 18789, "auth": { "token": "t0ken-4711" } } }"#,
            );
            let listener = TcpListener::bind("127.0.0.1:18789").expect("a free port");
            let ran = sandbox.run(way);
            assert_not_startable(&sandbox, &ran, "18789");
            let pid = format!("pid {}", std::process::id());
            assert_eq!(ran.stderr.matches(&pid).count(), 1, "said once: {ran:?}");
            let document = sandbox.run([way, &["--json"]].concat()).exits(78).json();
            assert_eq!(document["code"], "ports.held", "{document:#}");

            let hint = ran
                .stderr
                .lines()
                .find_map(|line| line.split_once("openclaw config set gateway.port "));
            let (_, port) = hint.unwrap_or_else(|| panic!("a command that helps: {ran:?}"));
            let _ = sandbox
                .run(["config", "set", "gateway.port", port.trim()])
                .exits(0);
            let _ = sandbox.run(way).exits(0);
            drop(listener);
        }
    });
}

#[test]
fn new_instance_on_a_free_port_is_a_success() {
    network::own(|| {
        for way in [WAYS[0], WAYS[2]] {
            let ran = Sandbox::new().run(way).exits(0);
            assert!(ran.stdout.contains("openclaw gateway install"), "{ran:?}");
        }
    });
}
