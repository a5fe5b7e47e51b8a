//! Repairs without a service manager: the diagnosis, the gateway that is started as a process of its own, and the
//! secrets that are never shown.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::gateway::{self, Gateway};
use crate::support::{Ran, Reason, Sandbox, installed, put_program, skipped};

/// A config that ends in the middle.
pub const BROKEN_CONFIG: &str = "{ \"gateway\": ";
const CONFIG: &str = ".openclaw/openclaw.json";

/// Returns a home in which no service manager is found.
pub fn sandbox_without_manager() -> Sandbox {
    Sandbox::new().var("PATH", "/nowhere")
}

/// The gateway of the default instance that a repair started as a process of its own. Dropping it kills it.
pub struct SpawnedGateway<'a>(pub &'a Sandbox);

impl SpawnedGateway<'_> {
    /// Returns the process that the lock of the default instance names.
    pub fn pid(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.0.path(".openclaw/gateway.lock")).ok()?;
        let sign: Value = serde_json::from_str(&text).ok()?;
        u32::try_from(sign["pid"].as_u64()?).ok()
    }
}

impl Drop for SpawnedGateway<'_> {
    fn drop(&mut self) {
        let pid = self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Runs `openclaw --profile rescue rescue` with these arguments.
pub fn run_rescue(sandbox: &Sandbox, words: &[&str]) -> Ran {
    sandbox.run([&["--profile", "rescue", "--lang", "en", "rescue"], words].concat())
}

/// Returns a home whose default instance does not run because its config is broken, and the last good config, which
/// is beside it.
pub fn sandbox_with_broken_config() -> (Sandbox, String) {
    let sandbox = sandbox_without_manager();
    let good = gateway::config(gateway::free_base());
    sandbox.write(CONFIG, BROKEN_CONFIG);
    sandbox.write(".openclaw/openclaw.json.last-good", &good);
    (sandbox, good)
}

/// Returns the id of the first cause of a diagnosis.
#[track_caller]
fn first_cause(report: &Value) -> &str {
    report["causes"][0]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{report:#}"))
}

#[test]
fn lock_of_a_killed_gateway_does_not_prevent_its_repair() {
    let sandbox = sandbox_without_manager();
    let main = Gateway::start(&sandbox, "default");
    let (pid, port) = (main.pid(), main.port);
    main.signal(Signal::KILL);
    let _ = main.exited();
    let report = run_rescue(&sandbox, &["diagnose", "--json"]).exits(1).json();
    assert_eq!(first_cause(&report), "killed");
    assert_eq!(report["service"], Value::Null);
    let spawned = SpawnedGateway(&sandbox);
    let report = run_rescue(&sandbox, &["repair", "--yes", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        report["tried"],
        json!([{"id": "start", "result": "helped", "why": null}])
    );
    assert_ne!(spawned.pid(), Some(pid));
    let health = gateway::request(port, "GET", "/health", &[]).unwrap().json();
    assert_eq!(health["profile"], "default");
    let report = run_rescue(&sandbox, &["diagnose", "--json"]).exits(0).json();
    assert_eq!(
        (&report["healthy"], &report["causes"]),
        (&json!(true), &json!([]))
    );
}

#[test]
fn hung_gateway_is_ended_and_another_one_is_started() {
    let sandbox = sandbox_without_manager();
    let main = Gateway::start(&sandbox, "default");
    let pid = main.pid();
    main.signal(Signal::STOP);
    let spawned = SpawnedGateway(&sandbox);
    let report = run_rescue(&sandbox, &["repair", "--yes", "--json"])
        .exits(0)
        .json();
    assert_eq!(first_cause(&report), "hung");
    assert_eq!(report["tried"][0]["id"], "end-stale", "{report:#}");
    let _ = main.exited().code;
    assert_ne!(spawned.pid(), Some(pid));
}

#[test]
fn hung_gateway_with_a_broken_config_is_ended_before_the_config_is_restored() {
    let (sandbox, good) = sandbox_with_broken_config();
    sandbox.write(CONFIG, &good);
    let main = Gateway::start(&sandbox, "default");
    let pid = main.pid();
    main.signal(Signal::STOP);
    sandbox.write(CONFIG, BROKEN_CONFIG);
    let spawned = SpawnedGateway(&sandbox);
    let report = run_rescue(&sandbox, &["repair", "--yes", "--json"])
        .exits(0)
        .json();
    assert_eq!(first_cause(&report), "config");
    assert_eq!(report["tried"][0]["id"], "restore-config", "{report:#}");
    let _ = main.exited().code;
    assert_ne!(spawned.pid(), Some(pid));
    assert_eq!(sandbox.read(CONFIG), good);
}

#[test]
fn log_of_openclaw_from_npm_is_shown_without_secrets() {
    let (sandbox, good) = sandbox_with_broken_config();
    let file = sandbox.path("openclaw.log");
    let mut config: Value = serde_json::from_str(&good).unwrap();
    config["logging"] = json!({"file": file});
    config["channels"] = json!({"telegram": {"botToken": "canary one"}});
    sandbox.write(".openclaw/openclaw.json.last-good", config.to_string());
    sandbox.write(".openclaw/instance.toml", "engine = 'node'");
    sandbox.write(".openclaw/.env", "OPENCLAW_GATEWAY_TOKEN=canary-two\n");
    let line = |level: &str, report: &str| {
        json!({"0": "{}", "1": report, "_meta": {"logLevelName": level}, "time": "T"}).to_string() + "\n"
    };
    let report = "refused canary one, canary-two, sk-canary-3AbCdEfGhIjKlMn at last";
    sandbox.write(
        "openclaw.log",
        line("INFO", "all is well") + &line("ERROR", report).repeat(3),
    );
    let shown = run_rescue(&sandbox, &["diagnose"]).exits(1).stdout;
    assert!(shown.contains("refused") && shown.contains("at last"), "{shown}");
    assert!(!shown.contains("all is well"), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
    let document = run_rescue(&sandbox, &["diagnose", "--json"]).exits(1).json();
    assert_eq!(document["logFile"], json!(file), "{document:#}");
    assert_eq!(document["log"].as_array().unwrap().len(), 1, "{document:#}");
}

#[test]
fn broken_config_without_an_earlier_one_is_left_to_a_person() {
    let sandbox = sandbox_without_manager();
    sandbox.write(CONFIG, BROKEN_CONFIG);
    let before = sandbox.tree();
    let ran = run_rescue(&sandbox, &["repair", "--yes"]).exits(1);
    let report = ran.stdout + &ran.stderr;
    assert!(report.contains("openclaw config validate"), "{report}");
    assert!(report.contains("1:14"), "{report}");
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn person_is_told_what_is_missing_beside_a_usable_config() {
    let sandbox = sandbox_without_manager();
    let good = gateway::config(gateway::free_base());
    let by_hand = || {
        let report = run_rescue(&sandbox, &["diagnose", "--json"]).exits(1).json();
        assert_eq!(first_cause(&report), "config");
        report["causes"][0]["byHand"].to_string()
    };
    sandbox.write(CONFIG, good.replace(gateway::TOKEN, "${NOT_SET_ANYWHERE}"));
    assert!(by_hand().contains("NOT_SET_ANYWHERE"), "{}", by_hand());
    sandbox.write(CONFIG, good);
    sandbox.write(".openclaw/instance.toml", "engine = 'deno'");
    assert!(by_hand().contains("instance.toml"), "{}", by_hand());
}

#[test]
fn files_of_another_user_are_diagnosed() {
    let sandbox = sandbox_without_manager();
    sandbox.write(CONFIG, gateway::config(gateway::free_base()));
    let top = sandbox.home().parent().unwrap().to_path_buf();
    let program = top.join("openclaw");
    let user = 28_000;
    if chown(&top, Some(user), Some(user)).is_err() {
        return skipped(Reason::NeedsRoot, "only root can give files away");
    }
    chown(sandbox.home(), Some(user), Some(user)).unwrap();
    // Where this program was built, another user may see nothing.
    put_program(env!("CARGO_BIN_EXE_openclaw"), &program);
    std::fs::set_permissions(sandbox.path(".openclaw"), PermissionsExt::from_mode(0o700)).unwrap();
    let run = |words: &[&str]| {
        let output = Command::new(&program)
            .args(["--profile", "rescue", "rescue"])
            .args(words)
            .env_clear()
            .env("HOME", sandbox.home())
            .uid(user)
            .gid(user)
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report)
    };
    let (code, report) = run(&["repair", "--yes", "--json"]);
    assert_eq!(
        (code, first_cause(&report)),
        (Some(1), "foreign-owner"),
        "{report:#}"
    );
    assert!(report["causes"][0]["byHand"].as_str().unwrap().contains("chown"));
    // Its own folder, and a config that was given away.
    chown(sandbox.path(".openclaw"), Some(user), Some(user)).unwrap();
    std::fs::set_permissions(sandbox.path(CONFIG), PermissionsExt::from_mode(0o600)).unwrap();
    let (code, report) = run(&["diagnose", "--json"]);
    assert_eq!(
        (code, first_cause(&report)),
        (Some(1), "foreign-owner"),
        "{report:#}"
    );
    // Its own, and no right to read.
    chown(sandbox.path(CONFIG), Some(user), Some(user)).unwrap();
    std::fs::set_permissions(sandbox.path(CONFIG), PermissionsExt::from_mode(0o000)).unwrap();
    let (code, report) = run(&["diagnose", "--json"]);
    assert_eq!(
        (code, first_cause(&report)),
        (Some(1), "unreadable"),
        "{report:#}"
    );
}

#[test]
fn full_disk_is_left_to_a_person() {
    if !installed("unshare") {
        return;
    }
    let sandbox = sandbox_without_manager();
    sandbox.write("main.json", gateway::config(gateway::free_base()));
    let script = "mkdir -p ~/.openclaw && mount -t tmpfs -o size=2m none ~/.openclaw || exit 77
        cp ~/main.json ~/.openclaw/openclaw.json; cat /dev/zero > ~/.openclaw/filler 2>/dev/null
        sum() { find ~ -type f -exec sha256sum {} +; }
        before=$(sum); PATH=/nowhere $0 --profile rescue rescue repair --yes --json; code=$?
        [ \"$before\" = \"$(sum)\" ] || exit 78
        exit $code";
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", script]);
    command.arg(env!("CARGO_BIN_EXE_openclaw")).env_clear();
    command.env("HOME", sandbox.home()).env("PATH", "/usr/bin:/bin");
    let output = command.stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(77) => return skipped(Reason::NoNamespaces, "no tmpfs can be mounted"),
        _ if stderr.starts_with("unshare:") => return skipped(Reason::NoNamespaces, &stderr),
        code => assert_eq!(code, Some(1), "{stderr}"),
    }
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(first_cause(&report), "disk-full", "{report:#}");
    assert_eq!(report["steps"], json!([]));
    assert!(report["causes"][0]["byHand"].is_string());
}

#[test]
fn hanging_service_manager_does_not_prevent_a_diagnosis() {
    let sandbox = Sandbox::new();
    let sandbox = {
        let folder = sandbox.write("bin/systemctl", "#!/bin/sh\nexec /bin/sleep 600\n");
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
        let folder = folder.parent().unwrap().to_path_buf();
        sandbox.var("PATH", folder)
    };
    sandbox.write(CONFIG, BROKEN_CONFIG);
    let report = run_rescue(&sandbox, &["diagnose", "--json"]).exits(1).json();
    assert_eq!(first_cause(&report), "config");
    assert_eq!(report["service"], Value::Null);
}

#[test]
fn two_rescuers_at_once_repair_the_target_once() {
    let (sandbox, good) = sandbox_with_broken_config();
    let spawned = SpawnedGateway(&sandbox);
    let start = |rescuer: &str| {
        let words = [
            "--profile",
            rescuer,
            "rescue",
            "repair",
            "default",
            "--yes",
            "--json",
        ];
        let mut command = sandbox.command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let both = [start("rescue"), start("other")];
    for one in both {
        let output = one.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    assert_eq!(sandbox.read(CONFIG), good);
    let history = run_rescue(&sandbox, &["history", "--json"]).exits(0).json();
    let repairs = history["repairs"].as_array().unwrap();
    assert_eq!(repairs.len(), 1, "{history:#}");
    assert_eq!(repairs[0]["steps"], json!([["restore-config", "helped"]]));
    assert!(spawned.pid().is_some());
}

#[test]
fn no_secret_of_the_target_is_shown_or_written() {
    const CANARIES: [&str; 3] = [
        "canary-of-the-config",
        "canary-of-the-env-file",
        "canary-of-before",
    ];
    let sandbox = sandbox_without_manager();
    let port = gateway::free_base();
    let config = |token: &str, more: &str| {
        format!(
            r#"{{"gateway": {{"mode": "local", "port": {port}, "auth": {{"mode": "token", "token": "{token}"}} {more}}}}}"#
        )
    };
    sandbox.write(".openclaw/openclaw.json.last-good", config(CANARIES[2], ""));
    sandbox.write(CONFIG, config(CANARIES[0], ", \"prot\": 1"));
    sandbox.write(
        ".openclaw/.env",
        format!("OPENCLAW_GATEWAY_TOKEN={}\n", CANARIES[1]),
    );
    let mut report = String::new();
    for words in [
        &["diagnose"][..],
        &["diagnose", "--json"],
        &["repair"],
        &["history"],
        &["history", "--json"],
    ] {
        let ran = run_rescue(&sandbox, words);
        report += &(ran.stdout + &ran.stderr);
    }
    assert!(
        report.contains("gateway.auth.token"),
        "the change is named: {report}"
    );
    // A repair, which writes down what it did; and a log of main now, too.
    let _spawned = SpawnedGateway(&sandbox);
    let ran = run_rescue(&sandbox, &["repair", "--yes"]);
    report += &(ran.stdout + &ran.stderr);
    for canary in CANARIES {
        assert!(!report.contains(canary), "{report}");
        for (path, _, bytes) in sandbox.tree() {
            let is_main = path.starts_with(".openclaw");
            assert!(
                is_main || !String::from_utf8_lossy(&bytes).contains(canary),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn diagnosis_names_a_changed_token_in_words_and_the_free_space_in_a_large_unit() {
    let (sandbox, good) = sandbox_with_broken_config();
    sandbox.write(CONFIG, good.replace(gateway::TOKEN, "another-token-of-mine"));
    let ran = run_rescue(&sandbox, &["diagnose"]).exits(1);
    assert!(
        ran.stdout
            .contains("gateway.auth.token: was (hidden), is now (new token)"),
        "{ran:?}"
    );
    let free = ran.stdout.split_once("Free disk space: ").expect("the disk").1;
    let number = free.split_whitespace().next().expect("a number");
    assert!(number.parse::<f64>().expect("a number") < 1024.0, "{ran:?}");
    let report = run_rescue(&sandbox, &["diagnose", "--json"]).exits(1).json();
    assert_eq!(
        report["changedSinceHealthy"][0]["after"],
        "\"__OPENCLAW_REDACTED__\""
    );
}
