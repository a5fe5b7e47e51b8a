//! One bot token on two hosts is found, and no token leaves its host.

use std::io::Write as _;
use std::process::Stdio;

use super::TwoHosts;
use crate::support::Sandbox;
use crate::support::ssh::replace_program;

const TOKEN: &str = "123456:AAbbccddeeffgghhiijjkkllmmnnooppqqr";

fn with_token(sandbox: &Sandbox, token: &str) {
    let config = format!(r#"{{"channels":{{"telegram":{{"botToken":"{token}"}}}}}}"#);
    sandbox.write(".openclaw/openclaw.json", config);
}

#[test]
fn token_of_two_hosts_is_found_by_a_fingerprint() {
    let Some(TwoHosts { here, there, .. }) = TwoHosts::new() else {
        return;
    };
    with_token(&here, TOKEN);
    with_token(&there, TOKEN);
    let found = here.run(["hosts", "check", "--json"]).exits(1).json();
    assert_eq!(found["code"], "hosts.shared-token");
    let place = |host| serde_json::json!({ "host": host, "instance": "default", "key": "channels.telegram.botToken" });
    assert_eq!(
        found["sharedTokens"],
        serde_json::json!([[place(serde_json::Value::Null), place("box".into())]])
    );
    let said = here.run(["--lang", "tr", "hosts", "check"]).exits(1).stdout;
    assert!(said.contains("default@box") && !said.contains(TOKEN), "{said}");
    with_token(&there, "654321:AAbbccddeeffgghhiijjkkllmmnnooppqqr");
    assert_eq!(
        here.run(["hosts", "check", "--json"]).exits(0).json()["sharedTokens"],
        serde_json::json!([])
    );
}

#[test]
fn host_is_told_a_key_of_one_run_and_neither_token_nor_fingerprint() {
    let Some(TwoHosts { here, there, .. }) = TwoHosts::new() else {
        return;
    };
    with_token(&here, TOKEN);
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *fingerprints*) tee -a \"$HOME/told\" | {0} \"$@\" ;; *) exec {0} \"$@\" ;; esac\n",
        env!("CARGO_BIN_EXE_openclaw")
    );
    replace_program(&there, &script);
    for _ in 0..2 {
        let _ = here.run(["hosts", "check"]).exits(0);
    }
    let told = there.read("told");
    assert_eq!(told.len(), 128, "two keys and nothing else: {told}");
    assert_ne!(told[..64], told[64..], "a key is good for one run");
}

#[test]
fn fingerprints_are_printed_under_a_key_only() {
    let host = Sandbox::new();
    with_token(&host, TOKEN);
    let run = |input: &str| {
        let mut command = host.command(["hosts", "fingerprints", "--json"]);
        let command = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(input.as_bytes())
            .expect("input");
        let output = child.wait_with_output().expect("an end");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("JSON")
    };
    assert_eq!(run("short")["code"], "hosts.bad-key");
    let print = |key: &str| run(&key.repeat(32))["fingerprints"][0]["fingerprint"].clone();
    assert_eq!(print("0a"), print("0a"));
    assert_ne!(print("0a"), print("0b"));
}
