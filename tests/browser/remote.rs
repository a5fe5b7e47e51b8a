//! Tests of a remote browser, which is driven and never started or stopped.

use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::{browser, browser_json, configure};
use crate::support::gateway::{Gateway, free_base, wait_for};
use crate::support::{Sandbox, installed};

/// A Chromium that the test runs itself. Dropping it kills it.
struct RemoteBrowser {
    child: Child,
    port: u16,
}

impl RemoteBrowser {
    fn start(sandbox: &Sandbox) -> Self {
        let folder = sandbox.path("somebody-else");
        let child = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--remote-debugging-port=0",
            ])
            .arg(format!("--user-data-dir={}", folder.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium");
        // Chromium writes the port that it was given into this file.
        let port = wait_for("the remote browser listens", || {
            let text = std::fs::read_to_string(folder.join("DevToolsActivePort")).ok()?;
            text.lines().next()?.parse().ok()
        });
        Self { child, port }
    }

    fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    fn kill(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for RemoteBrowser {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Checks the health that `browser doctor` reports for the remote browser.
#[track_caller]
fn assert_remote_health(sandbox: &Sandbox, health: &str) {
    let report = browser(sandbox, "main", "doctor").json();
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == "remote");
    assert_eq!(check.expect("a check")["health"], health, "{report}");
}

/// Checks that the status is that of the remote browser at `url`, which has no process or folder here.
#[track_caller]
fn assert_remote_status(sandbox: &Sandbox, url: &str) {
    let status = browser_json(sandbox, "main", "status");
    for (key, expected) in [
        ("isRemote", json!(true)),
        ("state", json!("remote")),
        ("running", json!(true)),
        ("cdpUrl", json!(url)),
        ("pid", json!(null)),
        ("userDataDir", json!(null)),
    ] {
        assert_eq!(status[key], expected, "{key}: {status}");
    }
}

#[test]
fn remote_browser_is_driven_and_neither_started_nor_stopped() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    let mut remote = RemoteBrowser::start(&sandbox);
    let url = format!("http://127.0.0.1:{}", remote.port);
    let keys = json!({ "attachOnly": true, "cdpUrl": url });
    configure(&sandbox, "main", free_base(), &keys);
    // The gateway is not running yet.
    assert_remote_status(&sandbox, &url);

    let gateway = Gateway::start(&sandbox, "main");
    assert_remote_health(&sandbox, "ok");
    let started = browser_json(&sandbox, "main", "start");
    assert_eq!(
        (&started["running"], &started["pid"]),
        (&json!(true), &json!(null))
    );
    let page = format!("http://127.0.0.1:{}/health", gateway.port);
    browser_json(&sandbox, "main", &format!("open {page}"));
    let tabs = browser_json(&sandbox, "main", "tabs");
    let is_open = tabs["tabs"]
        .as_array()
        .unwrap()
        .iter()
        .any(|tab| tab["url"] == page.as_str());
    assert!(is_open, "{tabs}");
    let refused = browser(&sandbox, "main", "stop").exits(1).json();
    assert_eq!(
        (&refused["code"], &refused["status"]),
        (&json!("browser.not-ours"), &json!(409))
    );
    let _ = gateway.stop().with(0);
    assert!(remote.is_running(), "the gateway does not stop a remote browser");

    let _gateway = Gateway::start(&sandbox, "main");
    remote.kill();
    assert_eq!(browser_json(&sandbox, "main", "status")["running"], false);
    let refused = browser(&sandbox, "main", "start").exits(1).json();
    assert_eq!(refused["code"], "browser.unreachable");
    assert_remote_health(&sandbox, "bad");
}

#[test]
fn encrypted_url_is_refused_and_its_secret_is_not_printed() {
    let sandbox = Sandbox::new();
    for scheme in ["wss", "https"] {
        let profile = format!("with-{scheme}");
        let url = format!("{scheme}://user:hunter2@browsers.example/x?token=hunter2");
        configure(&sandbox, &profile, free_base(), &json!({ "cdpUrl": url }));
        let _gateway = Gateway::start(&sandbox, &profile);
        for args in ["start", "tabs", "open https://example.org"] {
            let refused = browser(&sandbox, &profile, args).exits(1);
            assert!(!refused.stdout.contains("hunter2"), "{}", refused.stdout);
            let refused = refused.json();
            assert_eq!(
                (&refused["code"], &refused["status"]),
                (&json!("browser.encrypted"), &json!(409))
            );
        }
        let status = browser_json(&sandbox, &profile, "status");
        assert_eq!(
            (&status["isRemote"], &status["running"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(browser(&sandbox, &profile, "doctor").exits(1).json()["ok"], false);
    }
}
