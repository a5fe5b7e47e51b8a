//! `openclaw status` and its kin: each verdict, its exit code, its document, and what is never shown.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, TOKEN, command, config, configure, free_base, wait_for};
use crate::support::{Ran, Sandbox};

mod fake;
mod peers;
mod screens;

use fake::{Fake, Manner};

/// A home whose profile `rescue` is set up for a port.
fn rescue_at(port: u16) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw-rescue/openclaw.json", config(port));
    sandbox
}

fn status(sandbox: &Sandbox, further: &[&str]) -> Ran {
    let args = ["--profile", "rescue", "status", "--json"];
    // Nothing waits this long unless it is broken.
    let patience = ["--timeout", "30s"];
    let patience: &[&str] = if further.contains(&"--timeout") {
        &[]
    } else {
        &patience
    };
    sandbox.run(args.iter().chain(further).chain(patience))
}

/// A fake gateway of `rescue`, and the home that it belongs to.
fn faked(manner: Manner) -> (Sandbox, Fake) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sandbox = rescue_at(listener.local_addr().unwrap().port());
    let fake = Fake::start(listener, &sandbox, manner);
    (sandbox, fake)
}

#[track_caller]
fn verdict(sandbox: &Sandbox, further: &[&str], expected: &str, code: i32) -> Value {
    let ran = status(sandbox, further).exits(code);
    assert!(
        !ran.stdout.contains(TOKEN) && !ran.stderr.contains(TOKEN),
        "{ran:?}"
    );
    let document = ran.json();
    assert_eq!(document["verdict"], expected, "{document:#}");
    assert_eq!(document["ok"], code == 0);
    document
}

#[test]
fn a_gateway_of_either_protocol_is_healthy() {
    for protocol in [3, 4] {
        let (sandbox, fake) = faked(Manner::Speaks(protocol));
        let document = verdict(&sandbox, &[], "healthy", 0);
        let gateway = &document["gateway"];
        assert_eq!(
            (
                &gateway["protocol"],
                &gateway["reachable"],
                &document["rpc"]["ok"]
            ),
            (&json!(protocol), &json!(true), &json!(true))
        );
        assert_eq!(document["port"]["status"], "busy");
        assert_eq!(document["port"]["listeners"][0]["pid"], std::process::id());
        assert_eq!(document["config"]["cli"]["valid"], true);
        assert!(fake.heard().contains(TOKEN), "the instance's own token is shown");
    }
}

#[test]
fn a_gateway_that_refuses_stalls_or_is_unwell_is_told_as_such() {
    let (sandbox, _fake) = faked(Manner::Refuses);
    verdict(&sandbox, &[], "token-refused", 3);
    let (sandbox, _fake) = faked(Manner::Unwell);
    let document = verdict(&sandbox, &[], "unhealthy", 3);
    assert!(document["message"].as_str().unwrap().contains("channel down"));
    let (sandbox, _fake) = faked(Manner::Stalls);
    // Long enough to learn that it is ours, and waited for in full.
    verdict(&sandbox, &["--timeout", "3s"], "slow", 3);
    let (sandbox, _fake) = faked(Manner::Babbles);
    verdict(&sandbox, &[], "unhealthy", 3);
}

#[test]
fn another_profiles_gateway_is_named_and_never_shown_our_token() {
    let (sandbox, fake) = faked(Manner::IsOf("main"));
    let document = verdict(&sandbox, &[], "other-profile", 3);
    assert_eq!(document["gateway"]["heldBy"], "main");
    assert!(!fake.heard().contains(TOKEN));
}

#[test]
fn a_stranger_is_named_with_its_process_and_never_shown_our_token() {
    let (sandbox, fake) = faked(Manner::WebServer);
    let document = verdict(&sandbox, &[], "stranger", 3);
    let message = document["message"].as_str().unwrap();
    assert!(message.contains(&std::process::id().to_string()), "{message}");
    assert!(!fake.heard().contains(TOKEN));
    // One that never answers is a stranger all the same.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let sandbox = rescue_at(silent.local_addr().unwrap().port());
    verdict(&sandbox, &["--timeout", "300"], "stranger", 3);
}

#[test]
fn what_ends_while_it_is_asked_does_not_run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sandbox = rescue_at(listener.local_addr().unwrap().port());
    let ends = std::thread::spawn(move || {
        let (asks, _) = listener.accept().unwrap();
        drop(listener);
        drop(asks);
    });
    let document = verdict(&sandbox, &[], "not-running", 1);
    assert_eq!(document["port"]["status"], "free");
    ends.join().unwrap();
}

#[test]
fn what_does_not_run_is_told_with_the_way_to_start_it() {
    let port = free_base();
    let sandbox = rescue_at(port);
    let document = verdict(&sandbox, &["--lang", "en"], "not-running", 1);
    assert_eq!(document["gateway"]["port"], port);
    assert_eq!(document["port"]["status"], "free");
    assert_eq!(document["last"], Value::Null, "it never ran");
    let hints = document["hints"].to_string();
    assert!(hints.contains("openclaw --profile rescue gateway"), "{hints}");
    assert!(!document.to_string().contains("18789"), "{document:#}");

    sandbox.write(".openclaw-rescue/openclaw.json", "{\n  gateway: {");
    let document = verdict(&sandbox, &["--lang", "en"], "not-running", 1);
    assert_eq!(document["config"]["cli"]["valid"], false);
    assert!(document["hints"].to_string().contains("config validate"));

    let nobody = Sandbox::new();
    let document = status(&nobody, &[]).exits(1).json();
    assert_eq!(
        document["gateway"]["port"], 23532,
        "its own default: {document:#}"
    );
}

#[test]
fn wrong_words_are_usage_errors() {
    let sandbox = Sandbox::new();
    for args in [
        &["status", "--timeout", "soon"][..],
        &["gateway", "call"],
        &["gateway", "call", "health", "--params", "{"],
        &["gateway", "health", "--url", "http://127.0.0.1:1"],
        &["gateway", "health", "--token-file", "x"],
    ] {
        let _ = sandbox.run(args).exits(2);
    }
}

#[test]
fn every_question_has_the_exit_code_of_its_answer() {
    let (up, _fake) = faked(Manner::Speaks(4));
    let down = rescue_at(free_base());
    let (refused, _other) = faked(Manner::Refuses);
    for words in [
        &["gateway", "status"][..],
        &["gateway", "probe"],
        &["gateway", "health"],
        &["gateway", "call", "health"],
    ] {
        let run = |sandbox: &Sandbox| {
            let args = ["--profile", "rescue"].iter().chain(words).chain(&["--json"]);
            sandbox.run(args)
        };
        let _ = run(&up).exits(0).json();
        let _ = run(&down).exits(1).json();
        let _ = run(&refused).exits(3).json();
    }
    let probe = up
        .run(["--profile", "rescue", "gateway", "probe", "--json"])
        .json();
    assert_eq!(probe["targets"][0]["connect"]["ok"], true);
    assert_eq!(probe["targets"][0]["health"]["ok"], true);
    let unknown = up
        .run(["--profile", "rescue", "gateway", "call", "nope", "--json"])
        .exits(1);
    assert_eq!(unknown.json()["code"], "client.answer");
}

#[test]
fn another_url_is_not_shown_this_instances_token() {
    let (sandbox, fake) = faked(Manner::Speaks(4));
    let url = format!("ws://127.0.0.1:{}", fake.port);
    let call = |further: &[&str]| {
        let args = ["--profile", "rescue", "gateway", "call", "health", "--url", &url];
        sandbox.run(args.iter().chain(further))
    };
    let _ = call(&[]).exits(3);
    assert!(!fake.heard().contains(TOKEN));
    let file = sandbox.write("token", format!("{TOKEN}\n"));
    let _ = call(&["--token-file", file.to_str().unwrap()]).exits(0);
}

#[test]
fn twenty_slow_gateways_take_no_longer_than_one() {
    let sandbox = Sandbox::new();
    let mut fakes = Vec::new();
    for number in 0..20 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        sandbox.write(format!(".openclaw-p{number}/openclaw.json"), config(port));
        fakes.push(Fake::of(
            listener,
            &sandbox,
            &format!("p{number}"),
            Manner::Stalls,
        ));
    }
    let since = Instant::now();
    let all = sandbox
        .run(["status", "--all", "--json", "--timeout", "5s"])
        .exits(3)
        .json();
    assert!(since.elapsed() < Duration::from_secs(50), "{:?}", since.elapsed());
    let instances = all["instances"].as_array().unwrap();
    assert_eq!(instances.len(), 20);
    assert!(instances.iter().all(|one| one["verdict"] == "slow"), "{all:#}");
}

#[test]
fn a_killed_gateway_and_a_stopped_one_are_told_apart_and_leave_others_alone() {
    let sandbox = Sandbox::new();
    let main = Gateway::start(&sandbox, "main");
    let rescue = Gateway::start(&sandbox, "rescue");
    let all = sandbox.run(["status", "--all", "--json"]).exits(0).json();
    for (at, gateway) in [&main, &rescue].into_iter().enumerate() {
        let found = &all["instances"][at]["gateway"];
        assert_eq!(
            (&found["pid"], &found["port"]),
            (&json!(gateway.pid()), &json!(gateway.port))
        );
        assert_eq!(found["engine"], "native");
        assert_eq!(all["instances"][at]["verdict"], "healthy");
    }
    let pid = main.pid();
    main.signal(Signal::KILL);
    let _ = main.exited();
    let last = |profile: &str| {
        let ran = sandbox.run(["--profile", profile, "status", "--json"]);
        ran.exits(1).json()["last"].clone()
    };
    let killed = last("main");
    assert_eq!((&killed["end"], &killed["pid"]), (&json!("killed"), &json!(pid)));
    assert!(killed["line"]["message"].is_string());
    assert!(rescue.health().is_some(), "untouched");
    let _ = rescue.stop().with(0);
    assert_eq!(last("rescue")["end"], "stopped");
    let logs = sandbox
        .run(["--profile", "rescue", "logs", "--json", "-n", "2"])
        .exits(0);
    assert_eq!(logs.stdout.lines().count(), 2);
    for line in logs.stdout.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    assert!(!logs.stdout.contains(TOKEN));
}

#[test]
fn a_gateway_on_another_port_than_configured_is_found_there() {
    let sandbox = Sandbox::new();
    let configured = configure(&sandbox, "rescue");
    let other = free_base();
    let port = other.to_string();
    let gateway = Gateway::launch(command(&sandbox, "rescue", &["--port", &port]), other);
    let document = verdict(&sandbox, &[], "elsewhere", 3);
    let found = &document["gateway"];
    assert_eq!(
        (&found["port"], &found["configuredPort"]),
        (&json!(other), &json!(configured))
    );
    assert_eq!(found["pid"], gateway.pid());
    assert_eq!(document["port"]["status"], "free");
}

#[test]
fn a_gateway_that_is_stopped_by_a_signal_is_slow() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    gateway.signal(Signal::STOP);
    let document = status(&sandbox, &["--timeout", "300"]).exits(3).json();
    gateway.signal(Signal::CONT);
    assert_eq!(document["verdict"], "slow");
    wait_for("it goes on", || gateway.health());
}

#[test]
fn a_gateway_on_its_last_good_config_is_asked_with_that_ones_token() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    let gateway = Gateway::start(&sandbox, "rescue");
    let kept = sandbox.path(".openclaw-rescue/openclaw.json.last-good");
    wait_for("the good config is kept", || kept.exists().then_some(()));
    let _ = gateway.stop().with(0);
    let text = config(port)
        .replace(TOKEN, "another")
        .replace("loopback", "nowhere");
    sandbox.write(".openclaw-rescue/openclaw.json", text);
    let refused = status(&sandbox, &["--lang", "en"]).exits(1).json();
    assert!(
        refused["hints"].to_string().contains("gateway.bind"),
        "{refused:#}"
    );
    sandbox.write(
        ".openclaw-rescue/instance.toml",
        "[gateway]\nbootFallback = 'last-good'\n",
    );
    let _gateway = Gateway::launch(command(&sandbox, "rescue", &[]), port);
    let document = verdict(&sandbox, &[], "unhealthy", 3);
    assert_eq!(document["gateway"]["reachable"], true);
    assert!(document["warning"].as_str().unwrap().contains("last-good"));
    let config = &document["config"]["cli"];
    assert_eq!(
        (&config["valid"], &config["issues"][0]["path"]),
        (&json!(false), &json!("gateway.bind"))
    );
    let _ = sandbox
        .run(["--profile", "rescue", "gateway", "call", "health"])
        .exits(0);
}

#[test]
fn a_probe_tells_who_listens_and_what_it_says_and_a_log_is_followed_for_a_while() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let args = ["--lang", "en", "--profile", "rescue", "gateway", "probe"];
    let told = sandbox.run(args).exits(0).stdout;
    for part in [
        format!("ws://127.0.0.1:{}", gateway.port),
        format!("127.0.0.1:{}, openclaw (pid {})", gateway.port, gateway.pid()),
        "Protocol     4".to_owned(),
        "Agents       main".to_owned(),
    ] {
        assert!(told.contains(&part), "{part}:\n{told}");
    }
    let followed = sandbox
        .run(["--profile", "rescue", "logs", "--follow", "--timeout", "50"])
        .exits(0);
    assert!(
        followed.stdout.contains(&gateway.port.to_string()),
        "{followed:?}"
    );
}
