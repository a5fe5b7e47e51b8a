//! Tests that need no Chromium: ports and names of profiles, ports in use, and a gateway that is down.

use std::collections::BTreeSet;
use std::net::TcpListener;

use serde_json::json;

use super::{browser, browser_json, configure, start_gateways};
use crate::support::Sandbox;
use crate::support::gateway::{Gateway, free_base};

#[test]
fn twelve_profiles_of_each_of_two_instances_twenty_ports_apart_get_distinct_ports() {
    let (sandbox, base) = (Sandbox::new(), free_base());
    configure(&sandbox, "main", base, &json!({}));
    configure(&sandbox, "rescue", base + 20, &json!({}));
    let [_main, _rescue] = start_gateways(&sandbox, ["main", "rescue"]);
    let mut ports = BTreeSet::new();
    for at in 0..12 {
        for (profile, base) in [("main", base), ("rescue", base + 20)] {
            let made = browser_json(&sandbox, profile, &format!("create-profile --name p{at}"));
            let port = made["cdpPort"].as_u64().unwrap();
            assert!(ports.insert(port), "{port} twice");
            let pool = u64::from(base + 11)..=u64::from(base + 110);
            assert!(pool.contains(&port), "{port} is not in {pool:?}");
        }
    }
    let other = base + 20;
    let fixed = [0, 1, 2, 3, 4, 10].map(|offset| u64::from(other + offset));
    assert!(!fixed.iter().any(|port| ports.contains(port)), "{ports:?}");
    let listed = browser_json(&sandbox, "main", "profiles");
    assert_eq!(listed["profiles"].as_array().unwrap().len(), 13);
    let again = browser(&sandbox, "main", "create-profile --name p0")
        .exits(1)
        .json();
    assert_eq!(
        (&again["code"], &again["status"]),
        (&json!("browser.exists"), &json!(409))
    );
    let bad = browser(&sandbox, "main", "create-profile --name Bad_Name")
        .exits(1)
        .json();
    assert_eq!(bad["status"], 400);
    let unknown = browser(&sandbox, "main", "status --browser-profile nope")
        .exits(1)
        .json();
    assert_eq!(unknown["code"], "browser.no-profile");
}

#[test]
fn port_that_two_instances_pin_is_refused_and_both_are_named() {
    let (sandbox, base) = (Sandbox::new(), free_base());
    let pinned = json!({ "noSandbox": true, "cdpUrl": format!("http://127.0.0.1:{}", base + 60) });
    configure(&sandbox, "main", base, &pinned);
    configure(&sandbox, "rescue", free_base(), &pinned);
    let _gateway = Gateway::start(&sandbox, "main");
    let refused = browser(&sandbox, "main", "start").exits(1).json();
    assert_eq!(
        (&refused["code"], &refused["status"]),
        (&json!("browser.pinned-twice"), &json!(409))
    );
    let message = refused["message"].as_str().unwrap();
    assert!(
        message.contains("main") && message.contains("rescue"),
        "{message}"
    );
    let checks = browser(&sandbox, "main", "doctor").exits(1).json();
    let bad = checks["checks"]
        .as_array()
        .unwrap()
        .iter()
        .find(|check| check["id"] == "port");
    assert_eq!(bad.unwrap()["health"], "bad", "{checks}");
}

#[test]
fn other_process_on_the_debugging_port_is_named_and_not_used() {
    let (sandbox, base) = (Sandbox::new(), free_base());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // The port is checked before the program is run, so the program need not be a browser.
    let browser_keys = json!({
        "noSandbox": true, "executablePath": "/bin/sh", "cdpUrl": format!("http://127.0.0.1:{port}"),
    });
    configure(&sandbox, "main", base, &browser_keys);
    let _gateway = Gateway::start(&sandbox, "main");
    let status = browser_json(&sandbox, "main", "status");
    assert_eq!(
        status["running"], false,
        "a listener on the port is not a running browser"
    );
    let refused = browser(&sandbox, "main", "start").exits(1).json();
    assert_eq!(
        (&refused["code"], &refused["status"]),
        (&json!("browser.occupied"), &json!(409))
    );
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains(&std::process::id().to_string()), "{message}");
}

#[test]
fn status_is_read_from_files_and_other_commands_fail_while_the_gateway_is_down() {
    let (sandbox, base) = (Sandbox::new(), free_base());
    configure(&sandbox, "main", base, &json!({ "noSandbox": true }));
    let status = browser(&sandbox, "main", "status").exits(0);
    assert!(status.stderr.contains("not running"), "{}", status.stderr);
    let status = status.json();
    assert_eq!(
        (&status["running"], &status["gatewayRunning"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(status["cdpPort"], base + 11);
    let refused = browser(&sandbox, "main", "start").exits(1).json();
    assert_eq!(refused["code"], "browser.gateway-down");
    assert!(
        refused["hints"][0]
            .as_str()
            .unwrap()
            .contains("openclaw --profile main gateway")
    );
    let before = sandbox.tree();
    let _ = browser(&sandbox, "main", "profiles").exits(0);
    assert_eq!(sandbox.tree(), before, "reading the status writes nothing");
}

#[test]
fn program_that_is_no_browser_is_an_error_with_a_hint() {
    let sandbox = Sandbox::new();
    let keys = json!({ "noSandbox": true, "executablePath": "/bin/true" });
    configure(&sandbox, "main", free_base(), &keys);
    let gateway = Gateway::start(&sandbox, "main");
    let refused = browser(&sandbox, "main", "start").exits(1).json();
    assert_eq!(
        (&refused["code"], &refused["status"]),
        (&json!("browser.ended-early"), &json!(500))
    );
    let hint = refused["hints"][0].as_str().unwrap();
    assert!(hint.contains("openclaw --profile main browser doctor"), "{hint}");
    let status = browser_json(&sandbox, "main", "status");
    assert_eq!(status["state"], "stopped", "{status}");
    let _ = gateway.stop().with(0);
}
