//! Findings about services under a real systemd user manager with a real logind: each fault is seeded, reported, and
//! removed by the command that its finding names.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::service::inside::{UserHome, systemctl};
use crate::support::{Sandbox, manager};

#[test]
fn faults_of_a_service_are_reported_and_fixed_under_a_real_manager() {
    let sandbox = Sandbox::new();
    let (home, state) = (sandbox.home(), sandbox.home().with_extension("linger"));
    let _ = manager::run_with_logins(
        &home,
        &state,
        "doctor::inside::faults_of_a_service_are_reported_and_fixed",
    );
}

/// Profile of the instance that has the service.
const PROFILE: &str = "care";
/// Unit of that instance's gateway.
const UNIT: &str = "openclaw-gateway-care.service";

/// Returns the findings that are more than a note.
fn findings(home: &UserHome) -> Vec<Value> {
    let document = home.run(PROFILE, &["doctor", "--json"]).json();
    let all = document["findings"].as_array().expect("findings").clone();
    all.into_iter().filter(|f| f["severity"] != "info").collect()
}

/// Asserts that a finding is reported and that the command which it names removes it. `prepare` does what a person has to
/// do before that command.
#[track_caller]
fn assert_reported_and_fixed(home: &UserHome, id: &str, severity: &str, prepare: impl FnOnce()) {
    let all = findings(home);
    let one = all.iter().find(|f| f["id"] == id);
    let one = one.unwrap_or_else(|| panic!("{id} is not found: {all:#?}"));
    assert_eq!(one["severity"], severity);
    prepare();
    let command = one["mend"].as_str().expect("a command");
    let output = run_in_shell(command);
    let left = findings(home);
    assert!(left.is_empty(), "{id}: {command}: {output}\n{left:#?}");
}

/// Runs a command line with the tested program on the search path, and returns how it ended.
fn run_in_shell(command: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_openclaw"));
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
fn faults_of_a_service_are_reported_and_fixed() {
    if !manager::is_inside() {
        return;
    }
    let home = UserHome::with_config(PROFILE, 24789);
    let private = "chmod 700 $HOME/.openclaw-care; chmod 600 $HOME/.openclaw-care/openclaw.json; \
        mkdir -m 700 $HOME/.openclaw-care/workspace-care";
    run_in_shell(private);
    let unit = home.path.join(".config/systemd/user").join(UNIT);
    let _ = home.run(PROFILE, &["gateway", "install"]).exits(0);
    assert_reported_and_fixed(&home, "service-linger", "warning", || ());
    check_changed_unit(&home, &unit);

    systemctl(&["disable", UNIT]);
    assert_reported_and_fixed(&home, "service-disabled", "warning", || ());

    // The manager gives up on a config that can't be read.
    let config = home.path.join(".openclaw-care/openclaw.json");
    let good = std::fs::read(&config).expect("a config");
    std::fs::write(&config, "{gateway: {").expect("a config");
    let _ = home.run(PROFILE, &["gateway", "restart"]).exits(78);
    assert_reported_and_fixed(&home, "service-gave-up", "error", || {
        std::fs::write(&config, &good).expect("a config");
    });

    check_program_of_unit(&home);
    check_second_unit(&home, &unit);
    std::fs::remove_file(&unit).expect("a unit");
    assert_reported_and_fixed(&home, "service-missing", "error", || ());
}

/// Changes the unit; then changes it and back, with the manager still on the changed text.
fn check_changed_unit(home: &UserHome, unit: &Path) {
    let text = std::fs::read_to_string(unit).expect("a unit");
    std::fs::write(unit, format!("{text}Nice=5\n")).expect("a unit");
    assert_reported_and_fixed(home, "service-drift", "warning", || ());
    assert_eq!(std::fs::read_to_string(unit).expect("a unit"), text);
    std::fs::write(unit, format!("{text}# x\n")).expect("a unit");
    systemctl(&["daemon-reload"]);
    std::fs::write(unit, &text).expect("a unit");
    assert_reported_and_fixed(home, "service-drift", "warning", || ());
}

/// Installs the unit from another copy of the program; then removes that copy.
fn check_program_of_unit(home: &UserHome) {
    run_in_shell("mkdir -p $HOME/bin && cp $(command -v openclaw) $HOME/bin/openclaw");
    let install_copy = "$HOME/bin/openclaw --profile care gateway install --force";
    run_in_shell(install_copy);
    assert_reported_and_fixed(home, "service-older", "warning", || ());
    run_in_shell(install_copy);
    std::fs::remove_file(home.path.join("bin/openclaw")).expect("a program");
    assert_reported_and_fixed(home, "service-binary", "error", || ());
}

/// Adds a second unit of the same instance, which the fix removes.
fn check_second_unit(home: &UserHome, unit: &Path) {
    let name = "openclaw-gateway-old.service";
    let second = unit.with_file_name(name);
    std::fs::copy(unit, &second).expect("a unit");
    systemctl(&["daemon-reload"]);
    systemctl(&["enable", name]);
    assert_reported_and_fixed(home, "service-double", "error", || ());
    let link = unit.with_file_name("default.target.wants").join(name);
    assert!(!second.exists() && !link.is_symlink());
}
