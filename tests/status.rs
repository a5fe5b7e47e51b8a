//! Tests of `openclaw status` and the other commands that probe a gateway: each verdict with its exit code and document,
//! and the token, which is sent to no other program.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::gateway::{Gateway, TOKEN, command, config, configure, free_base, wait_for};
use crate::support::{Ran, Sandbox, network};

mod browser;
mod fake;
mod peers;
mod screens;

use fake::{Behaviour, FakeGateway};

/// Returns a home whose profile `rescue` is set up for a port.
fn sandbox_with_port(port: u16) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw-rescue/openclaw.json", config(port));
    sandbox
}

/// Runs `openclaw status --json` for the profile `rescue`, with further arguments.
fn status(sandbox: &Sandbox, further: &[&str]) -> Ran {
    let args = ["--profile", "rescue", "status", "--json"];
    // A probe takes this long only where something is broken.
    let timeout = ["--timeout", "30s"];
    let timeout: &[&str] = if further.contains(&"--timeout") {
        &[]
    } else {
        &timeout
    };
    sandbox.run(args.iter().chain(further).chain(timeout))
}

#[test]
fn stopped_gateways_are_counted_in_one_line_and_sorted_as_a_person_does() {
    network::own(|| {
        let sandbox = Sandbox::new();
        for number in 1..=12_u16 {
            sandbox.write(
                format!(".openclaw-bot{number}/openclaw.json"),
                config(20_000 + 200 * number),
            );
        }
        let all = sandbox
            .run(["status", "--all", "--timeout", "30s"])
            .exits(1)
            .stdout;
        let rows: Vec<_> = all.lines().filter(|line| line.starts_with("bot")).collect();
        let names: Vec<_> = rows
            .iter()
            .filter_map(|row| row.split_whitespace().next())
            .collect();
        let expected: Vec<_> = (1..=12).map(|number| format!("bot{number}")).collect();
        assert_eq!(names, expected, "{all}");
        let rest: Vec<_> = all.lines().filter(|line| !line.starts_with("bot")).collect();
        assert_eq!(rest.len(), 2, "the headings and one line:\n{all}");
        assert!(rest[1].starts_with("12 gateways are not running"), "{all}");
    });
}

/// Starts a fake gateway of the profile `rescue`; returns it and its home.
fn start_fake(behaviour: Behaviour) -> (Sandbox, FakeGateway) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sandbox = sandbox_with_port(listener.local_addr().unwrap().port());
    let fake = FakeGateway::start(listener, &sandbox, behaviour);
    (sandbox, fake)
}

/// Runs `openclaw status --json`, checks verdict, exit code and that no token is shown, and returns the document.
#[track_caller]
fn assert_verdict(sandbox: &Sandbox, further: &[&str], expected: &str, code: i32) -> Value {
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
fn gateway_of_either_protocol_is_healthy() {
    for protocol in [3, 4] {
        let (sandbox, fake) = start_fake(Behaviour::Speaks(protocol));
        let document = assert_verdict(&sandbox, &[], "healthy", 0);
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
        assert!(
            fake.received().contains(TOKEN),
            "the instance's own token is sent"
        );
    }
}

#[test]
fn refusing_stalling_and_unhealthy_gateways_have_verdicts_of_their_own() {
    let (sandbox, _fake) = start_fake(Behaviour::Refuses);
    assert_verdict(&sandbox, &[], "token-refused", 3);
    let (sandbox, _fake) = start_fake(Behaviour::Unhealthy);
    let document = assert_verdict(&sandbox, &[], "unhealthy", 3);
    assert!(document["message"].as_str().unwrap().contains("channel down"));
    let (sandbox, _fake) = start_fake(Behaviour::Stalls);
    // Long enough to identify the gateway; the rest is waited for in full.
    assert_verdict(&sandbox, &["--timeout", "3s"], "slow", 3);
    let (sandbox, _fake) = start_fake(Behaviour::SendsGarbage);
    assert_verdict(&sandbox, &[], "unhealthy", 3);
}

#[test]
fn gateway_of_another_profile_is_named_and_never_sent_the_token() {
    let (sandbox, fake) = start_fake(Behaviour::OtherProfile("main"));
    let document = assert_verdict(&sandbox, &[], "other-profile", 3);
    assert_eq!(document["gateway"]["heldBy"], "main");
    assert!(!fake.received().contains(TOKEN));
}

#[test]
fn foreign_server_is_named_with_its_process_and_never_sent_the_token() {
    let (sandbox, fake) = start_fake(Behaviour::WebServer);
    let document = assert_verdict(&sandbox, &[], "stranger", 3);
    let message = document["message"].as_str().unwrap();
    assert!(message.contains(&std::process::id().to_string()), "{message}");
    assert!(!fake.received().contains(TOKEN));
    // A server that never answers is a stranger too.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let sandbox = sandbox_with_port(silent.local_addr().unwrap().port());
    assert_verdict(&sandbox, &["--timeout", "300"], "stranger", 3);
}

#[test]
fn gateway_that_ends_during_the_probe_is_not_running() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sandbox = sandbox_with_port(listener.local_addr().unwrap().port());
    let server = std::thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        drop(listener);
        drop(client);
    });
    let document = assert_verdict(&sandbox, &[], "not-running", 1);
    assert_eq!(document["port"]["status"], "free");
    server.join().unwrap();
}

#[test]
fn gateway_that_does_not_run_is_reported_with_the_command_that_starts_it() {
    let port = free_base();
    let sandbox = sandbox_with_port(port);
    let document = assert_verdict(&sandbox, &["--lang", "en"], "not-running", 1);
    assert_eq!(document["gateway"]["port"], port);
    assert_eq!(document["port"]["status"], "free");
    assert_eq!(document["last"], Value::Null, "it never ran");
    let hints = document["hints"].to_string();
    assert!(hints.contains("openclaw --profile rescue gateway"), "{hints}");
    assert!(!document.to_string().contains("18789"), "{document:#}");

    sandbox.write(".openclaw-rescue/openclaw.json", "{\n  gateway: {");
    let document = assert_verdict(&sandbox, &["--lang", "en"], "not-running", 1);
    assert_eq!(document["config"]["cli"]["valid"], false);
    assert!(document["hints"].to_string().contains("config validate"));

    let empty = Sandbox::new();
    let document = status(&empty, &[]).exits(1).json();
    assert_eq!(
        document["gateway"]["port"], 23532,
        "its own default: {document:#}"
    );
}

#[test]
fn wrong_arguments_are_usage_errors() {
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
fn every_command_has_the_exit_code_of_the_verdict() {
    let (up, _fake) = start_fake(Behaviour::Speaks(4));
    let down = sandbox_with_port(free_base());
    let (refused, _other) = start_fake(Behaviour::Refuses);
    for command in [
        &["gateway", "status"][..],
        &["gateway", "probe"],
        &["gateway", "health"],
        &["gateway", "call", "health"],
    ] {
        let run = |sandbox: &Sandbox| {
            let args = ["--profile", "rescue"].iter().chain(command).chain(&["--json"]);
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
fn token_is_not_sent_to_another_url() {
    let (sandbox, fake) = start_fake(Behaviour::Speaks(4));
    let url = format!("ws://127.0.0.1:{}", fake.port);
    let call = |further: &[&str]| {
        let args = ["--profile", "rescue", "gateway", "call", "health", "--url", &url];
        sandbox.run(args.iter().chain(further))
    };
    let _ = call(&[]).exits(3);
    assert!(!fake.received().contains(TOKEN));
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
        fakes.push(FakeGateway::start_for(
            listener,
            &sandbox,
            &format!("p{number}"),
            Behaviour::Stalls,
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
fn killed_and_stopped_gateways_are_distinguished_and_others_run_on() {
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
fn gateway_on_another_port_than_configured_is_found_there() {
    let sandbox = Sandbox::new();
    let configured = configure(&sandbox, "rescue");
    let other = free_base();
    let port = other.to_string();
    let gateway = Gateway::launch(command(&sandbox, "rescue", &["--port", &port]), other);
    let document = assert_verdict(&sandbox, &[], "elsewhere", 3);
    let found = &document["gateway"];
    assert_eq!(
        (&found["port"], &found["configuredPort"]),
        (&json!(other), &json!(configured))
    );
    assert_eq!(found["pid"], gateway.pid());
    assert_eq!(document["port"]["status"], "free");
}

#[test]
fn gateway_that_is_suspended_by_a_signal_is_slow() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    gateway.signal(Signal::STOP);
    let document = status(&sandbox, &["--timeout", "300"]).exits(3).json();
    gateway.signal(Signal::CONT);
    assert_eq!(document["verdict"], "slow");
    wait_for("it goes on", || gateway.health());
}

#[test]
fn gateway_on_its_last_good_config_is_probed_with_the_token_of_that_config() {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    let gateway = Gateway::start(&sandbox, "rescue");
    let saved = sandbox.path(".openclaw-rescue/openclaw.json.last-good");
    wait_for("the good config is saved", || saved.exists().then_some(()));
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
    let document = assert_verdict(&sandbox, &[], "unhealthy", 3);
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
fn probe_shows_listeners_and_answers_and_logs_are_followed_until_a_timeout() {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let args = ["--lang", "en", "--profile", "rescue", "gateway", "probe"];
    let shown = sandbox.run(args).exits(0).stdout;
    for part in [
        format!("ws://127.0.0.1:{}", gateway.port),
        format!("127.0.0.1:{}, openclaw (pid {})", gateway.port, gateway.pid()),
        "Protocol     4".to_owned(),
        "Agents       main".to_owned(),
    ] {
        assert!(shown.contains(&part), "{part}:\n{shown}");
    }
    let followed = sandbox
        .run(["--profile", "rescue", "logs", "--follow", "--timeout", "50"])
        .exits(0);
    assert!(
        followed.stdout.contains(&gateway.port.to_string()),
        "{followed:?}"
    );
}

#[test]
fn gateway_of_the_same_name_in_another_home_folder_is_called_that() {
    let theirs = Sandbox::new();
    let running = Gateway::start(&theirs, "rescue");
    let ours = Sandbox::new();
    ours.write(
        ".openclaw-rescue/openclaw.json",
        crate::support::gateway::config(running.port),
    );
    let status = ours
        .run(["--lang", "en", "--profile", "rescue", "status"])
        .exits(3)
        .stdout;
    assert!(status.contains("another home folder"), "{status}");
    assert!(status.contains(&format!("pid {}", running.pid())), "{status}");
    drop(running);
}
