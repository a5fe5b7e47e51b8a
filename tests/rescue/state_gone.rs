//! A state folder that was moved away: nobody makes it anew, and nothing is started without it.

use std::fs;

use serde_json::json;

use super::without_manager::{run_rescue, sandbox_without_manager};
use crate::support::Sandbox;
use crate::support::gateway::{Gateway, free_base};

/// Sets an instance up as a user does, so that it is in the registry and has a record.
fn set_up(sandbox: &Sandbox, profile: &str) {
    let port = free_base().to_string();
    let args = [
        "onboard",
        "--non-interactive",
        "--accept-risk",
        "--gateway-port",
        &port,
    ];
    let _ = sandbox
        .run([&["--profile", profile], &args[..]].concat())
        .exits(0);
}

/// Checks that the target is left to a person because its state folder is not there, and that nothing is written.
#[track_caller]
fn assert_state_gone(sandbox: &Sandbox) {
    let before = sandbox.tree();
    let report = run_rescue(sandbox, &["repair", "bot", "--yes", "--json"])
        .exits(1)
        .json();
    assert_eq!(report["causes"][0]["id"], "state-gone", "{report:#}");
    assert!(report["causes"][0]["byHand"].is_string(), "{report:#}");
    assert_eq!(report["steps"], json!([]), "{report:#}");
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn state_folder_that_was_moved_away_is_not_made_anew_and_not_started_empty() {
    let sandbox = sandbox_without_manager();
    set_up(&sandbox, "bot");
    let gateway = Gateway::start(&sandbox, "bot");
    let (folder, aside) = (sandbox.path(".openclaw-bot"), sandbox.path("moved"));
    fs::rename(&folder, &aside).unwrap();
    let _ = gateway.stop().with(0);
    assert!(!folder.exists(), "a stopping gateway makes no folder");
    assert_state_gone(&sandbox);
    // What an earlier release left behind: a folder with the last good config alone.
    let good = fs::read(aside.join("openclaw.json")).unwrap();
    sandbox.write(".openclaw-bot/openclaw.json.last-good", &good);
    assert_state_gone(&sandbox);
    // With a config it would start, and run without everything that the instance knows.
    sandbox.write(".openclaw-bot/openclaw.json", &good);
    assert_state_gone(&sandbox);
    fs::remove_dir_all(&folder).unwrap();
    fs::rename(&aside, &folder).unwrap();
    let report = run_rescue(&sandbox, &["diagnose", "bot", "--json"])
        .exits(1)
        .json();
    assert_eq!(report["causes"][0]["id"], "stopped", "{report:#}");
}
