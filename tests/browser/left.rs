//! A gateway or a browser that ends in the middle of something.

use std::io::Read as _;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{browser, configure, done, processes_on, wait_until_none_on, wishes};
use crate::support::gateway::{Gateway, free_base, wait_for};
use crate::support::{Sandbox, installed};

const FOLDER: &str = ".openclaw-main/browser";
/// Where a gateway writes down which browser it started.
const RECORD: &str = ".openclaw-main/browser/openclaw/process.json";
/// What Chromium keeps in its folder for as long as it runs.
const LOCK: &str = ".openclaw-main/browser/openclaw/user-data/SingletonLock";

/// `browser start`, which nobody waits for yet.
fn starting(sandbox: &Sandbox) -> std::process::Child {
    let words = "--profile main --lang en browser start --json";
    let mut command = sandbox.command(words.split(' '));
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

/// What a command that was started came to.
fn answer(mut child: std::process::Child) -> Value {
    let mut text = String::new();
    let mut stdout = child.stdout.take().expect("piped");
    stdout.read_to_string(&mut text).expect("text");
    child.wait().expect("a child");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("no JSON ({e}): {text}"))
}

fn signal(pid: &Value, signal: Signal) {
    let pid = i32::try_from(pid.as_u64().expect("a pid")).expect("a pid");
    kill_process(Pid::from_raw(pid).expect("a pid"), signal).expect("it can be signalled");
}

/// The gateway is gone before it could write down what it started.
#[test]
fn a_browser_that_nobody_wrote_down_is_known_by_its_lock_and_ended() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &wishes());
    let gateway = Gateway::start(&sandbox, "main");
    let first = done(&sandbox, "main", "start");
    gateway.signal(Signal::KILL);
    let _ = gateway.exited();
    std::fs::remove_file(sandbox.path(RECORD)).unwrap();
    let status = done(&sandbox, "main", "status");
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
    wait_until_none_on(&sandbox.path(FOLDER));
    let second = done(&sandbox, "main", "start");
    gateway.signal(Signal::KILL);
    let _ = gateway.exited();

    // Not even by its lock: it is still what listens on the port, and its folder is ours.
    std::fs::remove_file(sandbox.path(RECORD)).unwrap();
    std::fs::remove_file(sandbox.path(LOCK)).unwrap();
    let gateway = Gateway::start(&sandbox, "main");
    let third = done(&sandbox, "main", "start");
    assert_ne!(second["pid"], third["pid"]);
    assert_eq!(second["cdpPort"], third["cdpPort"]);
    let _ = gateway.stop().with(0);
    wait_until_none_on(&sandbox.path(FOLDER));
}

/// Killed at whichever moment of the start: the next gateway has one browser, and it is its own.
#[test]
fn a_gateway_killed_while_its_browser_starts_is_followed_by_one_that_starts_its_own() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &wishes());
    let folder = sandbox.path(FOLDER);
    let gateway = Gateway::start(&sandbox, "main");
    let mut start = starting(&sandbox);
    wait_for("the browser is being started", || {
        (!processes_on(&folder).is_empty()).then_some(())
    });
    gateway.signal(Signal::KILL);
    let _ = gateway.exited();
    start.wait().unwrap();

    let gateway = Gateway::start(&sandbox, "main");
    let own = done(&sandbox, "main", "start");
    assert_eq!(own["running"], true);
    assert_eq!(done(&sandbox, "main", "status")["pid"], own["pid"]);
    done(&sandbox, "main", "stop");
    wait_until_none_on(&folder);
    let _ = gateway.stop().with(0);
}

/// A killed process is there for a moment yet, and is not taken for one that runs.
#[test]
fn a_start_right_after_a_crash_starts_another() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &wishes());
    let gateway = Gateway::start(&sandbox, "main");
    let mut last = done(&sandbox, "main", "start");
    for _ in 0..3 {
        signal(&last["pid"], Signal::KILL);
        let next = done(&sandbox, "main", "start");
        assert_eq!(next["running"], true, "{next}");
        assert_ne!(next["pid"], last["pid"]);
        last = next;
    }
    assert_eq!(
        done(&sandbox, "main", "start")["pid"],
        last["pid"],
        "it runs already"
    );
    let _ = gateway.stop().with(0);
    wait_until_none_on(&sandbox.path(FOLDER));
}

/// One that hangs is not waited for: not for its tabs, and not when it is to end.
#[test]
fn a_browser_that_hangs_is_listed_ended_and_deleted() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &wishes());
    let gateway = Gateway::start(&sandbox, "main");
    done(&sandbox, "main", "create-profile --name work");
    let started = done(&sandbox, "main", "start --browser-profile work");
    signal(&started["pid"], Signal::STOP);
    let listed = done(&sandbox, "main", "profiles --timeout 25000");
    let row = listed["profiles"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"] == "work");
    assert_eq!(row.unwrap()["tabCount"], 0, "{listed}");
    let gone = done(&sandbox, "main", "delete-profile --name work");
    assert!(std::path::Path::new(gone["movedTo"].as_str().unwrap()).is_dir());
    wait_until_none_on(&sandbox.path(FOLDER));
    assert!(!sandbox.path(FOLDER).join("work").exists());
    let _ = gateway.stop().with(0);
}

/// What is deleted is not written to by a browser that an earlier gateway left.
#[test]
fn a_profile_is_deleted_only_after_the_browser_that_was_left_on_it() {
    if !installed("chromium") {
        return;
    }
    let sandbox = Sandbox::new();
    configure(&sandbox, "main", free_base(), &wishes());
    let gateway = Gateway::start(&sandbox, "main");
    done(&sandbox, "main", "create-profile --name work");
    let started = done(&sandbox, "main", "start --browser-profile work");
    gateway.signal(Signal::KILL);
    let _ = gateway.exited();
    // It hears no wish to end. Only now: the system wakes a stopped group whose parent ends, with a hangup.
    signal(&started["pid"], Signal::STOP);

    let gateway = Gateway::start(&sandbox, "main");
    let folder = sandbox.path(FOLDER);
    assert!(!processes_on(&folder).is_empty());
    done(&sandbox, "main", "delete-profile --name work");
    wait_until_none_on(&folder);
    assert!(!folder.join("work").exists());
    let _ = gateway.stop().with(0);
}

/// A gateway that ends gives up a start that is under way, and says so.
#[test]
fn a_gateway_that_ends_does_not_wait_for_a_browser_that_never_answers() {
    let sandbox = Sandbox::new();
    let program = sandbox.script("never", "#!/bin/sh\nexec sleep 600\n");
    let keys = json!({ "noSandbox": true, "executablePath": program });
    configure(&sandbox, "main", free_base(), &keys);
    let gateway = Gateway::start(&sandbox, "main");
    let start = starting(&sandbox);
    wait_for("the browser is being started", || {
        sandbox.path(RECORD).exists().then_some(())
    });
    let state = done(&sandbox, "main", "status")["state"].clone();
    assert_eq!(state, "starting");
    let pid: Value = serde_json::from_str(&sandbox.read(RECORD)).unwrap();
    let _ = gateway.stop().with(0);
    assert_eq!(answer(start)["code"], "browser.gateway-ends");
    let process = std::path::Path::new("/proc").join(pid["pid"].to_string());
    wait_for("its process is gone", || (!process.exists()).then_some(()));
    // Nothing is left to be told of.
    assert_eq!(
        browser(&sandbox, "main", "status").exits(0).json()["state"],
        "stopped"
    );
}
