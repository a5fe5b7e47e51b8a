//! With Chromium: side by side, driven, crashed, left behind.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{HEADING, Site, browser, configure, done, gateways, processes_on, wait_until_none_on, wishes};
use crate::support::gateway::{Gateway, TOKEN, free_base, request, wait_for};
use crate::support::{Sandbox, installed};

fn kill(pid: &Value) {
    let pid = i32::try_from(pid.as_u64().expect("a pid")).expect("a pid");
    kill_process(Pid::from_raw(pid).expect("a pid"), Signal::KILL).expect("it can be killed");
}

/// Two instances twenty ports apart, each with two browsers, all at once.
#[test]
fn four_browsers_of_two_instances_share_nothing_and_end_with_their_gateways() {
    if !installed("chromium") {
        return;
    }
    let (sandbox, site, base) = (Sandbox::new(), Site::new(), free_base());
    configure(&sandbox, "main", base, &wishes());
    configure(&sandbox, "rescue", base + 20, &wishes());
    let [main, rescue] = gateways(&sandbox, ["main", "rescue"]);

    let mut ports = std::collections::BTreeSet::new();
    for profile in ["main", "rescue"] {
        done(&sandbox, profile, "create-profile --name work");
        for name in ["openclaw", "work"] {
            let started = done(&sandbox, profile, &format!("start --browser-profile {name}"));
            assert_eq!(
                (&started["running"], &started["profile"]),
                (&json!(true), &json!(name))
            );
            assert!(ports.insert(started["cdpPort"].as_u64().unwrap()), "{started}");
            let status = done(&sandbox, profile, &format!("status --browser-profile {name}"));
            let folder = sandbox.path(format!(".openclaw-{profile}/browser/{name}/user-data"));
            assert_eq!(status["userDataDir"], folder.to_str().unwrap());
            assert_eq!(status["pid"], started["pid"], "each status is of its own browser");
        }
    }
    assert_eq!(ports.len(), 4);
    let fixed = [base, base + 20].map(|b| [0, 1, 2, 3, 4, 10].map(|offset| u64::from(b + offset)));
    assert!(
        !fixed.as_flattened().iter().any(|port| ports.contains(port)),
        "{ports:?}"
    );

    driven(&sandbox, &site);
    only_with_token(main.port + 2);
    crash_is_seen(&sandbox);

    // The crashed one may be started again, and all end with their gateway.
    done(&sandbox, "main", "start");
    let below = |profile: &str| sandbox.path(format!(".openclaw-{profile}/browser"));
    assert!(!processes_on(&below("main")).is_empty());
    let _ = main.stop().with(0);
    wait_until_none_on(&below("main"));
    window_bears_its_instance(&below("main").join("openclaw/user-data"));
    assert!(
        !processes_on(&below("rescue")).is_empty(),
        "the other instance's live on"
    );
    let status = done(&sandbox, "main", "status");
    assert_eq!(
        (&status["running"], &status["gatewayRunning"]),
        (&json!(false), &json!(false))
    );

    // A profile that goes leaves its folder under another name.
    let gone = done(&sandbox, "rescue", "delete-profile --name work");
    assert!(std::path::Path::new(gone["movedTo"].as_str().unwrap()).is_dir());
    assert!(!below("rescue").join("work").exists());
    let _ = rescue.stop().with(0);
    wait_until_none_on(&below("rescue"));
}

/// Pages, pictures, the tree; and a cookie that nobody else has.
fn driven(sandbox: &Sandbox, site: &Site) {
    done(sandbox, "main", &format!("open {}", site.url("/set")));
    let shown = |profile: &str, name: &str| {
        let words = format!("navigate {} --browser-profile {name}", site.url("/show"));
        done(sandbox, profile, &words)["title"].clone()
    };
    assert_eq!(shown("main", "openclaw"), "cookie who=main");
    for (profile, name) in [("main", "work"), ("rescue", "openclaw"), ("rescue", "work")] {
        assert_eq!(shown(profile, name), "cookie none", "{profile} {name}");
    }

    let opened = done(sandbox, "main", &format!("open {}", site.url("/page")));
    let id = opened["targetId"].as_str().unwrap();
    let tabs = done(sandbox, "main", "tabs");
    assert_eq!(tabs["tabs"].as_array().unwrap().len(), 3, "{tabs}");
    let snapshot = done(sandbox, "main", &format!("snapshot --target-id {id}"));
    let text = snapshot["snapshot"].as_str().unwrap();
    assert!(text.contains(&format!("heading \"{HEADING}\"")), "{text}");

    let picture = done(sandbox, "main", &format!("screenshot {id} --full-page"));
    let path = picture["path"].as_str().unwrap();
    assert!(path.starts_with(sandbox.path(".openclaw-main").to_str().unwrap()));
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n");
    let pixels = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    assert!(
        pixels(16) >= 300 && pixels(20) >= 200,
        "{} x {}",
        pixels(16),
        pixels(20)
    );

    done(sandbox, "main", &format!("focus {}", &id[..8]));
    done(sandbox, "main", &format!("close {id}"));
    assert_eq!(done(sandbox, "main", "tabs")["tabs"].as_array().unwrap().len(), 2);
    let refused = browser(sandbox, "main", &format!("close {id}")).exits(1).json();
    assert_eq!(
        (&refused["code"], &refused["status"]),
        (&json!("browser.no-tab"), &json!(404))
    );
}

/// Neither another user of this machine nor a web page can drive it.
fn only_with_token(port: u16) {
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

/// As Chromium itself has it after it ran: it keeps the name, and draws by the colour.
fn window_bears_its_instance(user_data: &std::path::Path) {
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

fn crash_is_seen(sandbox: &Sandbox) {
    let pid = done(sandbox, "main", "status")["pid"].clone();
    kill(&pid);
    let crashed = wait_for("the crash is seen", || {
        let status = done(sandbox, "main", "status");
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
fn a_browser_that_outlived_its_gateway_is_ended_and_its_folder_used_again() {
    if !installed("chromium") {
        return;
    }
    let (sandbox, base) = (Sandbox::new(), free_base());
    configure(&sandbox, "main", base, &wishes());
    let gateway = Gateway::start(&sandbox, "main");
    let first = done(&sandbox, "main", "start");
    gateway.signal(Signal::KILL);
    let _ = gateway.exited();
    let folder = sandbox.path(".openclaw-main/browser");
    assert!(!processes_on(&folder).is_empty(), "nobody could end it");
    assert_eq!(
        done(&sandbox, "main", "status")["pid"],
        first["pid"],
        "it is told of"
    );

    let gateway = Gateway::start(&sandbox, "main");
    let second = done(&sandbox, "main", "start");
    assert_ne!(first["pid"], second["pid"]);
    assert_eq!(first["cdpPort"], second["cdpPort"], "the port stays");
    done(&sandbox, "main", "stop");
    wait_until_none_on(&folder);

    let _ = gateway.stop().with(0);

    // Root needs the sandbox switched off, and is told so.
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
    wait_until_none_on(&folder);
}
