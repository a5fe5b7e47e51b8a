//! Tests of `gateway install` and the other service commands: with a real user manager, and where none can be reached.

use crate::support::{Sandbox, manager};

pub mod inside;
mod linger;
mod reboot;
mod second_service;

const CONFIG: &str =
    "{gateway: {mode: 'local', port: 18789, auth: {mode: 'token', token: 'not-a-real-token-0123456789'}}}";

/// Runs the tests in [`inside`] after a boot and a login, then those in [`reboot`] after a second boot on the same home.
#[test]
fn services_run_under_a_real_user_manager() {
    let sandbox = Sandbox::new();
    if manager::run(&sandbox.home(), "service::inside::") {
        assert!(manager::run(&sandbox.home(), "service::reboot::"));
    }
}

/// Runs the tests in [`linger`] with logind: before and after a boot without a login.
#[test]
fn lingering_services_run_without_a_login() {
    let sandbox = Sandbox::new();
    let (home, state) = (sandbox.home(), sandbox.home().with_extension("linger"));
    if manager::run_with_logins(&home, &state, "service::linger::before_reboot::") {
        assert!(manager::run_with_logins(
            &home,
            &state,
            "service::linger::after_reboot::"
        ));
    }
}

#[test]
fn unreachable_manager_is_reported_with_its_reason_and_exit_code_1() {
    // Without systemctl on the search path, there is no manager for this home on any machine.
    let sandbox = Sandbox::new().var("PATH", "/nowhere");
    sandbox.write(".openclaw/openclaw.json", CONFIG);
    for verb in ["install", "start", "stop", "restart"] {
        let ran = sandbox.run(["gateway", verb, "--json"]).exits(1);
        let code = ran.json()["code"].as_str().unwrap().to_owned();
        let known = ["no-systemd", "container", "wsl", "no-bus", "sudo", "no-tool"];
        assert!(
            known.iter().any(|name| code == format!("service.{name}")),
            "{verb}: {code}"
        );
        assert!(!ran.json()["hints"].as_array().unwrap().is_empty());
    }
}

#[test]
fn dry_run_shows_files_and_commands_and_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw/openclaw.json", CONFIG);
    let before = sandbox.tree();
    let ran = sandbox
        .run(["gateway", "install", "--dry-run", "--json", "--port", "20123"])
        .exits(0);
    let document = ran.json();
    assert_eq!(document["port"], 20123);
    assert_eq!(
        document["warnings"].as_array().unwrap().len(),
        1,
        "it differs from the config"
    );
    let text = document["files"][0]["content"].as_str().unwrap();
    let start = text.lines().find(|line| line.starts_with("ExecStart=")).unwrap();
    assert!(
        start.ends_with(" --profile default gateway run --port 20123"),
        "{start}"
    );
    assert!(!text.contains("not-a-real-token"));
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn config_from_which_no_gateway_starts_is_refused() {
    let sandbox = Sandbox::new();
    let _ = sandbox.run(["gateway", "install"]).exits(78);
    sandbox.write(".openclaw/openclaw.json", "{gateway: {");
    let _ = sandbox.run(["gateway", "install", "--dry-run"]).exits(78);
    assert!(!sandbox.path(".config").exists());
}

#[test]
fn service_file_of_another_program_or_instance_is_kept() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw/openclaw.json", CONFIG);
    let unit = ".config/systemd/user/openclaw-gateway.service";
    let npm = "[Service]\nExecStart=\"/usr/bin/node\" \"/opt/x/dist/index.js\" gateway --port 18789\n";
    let other = "[Service]\nExecStart=/bin/openclaw --profile default gateway run --port 1\n\
        Environment=OPENCLAW_CONFIG_PATH=/srv/other/openclaw.json\n";
    for (text, code) in [(npm, "service.not-ours"), (other, "service.other-instance")] {
        sandbox.write(unit, text);
        let ran = sandbox.run(["gateway", "install", "--json"]).exits(1);
        assert_eq!(ran.json()["code"], code);
        assert_eq!(sandbox.read(unit), text);
    }
    let _ = sandbox
        .run(["gateway", "install", "--force", "--dry-run"])
        .exits(1);
}
