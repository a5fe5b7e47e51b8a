//! The isolation leaks of OpenClaw 2026.1.30 (docs/openclaw.md#isolation-leaks), with a test for each: nothing that one
//! profile does reaches another one.

use serde_json::Value;

use super::{
    MAIN, change_times, config_path, onboard, onboard_args, onboard_ok, read_config, sandbox_with_main,
    written_files,
};
use crate::support::Sandbox;

/// The environment that the gateway of the default instance passes to every process that it starts.
const MAIN_ENVIRONMENT: [(&str, &str); 6] = [
    ("OPENCLAW_STATE_DIR", ".openclaw"),
    ("OPENCLAW_CONFIG_PATH", ".openclaw/openclaw.json"),
    ("OPENCLAW_GATEWAY_PORT", "18789"),
    ("OPENCLAW_GATEWAY_TOKEN", "MAIN-TOKEN"),
    ("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:18789"),
    ("OPENCLAW_SERVICE_MARKER", "openclaw"),
];

#[test]
fn l1_reset_moves_only_files_of_its_own_profile_aside() {
    for scope in ["config", "config+creds+sessions", "full"] {
        let sandbox = sandbox_with_main();
        let before = change_times(&sandbox.path(".openclaw"));
        let _ = onboard_ok(&sandbox, "rescue", &["--gateway-token", "OLD"]);
        sandbox.write(".openclaw-rescue/credentials/oauth.json", "{}");
        sandbox.write(".openclaw-rescue/workspace-rescue/NOTES.md", "notes");

        let document = onboard_ok(&sandbox, "rescue", &["--reset", "--reset-scope", scope, "--json"]).json();
        assert_eq!(change_times(&sandbox.path(".openclaw")), before, "{scope}");
        let token = &read_config(&sandbox, "rescue")["gateway"]["auth"]["token"];
        assert_ne!(token, "OLD", "{scope}: started over");
        let moved: Vec<&str> = document["changes"]
            .as_array()
            .expect("changes")
            .iter()
            .filter(|change| change["action"] == "move-aside")
            .map(|change| change["path"].as_str().expect("a path"))
            .collect();
        let own = sandbox.path(".openclaw-rescue").display().to_string();
        assert!(moved.iter().all(|path| path.starts_with(&own)), "{moved:?}");
        let aside = |name: &str| {
            let found = sandbox.tree().into_iter().find(|(path, ..)| {
                path.starts_with(".openclaw-rescue/aside") && path.file_name().is_some_and(|n| n == name)
            });
            found.map(|(_, _, bytes)| String::from_utf8(bytes).expect("text"))
        };
        assert!(
            aside("openclaw.json").is_some_and(|text| text.contains("OLD")),
            "{scope}"
        );
        assert_eq!(aside("oauth.json").is_some(), scope != "config", "{scope}");
        assert_eq!(aside("NOTES.md").is_some(), scope == "full", "{scope}");
    }
}

#[test]
fn l2_profile_chosen_in_the_environment_of_another_gets_none_of_its_values() {
    // Every variable alone, every pair, and all of them.
    let mut sets: Vec<Vec<_>> = vec![MAIN_ENVIRONMENT.to_vec()];
    for (at, one) in MAIN_ENVIRONMENT.iter().enumerate() {
        sets.push(vec![*one]);
        sets.extend(MAIN_ENVIRONMENT[at + 1..].iter().map(|other| vec![*one, *other]));
    }
    for set in sets {
        let mut sandbox = sandbox_with_main();
        let before = change_times(&sandbox.path(".openclaw"));
        for (name, value) in &set {
            let value = if value.starts_with(".openclaw") {
                sandbox.path(value).into_os_string()
            } else {
                (*value).into()
            };
            sandbox = sandbox.var(name, value);
        }
        let alone = |name| set.len() == 1 && set[0].0 == name;
        if alone("OPENCLAW_GATEWAY_PORT") || alone("OPENCLAW_GATEWAY_TOKEN") {
            // A port or token without any other value of main is what the user wants.
            continue;
        }
        let paths = set.iter().any(|(_, value)| value.starts_with(".openclaw"))
            || set.iter().any(|(name, _)| name.ends_with("MARKER"));
        let run = onboard(&sandbox, "rescue", &[]);
        assert_eq!(change_times(&sandbox.path(".openclaw")), before, "{set:?}");
        if !paths {
            continue;
        }
        let run = run.exits(0);
        let text = sandbox.read(config_path("rescue"));
        assert!(
            !text.contains("MAIN-TOKEN") && !text.contains("18789"),
            "{set:?}:\n{text}"
        );
        let notices: Vec<_> = run
            .stderr
            .lines()
            .filter(|line| line.contains("ignoring environment variables"))
            .collect();
        if set.iter().any(|(name, _)| !name.ends_with("MARKER")) {
            assert_eq!(notices.len(), 1, "one line says so: {}", run.stderr);
        }
        assert!(!run.stderr.contains("MAIN-TOKEN"), "{}", run.stderr);
    }
}

#[test]
fn l2_environment_of_another_named_profile_is_ignored_as_a_whole() {
    let sandbox = sandbox_with_main();
    let works = sandbox.path("srv/work");
    let sandbox = sandbox
        .var("OPENCLAW_PROFILE", "work")
        .var("OPENCLAW_STATE_DIR", &works)
        .var("OPENCLAW_GATEWAY_PORT", "24789")
        .var("OPENCLAW_GATEWAY_TOKEN", "WORKS-TOKEN");
    let run = onboard_ok(&sandbox, "rescue", &[]);
    assert!(!works.exists());
    let text = sandbox.read(config_path("rescue"));
    assert!(!text.contains("WORKS-TOKEN") && !text.contains("24789"), "{text}");
    for name in [
        "OPENCLAW_PROFILE",
        "OPENCLAW_STATE_DIR",
        "OPENCLAW_GATEWAY_PORT",
        "OPENCLAW_GATEWAY_TOKEN",
    ] {
        assert!(run.stderr.contains(name), "{name}: {}", run.stderr);
    }
}

#[test]
fn l2_state_folder_that_the_user_set_is_used_and_reported() {
    let sandbox = sandbox_with_main();
    let custom = sandbox.path("srv/x");
    let sandbox = sandbox.var("OPENCLAW_STATE_DIR", &custom);
    let run = onboard_ok(&sandbox, "rescue", &[]);
    assert!(custom.join("openclaw.json").is_file());
    assert!(!sandbox.path(".openclaw-rescue").exists());
    assert!(run.stderr.contains("OPENCLAW_STATE_DIR"), "{}", run.stderr);
}

#[test]
fn l3_state_folder_alone_never_reads_or_writes_the_default_config() {
    let sandbox = sandbox_with_main();
    let before = change_times(&sandbox.path(".openclaw"));
    let custom = sandbox.path("elsewhere/state");
    let sandbox = sandbox.var("OPENCLAW_STATE_DIR", &custom);
    let _ = sandbox
        .run(["onboard", "--non-interactive", "--accept-risk"])
        .exits(0);
    assert_eq!(change_times(&sandbox.path(".openclaw")), before);
    let text = sandbox.read("elsewhere/state/openclaw.json");
    assert!(!text.contains("MAIN-TOKEN") && !text.contains("18789"), "{text}");
    let _ = sandbox.run(["config", "set", "gateway.bind", "lan"]).exits(0);
    assert_eq!(change_times(&sandbox.path(".openclaw")), before);
    assert!(sandbox.read("elsewhere/state/openclaw.json").contains("\"lan\""));
}

#[test]
fn l5_messages_name_the_config_of_their_own_profile() {
    let sandbox = sandbox_with_main();
    let run = onboard_ok(&sandbox, "rescue", &[]);
    assert!(
        run.stdout.contains("~/.openclaw-rescue/openclaw.json"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("~/.openclaw/"), "{}", run.stdout);
}

#[test]
fn l6_l7_l8_no_command_of_one_profile_changes_files_of_another() {
    let sandbox = sandbox_with_main();
    let commands = |profile: &'static str| -> Vec<Vec<&'static str>> {
        let under = |words: &[&'static str]| [&["--profile", profile], words].concat();
        vec![
            onboard_args(profile, &[]),
            under(&["config", "set", "gateway.bind", "loopback"]),
            under(&["config", "set", "gateway.bind", "lan"]),
            under(&["config", "get", "gateway"]),
            under(&["config", "validate"]),
            under(&["config", "restore"]),
            under(&["config", "unset", "gateway.bind"]),
            under(&["profiles"]),
            under(&["setup"]),
            onboard_args(profile, &["--reset", "--reset-scope", "full"]),
        ]
    };
    for (profile, other) in [("rescue", ".openclaw"), ("default", ".openclaw-rescue")] {
        let before = change_times(&sandbox.path(other));
        for words in commands(profile) {
            let run = sandbox.run(&words).exits(0);
            assert_eq!(
                change_times(&sandbox.path(other)),
                before,
                "{words:?}\n{}",
                run.stderr
            );
        }
    }
    let before = change_times(&sandbox.path(".openclaw"));
    let _ = sandbox
        .run(["profiles", "remove", "rescue", "--yes", "--workspace"])
        .exits(0);
    assert_eq!(change_times(&sandbox.path(".openclaw")), before);
}

#[test]
fn l7_workspace_left_in_the_default_folder_can_be_used_and_stays() {
    let sandbox = sandbox_with_main();
    sandbox.write(".openclaw/workspace-rescue/SOUL.md", "an old soul");
    let _ = onboard_ok(
        &sandbox,
        "rescue",
        &["--workspace", "~/.openclaw/workspace-rescue"],
    );
    assert_eq!(sandbox.read(".openclaw/workspace-rescue/SOUL.md"), "an old soul");
    assert_eq!(sandbox.read(".openclaw/openclaw.json"), MAIN);
}

#[test]
fn l16_configs_with_legacy_names_are_never_copied_or_moved() {
    let sandbox = Sandbox::new();
    for old in [
        ".clawdbot/clawdbot.json",
        ".moltbot/moltbot.json",
        ".openclaw-rescue/clawdbot.json",
    ] {
        sandbox.write(old, MAIN);
    }
    let before: Vec<_> = [".clawdbot", ".moltbot"]
        .map(|dir| change_times(&sandbox.path(dir)))
        .to_vec();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    let after: Vec<_> = [".clawdbot", ".moltbot"]
        .map(|dir| change_times(&sandbox.path(dir)))
        .to_vec();
    assert_eq!(after, before);
    assert!(!sandbox.path(".openclaw").exists());
    assert!(!sandbox.read(config_path("rescue")).contains("MAIN"));
}

#[test]
fn l17_dotenv_file_of_the_working_folder_is_not_read() {
    let sandbox = sandbox_with_main();
    let env = "OPENCLAW_STATE_DIR=/nowhere\nOPENCLAW_PROFILE=other\nOPENCLAW_GATEWAY_PORT=20001\n\
               OPENCLAW_GATEWAY_TOKEN=FROM-DOTENV\nANTHROPIC_API_KEY=FROM-DOTENV\n";
    sandbox.write(".env", env);
    sandbox.write(".openclaw/.env", env);
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    let text = sandbox.read(config_path("rescue"));
    assert!(!text.contains("FROM-DOTENV") && !text.contains("20001"), "{text}");
    assert!(!sandbox.path(".openclaw-other").exists());
}

#[test]
fn l18_bot_token_of_another_instance_is_refused_and_not_shown() {
    let sandbox = sandbox_with_main();
    let token = sandbox.write("bot", "111:MAIN-BOT\n");
    let before = written_files(&sandbox);
    let flags = [
        "--channel",
        "telegram",
        "--channel-token-file",
        token.to_str().expect("text"),
    ];
    let run = onboard(&sandbox, "rescue", &[&flags[..], &["--json"]].concat()).exits(78);
    let document = run.json();
    assert_eq!(document["code"], "step.channel-token.shared");
    assert!(
        document["message"]
            .as_str()
            .is_some_and(|m| m.contains("default")),
        "{document}"
    );
    assert!(
        !run.stdout.contains("MAIN-BOT") && !run.stderr.contains("MAIN-BOT"),
        "{run:?}"
    );
    assert_eq!(written_files(&sandbox), before);

    // Its own bot's token is another thing, and giving that one again is no clash with itself.
    sandbox.write("bot", "222:RESCUE-BOT");
    for _ in 0..2 {
        let _ = onboard_ok(&sandbox, "rescue", &flags);
    }
    let config: Value = read_config(&sandbox, "rescue");
    assert_eq!(config["channels"]["telegram"]["botToken"], "222:RESCUE-BOT");
}
