//! A watcher repairs the default instance by itself: as a task of the rescue gateway, and as a command.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::without_manager::{SpawnedGateway, run_rescue, sandbox_without_manager};
use crate::support::Sandbox;
use crate::support::gateway::{self, Gateway, wait_for};

/// Returns a home in which the rescuer watches the default instance, with short times.
fn sandbox_with_watcher() -> Sandbox {
    sandbox_watching("'default'")
}

/// Returns a home in which the rescuer watches these profiles.
fn sandbox_watching(names: &str) -> Sandbox {
    let sandbox = sandbox_without_manager();
    let record = format!(
        "version = 1\nprofile = 'rescue'\n[rescue]\nwatch = [{names}]\ninterval = 1\npatience = 0\nrest = 10\n"
    );
    sandbox.write(".openclaw-rescue/instance.toml", record);
    sandbox
}

fn rescuer_log(sandbox: &Sandbox) -> String {
    gateway::log(sandbox, "rescue")
}

/// Waits until the rescuer's log has this text.
#[track_caller]
fn wait_for_log(sandbox: &Sandbox, text: &str) {
    wait_for(text, || rescuer_log(sandbox).contains(text).then_some(()));
}

#[test]
fn rescue_gateway_repairs_the_default_instance_and_reports_it() {
    let sandbox = sandbox_with_watcher();
    let main = Gateway::start(&sandbox, "default");
    let port = main.port;
    let rescuer = Gateway::start(&sandbox, "rescue");
    wait_for_log(&sandbox, "Profile default: watching, healthy.");
    main.signal(Signal::KILL);
    let _ = main.exited().code;
    let spawned = SpawnedGateway(&sandbox);
    wait_for_log(&sandbox, "Profile default: repaired, healthy.");
    let health = gateway::request(port, "GET", "/health", &[]).unwrap().json();
    assert_eq!(health["profile"], "default");
    assert!(spawned.pid().is_some());
    let status = ["--profile", "rescue", "--lang", "en", "gateway", "status"];
    let report = sandbox.run([&status[..], &["--json"]].concat()).exits(0).json();
    let repaired = json!([{
        "profile": "default", "ok": true, "news": "repaired", "text": "Profile default: repaired, healthy.",
    }]);
    assert_eq!(report["watching"], repaired, "{report:#}");
    let shown = sandbox.run(status).exits(0).stdout;
    assert!(shown.contains("repaired, healthy."), "{shown}");
    let history = run_rescue(&sandbox, &["history", "--json"]).exits(0).json();
    assert_eq!(
        (
            &history["repairs"][0]["watched"],
            &history["repairs"][0]["outcome"]
        ),
        (&json!(true), &json!("healthy"))
    );
    let _ = rescuer.stop().with(0);
    // The repaired gateway is no child of the rescuer: it goes on.
    assert!(gateway::request(port, "GET", "/health", &[]).is_some());
}

#[test]
fn rescue_gateway_that_is_stopped_during_a_repair_ends_in_order() {
    let sandbox = sandbox_with_watcher();
    let main = Gateway::start(&sandbox, "default");
    let rescuer = Gateway::start(&sandbox, "rescue");
    wait_for_log(&sandbox, "Profile default: watching, healthy.");
    let config = sandbox.read(".openclaw/openclaw.json");
    // A suspended process does not handle SIGTERM, so that ending it takes a while.
    main.signal(Signal::STOP);
    let _spawned = SpawnedGateway(&sandbox);
    let begun = || {
        let history = run_rescue(&sandbox, &["history", "--json"]).exits(0).json();
        (history["repairs"][0]["outcome"] == "begun").then_some(())
    };
    wait_for("a repair begins", begun);
    let _ = rescuer.stop().with(0);
    assert_eq!(sandbox.read(".openclaw/openclaw.json"), config);
    main.signal(Signal::KILL);
    let _ = main.exited().code;
    let _ = run_rescue(&sandbox, &["repair", "--yes"]).exits(0);
}

#[test]
fn profile_that_can_not_be_watched_and_failed_repair_are_reported_with_reasons() {
    let sandbox = sandbox_watching("'nobody', 'default'");
    sandbox.write(".openclaw/openclaw.json", "{ broken");
    let rescuer = Gateway::start(&sandbox, "rescue");
    wait_for_log(
        &sandbox,
        "Profile nobody: can’t be watched. No such profile: nobody",
    );
    wait_for_log(
        &sandbox,
        "Profile default: repair failed, trying again later. Can’t use the config",
    );
    // Once it is there it is watched.
    let nobody = Gateway::start(&sandbox, "nobody");
    wait_for_log(&sandbox, "Profile nobody: watching, healthy.");
    let _ = rescuer.stop().with(0);
    let _ = nobody.stop().with(0);
}

#[test]
fn watch_command_repairs_until_it_is_interrupted() {
    let sandbox = sandbox_with_watcher();
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
    let _spawned = SpawnedGateway(&sandbox);
    let came_back = until("no longer healthy") && until("repairing") && until("repaired, healthy");
    // It ends in order, with the exit code of an interrupt.
    let pid = Pid::from_raw(watch.id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(watch.wait().unwrap().code(), Some(130));
    assert!(came_back);
    let report: Value = run_rescue(&sandbox, &["diagnose", "--json"]).exits(0).json();
    assert_eq!(report["healthy"], true);
}

#[test]
fn gateway_that_its_user_stopped_is_left_alone_until_somebody_starts_it() {
    let sandbox = sandbox_watching("'default', 'other'");
    let rescuer = {
        let (main, other) = (
            Gateway::start(&sandbox, "default"),
            Gateway::start(&sandbox, "other"),
        );
        let rescuer = Gateway::start(&sandbox, "rescue");
        wait_for_log(&sandbox, "Profile default: watching, healthy.");
        wait_for_log(&sandbox, "Profile other: watching, healthy.");
        let _ = sandbox.run(["gateway", "stop"]).exits(0);
        let _ = main.exited().with(0);
        wait_for_log(&sandbox, "Profile default: stopped by its user.");
        // The repair of the other gateway shows that the watcher goes on.
        other.signal(Signal::KILL);
        let _ = other.exited().code;
        rescuer
    };
    wait_for_log(&sandbox, "Profile other: repaired, healthy.");
    let _ = sandbox.run(["--profile", "other", "gateway", "stop"]).exits(0);
    wait_for_log(&sandbox, "Profile other: stopped by its user.");
    assert_eq!(SpawnedGateway(&sandbox).pid(), None, "{}", rescuer_log(&sandbox));
    // Ctrl-C is the word of a user too, and each start ends what was said before.
    let main = Gateway::start(&sandbox, "default");
    wait_for_log(&sandbox, "Profile default: healthy again without a repair.");
    main.signal(Signal::INT);
    let _ = main.exited().with(0);
    wait_for("it is said again", || {
        let said = rescuer_log(&sandbox)
            .matches("Profile default: stopped by its user.")
            .count();
        (said == 2).then_some(())
    });
    let main = Gateway::start(&sandbox, "default");
    wait_for("it is healthy again", || {
        let said = rescuer_log(&sandbox)
            .matches("Profile default: healthy again")
            .count();
        (said == 2).then_some(())
    });
    main.signal(Signal::KILL);
    let _ = main.exited().code;
    let _spawned = SpawnedGateway(&sandbox);
    wait_for_log(&sandbox, "Profile default: repaired, healthy.");
    let _ = rescuer.stop().with(0);
}
