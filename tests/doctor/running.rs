//! Findings about running gateways, tested with real gateways.

use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::Value;

use super::{doctor, findings, healthy_host};
use crate::support::gateway::{self, Gateway};
use crate::support::{Sandbox, network};

/// Returns the ids of the findings that are more than a note.
fn finding_ids(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let all = findings(sandbox, words).into_iter();
    all.filter(|f| f["severity"] != "info")
        .map(|f| f["id"].as_str().expect("an id").to_owned())
        .collect()
}

/// Returns the finding with this id.
#[track_caller]
fn finding(sandbox: &Sandbox, id: &str) -> Value {
    let all = findings(sandbox, &[]);
    let one = all.iter().find(|f| f["id"] == id);
    one.unwrap_or_else(|| panic!("{id} is not found: {all:#?}"))
        .clone()
}

#[test]
fn running_and_stopped_gateways_have_no_finding_and_a_killed_one_has_a_stale_lock() {
    network::own(|| {
        let sandbox = healthy_host();
        let main = Gateway::start(&sandbox, "default");
        let rescue = Gateway::start(&sandbox, "rescue");
        assert_eq!(finding_ids(&sandbox, &["--all"]), [""; 0]);
        let _ = main.stop().with(0);
        assert_eq!(
            finding_ids(&sandbox, &["--all"]),
            [""; 0],
            "the gateway was stopped, not killed"
        );
        rescue.signal(Signal::KILL);
        let _ = rescue.exited();
        let stale = finding(&sandbox, "lock-stale");
        assert_eq!(stale["mend"], "openclaw --profile rescue gateway run");
        let rescue = Gateway::start(&sandbox, "rescue");
        assert_eq!(finding_ids(&sandbox, &[]), [""; 0], "the fix removes it");
        let _ = rescue.stop().with(0);
    });
}

#[test]
fn gateway_that_does_not_answer_or_refuses_the_token_is_unhealthy() {
    network::own(|| {
        let sandbox = healthy_host();
        let rescue = Gateway::start(&sandbox, "rescue");
        rescue.signal(Signal::STOP);
        let slow = finding(&sandbox, "gateway-unhealthy");
        assert_eq!(slow["severity"], "error");
        assert_eq!(slow["mend"], "openclaw --profile rescue gateway restart");
        rescue.signal(Signal::CONT);
        assert_eq!(finding_ids(&sandbox, &[]), [""; 0]);
        let _ = rescue.stop();

        let token = sandbox.write("token", "another-token-than-in-the-config-0123456789");
        let flag = ["--token-file", token.to_str().expect("text")];
        let rescue = Gateway::start_with(&sandbox, "rescue", &flag);
        let refused = finding(&sandbox, "gateway-unhealthy");
        let message = refused["message"].as_str().expect("words");
        assert!(
            message.contains("token") && !message.contains("another-token"),
            "{message}"
        );
        drop(rescue);
    });
}

#[test]
fn gateway_on_another_port_or_of_another_engine_is_reported() {
    network::own(|| {
        let sandbox = healthy_host();
        let mut command = gateway::command(&sandbox, "rescue", &[]);
        command.env("OPENCLAW_GATEWAY_PORT", "23789");
        let rescue = Gateway::launch(command, 23789);
        let elsewhere = finding(&sandbox, "ports-elsewhere");
        assert!(elsewhere["message"].as_str().expect("words").contains("23789"));
        let variable = finding(&sandbox, "gateway-environment");
        assert!(
            variable["message"]
                .as_str()
                .expect("words")
                .contains("OPENCLAW_GATEWAY_PORT")
        );
        let _ = rescue.stop();
        let rescue = Gateway::start(&sandbox, "rescue");
        assert_eq!(
            finding_ids(&sandbox, &[]),
            [""; 0],
            "a start without the variable removes it"
        );
        let record = ".openclaw-rescue/instance.toml";
        let before = sandbox.read(record);
        sandbox.write(
            record,
            before
                .replace("\"native\"", "\"node\"")
                .replace("'native'", "'node'"),
        );
        if before == sandbox.read(record) {
            sandbox.write(record, format!("engine = 'node'\n{before}"));
        }
        let skew = finding(&sandbox, "engine-skew");
        assert!(
            skew["message"].as_str().expect("words").contains("native"),
            "{skew}"
        );
        drop(rescue);
    });
}

#[test]
fn process_and_other_gateway_on_the_base_port_are_named() {
    network::own(|| {
        let sandbox = healthy_host();
        let listener = TcpListener::bind("127.0.0.1:19789").expect("a free port");
        let held = finding(&sandbox, "ports-held");
        let pid = std::process::id().to_string();
        assert!(held["message"].as_str().expect("words").contains(&pid), "{held}");
        drop(listener);
        // The gateway of the default instance is started on this instance's port.
        // By a service that was installed before the rules were: whoever types the port is refused.
        let mut command = gateway::command(&sandbox, "default", &["--port", "19789"]);
        command.env("OPENCLAW_SERVICE_MARKER", "openclaw");
        let main = Gateway::launch(command, 19789);
        let ran = doctor(&sandbox, &[]).exits(1);
        assert!(ran.stdout.contains("ports-held"), "{}", ran.stdout);
        let other = finding(&sandbox, "gateway-unhealthy");
        assert!(
            other["message"].as_str().expect("words").contains("default"),
            "{other}"
        );
        drop(main);
        assert_eq!(finding_ids(&sandbox, &[]), [""; 0]);
    });
}
