//! Inside a real user manager: one rescuer, and a target for each fault.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{manager, put_program};

pub mod target;

use target::{BROKEN, RESCUER, Target, command, files, freeze, home, rescuer, run, systemctl, until};

#[test]
#[ignore = "runs inside a user manager"]
fn the_page_s_own_case_a_truncated_config_of_main() {
    if !manager::is_inside() {
        return;
    }
    let before = rescuer();
    let args = "onboard --non-interactive --accept-risk --install-daemon --json --gateway-port 18789";
    let _ = run(&args.split(' ').collect::<Vec<_>>()).exits(0);
    // Nothing is waited for: what ran until it was stopped counts as good.
    let main = Target {
        profile: "default",
        port: 18789,
    };
    let good = std::fs::read(main.config()).unwrap();
    main.write(BROKEN);
    let _ = run(&["gateway", "restart"]).exits(78);
    let only_shown = run(&["--profile", "rescue", "rescue", "repair"]).exits(1);
    assert!(only_shown.stderr.contains("--yes"), "{only_shown:?}");
    main.diagnosed("config");

    let begun = Instant::now();
    let args = ["--profile", "rescue", "--lang", "tr", "rescue", "repair", "--yes"];
    let ran = run(&args).exits(0);
    assert!(begun.elapsed() < Duration::from_secs(15), "{ran:?}");
    let said = ran.stdout + &ran.stderr;
    for words in [
        "Yapılandırma kullanılamıyor",
        "1:14",
        "Onarıldı",
        "openclaw.json.broken-",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let _ = run(&["gateway", "status"]).exits(0);
    assert_eq!(std::fs::read(main.config()).unwrap(), good);
    let kept = files(&main.state());
    let kept = kept
        .iter()
        .filter(|(path, _)| path.to_string_lossy().contains(".broken-"));
    assert_eq!(
        kept.map(|(_, bytes)| bytes.as_slice()).collect::<Vec<_>>(),
        [BROKEN.as_bytes()]
    );
    assert_eq!(RESCUER.pid(), before);
}

#[test]
#[ignore = "runs inside a user manager"]
fn wrong_types_bad_keys_and_a_token_that_is_nowhere() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::installed("typed", 20000);
    let mut wrong = target.good();
    wrong["gateway"]["port"] = json!("many");
    let mut bad_key = target.good();
    bad_key["gateway"]["prot"] = json!(1);
    let mut no_token = target.good();
    no_token["gateway"]["auth"]["token"] = json!("${NOT_SET_ANYWHERE}");
    for config in [wrong, bad_key, no_token] {
        target.write(&config.to_string());
        let _ = run(&["--profile", "typed", "gateway", "restart"]).exits(78);
        let said = target.repaired("config", "restore-config");
        let kept = said["keptConfig"].as_str().unwrap();
        assert_eq!(std::fs::read_to_string(kept).unwrap(), config.to_string());
        let now = std::fs::read_to_string(target.config()).unwrap();
        assert_eq!(now, target.good().to_string());
    }
    // That was the third within a quarter of an hour.
    target.write(BROKEN);
    let _ = run(&["--profile", "typed", "gateway", "restart"]).exits(78);
    assert_eq!(run(&target.repair()).exits(1).json()["code"], "rescue.too-many");
    let _ = run(&target.forced()).exits(0);
}

#[test]
#[ignore = "runs inside a user manager"]
fn a_secret_that_is_not_there_any_more_is_left_to_a_person() {
    if !manager::is_inside() {
        return;
    }
    rescuer();
    let target = Target::new("secretive", 20500);
    let mut config = target.good();
    config["gateway"]["auth"]["token"] = json!("${THE_TOKEN}");
    target.write(&config.to_string());
    let env = target.state().join(".env");
    std::fs::write(&env, "THE_TOKEN=a-token-of-this-test\n").unwrap();
    let target = target.up(Path::new(env!("CARGO_BIN_EXE_openclaw")));
    std::fs::remove_file(&env).unwrap();
    let _ = run(&["--profile", "secretive", "gateway", "restart"]).exits(78);
    // The last good config is the very same: there is nothing to go back to.
    target.left_alone("config");
}

#[test]
#[ignore = "runs inside a user manager"]
fn a_service_file_that_is_gone_and_a_program_that_is_gone() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::installed("unitless", 21000);
    target.forgotten();
    target.repaired("no-service", "reinstall");
    assert!(target.file().exists());
    // With a broken config, too: neither would be enough alone.
    target.forgotten();
    target.write(BROKEN);
    target.repaired("config", "restore-config");
    assert!(target.file().exists());

    rescuer();
    let copy = home().join("copy-of-openclaw");
    put_program(env!("CARGO_BIN_EXE_openclaw"), &copy);
    let target = Target::new("binless", 21500).up(&copy);
    target.stop();
    std::fs::remove_file(&copy).unwrap();
    target.write(BROKEN);
    target.repaired("config", "restore-config");
    let unit = std::fs::read_to_string(target.file()).unwrap();
    let changed = unit.replace(env!("CARGO_BIN_EXE_openclaw"), &copy.display().to_string());
    std::fs::write(target.file(), changed).unwrap();
    systemctl(&["daemon-reload"]);
    target.stop();
    target.repaired("program-gone", "reinstall");
}

#[test]
#[ignore = "runs inside a user manager"]
fn a_crash_loop_ends_with_a_program_that_works_and_the_owner_s_config() {
    if !manager::is_inside() {
        return;
    }
    rescuer();
    let copy = home().join("crashing-openclaw");
    put_program(env!("CARGO_BIN_EXE_openclaw"), &copy);
    let target = Target::new("looping", 22000).up(&copy);
    target.stop();
    std::fs::remove_file(&copy).unwrap();
    put_program("/bin/false", &copy);
    // What its owner changed is not what is wrong: it is tried without, and given back.
    let mut changed = target.good();
    changed["gateway"]["controlUi"] = json!({"enabled": false});
    target.write(&changed.to_string());
    systemctl(&["start", "--no-block", &target.unit()]);
    until("its manager gives up", || {
        systemctl(&["show", "--value", "-p", "ActiveState", &target.unit()]) == "failed"
    });
    let said = target.repaired("gave-up", "reinstall");
    let came: Vec<_> = said["tried"].as_array().unwrap().iter().collect();
    assert_eq!(came[0]["id"], "start");
    assert_eq!(came[1]["id"], "restore-config");
    assert_ne!(came[1]["result"], "helped");
    assert_eq!(
        said["changedSinceHealthy"][0]["path"],
        "gateway.controlUi.enabled"
    );
    let now = std::fs::read_to_string(target.config()).unwrap();
    assert_eq!(now, changed.to_string());
}

#[test]
#[ignore = "runs inside a user manager"]
fn one_that_hangs_is_started_again() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::installed("hanging", 23000);
    let pid = target.pid();
    freeze(&pid);
    target.repaired("hung", "restart");
    assert_ne!(target.pid(), pid);
}

#[test]
#[ignore = "runs inside a user manager"]
fn a_port_that_somebody_else_has_is_left_to_a_person() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::installed("robbed", 24000);
    target.stop();
    let stranger = TcpListener::bind(("127.0.0.1", 24000)).unwrap();
    let said = target.left_alone("port-taken");
    assert_eq!(said["port"]["listeners"][0]["pid"], std::process::id());
    drop(stranger);
    let thief = Target::installed("thief", 24500);
    thief.stop();
    let mut config = thief.good();
    config["gateway"]["port"] = json!(24000);
    thief.write(&config.to_string());
    let args = ["--profile", "thief", "gateway", "install", "--json"];
    let _ = run(&args).exits(0);
    target.left_alone("port-of-profile");
    thief.stop();
    target.repaired("stopped", "start");
}

#[test]
#[ignore = "runs inside a user manager"]
fn a_folder_that_was_moved_away_is_left_to_a_person() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::installed("moved", 25000);
    target.stop();
    let elsewhere = home().join("moved-elsewhere");
    std::fs::rename(target.state(), &elsewhere).unwrap();
    target.left_alone("state-gone");
    assert!(!target.state().exists());
    std::fs::rename(&elsewhere, target.state()).unwrap();
    target.repaired("stopped", "start");
}

#[test]
#[ignore = "runs inside a user manager"]
fn what_a_watch_starts_without_a_service_outlives_its_rescuer() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::new("byhand", 27000);
    let program = Path::new(env!("CARGO_BIN_EXE_openclaw"));
    let mut by_hand = command(program, &["--profile", "byhand", "gateway", "run"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let target = target.settled();
    let watcher = Target::new("watcher", 27500);
    let record = "[rescue]\nwatch = ['byhand']\ninterval = 1\npatience = 0\n";
    std::fs::write(watcher.state().join("instance.toml"), record).unwrap();
    let watcher = watcher.up(program);
    freeze(&by_hand.id().to_string());
    // It does not heed that it is to end.
    by_hand.wait().unwrap();
    let healthy = || run(&["--profile", "byhand", "gateway", "status", "--json"]);
    until("the watch starts another one", || healthy().code == 0);
    let pid = healthy().json()["gateway"]["pid"].clone();
    assert!(pid.is_u64(), "{:?}", healthy());
    let group = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert!(!group.contains(&watcher.unit()), "{group}");
    watcher.stop();
    assert_eq!(healthy().exits(0).json()["gateway"]["pid"], pid);
    assert!(!target.file().exists(), "nobody asked for a service");
}
