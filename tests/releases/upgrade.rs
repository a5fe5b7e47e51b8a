//! `openclaw engine upgrade` and `rollback` of an instance whose gateway does not run: the rehearsal starts a real gateway on
//! the copy, and the switch changes files alone. It is killed at each system call that writes.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use super::{engine_json, folders, install, sandbox_with};
use crate::crash::{KillPoint, WRITING_CALLS, kill_points};
use crate::support::child::kill_processes_of;
use crate::support::gateway::{free_base, wait_for};
use crate::support::npm_registry::{NpmRegistry, Package, Start};
use crate::support::strace::first_thread_under_strace;
use crate::support::{Reason, Sandbox, network, skipped};

/// The config as OpenClaw 2026.1.30 writes it: with a key that 2026.9.6 refuses.
const CONFIG: &str = r#"{
  // kept
  "gateway": { "mode": "local", "port": 19789, "auth": { "mode": "token", "token": "t0ken" } },
  "channels": { "telegram": { "botToken": "123:real" } },
  "meta": { "lastTouchedVersion": "2026.1.30", "lastTouchedAt": "2026-01-30T00:00:00Z" }
}
"#;
const SESSION: &str = ".openclaw-rescue/agents/main/sessions/one.jsonl";
const RECORD: &str = ".openclaw-rescue/instance.toml";

/// Returns a sandbox whose instance runs 2026.1.30 and has a session, with 2026.9.6 installed beside it.
fn sandbox_on_early_release(start: Start) -> Option<(Sandbox, NpmRegistry)> {
    let packages = [
        Package::gateway("2026.1.30", Start::Serves),
        Package::gateway("2026.9.6", start),
    ];
    let (sandbox, registry) = sandbox_with(&packages)?;
    for version in ["2026.1.30", "2026.9.6"] {
        let _ = install(&sandbox, &registry, version).exits(0);
    }
    sandbox.write(".openclaw-rescue/openclaw.json", CONFIG);
    sandbox.write(SESSION, "first\n");
    sandbox.write(RECORD, "engine = 'node'\nrelease = '2026.1.30'\n");
    Some((sandbox, registry))
}

fn config(sandbox: &Sandbox) -> String {
    sandbox.read(".openclaw-rescue/openclaw.json")
}

/// Asserts that the instance is as it was before the upgrade.
#[track_caller]
fn assert_old(sandbox: &Sandbox, context: &str) {
    assert_eq!(config(sandbox), CONFIG, "{context}");
    assert!(sandbox.read(RECORD).contains("2026.1.30"), "{context}");
    assert_eq!(sandbox.read(SESSION), "first\n", "{context}");
}

#[test]
fn rehearsal_changes_nothing_and_names_the_keys_that_would_go() {
    let Some((sandbox, _registry)) = sandbox_on_early_release(Start::Serves) else {
        return;
    };
    let state = sandbox.path(".openclaw-rescue");
    let tried = engine_json(&sandbox, &["upgrade", "2026.9.6", "--dry-run"])
        .exits(0)
        .json();
    assert_eq!(
        (&tried["dryRun"], &tried["removedKeys"]),
        (&json!(true), &json!(["meta.lastTouchedAt"]))
    );
    assert!(
        tried["rehearsal"]["startMs"]
            .as_u64()
            .is_some_and(|time| time > 0),
        "{tried}"
    );
    assert_old(&sandbox, "a rehearsal changes nothing");
    assert!(!state.join("state-of").exists(), "the release took over the copy");
    assert_eq!(folders(&sandbox), ["2026.1.30", "2026.9.6"]);
    assert_eq!(
        engine_json(&sandbox, &["upgrade", "2026.9.6"]).exits(2).json()["code"],
        "engine.upgrade-unasked"
    );
}

#[test]
fn upgrade_is_made_and_rolled_back_with_config_and_state() {
    let Some((sandbox, _registry)) = sandbox_on_early_release(Start::Serves) else {
        return;
    };
    let made = engine_json(&sandbox, &["upgrade", "2026.9.6", "--yes"])
        .exits(0)
        .json();
    assert_eq!(
        (&made["from"], &made["to"]),
        (&json!("2026.1.30"), &json!("2026.9.6"))
    );
    assert!(sandbox.read(RECORD).contains("2026.9.6"));
    assert!(config(&sandbox).contains("// kept") && !config(&sandbox).contains("lastTouchedAt"));
    let again = engine_json(&sandbox, &["upgrade", "2026.9.6", "--yes"])
        .exits(1)
        .json();
    assert_eq!(again["code"], "engine.runs-it");
    let older = engine_json(&sandbox, &["upgrade", "2026.1.30", "--yes"])
        .exits(1)
        .json();
    assert_eq!(older["code"], "engine.older");

    // OpenClaw's own update is not for such an instance, and what a rollback needs stays.
    let own = sandbox.run(["--profile", "rescue", "update"]).exits(2);
    assert!(own.stderr.contains("engine upgrade"), "{own:?}");
    let kept = engine_json(&sandbox, &["remove", "2026.1.30"]).exits(1).json();
    assert_eq!(kept["code"], "engine.needed");
    sandbox.write(SESSION, "second\n");
    assert_eq!(
        engine_json(&sandbox, &["rollback"]).exits(2).json()["code"],
        "engine.rollback-unasked"
    );
    let back = engine_json(&sandbox, &["rollback", "--yes"]).exits(0).json();
    assert!(
        back["filesWrittenSince"].as_u64().is_some_and(|files| files > 0),
        "{back}"
    );
    assert_old(&sandbox, "rolled back");
    let history = engine_json(&sandbox, &["history"]).exits(0).json();
    let kinds: Vec<_> = history["switches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["kind"])
        .collect();
    assert_eq!(kinds, ["rollback", "upgrade"]);
    assert_eq!(
        engine_json(&sandbox, &["rollback", "--yes"]).exits(1).json()["code"],
        "engine.no-upgrade"
    );
    // What was written since the upgrade is in the snapshot that the rollback made.
    let id = back["before"].as_str().expect("a snapshot");
    let _ = sandbox
        .run(["--profile", "rescue", "snapshot", "restore", id, "--yes"])
        .exits(0);
    assert_eq!(sandbox.read(SESSION), "second\n");
}

#[test]
fn release_that_does_not_start_on_the_copy_changes_nothing() {
    let Some((sandbox, _registry)) = sandbox_on_early_release(Start::Refuses) else {
        return;
    };
    let before = sandbox_tree(&sandbox);
    let failed = engine_json(&sandbox, &["upgrade", "2026.9.6", "--yes"])
        .exits(1)
        .json();
    assert_eq!(failed["code"], "engine.rehearsal-ended");
    assert!(
        failed["cause"].as_str().unwrap().contains("refused by 2026.9.6"),
        "{failed}"
    );
    assert_eq!(sandbox_tree(&sandbox), before);
    assert_eq!(folders(&sandbox), ["2026.1.30", "2026.9.6"]);
}

/// Returns the files of the instance with their contents.
fn sandbox_tree(sandbox: &Sandbox) -> Vec<(PathBuf, Vec<u8>)> {
    let of_instance = |path: &Path| path.starts_with(".openclaw-rescue");
    let tree = sandbox.tree().into_iter();
    tree.filter(|(path, _, _)| of_instance(path))
        .map(|(path, _, bytes)| (path, bytes))
        .collect()
}

#[test]
fn native_gateway_has_no_release_to_upgrade() {
    let Some((sandbox, _registry)) = sandbox_on_early_release(Start::Serves) else {
        return;
    };
    sandbox.write(RECORD, "engine = 'native'\n");
    let refused = engine_json(&sandbox, &["upgrade", "2026.9.6", "--yes"])
        .exits(1)
        .json();
    assert_eq!(refused["code"], "engine.native-has-none");
}

const UPGRADE: [&str; 6] = ["--profile", "rescue", "engine", "upgrade", "2026.9.6", "--yes"];

/// What became of an upgrade that was to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Killed {
    /// It came to its end before the point: a run makes a few calls less than the first one, which makes folders.
    Never,
    /// It had changed nothing yet, or was done.
    Between,
    /// It had to be put back.
    CutShort,
}

/// Kills an upgrade at a point, and checks that the next rollback brings the old state back.
fn kill_and_put_back(sandbox: &Sandbox, kill: &KillPoint) -> Killed {
    let inject = format!("inject={}:signal=KILL:when={}", kill.call, kill.nth);
    let trace = format!("trace={}", kill.call);
    let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
    let args = [&UPGRADE[..], &["--no-rehearsal"]].concat();
    let mut command = first_thread_under_strace(sandbox, &sandbox.command(args), &options);
    let was_killed = !command.status().expect("strace").success();
    let mut left = std::fs::read_dir(super::store(sandbox)).unwrap().flatten();
    let is_cut_short = left.any(|entry| entry.file_name().to_string_lossy().starts_with("switch-"));
    let next = engine_json(sandbox, &["rollback", "--yes"]);
    let has_nothing = || next.json()["code"] == "engine.no-upgrade";
    assert!(next.code == 0 || has_nothing(), "{kill:?}: {next:?}");
    assert_old(sandbox, &format!("{kill:?}"));
    assert_eq!(folders(sandbox), ["2026.1.30", "2026.9.6"], "{kill:?}");
    match (was_killed, is_cut_short) {
        (false, _) => Killed::Never,
        (true, false) => Killed::Between,
        (true, true) => Killed::CutShort,
    }
}

#[test]
fn upgrade_that_is_killed_anywhere_is_put_back() {
    let kill_everywhere = || {
        let Some((sandbox, _registry)) = sandbox_on_early_release(Start::Serves) else {
            return;
        };
        let trace = tempfile::NamedTempFile::new().expect("a file");
        let path = trace.path().to_str().expect("text");
        let count = ["-o", path, "-e", &format!("trace={WRITING_CALLS}")];
        let args = [&UPGRADE[..], &["--no-rehearsal"]].concat();
        let mut counted = first_thread_under_strace(&sandbox, &sandbox.command(args), &count);
        match counted.status() {
            Ok(status) if status.success() => {}
            Ok(_) => return skipped(Reason::NoTracing, "the program under strace failed"),
            Err(_) => return skipped(Reason::NoProgram("strace"), "system calls are counted with it"),
        }
        let _ = engine_json(&sandbox, &["rollback", "--yes"]).exits(0);
        let lines = std::fs::read_to_string(path).expect("a trace");
        // One thread is traced, so that strace names none.
        let lines = lines
            .lines()
            .fold(String::new(), |text, line| text + "1 " + line + "\n");
        let kills = kill_points(&lines);
        assert!(kills.len() > 30, "{kills:?}");
        let killed: Vec<_> = kills
            .iter()
            .map(|kill| kill_and_put_back(&sandbox, kill))
            .collect();
        let count = |what| killed.iter().filter(|killed| **killed == what).count();
        assert!(count(Killed::Never) < 10, "{killed:?}");
        assert!(
            count(Killed::CutShort) >= 30 && count(Killed::Between) > 1,
            "{killed:?}"
        );
    };
    network::own(kill_everywhere);
}

/// Every process that was started in a home folder, and ends with the value.
pub(super) struct ProcessesOf(pub(super) PathBuf);

impl Drop for ProcessesOf {
    fn drop(&mut self) {
        kill_processes_of(&self.0);
    }
}

#[test]
fn gateway_that_starts_after_a_kill_puts_the_old_release_back() {
    let Some((sandbox, _registry)) = sandbox_on_early_release(Start::Serves) else {
        return;
    };
    let _ = engine_json(&sandbox, &["upgrade", "2026.9.6", "--yes", "--no-rehearsal"]).exits(0);
    // The history has all that a journal has.
    let history = engine_json(&sandbox, &["history"]).exits(0).json();
    let mut journal = history["switches"][0].clone();
    for name in ["outcome", "downtime"] {
        journal.as_object_mut().unwrap().remove(name);
    }
    journal["wasRunning"] = true.into();
    let status = sandbox.run(["--profile", "rescue", "status", "--json"]).json();
    let id = status["instanceId"].as_str().expect("an id");
    sandbox.write(
        format!(".local/state/openclaw/engines/switch-{id}.json"),
        journal.to_string(),
    );
    let port = free_base();
    let port = port.to_string();
    let mut command = sandbox.command(["--profile", "rescue", "gateway", "run", "--port", &port]);
    let _processes = ProcessesOf(sandbox.home());
    let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut gateway = silent.spawn().unwrap();
    wait_for("the old release", || {
        let state = std::fs::read_to_string(sandbox.path(".openclaw-rescue/state-of")).ok()?;
        (state == "2026.1.30").then_some(())
    });
    assert!(gateway.try_wait().unwrap().is_none());
    assert_old(&sandbox, "put back at the start");
    let history: Value = engine_json(&sandbox, &["history"]).exits(0).json();
    assert_eq!(history["switches"][0]["outcome"], "cut-short");
}

/// Writes an instance that runs 2026.1.30.
fn write_early_instance(sandbox: &Sandbox, profile: &str, port: u16, more: &str) {
    let folder = format!(".openclaw{profile}");
    sandbox.write(
        format!("{folder}/openclaw.json"),
        CONFIG.replace("19789", &port.to_string()),
    );
    let record = format!("engine = 'node'\nrelease = '2026.1.30'\n{more}");
    sandbox.write(format!("{folder}/instance.toml"), record);
}

/// Returns the names of the instances in a list of the document of `engine upgrade --all`.
fn instances(document: &Value, list: &str) -> Vec<String> {
    let listed = document[list].as_array().expect("a list").iter();
    listed
        .map(|entry| entry["instance"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn all_are_upgraded_one_after_the_other_but_for_those_that_are_pinned_and_rescue_bots_last() {
    let Some((sandbox, _registry)) = sandbox_on_early_release(Start::Serves) else {
        return;
    };
    write_early_instance(&sandbox, "", 18789, "");
    write_early_instance(&sandbox, "-a-rescue", 20789, "");
    write_early_instance(&sandbox, "-work", 21789, "");
    let pinned = sandbox
        .run(["--profile", "work", "engine", "pin", "--json"])
        .exits(0)
        .json();
    assert_eq!(pinned["pinned"], true);
    let alone = [
        "--profile",
        "work",
        "engine",
        "upgrade",
        "2026.9.6",
        "--yes",
        "--json",
    ];
    assert_eq!(sandbox.run(alone).exits(1).json()["code"], "engine.pinned");
    let all = ["engine", "upgrade", "--all", "2026.9.6", "--yes", "--json"];
    let all = all.into_iter().chain(["--no-rehearsal"]);
    let made = sandbox.run(all).exits(0).json();
    assert_eq!(instances(&made, "upgraded"), ["default", "a-rescue", "rescue"]);
    assert_eq!(instances(&made, "leftOut"), ["work"]);
    assert_eq!(instances(&made, "failed"), [""; 0]);
    let unpinned = ["--profile", "work", "engine", "pin", "--off", "--json"];
    assert_eq!(sandbox.run(unpinned).exits(0).json()["pinned"], false);
    assert!(!sandbox.read(".openclaw-work/instance.toml").contains("pinned"));
}

#[test]
fn rescue_bot_stays_as_it_is_where_the_release_has_failed_another_gateway() {
    let Some((sandbox, _registry)) = sandbox_on_early_release(Start::Serves) else {
        return;
    };
    // A value that the release refuses, and not only a key that it does not know.
    write_early_instance(&sandbox, "", 18789, "");
    sandbox.write(
        ".openclaw/openclaw.json",
        CONFIG
            .replace("19789", "18789")
            .replace("\"local\"", "\"nowhere\""),
    );
    let before = (sandbox.read(RECORD), config(&sandbox));
    let all = ["engine", "upgrade", "--all", "2026.9.6", "--yes", "--json"];
    let made = sandbox.run(all).exits(1).json();
    assert_eq!(instances(&made, "failed"), ["default"]);
    assert_eq!(instances(&made, "leftOut"), ["rescue"]);
    assert_eq!(made["leftOut"][0]["result"]["code"], "engine.spared");
    assert_eq!((sandbox.read(RECORD), config(&sandbox)), before);
}

#[test]
fn gateway_that_does_not_start_since_its_upgrade_is_rolled_back_by_a_repair() {
    network::own(|| {
        let Some((sandbox, _registry)) = sandbox_on_early_release(Start::Refuses) else {
            return;
        };
        let _processes = ProcessesOf(sandbox.home());
        let _ = engine_json(&sandbox, &["upgrade", "2026.9.6", "--yes", "--no-rehearsal"]).exits(0);
        let repair = ["rescue", "repair", "rescue", "--yes", "--json"];
        let report = sandbox.run(repair).exits(0).json();
        let tried = report["tried"].as_array().expect("steps").iter();
        let tried: Vec<_> = tried
            .map(|step| (step["id"].clone(), step["result"].clone()))
            .collect();
        let step = |id: &str, result: &str| (json!(id), json!(result));
        assert_eq!(
            tried,
            [step("start", "in-vain"), step("roll-back", "helped")],
            "{report:#}"
        );
        assert!(sandbox.read(RECORD).contains("2026.1.30"));
        assert_eq!(config(&sandbox), CONFIG);
        // It is undone once, and never again.
        let again = engine_json(&sandbox, &["rollback", "--yes"]).exits(1).json();
        assert_eq!(again["code"], "engine.no-upgrade");
    });
}
