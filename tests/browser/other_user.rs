//! Tests of requests by another user of the machine, who does not have the token.

use std::process::Command;

use serde_json::json;

use super::{browser_json, configure, headless_config};
use crate::support::gateway::{Gateway, free_base};
use crate::support::{Reason, Sandbox, installed, skipped};

/// User and group id of `nobody`.
const OTHER_USER: &str = "65534";

/// Returns the HTTP status of the response to a request by [`OTHER_USER`]; `None` where `setpriv` cannot be run.
fn status_for_other_user(port: u16, request: &str) -> Option<u16> {
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port}; printf '{request} HTTP/1.1\\r\\nHost: 127.0.0.1:{port}\\r\\n\
         Connection: close\\r\\nContent-Length: 0\\r\\n\\r\\n' >&3; head -n 1 <&3"
    );
    let output = Command::new("setpriv")
        .args([
            "--reuid",
            OTHER_USER,
            "--regid",
            OTHER_USER,
            "--clear-groups",
            "bash",
            "-c",
            &script,
        ])
        .output()
        .ok()?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    assert!(status.is_some(), "{output:?}");
    status
}

#[test]
fn request_of_another_user_without_the_token_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return skipped(Reason::NeedsRoot, "only root can act as another user");
    }
    if !installed("setpriv") || !installed("bash") {
        return;
    }
    let (sandbox, base) = (Sandbox::new(), free_base());
    configure(&sandbox, "main", base, &headless_config());
    let _gateway = Gateway::start(&sandbox, "main");
    for (port, request) in [
        (base + 2, "GET /"),
        (base + 2, "GET /tabs"),
        (base + 2, "POST /start"),
        (base, "GET /__openclaw__/canvas/"),
        (base, "POST /tools/invoke"),
    ] {
        assert_eq!(
            status_for_other_user(port, request),
            Some(401),
            "{port} {request}"
        );
    }
    assert_eq!(browser_json(&sandbox, "main", "status")["running"], false);

    // Chromium's debugging port accepts every user; SECURITY.md and `browser doctor` say so.
    if installed("chromium") {
        let started = browser_json(&sandbox, "main", "start");
        let port = u16::try_from(started["cdpPort"].as_u64().unwrap()).unwrap();
        assert_eq!(status_for_other_user(port, "GET /json/version"), Some(200));
        assert_eq!(browser_json(&sandbox, "main", "stop")["stopped"], json!(true));
    }
}
