//! Tests with both real releases of OpenClaw: this program's command line against their gateways, and their command
//! lines against the native gateway.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::support::{Reason, installed, skipped};

/// Time limit of the start of a release, which takes half a minute on a busy machine.
const RELEASE_START_TIMEOUT: Duration = Duration::from_mins(4);

/// Returns the path of a release's command, where the releases are installed.
fn release(name: &str) -> Option<PathBuf> {
    let Some(peers) = std::env::var_os("OPENCLAW_PEERS").map(PathBuf::from) else {
        skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
        return None;
    };
    installed("sh").then(|| peers.join(name))
}

/// Returns the command that runs a release for the instance `rescue`.
fn release_command(release: &PathBuf, sandbox: &Sandbox, words: &[&str]) -> Command {
    let state = sandbox.path(".openclaw-rescue");
    let mut command = Command::new(release);
    command
        .args(["--profile", "rescue"])
        .args(words)
        .env_clear()
        .env("HOME", sandbox.home())
        .env("PATH", "/usr/bin:/bin")
        .env("OPENCLAW_PROFILE", "rescue")
        .env("OPENCLAW_STATE_DIR", &state)
        .env("OPENCLAW_CONFIG_PATH", state.join("openclaw.json"));
    command
}

/// The commands that query a gateway.
const QUERY_COMMANDS: [&[&str]; 5] = [
    &["status"],
    &["gateway", "status"],
    &["gateway", "health"],
    &["gateway", "probe"],
    &["gateway", "call", "health"],
];

/// Checks that this program probes the gateway of a release.
fn assert_gateway_is_probed(release: &PathBuf, protocol: u64) {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    let path = ".openclaw-rescue/openclaw.json";
    let mut config: Value = serde_json::from_str(&sandbox.read(path)).unwrap();
    config["browser"] = json!({ "headless": true, "noSandbox": true });
    sandbox.write(path, config.to_string());
    let mut peer = Gateway::spawn(release_command(release, &sandbox, &["gateway"]), port);
    let deadline = Instant::now() + RELEASE_START_TIMEOUT;
    loop {
        let ran = status(&sandbox, &[]);
        if ran.code == 0 {
            break;
        }
        let is_waiting = peer.runs() && Instant::now() < deadline;
        let (out, err) = (peer.stdout(), peer.stderr());
        assert!(
            is_waiting,
            "protocol {protocol} is not healthy: {ran:?}\n{out}\n{err}"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    let further = ["--timeout", "30s"];
    let document = assert_verdict(&sandbox, &further, "healthy", 0);
    assert_eq!(document["gateway"]["protocol"], protocol);
    assert_eq!(document["gateway"]["engine"], "node");
    for query in QUERY_COMMANDS {
        let words = ["--profile", "rescue"].iter().chain(query);
        let words = words.chain(&["--json"]).chain(&further);
        let answer = sandbox.run(words.clone()).exits(0).json();
        assert!(!answer.to_string().contains(TOKEN), "{query:?}");
        let refused = sandbox
            .command(words)
            .env("OPENCLAW_GATEWAY_TOKEN", "wrong")
            .output()
            .unwrap();
        let answer = String::from_utf8_lossy(&refused.stdout);
        assert_eq!(refused.status.code(), Some(3), "{query:?}: {answer}");
    }
    assert_browser_is_driven(&sandbox);
    // SIGTERM lets the release end its child process, which a kill would leave behind.
    let _ = peer.stop();
}

/// Checks that the browser of a release's gateway, which listens on no port for it, is driven over the WebSocket.
fn assert_browser_is_driven(sandbox: &Sandbox) {
    let browser = |words: &[&str]| {
        let line = ["--profile", "rescue", "--lang", "en", "browser"];
        let profile = ["--browser-profile", "openclaw"];
        sandbox.run(line.iter().chain(&profile).chain(words))
    };
    let status = browser(&["status", "--json"]).exits(0).json();
    assert_eq!(status["running"], false, "{status}");
    assert!(status.get("gatewayRunning").is_none(), "{status}");
    if !installed("chromium") {
        return;
    }
    let started = browser(&["start"]).exits(0);
    assert!(started.stdout.contains("running: true"), "{started:?}");
    let tab = browser(&["open", "about:blank", "--json"]).exits(0).json();
    let tabs = browser(&["tabs", "--json"]).exits(0).json();
    let ids: Vec<_> = tabs["tabs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tab| &tab["targetId"])
        .collect();
    assert!(ids.contains(&&tab["targetId"]), "{tabs}");
    // There is nothing to read on an empty page, and the late release opens no other one on this host.
    let snapshot = browser(&["snapshot", "--json"]).exits(0).json();
    assert_eq!(snapshot["targetId"], tab["targetId"], "{snapshot}");
    let stopped = browser(&["stop", "--json"]).exits(0).json();
    assert_eq!(stopped["stopped"], true, "{stopped}");
}

#[test]
fn gateway_of_the_early_release_is_probed_in_protocol_3() {
    if let Some(release) = release("ocold") {
        assert_gateway_is_probed(&release, 3);
    }
}

#[test]
fn gateway_of_the_late_release_is_probed_in_protocol_4() {
    if let Some(release) = release("oc") {
        assert_gateway_is_probed(&release, 4);
    }
}

/// Checks that the native gateway answers the command line of a release.
fn assert_command_line_is_answered(release: &PathBuf, mismatch: &str) {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let run = |words: &[&str], token: Option<&str>| {
        let mut command = release_command(release, &sandbox, words);
        command.envs(token.map(|token| ("OPENCLAW_GATEWAY_TOKEN", token)));
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), text)
    };
    // The early release uses the token of the variable, the late one that of the flag. The wrong token comes first: once
    // a device is paired, its own token is accepted whatever other token is sent.
    let (code, answer) = run(&["gateway", "call", "health", "--token", "wrong"], Some("wrong"));
    assert_ne!(code, Some(0), "{answer:?}");
    assert!(answer.concat().contains(mismatch), "{answer:?}");
    for words in [
        &["gateway", "health"][..],
        &["gateway", "call", "health"],
        &["gateway", "probe"],
    ] {
        let (code, answer) = run(words, None);
        assert_eq!(code, Some(0), "{words:?}: {answer:?}");
    }
    let (code, [stdout, stderr]) = run(&["logs", "--plain"], None);
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    assert!(stdout.contains(" info "), "the log lines are parsed: {stdout}");
    assert!(stdout.contains(&gateway.port.to_string()), "{stdout}");
    let (code, [stdout, stderr]) = run(&["status", "--json"], None);
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    let text = stdout.find('{').map_or("", |at| &stdout[at..]);
    let document: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {stdout}"));
    assert_eq!(document["gateway"]["reachable"], true, "{document:#}");
    assert_eq!(
        document["gateway"]["url"],
        format!("ws://127.0.0.1:{}", gateway.port)
    );
    let _ = gateway.stop().with(0);
}

#[test]
fn command_line_of_the_early_release_is_answered() {
    let hint = "set gateway.remote.token to match gateway.auth.token";
    if let Some(release) = release("ocold") {
        assert_command_line_is_answered(
            &release,
            &format!("unauthorized: gateway token mismatch ({hint})"),
        );
    }
}

#[test]
fn command_line_of_the_late_release_is_answered() {
    let hint = "use this gateway's gateway.auth.token or pair the device";
    if let Some(release) = release("oc") {
        assert_command_line_is_answered(
            &release,
            &format!("unauthorized: gateway token mismatch ({hint})"),
        );
    }
}
