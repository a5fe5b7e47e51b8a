//! A watch brings main back by itself: as a task of the rescue gateway, and as a command.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::alone::{Apart, home, rescue};
use crate::support::Sandbox;
use crate::support::gateway::{self, Gateway, wait_for};

/// A home in which the rescuer watches main, at a pace for tests.
fn watching() -> Sandbox {
    watching_all("'default'")
}

fn watching_all(names: &str) -> Sandbox {
    let sandbox = home();
    let record = format!(
        "version = 1\nprofile = 'rescue'\n[rescue]\nwatch = [{names}]\ninterval = 1\npatience = 0\nrest = 10\n"
    );
    sandbox.write(".openclaw-rescue/instance.toml", record);
    sandbox
}

fn log(sandbox: &Sandbox) -> String {
    gateway::log(sandbox, "rescue")
}

#[track_caller]
fn says(sandbox: &Sandbox, words: &str) {
    wait_for(words, || log(sandbox).contains(words).then_some(()));
}

#[test]
fn the_rescue_gateway_brings_main_back_and_says_so() {
    let sandbox = watching();
    let main = Gateway::start(&sandbox, "default");
    let port = main.port;
    let rescuer = Gateway::start(&sandbox, "rescue");
    says(&sandbox, "Profile default: watching, healthy.");
    main.signal(Signal::KILL);
    let _ = main.exited().code;
    let apart = Apart(&sandbox);
    says(&sandbox, "Profile default: repaired, healthy.");
    let health = gateway::request(port, "GET", "/health", &[]).unwrap().json();
    assert_eq!(health["profile"], "default");
    assert!(apart.pid().is_some());
    let status = ["--profile", "rescue", "--lang", "en", "gateway", "status"];
    let said = sandbox.run([&status[..], &["--json"]].concat()).exits(0).json();
    let repaired = json!([{
        "profile": "default", "ok": true, "news": "repaired", "text": "Profile default: repaired, healthy.",
    }]);
    assert_eq!(said["watching"], repaired, "{said:#}");
    let shown = sandbox.run(status).exits(0).stdout;
    assert!(shown.contains("repaired, healthy."), "{shown}");
    let history = rescue(&sandbox, &["history", "--json"]).exits(0).json();
    assert_eq!(
        (
            &history["repairs"][0]["watched"],
            &history["repairs"][0]["outcome"]
        ),
        (&json!(true), &json!("healthy"))
    );
    let _ = rescuer.stop().with(0);
    // Main is nobody's child: it goes on.
    assert!(gateway::request(port, "GET", "/health", &[]).is_some());
}

#[test]
fn a_rescue_gateway_that_is_stopped_in_the_middle_of_a_repair_ends_in_order() {
    let sandbox = watching();
    let main = Gateway::start(&sandbox, "default");
    let rescuer = Gateway::start(&sandbox, "rescue");
    says(&sandbox, "Profile default: watching, healthy.");
    let config = sandbox.read(".openclaw/openclaw.json");
    // It does not heed SIGTERM, so that to end it takes a while.
    main.signal(Signal::STOP);
    let _apart = Apart(&sandbox);
    let begun = || {
        let history = rescue(&sandbox, &["history", "--json"]).exits(0).json();
        (history["repairs"][0]["outcome"] == "begun").then_some(())
    };
    wait_for("a repair begins", begun);
    let _ = rescuer.stop().with(0);
    assert_eq!(sandbox.read(".openclaw/openclaw.json"), config);
    main.signal(Signal::KILL);
    let _ = main.exited().code;
    let _ = rescue(&sandbox, &["repair", "--yes"]).exits(0);
}

#[test]
fn who_can_not_be_watched_is_named_and_why_a_repair_fails_too() {
    let sandbox = watching_all("'nobody', 'default'");
    sandbox.write(".openclaw/openclaw.json", "{ broken");
    let rescuer = Gateway::start(&sandbox, "rescue");
    says(
        &sandbox,
        "Profile nobody: can’t be watched. No such profile: nobody",
    );
    says(
        &sandbox,
        "Profile default: repair failed, trying again later. Can’t use the config",
    );
    // Once it is there it is watched.
    let nobody = Gateway::start(&sandbox, "nobody");
    says(&sandbox, "Profile nobody: watching, healthy.");
    let _ = rescuer.stop().with(0);
    let _ = nobody.stop().with(0);
}

#[test]
fn the_command_watches_too() {
    let sandbox = watching();
    let main = Gateway::start(&sandbox, "default");
    let mut command = sandbox.command(["--profile", "rescue", "--lang", "en", "rescue", "watch"]);
    let mut watch = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut until = |words: &str| {
        lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains(words))
    };
    assert!(until("watching, healthy"));
    main.signal(Signal::KILL);
    let _ = main.exited().code;
    let _apart = Apart(&sandbox);
    let came_back = until("no longer healthy") && until("repairing") && until("repaired, healthy");
    // It ends in order, and says that it was told to.
    let pid = Pid::from_raw(watch.id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(watch.wait().unwrap().code(), Some(130));
    assert!(came_back);
    let said: Value = rescue(&sandbox, &["diagnose", "--json"]).exits(0).json();
    assert_eq!(said["healthy"], true);
}
