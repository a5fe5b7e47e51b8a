//! `gateway stop` ends the gateway of its profile, whoever started it, and what needs a stopped gateway says so first.

use crate::support::gateway::{Gateway, configure};
use crate::support::network;
use crate::support::stand_in::start_stand_in;
use crate::support::{Ran, Sandbox};

/// Returns a home in which no service manager is found.
fn sandbox_without_manager() -> Sandbox {
    Sandbox::new().var("PATH", "/nowhere")
}

fn stop(sandbox: &Sandbox, profile: &str) -> Ran {
    sandbox.run(["--profile", profile, "gateway", "stop", "--json"])
}

#[test]
fn gateway_in_the_foreground_is_stopped_and_that_of_another_profile_is_not() {
    let sandbox = sandbox_without_manager();
    let (main, mut other) = (
        Gateway::start(&sandbox, "default"),
        Gateway::start(&sandbox, "other"),
    );
    let document = stop(&sandbox, "default").exits(0).json();
    assert_eq!(document["pid"], main.pid(), "{document:#}");
    assert_eq!(document["result"], "stopped", "{document:#}");
    let _ = main.exited().with(0);
    assert!(other.runs());
    // Nothing is left to stop, and no manager can be asked.
    let again = stop(&sandbox, "default").exits(1).json();
    assert!(
        again["code"].as_str().unwrap().starts_with("service."),
        "{again:#}"
    );
    let _ = other.stop().with(0);
}

#[test]
fn gateway_of_openclaw_from_npm_is_stopped() {
    network::own(|| {
        let sandbox = sandbox_without_manager();
        configure(&sandbox, "rescue");
        let mut gateway = start_stand_in(&sandbox, "rescue");
        let document = stop(&sandbox, "rescue").exits(0).json();
        assert_eq!(document["pid"], gateway.0.id(), "{document:#}");
        assert!(!gateway.is_running());
    });
}

#[test]
fn gateway_that_can_not_be_seen_is_left_alone() {
    let sandbox = sandbox_without_manager();
    let port = configure(&sandbox, "default");
    let content =
        format!(r#"{{"pid":1,"port":{port},"profile":"default","startedAt":"2026-11-22T10:00:00Z"}}"#);
    let lock = std::fs::File::open(sandbox.write(".openclaw/gateway.lock", content)).unwrap();
    lock.lock().unwrap();
    let document = stop(&sandbox, "default").exits(1).json();
    assert_eq!(document["code"], "service.out-of-reach", "{document:#}");
}

#[test]
fn restore_and_removal_name_a_stop_that_works_before_they_ask() {
    let sandbox = sandbox_without_manager();
    let main = Gateway::start(&sandbox, "other");
    let run = |args: &[&str]| sandbox.run([args, &["--lang", "en", "--json"]].concat());
    let _ = run(&["--profile", "other", "snapshot", "create"]).exits(0);
    // Without `--yes` and a terminal both would fail for that reason if they asked first.
    let restore = ["--profile", "other", "snapshot", "restore"];
    let remove = ["profiles", "remove", "other"];
    for (args, code) in [
        (&restore[..], "snapshot.running"),
        (&remove, "profiles.remove-running"),
    ] {
        let refused = run(args).exits(78).json();
        assert_eq!(refused["code"], code, "{refused:#}");
        let hints = refused["hints"].to_string();
        assert!(hints.contains("openclaw --profile other gateway stop"), "{hints}");
    }
    let _ = stop(&sandbox, "other").exits(0);
    let _ = main.exited().with(0);
    let _ = run(&[&restore[..], &["--yes"]].concat()).exits(0);
    let _ = run(&[&remove[..], &["--yes"]].concat()).exits(0);
}

#[test]
fn gateway_without_a_service_is_started_in_the_background_once() {
    let sandbox = sandbox_without_manager();
    configure(&sandbox, "default");
    let refused = sandbox.run(["gateway", "start"]).exits(1);
    assert!(
        refused
            .stderr
            .contains("Start it without a service: openclaw gateway start --background"),
        "{refused:?}"
    );
    let start = || {
        let ran = sandbox.run(["gateway", "start", "--background", "--json"]);
        ran.exits(0).json()
    };
    let started = start();
    assert_eq!(
        (&started["result"], &started["healthy"]),
        (&"started".into(), &true.into()),
        "{started:#}"
    );
    let again = start();
    assert_eq!(
        (&again["result"], &again["pid"]),
        (&"already-running".into(), &started["pid"]),
        "{again:#}"
    );
    let stopped = stop(&sandbox, "default").exits(0).json();
    assert_eq!(stopped["pid"], started["pid"], "{stopped:#}");
}
