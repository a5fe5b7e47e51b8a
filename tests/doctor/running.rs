//! Findings about gateways that run, with real ones.

use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::Value;

use super::{doctor, findings, healthy};
use crate::support::gateway::{self, Gateway};
use crate::support::{Sandbox, network};

/// The ids of what is found above a note, with the severities.
fn found(sandbox: &Sandbox, words: &[&str]) -> Vec<String> {
    let all = findings(sandbox, words).into_iter();
    all.filter(|f| f["severity"] != "info")
        .map(|f| f["id"].as_str().expect("an id").to_owned())
        .collect()
}

fn of(sandbox: &Sandbox, id: &str) -> Value {
    let all = findings(sandbox, &[]);
    let one = all.iter().find(|f| f["id"] == id);
    one.unwrap_or_else(|| panic!("{id} is not found: {all:#?}"))
        .clone()
}

#[test]
fn two_healthy_gateways_and_stopped_ones_are_no_finding_and_a_killed_one_is() {
    network::own(|| {
        let sandbox = healthy();
        let main = Gateway::start(&sandbox, "default");
        let rescue = Gateway::start(&sandbox, "rescue");
        assert_eq!(found(&sandbox, &["--all"]), [""; 0]);
        let _ = main.stop().with(0);
        assert_eq!(found(&sandbox, &["--all"]), [""; 0], "it ended in order");
        rescue.signal(Signal::KILL);
        let _ = rescue.exited();
        let stale = of(&sandbox, "lock-stale");
        assert_eq!(stale["mend"], "openclaw --profile rescue gateway run");
        let rescue = Gateway::start(&sandbox, "rescue");
        assert_eq!(found(&sandbox, &[]), [""; 0], "the mend mends");
        let _ = rescue.stop().with(0);
    });
}

#[test]
fn a_gateway_that_does_not_answer_or_takes_another_token_is_found() {
    network::own(|| {
        let sandbox = healthy();
        let rescue = Gateway::start(&sandbox, "rescue");
        rescue.signal(Signal::STOP);
        let slow = of(&sandbox, "gateway-unhealthy");
        assert_eq!(slow["severity"], "error");
        assert_eq!(slow["mend"], "openclaw --profile rescue gateway restart");
        rescue.signal(Signal::CONT);
        assert_eq!(found(&sandbox, &[]), [""; 0]);
        let _ = rescue.stop();

        let token = sandbox.write("token", "another-token-than-in-the-config-0123456789");
        let flag = ["--token-file", token.to_str().expect("text")];
        let rescue = Gateway::start_with(&sandbox, "rescue", &flag);
        let refused = of(&sandbox, "gateway-unhealthy");
        let said = refused["message"].as_str().expect("words");
        assert!(
            said.contains("token") && !said.contains("another-token"),
            "{said}"
        );
        drop(rescue);
    });
}

#[test]
fn a_gateway_elsewhere_of_another_engine_or_by_other_variables_is_found() {
    network::own(|| {
        let sandbox = healthy();
        let mut command = gateway::command(&sandbox, "rescue", &[]);
        command.env("OPENCLAW_GATEWAY_PORT", "23789");
        let rescue = Gateway::launch(command, 23789);
        let elsewhere = of(&sandbox, "ports-elsewhere");
        assert!(elsewhere["message"].as_str().expect("words").contains("23789"));
        let variable = of(&sandbox, "gateway-environment");
        assert!(
            variable["message"]
                .as_str()
                .expect("words")
                .contains("OPENCLAW_GATEWAY_PORT")
        );
        let _ = rescue.stop();
        let rescue = Gateway::start(&sandbox, "rescue");
        assert_eq!(found(&sandbox, &[]), [""; 0], "a start without it mends");
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
        let skew = of(&sandbox, "engine-skew");
        assert!(
            skew["message"].as_str().expect("words").contains("native"),
            "{skew}"
        );
        drop(rescue);
    });
}

#[test]
fn strangers_and_neighbours_on_its_ports_are_named() {
    network::own(|| {
        let sandbox = healthy();
        let listener = TcpListener::bind("127.0.0.1:19789").expect("a free port");
        let held = of(&sandbox, "ports-held");
        let pid = std::process::id().to_string();
        assert!(held["message"].as_str().expect("words").contains(&pid), "{held}");
        drop(listener);
        // The other instance's gateway, started on this one's port.
        let main = Gateway::launch(gateway::command(&sandbox, "default", &["--port", "19789"]), 19789);
        let ran = doctor(&sandbox, &[]).exits(1);
        assert!(ran.stdout.contains("ports-held"), "{}", ran.stdout);
        let other = of(&sandbox, "gateway-unhealthy");
        assert!(
            other["message"].as_str().expect("words").contains("default"),
            "{other}"
        );
        drop(main);
        assert_eq!(found(&sandbox, &[]), [""; 0]);
    });
}
