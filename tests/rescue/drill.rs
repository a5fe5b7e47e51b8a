//! Drills: a gateway that is well is broken on purpose and brought back, and whatever happens its original config is back.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::killed::{kill_before_call, trace_calls};
use super::without_manager::{BROKEN_CONFIG, SpawnedGateway, run_rescue, sandbox_without_manager};
use crate::support::gateway::{self, Gateway, wait_for};
use crate::support::pty::{Key, Modes, Size, Terminal};
use crate::support::{Reason, Sandbox, installed, skipped};

const CONFIG: &str = ".openclaw/openclaw.json";
const LAST_GOOD: &str = ".openclaw/openclaw.json.last-good";
const RECORD: &str = ".local/state/openclaw/rescue/drill.json";
const DRILL: [&str; 5] = ["--profile", "rescue", "rescue", "drill", "--yes"];

/// Returns a home with a config of the default instance that a person wrote, which is kept as the last good one too.
fn sandbox_with_config() -> (Sandbox, String) {
    let sandbox = sandbox_without_manager();
    let own = format!(
        "// as its owner wrote it\n{}\n\n",
        gateway::config(gateway::free_base())
    );
    sandbox.write(CONFIG, &own);
    sandbox.write(LAST_GOOD, &own);
    (sandbox, own)
}

/// Starts the default instance's gateway, whose config has comments.
fn start_main(sandbox: &Sandbox, own: &str) -> Gateway {
    let json = own.lines().find(|line| line.starts_with('{')).expect("a config");
    let config: Value = serde_json::from_str(json).expect("JSON");
    let port = config["gateway"]["port"].as_u64().expect("a port");
    let command = gateway::command(sandbox, "default", &[]);
    Gateway::launch(command, u16::try_from(port).expect("a port"))
}

/// Asserts that the config is the own one, and that a drill has left nothing.
#[track_caller]
fn assert_as_before(sandbox: &Sandbox, own: &str, what: &str) {
    assert_eq!(sandbox.read(CONFIG), own, "{what}");
    let left: Vec<_> = sandbox.tree().into_iter().map(|(path, ..)| path).collect();
    let is_left = |path: &Path| {
        let path = path.to_string_lossy();
        [".drill-", ".broken-", ".aside-", "drill.json"]
            .iter()
            .any(|part| path.contains(part))
    };
    let left: Vec<_> = left.iter().filter(|path| is_left(path)).collect();
    assert!(left.is_empty(), "{what}: {left:?}");
}

#[test]
fn drill_brings_a_gateway_back_and_leaves_its_config_as_it_was() {
    let (sandbox, own) = sandbox_with_config();
    let main = start_main(&sandbox, &own);
    let (pid, port) = (main.pid(), main.port);
    let spawned = SpawnedGateway(&sandbox);
    let report = run_rescue(&sandbox, &["drill", "--yes", "--json"])
        .exits(0)
        .json();
    assert_eq!(report["causes"][0]["id"], "config", "{report:#}");
    assert_eq!(
        report["tried"],
        json!([{"id": "restore-config", "result": "helped"}])
    );
    assert_eq!(
        [&report["rescued"], &report["configBack"], &report["healthy"]],
        [true; 3],
        "{report:#}"
    );
    assert!(report["tookMs"].as_u64().is_some_and(|ms| ms > 0), "{report:#}");
    let _ = main.exited().code;
    assert_as_before(&sandbox, &own, "after the drill");
    assert!(spawned.pid().is_some_and(|now| now != pid));
    let health = gateway::request(port, "GET", "/health", &[]).unwrap().json();
    assert_eq!(health["profile"], "default");
    let history = run_rescue(&sandbox, &["history", "--json"]).exits(0).json();
    assert_eq!(history["repairs"][0]["drill"], true, "{history:#}");
    let shown = run_rescue(&sandbox, &["history"]).exits(0).stdout;
    assert!(shown.contains("It was a drill"), "{shown}");
}

#[test]
fn drill_is_agreed_to_by_a_person_and_told_in_both_languages() {
    for (lang, ask, told) in [
        (
            "en",
            "Start the drill of default?",
            "rescue brought default back in",
        ),
        (
            "tr",
            "default için tatbikat başlasın mı?",
            "rescue, default profilini",
        ),
    ] {
        let (sandbox, own) = sandbox_with_config();
        let sandbox = sandbox.var("LC_ALL", "C.UTF-8");
        let main = start_main(&sandbox, &own);
        let _spawned = SpawnedGateway(&sandbox);
        let args = ["--lang", lang, "--profile", "rescue", "rescue", "drill"];
        let mut terminal = Terminal::start(&sandbox, args, Size::tall(40));
        terminal.wait_for(&ask[..20]).press(Key::Escape);
        assert_eq!(terminal.exit_code(), 1);
        assert!(main.health().is_some());
        assert_as_before(&sandbox, &own, "declined");
        let mut terminal = Terminal::start(&sandbox, args, Size::tall(100));
        terminal.wait_for(ask).press(Key::Left).press(Key::Enter);
        terminal.wait_for(told);
        assert_eq!(terminal.exit_code(), 0, "{}", terminal.screen().text());
        assert_eq!(terminal.modes(), Modes::usual());
        assert_as_before(&sandbox, &own, "agreed");
    }
}

#[test]
fn drill_is_refused_where_it_could_do_harm() {
    let (sandbox, own) = sandbox_with_config();
    let code = |words: &[&str], exit: i32| {
        let words = [&["drill", "--json"], words].concat();
        run_rescue(&sandbox, &words).exits(exit).json()["code"].clone()
    };
    // It does not run.
    assert_eq!(code(&["--yes"], 1), "rescue.drill-unwell");
    let main = start_main(&sandbox, &own);
    // Nobody can be asked.
    assert_eq!(code(&[], 2), "rescue.drill-unasked");
    // A repair is under way.
    let lock = sandbox.path(".local/state/openclaw/rescue/lock");
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    let held = File::create(&lock).unwrap();
    held.lock().unwrap();
    assert_eq!(code(&["--yes"], 1), "rescue.drill-busy");
    drop(held);
    // It runs with another config than the one in the file.
    sandbox.write(CONFIG, BROKEN_CONFIG);
    assert_eq!(code(&["--yes"], 1), "rescue.drill-unwell");
    sandbox.write(CONFIG, &own);
    // No earlier config could be put back.
    std::fs::remove_file(sandbox.path(LAST_GOOD)).unwrap();
    std::fs::create_dir(sandbox.path(LAST_GOOD)).unwrap();
    assert_eq!(code(&["--yes"], 1), "rescue.drill-no-earlier");
    assert!(main.health().is_some());
    assert_as_before(&sandbox, &own, "refused");
}

#[test]
fn watcher_says_nothing_about_a_drill() {
    let (sandbox, own) = sandbox_with_config();
    let record =
        "version = 1\nprofile = 'rescue'\n[rescue]\nwatch = ['default']\ninterval = 1\npatience = 0\n";
    sandbox.write(".openclaw-rescue/instance.toml", record);
    let main = start_main(&sandbox, &own);
    let rescuer = Gateway::start(&sandbox, "rescue");
    let log = || gateway::log(&sandbox, "rescue");
    wait_for("it is watched", || {
        log().contains("watching, healthy").then_some(())
    });
    let spawned = SpawnedGateway(&sandbox);
    let _ = run_rescue(&sandbox, &["drill", "--yes"]).exits(0);
    let _ = main.exited().code;
    // The next outage is a real one, and is told: what was said before it would stand above.
    let pid = spawned.pid().and_then(|pid| Pid::from_raw(pid.cast_signed()));
    kill_process(pid.expect("a gateway"), Signal::KILL).unwrap();
    wait_for("the outage is repaired", || {
        log().contains("repaired, healthy").then_some(())
    });
    assert_eq!(log().matches("repaired, healthy").count(), 1, "{}", log());
    assert!(log().matches("no longer healthy").count() <= 1, "{}", log());
    let _ = rescuer.stop();
}

#[test]
fn timer_of_a_gateway_that_is_down_for_its_drill_tells_nobody() {
    let (sandbox, own) = sandbox_with_config();
    let state = || sandbox.run(["rescue", "check", "--json"]).exits(1).json()["state"].clone();
    assert_eq!(state(), "lost");
    leave_drill(&sandbox, Some(&own), BROKEN_CONFIG);
    // The drill is under way: somebody holds its lock.
    let held = File::create(sandbox.path(".local/state/openclaw/rescue/lock")).unwrap();
    held.lock().unwrap();
    assert_eq!(state(), Value::Null);
    assert_eq!(sandbox.read(CONFIG), BROKEN_CONFIG);
    drop(held);
    assert_eq!(
        state(),
        "lost",
        "the drill was cut short, and the gateway is down"
    );
    assert_eq!(sandbox.read(CONFIG), own);
}

/// Writes what a drill that was cut short has left: its record, the own config under its second name, and a config.
fn leave_drill(sandbox: &Sandbox, own: Option<&str>, present: &str) {
    let config = sandbox.path(CONFIG);
    let kept = config.with_file_name("openclaw.json.drill-2026-11-30T12-00-00-000Z");
    sandbox.write(CONFIG, present);
    if let Some(own) = own {
        std::fs::write(&kept, own).unwrap();
    }
    let record = json!({ "target": "default", "rescuer": "rescue", "config": config, "kept": kept });
    sandbox.write(RECORD, record.to_string());
}

#[test]
fn config_that_somebody_wrote_during_a_drill_is_moved_aside() {
    let (sandbox, own) = sandbox_with_config();
    leave_drill(&sandbox, Some(&own), "{ edited: true }");
    let ran = sandbox.run(["--lang", "en", "profiles"]);
    assert!(ran.stderr.contains("A drill of default was cut short"), "{ran:?}");
    assert!(ran.stderr.contains("openclaw.json.aside-1"), "{ran:?}");
    assert_eq!(sandbox.read(CONFIG), own);
    assert_eq!(
        sandbox.read(".openclaw/openclaw.json.aside-1"),
        "{ edited: true }"
    );
    assert!(!sandbox.path(RECORD).exists());
}

#[test]
fn drill_that_was_cut_short_before_or_after_its_break_changes_no_config() {
    for kept in [false, true] {
        let (sandbox, own) = sandbox_with_config();
        leave_drill(&sandbox, kept.then_some(own.as_str()), &own);
        let _ = sandbox.run(["profiles"]);
        assert_as_before(&sandbox, &own, "the same config");
    }
    // A record that names another place is obeyed by nobody.
    let (sandbox, own) = sandbox_with_config();
    let victim = sandbox.write("victim", "mine");
    let record =
        json!({ "target": "default", "rescuer": "rescue", "config": victim, "kept": sandbox.path(CONFIG) });
    sandbox.write(RECORD, record.to_string());
    let _ = sandbox.run(["profiles"]);
    assert_eq!(
        (sandbox.read("victim").as_str(), sandbox.read(CONFIG)),
        ("mine", own)
    );
}

/// The system calls by which a drill changes names of files.
const NAMING_CALLS: &str = "?openat,?rename,?renameat,?renameat2,?link,?linkat,?unlink,?unlinkat";

#[test]
fn killed_at_any_step_the_own_config_is_back_at_the_next_command_and_the_gateway_at_the_next_repair() {
    if !installed("strace") {
        return;
    }
    let (sandbox, own) = sandbox_with_config();
    let main = start_main(&sandbox, &own);
    let spawned = SpawnedGateway(&sandbox);
    let Some(calls) = trace_calls(&sandbox.command(DRILL), NAMING_CALLS) else {
        return skipped(Reason::NoTracing, "the program under strace failed");
    };
    drop((main, spawned));
    let changes = |call: &str, rest: &str| call != "openat" || rest.contains("O_CREAT");
    let kills: Vec<_> = (calls.into_iter())
        .filter(|((call, _), rest)| changes(call, rest))
        .map(|(nth, _)| nth)
        .collect();
    assert!(kills.len() > 15, "{kills:?}");
    let states = std::sync::Mutex::new(BTreeMap::new());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(nth) = kills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let was_broken = kill_and_recover(nth);
                    *states.lock().unwrap().entry(was_broken).or_insert(0) += 1;
                }
            });
        }
    });
    // Some of the kills came while the config was broken, and some before or after.
    let states = states.into_inner().unwrap();
    assert_eq!(states.len(), 2, "{states:?}");
}

/// Kills a drill before a system call, and checks that the next command and the next repair end it. Returns whether another
/// config than the own one was in place.
#[track_caller]
fn kill_and_recover(nth: &super::killed::NthCall) -> bool {
    let what = format!("{nth:?}");
    let (sandbox, own) = sandbox_with_config();
    let _main = start_main(&sandbox, &own);
    let _spawned = SpawnedGateway(&sandbox);
    kill_before_call(&sandbox.command(DRILL), nth);
    let was_broken = sandbox.read(CONFIG) != own;
    let _ = sandbox.run(["profiles"]);
    assert_eq!(sandbox.read(CONFIG), own, "{what}");
    wait_for("a gateway that has started", || {
        let report = run_rescue(&sandbox, &["diagnose", "--json"]).json();
        (report["causes"][0]["id"] != "starting").then_some(())
    });
    let ran = run_rescue(&sandbox, &["repair", "--yes"]);
    assert_eq!(ran.code, 0, "{what}: {ran:?}");
    assert_eq!(sandbox.read(CONFIG), own, "{what}");
    was_broken
}
