//! Tests of the survey of a host through `ports --json`: it reads only, and a broken instance does not fail it.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::Sandbox;

/// Returns the document of `ports --json`.
fn map(sandbox: &Sandbox) -> Value {
    sandbox.run(["ports", "--json"]).exits(0).json()
}

fn labels(map: &Value) -> Vec<&str> {
    map["instances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["label"].as_str().unwrap())
        .collect()
}

#[test]
fn survey_changes_no_file() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw/openclaw.json", "{gateway: {port: 18789}}");
    sandbox.write(".openclaw-x/openclaw.json", "{");
    sandbox.write(".openclaw/manual.json", "{gateway: {port: 20000}}");
    let before = sandbox.tree();
    map(&sandbox);
    let _ = sandbox.run(["ports", "suggest"]).exits(0);
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn unreadable_configs_of_every_kind_leave_the_other_instances_in_the_map() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw/openclaw.json", "{gateway: {port: 18789}}");
    sandbox.write(".openclaw-big/openclaw.json", vec![b'x'; 10 << 20]);
    sandbox.write(".openclaw-bom/openclaw.json", "\u{feff}{gateway: {port: 20000}}");
    sandbox.write(".openclaw-folder/openclaw.json/file", "");
    sandbox.write(".openclaw-shut/openclaw.json", "{}");
    let shut = sandbox.path(".openclaw-shut");
    std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o0)).unwrap();
    sandbox.write(".openclaw-fifo/x", "");
    let fifo = sandbox.path(".openclaw-fifo/openclaw.json");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(fifo)
            .status()
            .unwrap()
            .success()
    );
    std::os::unix::fs::symlink(".openclaw-loop", sandbox.path(".openclaw-loop")).unwrap();
    let map = map(&sandbox);
    std::fs::set_permissions(&shut, std::fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(labels(&map), ["default", "big", "bom", "fifo", "folder", "shut"]);
    let health: Vec<_> = map["instances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["health"].as_str().unwrap())
        .collect();
    assert_eq!(health[..5], ["ok", "invalid", "ok", "invalid", "invalid"]);
    assert_eq!(map["instances"][2]["base"], 20000);
}

#[test]
fn services_and_further_configs_in_the_default_folder_are_found() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw/main.json", "{gateway: {port: 20000}}");
    let state = sandbox.path("srv/rescue");
    let unit = format!(
        "[Service]\nExecStart=node x gateway --port 24789\nEnvironment=OPENCLAW_STATE_DIR={0}\n\
         Environment=OPENCLAW_CONFIG_PATH={0}/openclaw.json\nEnvironment=OPENCLAW_PROFILE=rescue\n",
        state.display()
    );
    let file = sandbox.write(".config/systemd/user/openclaw-gateway-rescue.service", unit);
    let map = map(&sandbox);
    assert_eq!(labels(&map), ["default", "rescue", "~/.openclaw/main.json"]);
    let rescue = &map["instances"][1];
    assert_eq!(
        (&rescue["base"], &rescue["source"]),
        (&json!(24789), &json!("service"))
    );
    assert_eq!(rescue["service"], json!(file));
    assert_eq!(
        map["instances"][0]["base"],
        Value::Null,
        "a folder without a config holds nothing"
    );
}

/// OpenClaw 2026.1.30 writes `exec-approvals.json`, which has an object `agents`, at the first use of its exec tool.
#[test]
fn other_files_of_openclaw_are_no_configs() {
    let sandbox = Sandbox::new();
    sandbox.write(".openclaw/openclaw.json", "{gateway: {port: 18789}}");
    let approvals = json!({
        "version": 1,
        "socket": { "path": "~/.openclaw/exec-approvals.sock", "token": "t" },
        "defaults": {},
        "agents": { "main": { "allowlist": [] } },
    });
    sandbox.write(".openclaw/exec-approvals.json", approvals.to_string());
    // A tool of somebody else, with the same form under another name.
    sandbox.write(".openclaw/approvals-copy.json", approvals.to_string());
    sandbox.write(
        ".openclaw/team.json",
        "{agents: {defaults: {workspace: '~/team'}}}",
    );
    sandbox.write(".openclaw/typo.json", "{gateway: {port: 20000}, channel: {}}");
    let map = map(&sandbox);
    let expected = ["default", "~/.openclaw/team.json", "~/.openclaw/typo.json"];
    assert_eq!(labels(&map), expected);
    std::fs::remove_file(sandbox.path(".openclaw/team.json")).unwrap();
    std::fs::remove_file(sandbox.path(".openclaw/typo.json")).unwrap();
    let onboard = [
        "--profile",
        "rescue",
        "onboard",
        "--non-interactive",
        "--accept-risk",
    ];
    let _ = sandbox.run(onboard).exits(0);
    let profiles = sandbox.run(["profiles", "--json"]).exits(0).json();
    assert_eq!(profiles["profiles"].as_array().unwrap().len(), 2, "{profiles:#}");
}
