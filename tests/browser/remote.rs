//! A browser that somebody else runs: asked and driven, never started or ended.

use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::{browser, configure, done};
use crate::support::gateway::{Gateway, free_base, wait_for};
use crate::support::{Sandbox, installed};

/// Somebody else's Chromium. Dropping it ends it.
struct Remote {
    child: Child,
    port: u16,
}

impl Remote {
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
        // It writes down which port it got.
        let port = wait_for("the remote browser listens", || {
            let text = std::fs::read_to_string(folder.join("DevToolsActivePort")).ok()?;
            text.lines().next()?.parse().ok()
        });
        Self { child, port }
    }

    fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    fn end(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.end();
    }
}

#[test]
fn a_remote_browser_is_driven_and_neither_started_nor_ended() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    let mut remote = Remote::start(&sandbox);
    let url = format!("http://127.0.0.1:{}", remote.port);
    configure(
        &sandbox,
        "main",
        free_base(),
        &json!({ "attachOnly": true, "cdpUrl": url }),
    );
    let check = |health: &str| {
        let checks = browser(&sandbox, "main", "doctor").json();
        let of_remote = checks["checks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["id"] == "remote")
            .cloned();
        assert_eq!(of_remote.expect("a check")["health"], health, "{checks}");
    };
    // Without a gateway, too.
    let status = done(&sandbox, "main", "status");
    assert_eq!(
        (&status["isRemote"], &status["state"]),
        (&json!(true), &json!("remote"))
    );
    assert_eq!(
        (&status["running"], &status["cdpUrl"]),
        (&json!(true), &json!(url))
    );
    assert_eq!(
        (&status["pid"], &status["userDataDir"]),
        (&json!(null), &json!(null))
    );

    let gateway = Gateway::start(&sandbox, "main");
    check("ok");
    let started = done(&sandbox, "main", "start");
    assert_eq!(
        (&started["running"], &started["pid"]),
        (&json!(true), &json!(null))
    );
    let page = format!("http://127.0.0.1:{}/health", gateway.port);
    done(&sandbox, "main", &format!("open {page}"));
    let tabs = done(&sandbox, "main", "tabs");
    let shown = tabs["tabs"]
        .as_array()
        .unwrap()
        .iter()
        .any(|tab| tab["url"] == page.as_str());
    assert!(shown, "{tabs}");
    let refused = browser(&sandbox, "main", "stop").exits(1).json();
    assert_eq!(
        (&refused["code"], &refused["status"]),
        (&json!("browser.not-ours"), &json!(409))
    );
    let _ = gateway.stop().with(0);
    assert!(remote.runs(), "it is not ours to end");

    let _gateway = Gateway::start(&sandbox, "main");
    remote.end();
    assert_eq!(done(&sandbox, "main", "status")["running"], false);
    let refused = browser(&sandbox, "main", "start").exits(1).json();
    assert_eq!(refused["code"], "browser.unreachable");
    check("bad");
}

#[test]
fn an_encrypted_address_is_refused_in_words_and_its_secret_stays_unsaid() {
    let sandbox = Sandbox::new();
    for scheme in ["wss", "https"] {
        let profile = format!("with-{scheme}");
        let url = format!("{scheme}://user:hunter2@browsers.example/x?token=hunter2");
        configure(&sandbox, &profile, free_base(), &json!({ "cdpUrl": url }));
        let _gateway = Gateway::start(&sandbox, &profile);
        for words in ["start", "tabs", "open https://example.org"] {
            let refused = browser(&sandbox, &profile, words).exits(1);
            assert!(!refused.stdout.contains("hunter2"), "{}", refused.stdout);
            let refused = refused.json();
            assert_eq!(
                (&refused["code"], &refused["status"]),
                (&json!("browser.encrypted"), &json!(409))
            );
        }
        let status = done(&sandbox, &profile, "status");
        assert_eq!(
            (&status["isRemote"], &status["running"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(browser(&sandbox, &profile, "doctor").exits(1).json()["ok"], false);
    }
}
