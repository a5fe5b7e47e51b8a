//! Both real releases: their gateways asked by our command line, and ours asked by theirs.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::support::{Reason, installed, skipped};

/// A release takes half a minute to start on a machine that does other things too.
const PATIENCE: Duration = Duration::from_mins(4);

/// The command of a release, where the releases are.
fn release(name: &str) -> Option<PathBuf> {
    let Some(peers) = std::env::var_os("OPENCLAW_PEERS").map(PathBuf::from) else {
        skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
        return None;
    };
    installed("sh").then(|| peers.join(name))
}

/// The release's command for the instance `rescue`.
fn command_of(release: &PathBuf, sandbox: &Sandbox, words: &[&str]) -> Command {
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

const QUESTIONS: [&[&str]; 5] = [
    &["status"],
    &["gateway", "status"],
    &["gateway", "health"],
    &["gateway", "probe"],
    &["gateway", "call", "health"],
];

/// Our command line asks the gateway of a release.
fn asks(release: &PathBuf, protocol: u64) {
    let sandbox = Sandbox::new();
    let port = configure(&sandbox, "rescue");
    let mut peer = Gateway::spawn(command_of(release, &sandbox, &["gateway"]), port);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ran = status(&sandbox, &[]);
        if ran.code == 0 {
            break;
        }
        let still = peer.runs() && Instant::now() < deadline;
        let (out, err) = (peer.stdout(), peer.stderr());
        assert!(still, "protocol {protocol} is not healthy: {ran:?}\n{out}\n{err}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let further = ["--timeout", "30s"];
    let document = verdict(&sandbox, &further, "healthy", 0);
    assert_eq!(document["gateway"]["protocol"], protocol);
    assert_eq!(document["gateway"]["engine"], "node");
    for question in QUESTIONS {
        let words = ["--profile", "rescue"].iter().chain(question);
        let words = words.chain(&["--json"]).chain(&further);
        let answer = sandbox.run(words.clone()).exits(0).json();
        assert!(!answer.to_string().contains(TOKEN), "{question:?}");
        let refused = sandbox
            .command(words)
            .env("OPENCLAW_GATEWAY_TOKEN", "wrong")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&refused.stdout);
        assert_eq!(refused.status.code(), Some(3), "{question:?}: {said}");
    }
    // It ends its child in order, which a kill would not.
    let _ = peer.stop();
}

#[test]
fn the_early_release_is_asked_in_its_own_protocol() {
    if let Some(release) = release("ocold") {
        asks(&release, 3);
    }
}

#[test]
fn the_late_release_is_asked_in_its_own_protocol() {
    if let Some(release) = release("oc") {
        asks(&release, 4);
    }
}

/// The command line of a release asks our gateway.
fn is_asked_by(release: &PathBuf, mismatch: &str) {
    let sandbox = Sandbox::new();
    let gateway = Gateway::start(&sandbox, "rescue");
    let run = |words: &[&str], token: Option<&str>| {
        let mut command = command_of(release, &sandbox, words);
        command.envs(token.map(|token| ("OPENCLAW_GATEWAY_TOKEN", token)));
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        (output.status.code(), text)
    };
    // The early release takes the token of the variable, the late one that of the flag.
    // First, since a device that was paired has a token of its own, which opens whatever else is shown.
    let (code, said) = run(&["gateway", "call", "health", "--token", "wrong"], Some("wrong"));
    assert_ne!(code, Some(0), "{said:?}");
    assert!(said.concat().contains(mismatch), "{said:?}");
    for words in [
        &["gateway", "health"][..],
        &["gateway", "call", "health"],
        &["gateway", "probe"],
    ] {
        let (code, said) = run(words, None);
        assert_eq!(code, Some(0), "{words:?}: {said:?}");
    }
    let (code, [stdout, stderr]) = run(&["logs", "--plain"], None);
    assert_eq!(code, Some(0), "{stdout}\n{stderr}");
    assert!(stdout.contains(" info "), "its lines are understood: {stdout}");
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
fn the_command_line_of_the_early_release_is_answered() {
    let hint = "set gateway.remote.token to match gateway.auth.token";
    if let Some(release) = release("ocold") {
        is_asked_by(
            &release,
            &format!("unauthorized: gateway token mismatch ({hint})"),
        );
    }
}

#[test]
fn the_command_line_of_the_late_release_is_answered() {
    let hint = "use this gateway's gateway.auth.token or pair the device";
    if let Some(release) = release("oc") {
        is_asked_by(
            &release,
            &format!("unauthorized: gateway token mismatch ({hint})"),
        );
    }
}
