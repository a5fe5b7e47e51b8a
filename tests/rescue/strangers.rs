//! Programs and processes that are not the target's gateway, whatever they are called: no rescuer ends them.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::without_manager::{run_rescue, sandbox_without_manager};
use crate::support::Sandbox;
use crate::support::child::ChildGuard;
use crate::support::gateway::{self, Gateway, configure, wait_for};
use crate::support::stranger::start_stranger;

/// Returns the ids of the causes of a diagnosis.
fn causes(report: &Value) -> Vec<&str> {
    let causes = report["causes"].as_array().unwrap();
    causes.iter().map(|cause| cause["id"].as_str().unwrap()).collect()
}

#[test]
fn program_whose_path_holds_openclaw_is_left_alone_by_repair_run_and_stop() {
    let sandbox = sandbox_without_manager();
    let port = configure(&sandbox, "default");
    let mut stranger = start_stranger(&sandbox, "default", port);
    let report = run_rescue(&sandbox, &["repair", "--yes", "--json"])
        .exits(1)
        .json();
    assert!(stranger.is_running(), "{report:#}");
    assert_eq!(causes(&report), ["port-taken"], "{report:#}");
    let ran = sandbox.run(["gateway", "run", "--force"]).exits(78);
    assert!(stranger.is_running(), "{ran:?}");
    let ran = sandbox.run(["gateway", "stop"]);
    assert!(stranger.is_running(), "{ran:?}");
    let status = sandbox.run(["status", "--json"]).json();
    assert_eq!(status["verdict"], "stranger", "{status:#}");
    let listener = &status["port"]["listeners"][0];
    assert_eq!(
        (&listener["pid"], &listener["instance"]),
        (&stranger.0.id().into(), &Value::Null)
    );
}

#[test]
fn program_whose_path_holds_openclaw_is_left_alone_by_the_watcher() {
    let sandbox = sandbox_without_manager();
    let record = "[rescue]\nwatch = ['default']\ninterval = 1\npatience = 0\nrest = 10\n";
    sandbox.write(".openclaw-rescue/instance.toml", record);
    let port = configure(&sandbox, "default");
    let mut stranger = start_stranger(&sandbox, "default", port);
    let rescuer = Gateway::start(&sandbox, "rescue");
    wait_for("a repair fails", || {
        gateway::log(&sandbox, "rescue")
            .contains("repair failed")
            .then_some(())
    });
    assert!(stranger.is_running());
    let _ = rescuer.stop().with(0);
    assert!(stranger.is_running());
}

/// Starts a process that has nothing to do with a gateway.
fn start_innocent() -> ChildGuard {
    let mut command = Command::new("sleep");
    command
        .arg("600")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    ChildGuard(command.spawn().unwrap())
}

/// Returns a home in whose main lock an innocent process is named, and the lock, which somebody holds that can't be
/// seen: what a gateway in another container leaves on a shared volume.
fn sandbox_with_lock_held_elsewhere(innocent: &ChildGuard) -> (Sandbox, std::fs::File) {
    let sandbox = sandbox_without_manager();
    let port = configure(&sandbox, "default");
    let pid = innocent.0.id();
    let content =
        format!(r#"{{"pid":{pid},"port":{port},"profile":"default","startedAt":"2026-11-22T10:00:00Z"}}"#);
    let lock = std::fs::File::open(sandbox.write(".openclaw/gateway.lock", content)).unwrap();
    lock.lock().unwrap();
    (sandbox, lock)
}

#[test]
fn gateway_in_another_container_is_left_to_a_person() {
    let mut innocent = start_innocent();
    let (sandbox, _lock) = sandbox_with_lock_held_elsewhere(&innocent);
    // This process has the lock file open and listens, as a backup program may; the file names another one.
    let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let report = run_rescue(&sandbox, &["repair", "--yes", "--json"])
        .exits(1)
        .json();
    assert!(innocent.is_running(), "{report:#}");
    assert_eq!(causes(&report), ["out-of-reach"], "{report:#}");
    assert!(report["causes"][0]["byHand"].is_string(), "{report:#}");
    assert_eq!(report["steps"], serde_json::json!([]), "{report:#}");
}

#[test]
fn watcher_leaves_the_process_alone_that_has_the_pid_of_a_gateway_in_another_container() {
    let mut innocent = start_innocent();
    let (sandbox, _lock) = sandbox_with_lock_held_elsewhere(&innocent);
    let record = "[rescue]\nwatch = ['default']\ninterval = 1\npatience = 0\nrest = 10\n";
    sandbox.write(".openclaw-rescue/instance.toml", record);
    let rescuer = Gateway::start(&sandbox, "rescue");
    wait_for("a repair fails", || {
        gateway::log(&sandbox, "rescue")
            .contains("repair failed")
            .then_some(())
    });
    assert!(innocent.is_running());
    let _ = rescuer.stop().with(0);
}
