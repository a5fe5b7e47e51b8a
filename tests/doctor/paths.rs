//! Paths and ports of other instances: what `doctor` compares, and whom its advice is for.

use serde_json::Value;

use super::{chmod, doctor, findings, healthy_host};
use crate::support::network;

#[test]
fn workspace_with_an_unset_variable_is_not_made_and_one_with_a_variable_is_made_where_it_leads() {
    network::own(|| {
        let sandbox = healthy_host();
        let config = sandbox.read(".openclaw-rescue/openclaw.json");
        let with_workspace = |workspace: &str| {
            let mut config: Value = serde_json::from_str(&config).expect("JSON");
            config["agents"]["defaults"]["workspace"] = workspace.into();
            config["env"] = serde_json::json!({ "vars": { "DESK": "desk" } });
            sandbox.write(".openclaw-rescue/openclaw.json", config.to_string());
        };
        with_workspace("${NOPE}/ws");
        let _ = doctor(&sandbox, &["--fix", "--yes"]);
        with_workspace("${HOME}/${DESK}");
        let _ = doctor(&sandbox, &["--fix", "--yes"]).exits(0);
        assert!(sandbox.path("desk").is_dir());
        let tree = sandbox.tree();
        let literal = tree
            .iter()
            .find(|(path, ..)| path.display().to_string().contains('$'));
        assert_eq!(literal, None, "nothing is called by its variable");
    });
}

/// `cp -a ~/.openclaw ~/.openclaw-backup`
#[test]
fn copied_state_folder_gives_way_to_its_original() {
    network::own(|| {
        let sandbox = healthy_host();
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .args([sandbox.path(".openclaw"), sandbox.path(".openclaw-backup")])
            .status();
        assert!(copied.expect("cp").success());
        let document = sandbox.run(["doctor", "--json"]).exits(1).json();
        let findings = document["findings"].as_array().expect("findings");
        let command = |id: &str| {
            let found = findings.iter().find(|finding| finding["id"] == id);
            let found = found.unwrap_or_else(|| panic!("{id}: {findings:?}"));
            found["mend"].as_str().expect("a command").to_owned()
        };
        for id in ["ports-conflict", "isolation-workspace", "isolation-auth"] {
            let command = command(id);
            assert!(
                command.starts_with("openclaw --profile backup config set "),
                "{id}: {command}"
            );
        }
    });
}

#[test]
fn copy_of_an_unregistered_instance_is_known_by_the_paths_that_it_names() {
    network::own(|| {
        let sandbox = crate::support::Sandbox::new();
        let workspace = sandbox.path(".openclaw-work/workspace");
        let config = serde_json::json!({
            "gateway": { "mode": "local", "port": 24789, "auth": { "token": "0123456789abcdef0123456789abcdef" } },
            "agents": { "defaults": { "workspace": workspace } },
        });
        for name in ["work", "backup"] {
            sandbox.write(format!(".openclaw-{name}/openclaw.json"), config.to_string());
            std::fs::create_dir_all(sandbox.path(format!(".openclaw-{name}/workspace"))).expect("a folder");
        }
        for own in ["work", "backup"] {
            let document = sandbox
                .run(["--profile", own, "doctor", "--json"])
                .exits(1)
                .json();
            let findings = document["findings"].as_array().expect("findings");
            let conflict = findings
                .iter()
                .find(|finding| finding["id"] == "ports-conflict")
                .expect("a finding");
            let command = conflict["mend"].as_str().expect("a command");
            assert!(
                command.starts_with("openclaw --profile backup "),
                "{own}: {command}"
            );
        }
    });
}

#[test]
fn browser_at_a_pinned_address_is_no_fault() {
    network::own(|| {
        let sandbox = healthy_host();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mut config: Value =
            serde_json::from_str(&sandbox.read(".openclaw-rescue/openclaw.json")).expect("JSON");
        config["browser"] = serde_json::json!({ "cdpUrl": format!("http://127.0.0.1:{port}") });
        sandbox.write(".openclaw-rescue/openclaw.json", config.to_string());
        let held = findings(&sandbox, &[]);
        assert!(
            held.iter().all(|finding| finding["id"] != "ports-held-derived"),
            "{held:?}"
        );
    });
}

#[test]
fn port_of_an_env_file_that_is_none_is_named_with_its_file_and_a_long_value_hidden() {
    network::own(|| {
        let sandbox = healthy_host();
        let secret = "sk-ant-0123456789abcdef";
        for (text, shown) in [
            ("OPENCLAW_GATEWAY_PORT=eighty\n".to_owned(), "eighty"),
            (format!("OPENCLAW_GATEWAY_PORT={secret}\n"), "(hidden)"),
            // The quote that is missing at the end of the first line is that of the next one.
            (
                format!("OPENCLAW_GATEWAY_PORT=\"19789\nKEY={secret}\"\n"),
                "(hidden)",
            ),
            (
                format!("OPENCLAW_GATEWAY_PORT={}\n", "9".repeat(100_000)),
                "(hidden)",
            ),
        ] {
            let path = sandbox.write(".openclaw-rescue/.env", text);
            chmod(&path, 0o600);
            let found = findings(&sandbox, &[]);
            let refuses = found.iter().find(|finding| finding["id"] == "gateway-refuses");
            let refuses = refuses.unwrap_or_else(|| panic!("{found:?}"))["message"].to_string();
            assert!(
                refuses.contains("/.openclaw-rescue/.env") && refuses.contains(shown),
                "{refuses}"
            );
            for words in [
                &["doctor"][..],
                &["gateway", "run"],
                &["status"],
                &["gateway", "install", "--dry-run"],
            ] {
                let ran = sandbox.run([&["--profile", "rescue"], words].concat());
                let output = ran.stdout + &ran.stderr;
                assert!(!output.contains(secret), "{words:?}: {output}");
                assert!(output.len() < 10_000, "{words:?}: {}", output.len());
            }
        }
    });
}
