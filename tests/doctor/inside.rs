//! Findings about services, on a real manager with a real logind: each fault is seeded, found, and mended by
//! the very command that the finding names.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::service::inside::{UserHome, systemctl};
use crate::support::{Sandbox, manager};

#[test]
fn on_a_real_manager() {
    let sandbox = Sandbox::new();
    let (home, state) = (sandbox.home(), sandbox.home().with_extension("linger"));
    let _ = manager::run_with_logins(&home, &state, "doctor::inside::faults_of_a_service");
}

const PROFILE: &str = "care";
const UNIT: &str = "openclaw-gateway-care.service";

fn found(world: &UserHome) -> Vec<Value> {
    let document = world.run(PROFILE, &["doctor", "--json"]).json();
    let all = document["findings"].as_array().expect("findings").clone();
    all.into_iter().filter(|f| f["severity"] != "info").collect()
}

/// Runs the command that the finding names, as a person would.
#[track_caller]
fn mended(world: &UserHome, id: &str, severity: &str, before: impl FnOnce()) {
    let all = found(world);
    let one = all.iter().find(|f| f["id"] == id);
    let one = one.unwrap_or_else(|| panic!("{id} is not found: {all:#?}"));
    assert_eq!(one["severity"], severity);
    before();
    let command = one["mend"].as_str().expect("a command");
    let output = shell(command);
    let left = found(world);
    assert!(left.is_empty(), "{id}: {command}: {output}\n{left:#?}");
}

fn shell(command: &str) -> String {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_openclaw"));
    let folder = program.parent().expect("a folder").display();
    let output = Command::new("sh")
        .args(["-c", command])
        .env("PATH", format!("{folder}:/usr/bin:/bin:/usr/sbin:/sbin"))
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    format!("{output:?}")
}

#[test]
#[ignore = "runs inside a user manager"]
fn faults_of_a_service() {
    if !manager::is_inside() {
        return;
    }
    let world = UserHome::with_config(PROFILE, 24789);
    let state = world.path.join(".openclaw-care");
    let private = "chmod 700 $HOME/.openclaw-care; chmod 600 $HOME/.openclaw-care/openclaw.json; \
        mkdir -m 700 $HOME/.openclaw-care/workspace-care";
    shell(private);
    let units = world.path.join(".config/systemd/user");
    let file = units.join(UNIT);
    let _ = world.run(PROFILE, &["gateway", "install"]).exits(0);
    mended(&world, "service-linger", "warning", || ());

    // Other lines in it; then the same lines, not read since.
    let text = std::fs::read_to_string(&file).expect("a unit");
    std::fs::write(&file, format!("{text}Nice=5\n")).expect("a unit");
    mended(&world, "service-drift", "warning", || ());
    assert_eq!(std::fs::read_to_string(&file).expect("a unit"), text);
    std::fs::write(&file, format!("{text}# x\n")).expect("a unit");
    systemctl(&["daemon-reload"]);
    std::fs::write(&file, &text).expect("a unit");
    mended(&world, "service-drift", "warning", || ());

    systemctl(&["disable", UNIT]);
    mended(&world, "service-disabled", "warning", || ());

    // The manager gives up on a config that can't be read.
    let config = state.join("openclaw.json");
    let good = std::fs::read(&config).expect("a config");
    std::fs::write(&config, "{gateway: {").expect("a config");
    let _ = world.run(PROFILE, &["gateway", "restart"]).exits(78);
    mended(&world, "service-gave-up", "error", || {
        std::fs::write(&config, &good).expect("a config");
    });

    // Another copy of the program; then a program that is gone.
    shell("mkdir -p $HOME/bin && cp $(command -v openclaw) $HOME/bin/openclaw");
    let copied = "$HOME/bin/openclaw --profile care gateway install --force";
    shell(copied);
    mended(&world, "service-older", "warning", || ());
    shell(copied);
    std::fs::remove_file(world.path.join("bin/openclaw")).expect("a program");
    mended(&world, "service-binary", "error", || ());

    // A second unit of one instance.
    let other = units.join("openclaw-gateway-old.service");
    std::fs::copy(&file, &other).expect("a unit");
    systemctl(&["daemon-reload"]);
    systemctl(&["enable", "openclaw-gateway-old.service"]);
    mended(&world, "service-double", "error", || ());
    assert!(
        !other.exists()
            && !units
                .join("default.target.wants/openclaw-gateway-old.service")
                .is_symlink()
    );

    std::fs::remove_file(&file).expect("a unit");
    mended(&world, "service-missing", "error", || ());
}
