//! Units that nothing can start, units that never come up, and units that their user stopped.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use super::target::{Target, command, home, run, systemctl, wait_until};
use crate::support::child::ChildGuard;
use crate::support::manager;

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

#[test]
#[ignore = "runs inside a user manager"]
fn service_that_its_user_stopped_is_left_alone_by_the_watcher() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::install("resting", 29000);
    let record = home().join(".openclaw-watcher/instance.toml");
    std::fs::create_dir_all(record.parent().unwrap()).unwrap();
    std::fs::write(record, "[rescue]\ninterval = 1\npatience = 0\nrest = 10\n").unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_openclaw"));
    let args = [
        "--profile",
        "watcher",
        "--lang",
        "en",
        "rescue",
        "watch",
        "resting",
    ];
    let mut watch = command(program, &args).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let _watch = ChildGuard(watch);
    // Each line is awaited in its turn, so that a repair in between would be seen.
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().contains("watching, healthy"));
    // By systemd itself, and by this program.
    target.stop();
    assert!(next().contains("stopped by its user"));
    let _ = run(&["--profile", "resting", "gateway", "start"]).exits(0);
    assert!(next().contains("healthy again"));
    let _ = run(&["--profile", "resting", "gateway", "stop"]).exits(0);
    assert!(next().contains("stopped by its user"));
    let _ = run(&["--profile", "resting", "gateway", "start"]).exits(0);
    assert!(next().contains("healthy again"));
}
