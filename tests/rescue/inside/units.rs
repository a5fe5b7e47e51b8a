//! Units that nothing can start, units that never come up, and units that their user stopped.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::target::{Target, command, home, rescuer_pid, run, run_alone, systemctl, wait_until};
use crate::support::child::ChildGuard;
use crate::support::{Reason, manager, skipped};

#[test]
#[ignore = "runs inside a user manager"]
fn masked_service_is_left_to_a_person() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::install("masked", 28000);
    target.remove_service();
    std::os::unix::fs::symlink("/dev/null", target.unit_file()).unwrap();
    systemctl(&["daemon-reload"]);
    let report = target.assert_left_to_a_person("masked");
    let by_hand = report["causes"][0]["byHand"].as_str().unwrap();
    assert!(by_hand.contains("systemctl --user unmask"), "{report:#}");
    assert_eq!(report["service"]["state"], "masked", "{report:#}");
    assert_eq!(
        std::fs::read_link(target.unit_file()).unwrap(),
        Path::new("/dev/null")
    );
}

#[test]
#[ignore = "runs inside a user manager"]
fn service_in_a_crash_loop_is_diagnosed_as_such_and_installed_anew() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::install("crashing", 28500);
    target.stop();
    let unit = std::fs::read_to_string(target.unit_file()).unwrap();
    let crashing = unit.replace(env!("CARGO_BIN_EXE_openclaw"), "/bin/false");
    let lines = crashing
        .lines()
        .filter(|line| !line.starts_with("StartLimit") && !line.starts_with("Restart"));
    let endless = lines.collect::<Vec<_>>().join("\n");
    let endless = endless.replace("[Unit]", "[Unit]\nStartLimitIntervalSec=0");
    let endless = endless.replace("[Service]", "[Service]\nRestart=always\nRestartSec=1");
    std::fs::write(target.unit_file(), endless).unwrap();
    systemctl(&["daemon-reload"]);
    systemctl(&["start", "--no-block", &target.unit_name()]);
    wait_until("it was restarted twice", || {
        let restarts = systemctl(&["show", "--value", "-p", "NRestarts", &target.unit_name()]);
        restarts.parse::<u32>().unwrap() >= 2
    });
    target.assert_repaired("crash-loop", "reinstall");
}

/// Starts to watch a target, from an instance of the profile `rescuer`. Returns the watcher, and what waits for its next
/// line: each is awaited in its turn, so that a repair in between would be seen.
fn watch(rescuer: &str, target: &str) -> (ChildGuard, impl FnMut() -> String) {
    let record = home().join(format!(".openclaw-{rescuer}/instance.toml"));
    std::fs::create_dir_all(record.parent().unwrap()).unwrap();
    std::fs::write(record, "[rescue]\ninterval = 1\npatience = 0\nrest = 10\n").unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_openclaw"));
    let args = ["--profile", rescuer, "--lang", "en", "rescue", "watch", target];
    let mut watch = command(program, &args).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    (ChildGuard(watch), move || lines.next().unwrap().unwrap())
}

/// Returns a target that OpenClaw from npm runs as a service, with a lock: two of them start so slowly together that a watcher
/// finds them unhealthy. `None`, and a skipped test, without the real releases.
#[track_caller]
fn install_npm_target(profile: &'static str, port: u16) -> Option<(MutexGuard<'static, ()>, Target)> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let Some(peers) = std::env::var_os("OPENCLAW_PEERS") else {
        skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
        return None;
    };
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let peers = Path::new(&peers);
    let target = Target::new(profile, port);
    std::fs::write(target.state_dir().join("instance.toml"), "engine = 'node'\n").unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_openclaw"));
    let install = command(program, &["--profile", profile, "gateway", "install", "--json"])
        .env(
            "OPENCLAW_NODE_CLI",
            peers.join("app/node_modules/openclaw/openclaw.mjs"),
        )
        .env("PATH", format!("{}:/usr/bin:/bin", peers.display()))
        .output()
        .unwrap();
    assert!(
        install.status.success(),
        "{}",
        String::from_utf8_lossy(&install.stdout)
    );
    Some((alone, target))
}

#[test]
#[ignore = "runs inside a user manager"]
fn drill_of_openclaw_from_npm_leaves_it_healthy_with_its_own_config() {
    if !manager::is_inside() {
        return;
    }
    let Some((_alone, target)) = install_npm_target("npmdrill", 31500) else {
        return;
    };
    rescuer_pid();
    let own = std::fs::read(target.config_path()).unwrap();
    let args = [
        "--profile",
        "rescue",
        "rescue",
        "drill",
        "npmdrill",
        "--yes",
        "--json",
    ];
    let report = run_alone(&args).json();
    assert_eq!(
        [&report["rescued"], &report["configBack"], &report["healthy"]],
        [true; 3],
        "{report:#}"
    );
    assert_eq!(std::fs::read(target.config_path()).unwrap(), own);
}

#[test]
#[ignore = "runs inside a user manager"]
fn openclaw_from_npm_that_systemd_stopped_is_left_alone_and_one_that_ended_is_repaired() {
    if !manager::is_inside() {
        return;
    }
    let Some((_alone, target)) = install_npm_target("npm", 30500) else {
        return;
    };
    let (_watch, mut next) = watch("npmwatcher", "npm");
    assert_contains(&next(), "watching, healthy");
    target.stop();
    assert_contains(&next(), "stopped by its user");
    systemctl(&["start", &target.unit_name()]);
    assert_contains(&next(), "healthy again");
    // It ends in order too, and nobody asked its manager for that.
    let ended = std::process::Command::new("kill").arg(target.pid()).status();
    assert!(ended.unwrap().success());
    assert_contains(&next(), "no longer healthy");
    assert_contains(&next(), "repairing");
    assert_contains(&next(), "repaired, healthy");
}

#[test]
#[ignore = "runs inside a user manager"]
fn service_that_its_user_stopped_is_left_alone_by_the_watcher() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::install("resting", 29000);
    let (_watch, mut next) = watch("patient", "resting");
    assert_contains(&next(), "watching, healthy");
    // By systemd itself, and by this program.
    target.stop();
    assert_contains(&next(), "stopped by its user");
    let _ = run(&["--profile", "resting", "gateway", "start"]).exits(0);
    assert_contains(&next(), "healthy again");
    let _ = run(&["--profile", "resting", "gateway", "stop"]).exits(0);
    assert_contains(&next(), "stopped by its user");
    let _ = run(&["--profile", "resting", "gateway", "start"]).exits(0);
    assert_contains(&next(), "healthy again");
}

/// Requires a line of a watcher to contain a text.
#[track_caller]
fn assert_contains(line: &str, text: &str) {
    assert!(line.contains(text), "{text}: {line}");
}
