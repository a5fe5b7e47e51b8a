//! Tests of running browsers: isolation of instances, tabs, exit, and orphans.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{
    HEADING, TestSite, browser, browser_json, configure, headless_config, processes_on, start_gateways,
    wait_for_no_browser_on,
};
use crate::support::gateway::{Gateway, TOKEN, free_base, request, wait_for};
use crate::support::{Sandbox, installed};

/// Kills a process with SIGKILL.
fn kill(pid: &Value) {
    let pid = i32::try_from(pid.as_u64().expect("a pid")).expect("a pid");
    kill_process(Pid::from_raw(pid).expect("a pid"), Signal::KILL).expect("it can be killed");
}

/// Two instances twenty ports apart, each with two browsers, all at the same time.
#[test]
fn browsers_of_two_instances_share_nothing_and_end_with_their_gateways() {
    if !installed("chromium") {
        return;
    }
    let (sandbox, site, base) = (Sandbox::new(), TestSite::new(), free_base());
    configure(&sandbox, "main", base, &headless_config());
    configure(&sandbox, "rescue", base + 20, &headless_config());
    let [main, rescue] = start_gateways(&sandbox, ["main", "rescue"]);

    assert_each_browser_has_its_own_port(&sandbox, base);
    tabs_are_driven_and_cookies_are_not_shared(&sandbox, &site);
    control_service_requires_the_token(main.port + 2);
    crash_is_reported(&sandbox);

    // A crashed browser can be started again, and all browsers end with their gateway.
    browser_json(&sandbox, "main", "start");
    let browser_folder = |profile: &str| sandbox.path(format!(".openclaw-{profile}/browser"));
    assert!(!processes_on(&browser_folder("main")).is_empty());
    let _ = main.stop().with(0);
    wait_for_no_browser_on(&browser_folder("main"));
    window_has_the_instance_name_and_colour(&browser_folder("main").join("openclaw/user-data"));
    assert!(
        !processes_on(&browser_folder("rescue")).is_empty(),
        "browsers of the other instance still run"
    );
    let status = browser_json(&sandbox, "main", "status");
    assert_eq!(
        (&status["running"], &status["gatewayRunning"]),
        (&json!(false), &json!(false))
    );

    // The folder of a deleted profile is kept under another name.
    let deleted = browser_json(&sandbox, "rescue", "delete-profile --name work");
    assert!(std::path::Path::new(deleted["movedTo"].as_str().unwrap()).is_dir());
    assert!(!browser_folder("rescue").join("work").exists());
    let _ = rescue.stop().with(0);
    wait_for_no_browser_on(&browser_folder("rescue"));
}

/// Creates and starts two browsers of each instance, and checks that no two share a port or a folder.
fn assert_each_browser_has_its_own_port(sandbox: &Sandbox, base: u16) {
    let mut ports = std::collections::BTreeSet::new();
    for profile in ["main", "rescue"] {
        browser_json(sandbox, profile, "create-profile --name work");
        for name in ["openclaw", "work"] {
            let started = browser_json(sandbox, profile, &format!("start --browser-profile {name}"));
            assert_eq!(
                (&started["running"], &started["profile"]),
                (&json!(true), &json!(name))
            );
            assert!(ports.insert(started["cdpPort"].as_u64().unwrap()), "{started}");
            let status = browser_json(sandbox, profile, &format!("status --browser-profile {name}"));
            let folder = sandbox.path(format!(".openclaw-{profile}/browser/{name}/user-data"));
            assert_eq!(status["userDataDir"], folder.to_str().unwrap());
            assert_eq!(
                status["pid"], started["pid"],
                "each browser has a status of its own"
            );
        }
    }
    assert_eq!(ports.len(), 4);
    let fixed = [base, base + 20].map(|b| [0, 1, 2, 3, 4, 10].map(|offset| u64::from(b + offset)));
    assert!(
        !fixed.as_flattened().iter().any(|port| ports.contains(port)),
        "{ports:?}"
    );
}

/// Opens pages, takes a screenshot and a snapshot, and closes a tab. A cookie of one browser is in no other one.
fn tabs_are_driven_and_cookies_are_not_shared(sandbox: &Sandbox, site: &TestSite) {
    browser_json(sandbox, "main", &format!("open {}", site.url("/set")));
    let title = |profile: &str, name: &str| {
        let args = format!("navigate {} --browser-profile {name}", site.url("/show"));
        browser_json(sandbox, profile, &args)["title"].clone()
    };
    assert_eq!(title("main", "openclaw"), "cookie who=main");
    for (profile, name) in [("main", "work"), ("rescue", "openclaw"), ("rescue", "work")] {
        assert_eq!(title(profile, name), "cookie none", "{profile} {name}");
    }

    let opened = browser_json(sandbox, "main", &format!("open {}", site.url("/page")));
    let id = opened["targetId"].as_str().unwrap();
    let tabs = browser_json(sandbox, "main", "tabs");
    assert_eq!(tabs["tabs"].as_array().unwrap().len(), 3, "{tabs}");
    let snapshot = browser_json(sandbox, "main", &format!("snapshot --target-id {id}"));
    let text = snapshot["snapshot"].as_str().unwrap();
    assert!(text.contains(&format!("heading \"{HEADING}\"")), "{text}");

    let screenshot = browser_json(sandbox, "main", &format!("screenshot {id} --full-page"));
    let path = screenshot["path"].as_str().unwrap();
    assert!(path.starts_with(sandbox.path(".openclaw-main").to_str().unwrap()));
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    let dimension = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert!(
        dimension(16) >= 300 && dimension(20) >= 200,
        "{} x {}",
        dimension(16),
        dimension(20)
    );

    browser_json(sandbox, "main", &format!("focus {}", &id[..8]));
    browser_json(sandbox, "main", &format!("close {id}"));
    assert_eq!(
        browser_json(sandbox, "main", "tabs")["tabs"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let refused = browser(sandbox, "main", &format!("close {id}")).exits(1).json();
    assert_eq!(
        (&refused["code"], &refused["status"]),
        (&json!("browser.no-tab"), &json!(404))
    );
}

#[test]
fn doctor_finds_the_running_browser_of_a_profile_whose_port_is_not_recorded() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &headless_config());
    let gateway = Gateway::start(&sandbox, "main");
    let port = browser_json(&sandbox, "main", "start")["cdpPort"].to_string();
    // OpenClaw from npm keeps no record of it.
    let record = sandbox.read(".openclaw-main/instance.toml");
    let lines: Vec<_> = record.lines().filter(|line| !line.contains(&port)).collect();
    assert!(lines.len() < record.lines().count(), "{record}");
    sandbox.write(".openclaw-main/instance.toml", lines.join("\n"));
    let checks = browser_json(&sandbox, "main", "doctor");
    let messages = checks["checks"].to_string();
    assert!(
        messages.contains(&format!("Its browser answers on port {port}.")),
        "{messages}"
    );
    let _ = gateway.stop().with(0);
}

/// Requests without the token, of another host, or of a web page are refused by the control service.
fn control_service_requires_the_token(port: u16) {
    let token = format!("Authorization: Bearer {TOKEN}");
    let status = |headers: &[&str]| request(port, "GET", "/tabs", headers).unwrap().status;
    assert_eq!(status(&[&token]), 200);
    assert_eq!(status(&[]), 401);
    assert_eq!(status(&["Authorization: Bearer 00"]), 401);
    assert_eq!(status(&["Upgrade: websocket", "Connection: Upgrade"]), 401);
    assert_eq!(status(&[&token, "Host: rebound.example:80"]), 403);
    assert_eq!(status(&[&token, "Origin: https://evil.example"]), 403);
    assert_eq!(status(&[&token, "Origin: null"]), 403);
    assert_eq!(status(&[&token, "Sec-Fetch-Site: cross-site"]), 403);
}

/// Chromium's own settings files have the name and the colour after it has run.
fn window_has_the_instance_name_and_colour(user_data: &std::path::Path) {
    let text = std::fs::read(user_data.join("Local State")).unwrap();
    let state: Value = serde_json::from_slice(&text).unwrap();
    let own = &state["profile"]["info_cache"]["Default"];
    assert!(own["active_time"].is_number(), "Chromium did not write it: {own}");
    assert_eq!(own["name"], "main");
    let text = std::fs::read(user_data.join("Default/Preferences")).unwrap();
    let preferences: Value = serde_json::from_slice(&text).unwrap();
    let color = &preferences["browser"]["theme"]["user_color2"];
    assert_eq!((color, color), (&own["profile_color_seed"], &json!(-6_736_897)));
}

/// A killed browser is reported as crashed, with its signal, and cannot be driven.
fn crash_is_reported(sandbox: &Sandbox) {
    let pid = browser_json(sandbox, "main", "status")["pid"].clone();
    kill(&pid);
    let crashed = wait_for("the crash is reported", || {
        let status = browser_json(sandbox, "main", "status");
        (status["running"] == false).then_some(status)
    });
    assert_eq!(
        (&crashed["state"], &crashed["ended"]["signal"]),
        (&json!("crashed"), &json!(9))
    );
    assert_eq!(crashed["ended"]["pid"], pid);
    let refused = browser(sandbox, "main", "tabs").exits(1).json();
    assert_eq!(
        (&refused["code"], &refused["status"]),
        (&json!("browser.not-running"), &json!(409))
    );
}

#[test]
fn orphaned_browser_is_stopped_and_its_folder_and_port_are_used_again() {
    if !installed("chromium") {
        return;
    }
    let (sandbox, base) = (Sandbox::new(), free_base());
    configure(&sandbox, "main", base, &headless_config());
    let gateway = Gateway::start(&sandbox, "main");
    let first = browser_json(&sandbox, "main", "start");
    gateway.signal(Signal::KILL);
    let _ = gateway.exited();
    let folder = sandbox.path(".openclaw-main/browser");
    assert!(
        !processes_on(&folder).is_empty(),
        "the browser outlives a killed gateway"
    );
    assert_eq!(
        browser_json(&sandbox, "main", "status")["pid"],
        first["pid"],
        "the orphan is reported"
    );

    let gateway = Gateway::start(&sandbox, "main");
    let second = browser_json(&sandbox, "main", "start");
    assert_ne!(first["pid"], second["pid"]);
    assert_eq!(first["cdpPort"], second["cdpPort"], "the port is kept");
    browser_json(&sandbox, "main", "stop");
    wait_for_no_browser_on(&folder);

    let _ = gateway.stop().with(0);

    // As root, Chromium needs its sandbox switched off, and the error says so.
    configure(&sandbox, "main", base, &json!({ "headless": true }));
    let gateway = Gateway::start(&sandbox, "main");
    if rustix::process::geteuid().is_root() {
        let refused = browser(&sandbox, "main", "start").exits(1);
        assert_eq!(refused.json()["code"], "browser.no-sandbox");
        assert!(
            refused.stdout.contains("browser.noSandbox true"),
            "{}",
            refused.stdout
        );
    }
    let _ = gateway.stop().with(0);
    wait_for_no_browser_on(&folder);
}
