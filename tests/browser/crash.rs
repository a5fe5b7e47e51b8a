//! Tests of gateways and browsers that exit or hang in the middle of an operation.

use std::io::Read as _;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{browser, browser_json, configure, headless_config, processes_on, wait_for_no_browser_on};
use crate::support::gateway::{Gateway, free_base, wait_for};
use crate::support::{Sandbox, installed};

/// The folder of all browser profiles.
const BROWSERS_FOLDER: &str = ".openclaw-main/browser";
/// The file in which a gateway records the browser that it started.
const PROCESS_FILE: &str = ".openclaw-main/browser/openclaw/process.json";
/// The lock that Chromium keeps in its folder while it runs.
const SINGLETON_LOCK: &str = ".openclaw-main/browser/openclaw/user-data/SingletonLock";

/// Runs `browser start` without waiting for it.
fn spawn_start(sandbox: &Sandbox) -> std::process::Child {
    let line = "--profile main --lang en browser start --json";
    let mut command = sandbox.command(line.split(' '));
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

/// Waits for a command and returns the document that it printed.
fn wait_for_json(mut child: std::process::Child) -> Value {
    let mut text = String::new();
    let mut stdout = child.stdout.take().expect("piped");
    stdout.read_to_string(&mut text).expect("text");
    child.wait().expect("a child");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("no JSON ({e}): {text}"))
}

/// Sends a signal to a process.
fn signal(pid: &Value, signal: Signal) {
    let pid = i32::try_from(pid.as_u64().expect("a pid")).expect("a pid");
    kill_process(Pid::from_raw(pid).expect("a pid"), signal).expect("it can be signalled");
}

/// The gateway was killed before it wrote the process file.
#[test]
fn orphaned_browser_without_a_process_file_is_found_by_its_lock_or_its_port() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &headless_config());
    let gateway = Gateway::start(&sandbox, "main");
    let first = browser_json(&sandbox, "main", "start");
    gateway.signal(Signal::KILL);
    let _ = gateway.exited();
    std::fs::remove_file(sandbox.path(PROCESS_FILE)).unwrap();
    let status = browser_json(&sandbox, "main", "status");
    assert_eq!(
        (
            &status["state"],
            &status["running"],
            &status["pid"],
            &status["cdpPort"]
        ),
        (&json!("orphan"), &json!(false), &first["pid"], &first["cdpPort"])
    );
    let gateway = Gateway::start(&sandbox, "main");
    wait_for_no_browser_on(&sandbox.path(BROWSERS_FOLDER));
    let second = browser_json(&sandbox, "main", "start");
    gateway.signal(Signal::KILL);
    let _ = gateway.exited();

    // Without the lock too, the browser is found because it listens on the port with the profile's folder.
    std::fs::remove_file(sandbox.path(PROCESS_FILE)).unwrap();
    std::fs::remove_file(sandbox.path(SINGLETON_LOCK)).unwrap();
    let gateway = Gateway::start(&sandbox, "main");
    let third = browser_json(&sandbox, "main", "start");
    assert_ne!(second["pid"], third["pid"]);
    assert_eq!(second["cdpPort"], third["cdpPort"]);
    let _ = gateway.stop().with(0);
    wait_for_no_browser_on(&sandbox.path(BROWSERS_FOLDER));
}

/// Whenever during the start the gateway is killed, the next gateway has one browser, which it started itself.
#[test]
fn gateway_starts_its_own_browser_after_one_was_killed_during_a_start() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &headless_config());
    let folder = sandbox.path(BROWSERS_FOLDER);
    let gateway = Gateway::start(&sandbox, "main");
    let mut start = spawn_start(&sandbox);
    wait_for("the browser is being started", || {
        (!processes_on(&folder).is_empty()).then_some(())
    });
    gateway.signal(Signal::KILL);
    let _ = gateway.exited();
    start.wait().unwrap();

    let gateway = Gateway::start(&sandbox, "main");
    let own = browser_json(&sandbox, "main", "start");
    assert_eq!(own["running"], true);
    assert_eq!(browser_json(&sandbox, "main", "status")["pid"], own["pid"]);
    browser_json(&sandbox, "main", "stop");
    wait_for_no_browser_on(&folder);
    let _ = gateway.stop().with(0);
}

/// A killed process exists for a moment longer, and must not count as running.
#[test]
fn start_right_after_a_crash_starts_another_browser() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &headless_config());
    let gateway = Gateway::start(&sandbox, "main");
    let mut last = browser_json(&sandbox, "main", "start");
    for _ in 0..3 {
        signal(&last["pid"], Signal::KILL);
        let next = browser_json(&sandbox, "main", "start");
        assert_eq!(next["running"], true, "{next}");
        assert_ne!(next["pid"], last["pid"]);
        last = next;
    }
    assert_eq!(
        browser_json(&sandbox, "main", "start")["pid"],
        last["pid"],
        "a running browser is not started again"
    );
    let _ = gateway.stop().with(0);
    wait_for_no_browser_on(&sandbox.path(BROWSERS_FOLDER));
}

/// Neither the list of profiles nor a delete waits for a browser that does not answer.
#[test]
fn hanging_browser_is_listed_and_its_profile_can_be_deleted() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &headless_config());
    let gateway = Gateway::start(&sandbox, "main");
    browser_json(&sandbox, "main", "create-profile --name work");
    let started = browser_json(&sandbox, "main", "start --browser-profile work");
    signal(&started["pid"], Signal::STOP);
    let listed = browser_json(&sandbox, "main", "profiles --timeout 25000");
    let row = listed["profiles"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "work");
    assert_eq!(row.unwrap()["tabCount"], 0, "{listed}");
    let deleted = browser_json(&sandbox, "main", "delete-profile --name work");
    assert!(std::path::Path::new(deleted["movedTo"].as_str().unwrap()).is_dir());
    wait_for_no_browser_on(&sandbox.path(BROWSERS_FOLDER));
    assert!(!sandbox.path(BROWSERS_FOLDER).join("work").exists());
    let _ = gateway.stop().with(0);
}

/// An orphaned browser must not write to a folder that was deleted.
#[test]
fn orphaned_browser_is_stopped_before_its_profile_is_deleted() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &headless_config());
    let gateway = Gateway::start(&sandbox, "main");
    browser_json(&sandbox, "main", "create-profile --name work");
    let started = browser_json(&sandbox, "main", "start --browser-profile work");
    gateway.signal(Signal::KILL);
    let _ = gateway.exited();
    // A stopped process does not handle SIGTERM. It is stopped only now because the system sends SIGHUP and SIGCONT to
    // a stopped process group whose parent exits.
    signal(&started["pid"], Signal::STOP);

    let gateway = Gateway::start(&sandbox, "main");
    let folder = sandbox.path(BROWSERS_FOLDER);
    assert!(!processes_on(&folder).is_empty());
    browser_json(&sandbox, "main", "delete-profile --name work");
    wait_for_no_browser_on(&folder);
    assert!(!folder.join("work").exists());
    let _ = gateway.stop().with(0);
}

/// A gateway that shuts down gives up a start in progress, and the response says so.
#[test]
fn shutdown_does_not_wait_for_a_browser_that_never_answers() {
    let sandbox = Sandbox::new();
    let program = sandbox.script("never", "#!/bin/sh\nexec sleep 600\n");
    let keys = json!({ "noSandbox": true, "executablePath": program });
    configure(&sandbox, "main", free_base(), &keys);
    let gateway = Gateway::start(&sandbox, "main");
    let start = spawn_start(&sandbox);
    wait_for("the browser is being started", || {
        sandbox.path(PROCESS_FILE).exists().then_some(())
    });
    let state = browser_json(&sandbox, "main", "status")["state"].clone();
    assert_eq!(state, "starting");
    let pid: Value = serde_json::from_str(&sandbox.read(PROCESS_FILE)).unwrap();
    let _ = gateway.stop().with(0);
    assert_eq!(wait_for_json(start)["code"], "browser.gateway-ends");
    let process = std::path::Path::new("/proc").join(pid["pid"].to_string());
    wait_for("the process of the browser is gone", || {
        (!process.exists()).then_some(())
    });
    // No orphan is reported.
    assert_eq!(
        browser(&sandbox, "main", "status").exits(0).json()["state"],
        "stopped"
    );
}
