//! Tests of the node engine, OpenClaw from npm, which replaces this program: a script in a package of that name prints
//! how it was called. Where `OPENCLAW_PEERS` names a folder with the real releases, they are run too.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::child::ChildGuard;
use crate::support::gateway;
use crate::support::{Reason, Sandbox, skipped};

/// The script of the fake engine, which prints its pid, its arguments and its variables, and exits with code 23.
const FAKE_ENGINE: &str = r#"#!/bin/sh
echo "pid=$$"
for word in "$@"; do echo "arg=$word"; done
env | grep -E '^(OPENCLAW|CLAWDBOT)_' | sort
case "$*" in *"gateway"*) test -z "$FAKE_WAITS" || exec tail -f /dev/null ;; esac
exit 23
"#;

/// Returns a sandbox with a fake engine of this version on its search path.
pub fn sandbox_with_engine(version: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let package = "lib/node_modules/openclaw";
    sandbox.write(
        format!("{package}/package.json"),
        format!(r#"{{"name": "openclaw", "version": "{version}"}}"#),
    );
    let entry = sandbox.script(format!("{package}/openclaw.mjs"), FAKE_ENGINE);
    let bin = sandbox.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(&entry, bin.join("openclaw")).unwrap();
    // This program under its own name comes first on the search path, and must not start itself.
    let own = sandbox.path("own");
    std::fs::create_dir(&own).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_openclaw"), own.join("openclaw")).unwrap();
    let path = format!("{}:{}:/usr/bin:/bin", own.display(), bin.display());
    sandbox.var("PATH", path)
}

/// Writes a config with this port, and a record with this engine, for the profile `rescue`.
pub fn write_config(sandbox: &Sandbox, port: u16, engine: &str) {
    let text = format!(
        r#"{{ gateway: {{ mode: "local", port: {port}, auth: {{ mode: "token", token: "t0ken" }} }} }}"#
    );
    sandbox.write(".openclaw-rescue/openclaw.json", text);
    sandbox.write(
        ".openclaw-rescue/instance.toml",
        format!("engine = \"{engine}\"\n"),
    );
}

/// Returns the lines that the fake engine printed, without its pid, and without the language, which the sandbox sets.
fn printed_lines(stdout: &str) -> Vec<&str> {
    let is_compared = |line: &&str| !line.starts_with("pid=") && !line.starts_with("OPENCLAW_LANG=");
    stdout.lines().filter(is_compared).collect()
}

#[test]
fn unknown_command_is_run_by_the_engine_for_the_chosen_instance() {
    let sandbox = sandbox_with_engine("2026.9.6");
    write_config(&sandbox, 19789, "native");
    let line = ["--profile", "rescue", "skills", "list", "--json", "--limit", "3"];
    let ran = sandbox.run(line).exits(23);
    let state = sandbox.path(".openclaw-rescue").display().to_string();
    assert_eq!(
        printed_lines(&ran.stdout),
        [
            "arg=--profile",
            "arg=rescue",
            "arg=skills",
            "arg=list",
            "arg=--json",
            "arg=--limit",
            "arg=3",
            &format!("OPENCLAW_CONFIG_PATH={state}/openclaw.json"),
            "OPENCLAW_GATEWAY_PORT=19789",
            "OPENCLAW_PROFILE=rescue",
            &format!("OPENCLAW_STATE_DIR={state}"),
        ]
    );
}

#[test]
fn passed_on_command_keeps_its_options_whatever_they_mean_to_this_program() {
    let sandbox = sandbox_with_engine("2026.9.6");
    let line = [
        "--lang",
        "tr",
        "--accessible",
        "channels",
        "login",
        "--lang",
        "de",
        "--accessible",
        "--no-color",
        "--profile",
        "rescue",
    ];
    let ran = sandbox.run(line).exits(23);
    let args: Vec<_> = printed_lines(&ran.stdout)
        .into_iter()
        .filter_map(|line| line.strip_prefix("arg="))
        .collect();
    assert_eq!(
        args,
        [
            "--profile",
            "rescue",
            "channels",
            "login",
            "--lang",
            "de",
            "--accessible",
            "--no-color"
        ]
    );
}

#[test]
fn language_option_never_takes_another_option_and_refuses_an_unknown_language() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(["--lang", "--json", "ports"]).exits(2);
    assert_eq!(ran.json()["code"], "cli.lang-value");
    let ran = sandbox.run(["ports", "--lang", "xx", "--json"]).exits(2);
    assert_eq!(ran.json()["code"], "cli.bad-value");
    assert!(
        ran.json()["hints"][0].as_str().unwrap().contains("en, tr"),
        "{ran:?}"
    );
}

#[test]
fn variables_of_another_profile_are_not_inherited() {
    let main_state = Sandbox::new().path(".openclaw");
    let sandbox = sandbox_with_engine("2026.1.30")
        .var("OPENCLAW_PROFILE", "main")
        .var("OPENCLAW_STATE_DIR", &main_state)
        .var("OPENCLAW_GATEWAY_PORT", "18789")
        .var("OPENCLAW_GATEWAY_TOKEN", "mains")
        .var("OPENCLAW_GATEWAY_PASSWORD", "mains")
        .var("OPENCLAW_SERVICE_MARKER", "openclaw")
        .var("CLAWDBOT_GATEWAY_PORT", "18789")
        .var("CLAWDBOT_STATE_DIR", &main_state);
    write_config(&sandbox, 19789, "native");
    let ran = sandbox.run(["skills", "list", "--profile", "rescue"]).exits(23);
    for value in ["18789", "mains", "MARKER", "CLAWDBOT", "=main"] {
        assert!(!ran.stdout.contains(value), "{value}: {}", ran.stdout);
    }
    assert!(
        ran.stdout.contains("OPENCLAW_GATEWAY_PORT=19789"),
        "{}",
        ran.stdout
    );
}

#[test]
fn own_commands_and_help_are_not_passed_to_the_engine() {
    let sandbox = sandbox_with_engine("2026.9.6");
    for line in [
        &["ports", "--nope"][..],
        &["profiles", "nope"],
        &["--nope"],
        &["gateway", "--port", "x"],
    ] {
        let ran = sandbox.run(line).exits(2);
        assert_eq!(ran.stdout, "", "{line:?}");
    }
}

#[test]
fn without_an_engine_the_nearest_command_and_the_way_to_install_it_are_shown() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(["skills", "list", "--json"]).exits(2);
    assert_eq!(ran.json()["code"], "cli.unknown-command");
    assert!(
        ran.stderr.contains("npm install -g openclaw") || ran.stdout.contains("npm install -g openclaw"),
        "{ran:?}"
    );
    let ran = sandbox.run(["onbord", "--lang", "en"]).exits(2);
    assert!(ran.stderr.contains("Did you mean: onboard?\n"), "{}", ran.stderr);
}

#[test]
fn gateway_is_run_by_the_engine_of_the_flag_or_the_record() {
    let sandbox = sandbox_with_engine("2026.9.6");
    write_config(&sandbox, 19789, "node");
    let from_record = sandbox.run(["--profile", "rescue", "gateway"]).exits(23);
    assert_eq!(
        &printed_lines(&from_record.stdout)[..5],
        [
            "arg=--profile",
            "arg=rescue",
            "arg=gateway",
            "arg=--port",
            "arg=19789"
        ]
    );
    write_config(&sandbox, 19789, "native");
    let line = [
        "--profile",
        "rescue",
        "gateway",
        "run",
        "--engine",
        "node",
        "--port",
        "20111",
    ];
    let from_flag = sandbox.run(line).exits(23);
    assert!(
        from_flag.stdout.contains("arg=--port\narg=20111\n")
            && from_flag.stdout.contains("OPENCLAW_GATEWAY_PORT=20111\n"),
        "{}",
        from_flag.stdout
    );
    let forced = sandbox.run([
        "--profile",
        "rescue",
        "gateway",
        "--engine",
        "node",
        "--force",
        "--json",
    ]);
    assert_eq!(
        (forced.code, forced.stdout.contains("arg=")),
        (2, false),
        "{forced:?}"
    );
}

#[test]
fn engine_replaces_this_process_so_that_signals_reach_it() {
    use std::io::{BufRead as _, BufReader};
    let sandbox = sandbox_with_engine("2026.9.6").var("FAKE_WAITS", "1");
    write_config(&sandbox, 19789, "node");
    let mut command = sandbox.command(["--profile", "rescue", "gateway"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert_eq!(first, format!("pid={}", child.id()));
    lines.find(|line| line.as_ref().unwrap().starts_with("OPENCLAW_STATE_DIR"));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(15));
}

#[test]
fn config_of_a_newer_release_gives_a_notice_and_an_old_release_is_refused() {
    let sandbox = sandbox_with_engine("2026.1.30");
    sandbox.write(
        ".openclaw-rescue/openclaw.json",
        r#"{ gateway: { mode: "local" }, meta: { lastTouchedVersion: "2026.9.6" } }"#,
    );
    let line = [
        "--profile",
        "rescue",
        "gateway",
        "--engine",
        "node",
        "--lang",
        "en",
    ];
    let ran = sandbox.run(line).exits(23);
    assert!(
        ran.stderr.contains("by a newer OpenClaw (2026.9.6)"),
        "{}",
        ran.stderr
    );
    let sandbox = sandbox_with_engine("2025.11.3");
    let line = ["gateway", "--engine", "node"];
    let ran = sandbox.run(line).exits(78);
    assert!(!ran.stdout.contains("arg="), "{}", ran.stdout);
}

/// Returns the paths of the real releases' commands, which are wrappers outside of their packages; `None` where the
/// releases are not installed.
fn peers() -> Option<[PathBuf; 2]> {
    let Some(folder) = std::env::var_os("OPENCLAW_PEERS") else {
        skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
        return None;
    };
    let folder = Path::new(&folder);
    Some(["oc", "ocold"].map(|name| folder.join(name)))
}

#[test]
fn real_releases_answer_for_the_chosen_instance() {
    for peer in peers().into_iter().flatten() {
        let sandbox = Sandbox::new().var("OPENCLAW_NODE_CLI", &peer);
        write_config(&sandbox, 19789, "node");
        let ran = sandbox
            .run(["--profile", "rescue", "approvals", "--help"])
            .exits(0);
        assert!(ran.stdout.contains("Usage: openclaw approvals"), "{}", ran.stdout);
    }
}

#[test]
fn real_releases_run_as_the_gateway_of_the_chosen_instance() {
    for peer in peers().into_iter().flatten() {
        let sandbox = Sandbox::new().var("OPENCLAW_NODE_CLI", &peer);
        let port = gateway::free_base();
        write_config(&sandbox, port, "node");
        let mut command = sandbox.command(["--profile", "rescue", "gateway"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut gateway = ChildGuard(command.spawn().unwrap());
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(90);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(std::time::Instant::now() < deadline, "{peer:?} does not listen");
            assert!(gateway.0.try_wait().unwrap().is_none(), "{peer:?} has ended");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let pid = rustix::process::Pid::from_child(&gateway.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let ended = gateway.0.wait().unwrap();
        assert_eq!(ended.code(), Some(0), "{peer:?}: {ended}");
        assert!(!sandbox.path(".openclaw/openclaw.json").exists());
    }
}

#[test]
fn config_that_is_broken_soon_after_the_first_start_can_be_restored() {
    let sandbox = sandbox_with_engine("2026.9.6");
    write_config(&sandbox, 23410, "node");
    let good = sandbox.read(".openclaw-rescue/openclaw.json");
    // 23: the engine was started.
    let _ = sandbox.run(["--profile", "rescue", "gateway", "run"]).exits(23);
    sandbox.write(".openclaw-rescue/openclaw.json", "{ broken");
    let diagnose = ["--profile", "other", "rescue", "diagnose", "rescue", "--json"];
    let report = sandbox.run(diagnose).exits(1).json();
    assert_eq!(report["causes"][0]["id"], "config", "{report:#}");
    assert_eq!(report["steps"][0]["id"], "restore-config", "{report:#}");
    assert_eq!(sandbox.read(".openclaw-rescue/openclaw.json.last-good"), good);
}

#[test]
fn wizard_keeps_the_first_config_of_the_node_engine() {
    let sandbox = sandbox_with_engine("2026.9.6");
    sandbox.write(".openclaw-rescue/instance.toml", "engine = \"node\"\n");
    let args = "--profile rescue onboard --non-interactive --accept-risk";
    let _ = sandbox.run(args.split(' ')).exits(0);
    assert_eq!(
        sandbox.read(".openclaw-rescue/openclaw.json.last-good"),
        sandbox.read(".openclaw-rescue/openclaw.json")
    );
}

#[test]
fn wrapper_of_an_engine_that_status_knows_is_known_to_the_doctor() {
    let sandbox = Sandbox::new();
    write_config(&sandbox, 23420, "node");
    let wrapper = sandbox.script("bin/wrapper", "#!/bin/sh\necho OpenClaw 2026.9.6\n");
    let sandbox = sandbox.var("OPENCLAW_NODE_CLI", wrapper);
    let report = sandbox.run(["--profile", "rescue", "doctor", "--json"]).json();
    assert!(!report.to_string().contains("engine-missing"), "{report:#}");
}
