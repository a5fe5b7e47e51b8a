//! Repairs of services inside a real user manager: one rescuer, and a target for each fault.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{manager, put_program};

pub mod target;
mod units;

use target::{
    BROKEN_CONFIG, RESCUER, Target, command, files, home, rescuer_pid, run, run_alone, suspend, systemctl,
    wait_until,
};

#[test]
#[ignore = "runs inside a user manager"]
fn truncated_config_of_the_default_instance_is_restored() {
    if !manager::is_inside() {
        return;
    }
    let before = rescuer_pid();
    let args = "onboard --non-interactive --accept-risk --install-daemon --json --gateway-port 18789";
    let _ = run(&args.split(' ').collect::<Vec<_>>()).exits(0);
    // Without waiting: a config with which the gateway ran until it was stopped counts as good.
    let main = Target {
        profile: "default",
        port: 18789,
    };
    let good = std::fs::read(main.config_path()).unwrap();
    main.write_config(BROKEN_CONFIG);
    let _ = run(&["gateway", "restart"]).exits(78);
    let only_shown = run(&["--profile", "rescue", "rescue", "repair"]).exits(1);
    assert!(only_shown.stderr.contains("--yes"), "{only_shown:?}");
    main.assert_diagnosis("config");

    let begun = Instant::now();
    let args = ["--profile", "rescue", "--lang", "tr", "rescue", "repair", "--yes"];
    let ran = run(&args).exits(0);
    assert!(begun.elapsed() < Duration::from_secs(15), "{ran:?}");
    let report = ran.stdout + &ran.stderr;
    for words in [
        "Yapılandırma kullanılamıyor",
        "1:14",
        "Onarıldı",
        "openclaw.json.broken-",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
    let _ = run(&["gateway", "status"]).exits(0);
    assert_eq!(std::fs::read(main.config_path()).unwrap(), good);
    let kept = files(&main.state_dir());
    let kept = kept
        .iter()
        .filter(|(path, _)| path.to_string_lossy().contains(".broken-"));
    assert_eq!(
        kept.map(|(_, bytes)| bytes.as_slice()).collect::<Vec<_>>(),
        [BROKEN_CONFIG.as_bytes()]
    );
    assert_eq!(RESCUER.pid(), before);
}

#[test]
#[ignore = "runs inside a user manager"]
fn configs_with_wrong_types_unknown_keys_or_a_missing_token_are_restored() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::install("typed", 20000);
    let mut wrong = target.good_config();
    wrong["gateway"]["port"] = json!("many");
    let mut bad_key = target.good_config();
    bad_key["gateway"]["prot"] = json!(1);
    let mut no_token = target.good_config();
    no_token["gateway"]["auth"]["token"] = json!("${NOT_SET_ANYWHERE}");
    for config in [wrong, bad_key, no_token] {
        target.write_config(&config.to_string());
        let _ = run(&["--profile", "typed", "gateway", "restart"]).exits(78);
        let report = target.assert_repaired("config", "restore-config");
        let kept = report["keptConfig"].as_str().unwrap();
        assert_eq!(std::fs::read_to_string(kept).unwrap(), config.to_string());
        let now = std::fs::read_to_string(target.config_path()).unwrap();
        assert_eq!(now, target.good_config().to_string());
    }
    // That was the third within a quarter of an hour.
    target.write_config(BROKEN_CONFIG);
    let _ = run(&["--profile", "typed", "gateway", "restart"]).exits(78);
    assert_eq!(
        run(&target.repair_args()).exits(1).json()["code"],
        "rescue.too-many"
    );
    let _ = run(&target.forced_repair_args()).exits(0);
}

#[test]
#[ignore = "runs inside a user manager"]
fn drill_of_a_service_brings_it_back_with_its_own_config() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::install("drilled", 22500);
    let text = target.good_config().to_string() + " // as its owner wrote it\n";
    target.write_config(&text);
    let before = target.pid();
    let args = [
        "--profile",
        "rescue",
        "rescue",
        "drill",
        "drilled",
        "--yes",
        "--json",
    ];
    let report = run_alone(&args).exits(0).json();
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
    assert_eq!(std::fs::read_to_string(target.config_path()).unwrap(), text);
    assert_ne!(target.pid(), before);
    let left = files(&target.state_dir());
    let is_left = |path: &Path| {
        [".drill-", ".broken-"]
            .iter()
            .any(|part| path.to_string_lossy().contains(part))
    };
    assert!(!left.iter().any(|(path, _)| is_left(path)), "{left:?}");
}

#[test]
#[ignore = "runs inside a user manager"]
fn missing_secret_is_left_to_a_person() {
    if !manager::is_inside() {
        return;
    }
    rescuer_pid();
    let target = Target::new("secretive", 20500);
    let mut config = target.good_config();
    config["gateway"]["auth"]["token"] = json!("${THE_TOKEN}");
    target.write_config(&config.to_string());
    let env = target.state_dir().join(".env");
    std::fs::write(&env, "THE_TOKEN=a-token-of-this-test\n").unwrap();
    let target = target.install_with(Path::new(env!("CARGO_BIN_EXE_openclaw")));
    std::fs::remove_file(&env).unwrap();
    let _ = run(&["--profile", "secretive", "gateway", "restart"]).exits(78);
    // The last good config is the very same: there is nothing to go back to.
    target.assert_left_to_a_person("config");
}

#[test]
#[ignore = "runs inside a user manager"]
fn missing_service_file_or_program_is_installed_anew() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::install("unitless", 21000);
    target.remove_service();
    target.assert_repaired("no-service", "reinstall");
    assert!(target.unit_file().exists());
    // With a broken config, too: neither would be enough alone.
    target.remove_service();
    target.write_config(BROKEN_CONFIG);
    target.assert_repaired("config", "restore-config");
    assert!(target.unit_file().exists());

    rescuer_pid();
    let copy = home().join("copy-of-openclaw");
    put_program(env!("CARGO_BIN_EXE_openclaw"), &copy);
    let target = Target::new("binless", 21500).install_with(&copy);
    target.stop();
    std::fs::remove_file(&copy).unwrap();
    target.write_config(BROKEN_CONFIG);
    target.assert_repaired("config", "restore-config");
    let unit = std::fs::read_to_string(target.unit_file()).unwrap();
    let changed = unit.replace(env!("CARGO_BIN_EXE_openclaw"), &copy.display().to_string());
    std::fs::write(target.unit_file(), changed).unwrap();
    systemctl(&["daemon-reload"]);
    target.stop();
    target.assert_repaired("program-gone", "reinstall");
}

#[test]
#[ignore = "runs inside a user manager"]
fn crash_loop_ends_with_a_working_program_and_the_owners_config() {
    if !manager::is_inside() {
        return;
    }
    rescuer_pid();
    let copy = home().join("crashing-openclaw");
    put_program(env!("CARGO_BIN_EXE_openclaw"), &copy);
    let target = Target::new("looping", 22000).install_with(&copy);
    target.stop();
    std::fs::remove_file(&copy).unwrap();
    put_program("/bin/false", &copy);
    // The owner's change is not the cause: it is tried without, and given back.
    let mut changed = target.good_config();
    changed["gateway"]["controlUi"] = json!({"enabled": false});
    target.write_config(&changed.to_string());
    systemctl(&["start", "--no-block", &target.unit_name()]);
    wait_until("its manager gives up", || {
        systemctl(&["show", "--value", "-p", "ActiveState", &target.unit_name()]) == "failed"
    });
    let report = target.assert_repaired("gave-up", "reinstall");
    let tried: Vec<_> = report["tried"].as_array().unwrap().iter().collect();
    assert_eq!(tried[0]["id"], "start");
    assert_eq!(tried[1]["id"], "restore-config");
    assert_ne!(tried[1]["result"], "helped");
    assert_eq!(
        report["changedSinceHealthy"][0]["path"],
        "gateway.controlUi.enabled"
    );
    let now = std::fs::read_to_string(target.config_path()).unwrap();
    assert_eq!(now, changed.to_string());
}

#[test]
#[ignore = "runs inside a user manager"]
fn hung_service_is_restarted() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::install("hanging", 23000);
    let pid = target.pid();
    suspend(&pid);
    target.assert_repaired("hung", "restart");
    assert_ne!(target.pid(), pid);
}

#[test]
#[ignore = "runs inside a user manager"]
fn port_held_by_another_program_or_profile_is_left_to_a_person() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::install("robbed", 24000);
    target.stop();
    let stranger = TcpListener::bind(("127.0.0.1", 24000)).unwrap();
    let report = target.assert_left_to_a_person("port-taken");
    assert_eq!(report["port"]["listeners"][0]["pid"], std::process::id());
    drop(stranger);
    let thief = Target::install("thief", 24500);
    thief.stop();
    let mut config = thief.good_config();
    config["gateway"]["port"] = json!(24000);
    thief.write_config(&config.to_string());
    let args = ["--profile", "thief", "gateway", "install", "--json"];
    let _ = run(&args).exits(0);
    target.assert_left_to_a_person("port-of-profile");
    thief.stop();
    target.assert_repaired("stopped", "start");
}

#[test]
#[ignore = "runs inside a user manager"]
fn missing_state_folder_is_left_to_a_person() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::install("moved", 25000);
    target.stop();
    let elsewhere = home().join("moved-elsewhere");
    std::fs::rename(target.state_dir(), &elsewhere).unwrap();
    target.assert_left_to_a_person("state-gone");
    assert!(!target.state_dir().exists());
    std::fs::rename(&elsewhere, target.state_dir()).unwrap();
    target.assert_repaired("stopped", "start");
}

#[test]
#[ignore = "runs inside a user manager"]
fn gateway_that_a_watcher_started_without_a_service_outlives_the_watcher_pid() {
    if !manager::is_inside() {
        return;
    }
    let target = Target::new("byhand", 27000);
    let program = Path::new(env!("CARGO_BIN_EXE_openclaw"));
    let mut by_hand = command(program, &["--profile", "byhand", "gateway", "run"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let target = target.wait_for_last_good();
    let watcher = Target::new("watcher", 27500);
    let record = "[rescue]\nwatch = ['byhand']\ninterval = 1\npatience = 0\n";
    std::fs::write(watcher.state_dir().join("instance.toml"), record).unwrap();
    let watcher = watcher.install_with(program);
    suspend(&by_hand.id().to_string());
    // The rescuer kills it, since a suspended process does not end when it is asked to.
    by_hand.wait().unwrap();
    let healthy = || run(&["--profile", "byhand", "gateway", "status", "--json"]);
    wait_until("the watch starts another one", || healthy().code == 0);
    let pid = healthy().json()["gateway"]["pid"].clone();
    assert!(pid.is_u64(), "{:?}", healthy());
    let group = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert!(!group.contains(&watcher.unit_name()), "{group}");
    watcher.stop();
    assert_eq!(healthy().exits(0).json()["gateway"]["pid"], pid);
    assert!(!target.unit_file().exists(), "nobody asked for a service");
}
