//! Included files outside of the config's folder: the late release refuses them, and every command says so.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Ran, Reason, Sandbox, skipped};

const CONFIG: &str = ".openclaw/openclaw.json";
const OUTSIDE: &str = "../shared/gateway.json";

/// Values of `OPENCLAW_INCLUDE_ROOTS` with a file that a config in `~/.openclaw` includes, and whether the late release
/// reads that. `HOME` stands for the home folder.
const CASES: [(&str, &str, bool); 23] = [
    ("", "./parts/gateway.json", true),
    ("", "parts/../parts/gateway.json", true),
    ("", "../.openclaw/parts/gateway.json", true),
    ("", "HOME/.openclaw/parts/gateway.json", true),
    ("", OUTSIDE, false),
    ("", "HOME/shared/gateway.json", false),
    ("", "../.openclaw-other/gateway.json", false),
    ("", "./link.json", false),
    ("", "./linked/gateway.json", false),
    ("", "../back/gateway.json", false),
    ("", "./nested.json", false),
    ("", "./twice.json", false),
    ("", "./large.json", false),
    ("HOME/shared", OUTSIDE, true),
    ("~/shared", OUTSIDE, true),
    ("shared", OUTSIDE, true),
    ("/nowhere:: HOME/shared ", OUTSIDE, true),
    ("$HOME/shared", OUTSIDE, false),
    ("HOME/.openclaw", OUTSIDE, false),
    ("HOME/shared", "./link.json", true),
    ("HOME/shared", "./nested.json", true),
    ("HOME/back", "../back/gateway.json", true),
    ("HOME/shared", "./twice.json", false),
];

/// Creates a home folder whose default instance includes `included` as its section `gateway`.
fn including(included: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let gateway = "{ mode: 'local', port: 19789, auth: { mode: 'token', token: 't0ken-4711-4711-4711' } }";
    for file in [
        ".openclaw/parts/gateway.json",
        ".openclaw-other/gateway.json",
        "shared/gateway.json",
        "shared/twice.json",
    ] {
        sandbox.write(file, gateway);
    }
    let large = format!("{gateway} // {}", "x".repeat(2 * 1024 * 1024));
    sandbox.write(".openclaw/large.json", large);
    sandbox.write(
        ".openclaw/nested.json",
        "{ $include: './parts/../../shared/gateway.json' }",
    );
    let link = |to: &str, at: &str| symlink(to, sandbox.path(at)).expect("a link");
    link("../shared/gateway.json", ".openclaw/link.json");
    link("../shared", ".openclaw/linked");
    link(".openclaw/parts", "back");
    std::fs::hard_link(
        sandbox.path("shared/twice.json"),
        sandbox.path(".openclaw/twice.json"),
    )
    .expect("a hard link");
    let included = in_home(included, &sandbox);
    sandbox.write(CONFIG, format!("{{ gateway: {{ $include: '{included}' }} }}"));
    sandbox
}

fn in_home(text: &str, sandbox: &Sandbox) -> String {
    if text.starts_with('$') {
        return text.to_owned();
    }
    text.replace("HOME", sandbox.home().to_str().expect("UTF-8"))
}

/// Creates such a home folder whose engine is OpenClaw from npm, of the late release.
fn with_late_engine(included: &str) -> Sandbox {
    let sandbox = including(included);
    sandbox.write(
        "npm/openclaw/package.json",
        r#"{"name": "openclaw", "version": "2026.9.6"}"#,
    );
    let engine = sandbox.script("npm/openclaw/openclaw.mjs", "#!/bin/sh\nexit 0\n");
    sandbox.write(".openclaw/instance.toml", "engine = \"node\"\n");
    sandbox.var("OPENCLAW_NODE_CLI", engine)
}

/// Asks the installed late release whether it reads the config of a home folder; `None` where it is not installed.
fn ask_release(sandbox: &Sandbox, roots: &str) -> Option<bool> {
    let Some(peers) = std::env::var_os("OPENCLAW_PEERS").map(PathBuf::from) else {
        skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
        return None;
    };
    let mut command = Command::new(peers.join("oc"));
    command
        .args(["config", "validate"])
        .env_clear()
        .env("HOME", sandbox.home())
        .env("PATH", "/usr/bin:/bin")
        .current_dir(sandbox.home());
    // An empty variable is set too, and keeps the `.env` from setting it.
    if !roots.is_empty() {
        command.env("OPENCLAW_INCLUDE_ROOTS", roots);
    }
    Some(command.output().expect("the release runs").status.success())
}

#[test]
fn included_file_is_judged_as_by_the_late_release() {
    for (roots, included, is_read) in CASES {
        let sandbox = including(included);
        let roots = in_home(roots, &sandbox);
        let case = format!("{included} with {roots}");
        if let Some(answer) = ask_release(&sandbox, &roots) {
            assert_eq!(answer, is_read, "the release: {case}");
        }
        let sandbox = sandbox.var("OPENCLAW_INCLUDE_ROOTS", &roots);
        let validate = |release: &[&str]| sandbox.run([&["config", "validate", "--json"], release].concat());
        let late = validate(&["--release", "9.6"]);
        assert_eq!(late.code == 0, is_read, "{case}: {late:?}");
        let verdict = late.json();
        let path = &verdict["findings"][0]["path"];
        assert_eq!(*path == "gateway.$include", !is_read, "{case}: {verdict}");
        // The early release and this program's own gateway read it wherever it lies.
        let _ = validate(&["--release", "1.30"]).exits(0);
        let own = validate(&[]).exits(0).json();
        let named = &own["otherReleases"]["2026.9.6"][0]["path"];
        assert_eq!(*named == "gateway.$include", !is_read, "{case}: {own}");
    }
}

#[test]
fn folder_of_included_files_may_be_named_in_the_env_file() {
    let sandbox = including(OUTSIDE);
    let validate = || sandbox.run(["config", "validate", "--release", "9.6"]);
    let refused = validate().exits(1);
    let shared = sandbox.path("shared").display().to_string();
    let line = format!("OPENCLAW_INCLUDE_ROOTS={shared}");
    assert!(refused.stdout.contains(&line), "{refused:?}");
    sandbox.write(".openclaw/.env", line);
    let _ = validate().exits(0);
    assert_ne!(ask_release(&sandbox, ""), Some(false));
}

#[test]
fn every_command_refuses_an_included_file_that_the_engine_does_not_read() {
    let sandbox = with_late_engine(OUTSIDE);
    let assert_named = |ran: &Ran| {
        let text = format!("{}{}", ran.stdout, ran.stderr);
        let file = sandbox.path("shared/gateway.json").display().to_string();
        assert!(
            text.contains("gateway.$include") && text.contains(&file),
            "{ran:?}"
        );
    };
    assert_named(&sandbox.run(["config", "validate"]).exits(1));
    assert_named(&sandbox.run(["doctor"]).exits(1));
    let onboard = [
        "onboard",
        "--non-interactive",
        "--accept-risk",
        "--existing",
        "keep",
    ];
    assert_named(&sandbox.run(onboard).exits(78));
    assert_named(&sandbox.run(["status"]));
    let status = sandbox.run(["status", "--json"]).json();
    assert!(status.to_string().contains("gateway.$include"), "{status}");
}

#[test]
fn doctor_names_an_included_file_that_one_release_does_not_read() {
    let sandbox = including(OUTSIDE);
    let findings = sandbox.run(["doctor", "--json"]).json()["findings"].clone();
    let mut findings = findings.as_array().expect("findings").iter();
    let found = findings.find(|finding| finding["id"] == "config-one-release");
    let message = found.expect("a finding")["message"].to_string();
    assert!(message.contains("gateway.$include"), "{message}");
}

#[test]
fn change_is_refused_only_where_it_brings_the_included_file_in() {
    let sandbox = with_late_engine(OUTSIDE);
    let set = |args: &[&str]| sandbox.run([&["config", "set"], args, &["--json"]].concat());
    let _ = set(&["logging.level", "info"]).exits(0);
    let read = |path: &str| std::fs::read_to_string(sandbox.path(Path::new(path))).expect("a file");
    let before = read(CONFIG);
    sandbox.write("shared/channels.json", "{}");
    for change in [
        ["channels.$include", "../shared/channels.json"],
        ["gateway.$include", "../shared/twice.json"],
    ] {
        let refused = set(&change).exits(78).json();
        assert_eq!(refused["code"], "config.refused", "{change:?} {refused}");
        assert!(
            refused["message"].to_string().contains(change[0]),
            "{change:?} {refused}"
        );
    }
    assert_eq!(read(CONFIG), before);
    let _ = set(&["gateway.$include", "./parts/gateway.json"]).exits(0);
    let _ = sandbox.run(["config", "validate"]).exits(0);
}
