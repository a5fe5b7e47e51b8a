//! The default instance under an earlier name of OpenClaw: it is the default instance, and onboarding does not cut it off.

use serde_json::json;

use super::{onboard, onboard_ok};
use crate::support::{Sandbox, network};

/// The config of an instance that an earlier OpenClaw set up.
const LEGACY: &str = "{ gateway: { mode: 'local', port: 18789, auth: { token: 'LEGACY-TOKEN' } } }";

#[test]
fn legacy_state_folder_is_the_default_instance_and_its_ports_are_held() {
    network::own(|| {
        for file in [
            ".clawdbot/clawdbot.json",
            ".moltbot/moltbot.json",
            ".openclaw/clawdbot.json",
        ] {
            let sandbox = Sandbox::new();
            let config = sandbox.write(file, LEGACY);
            let before = sandbox.tree();
            let list = sandbox.run(["profiles", "--json"]).exits(0).json();
            assert_eq!(list["profiles"][0]["name"], "default", "{file}: {list:#}");
            assert_eq!(list["profiles"][0]["configPath"], json!(config), "{file}");
            assert_eq!(
                list["profiles"].as_array().map(Vec::len),
                Some(1),
                "{file}: {list:#}"
            );
            let ports = sandbox
                .run(["--profile", "rescue", "ports", "check", "18789"])
                .exits(78);
            assert!(ports.stderr.contains("default"), "{file}: {}", ports.stderr);
            let port = sandbox.run(["config", "get", "gateway.port"]).exits(0);
            assert_eq!(port.stdout.trim(), "18789", "{file}");
            assert_eq!(sandbox.tree(), before, "{file}");
        }
    });
}

#[test]
fn onboarding_beside_a_legacy_state_folder_refuses_and_names_the_way() {
    network::own(|| {
        let sandbox = Sandbox::new();
        sandbox.write(".clawdbot/clawdbot.json", LEGACY);
        let before = sandbox.tree();
        for words in [&["onboard", "--non-interactive", "--accept-risk"][..], &["setup"]] {
            let run = sandbox.run(words).exits(78);
            assert!(run.stderr.contains("~/.clawdbot/clawdbot.json"), "{}", run.stderr);
            assert_eq!(sandbox.tree(), before, "{words:?}");
        }
        let run = onboard(&sandbox, "default", &["--json"]).exits(78);
        let hints = run.json()["hints"].to_string();
        let command = hints
            .split("first: ")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let command = command.unwrap_or_else(|| panic!("{hints}"));
        let status = std::process::Command::new("sh").args(["-c", command]).status();
        assert!(status.expect("a shell").success(), "{command}");
        // Another profile is isolated from it before and after.
        let document = onboard_ok(&sandbox, "rescue", &["--json"]).json();
        assert_ne!(document["port"], 18789, "{document:#}");
        let document = onboard_ok(&sandbox, "default", &["--json"]).json();
        assert!(
            sandbox.read(".openclaw/openclaw.json").contains("LEGACY-TOKEN"),
            "{document:#}"
        );
        let doctor = sandbox.run(["profiles", "--json"]).json();
        assert_eq!(doctor["profiles"].as_array().map(Vec::len), Some(2), "{doctor:#}");
    });
}

#[test]
fn state_folder_as_openclaw_home_is_refused_and_the_folder_above_is_named() {
    for folder in [".openclaw", ".openclaw-rescue", "moved"] {
        let sandbox = Sandbox::new();
        let home = sandbox.path(folder).display().to_string();
        let sandbox = sandbox.var("OPENCLAW_HOME", &home);
        sandbox.write(
            format!("{folder}/openclaw.json"),
            "{ gateway: { mode: 'local' } }",
        );
        let before = sandbox.tree();
        for way in [&["onboard", "--non-interactive", "--accept-risk"][..], &["setup"]] {
            let refused = sandbox.run(way.iter().copied()).exits(2);
            assert!(refused.stderr.contains("OPENCLAW_HOME="), "{folder}: {refused:?}");
        }
        assert_eq!(sandbox.tree(), before, "{folder}");
    }
}
