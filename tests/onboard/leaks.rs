//! The leaks of OpenClaw 2026.1.30 (docs/openclaw.md#isolation-leaks), each with a test of its name: what one profile does
//! never reaches another one.

use serde_json::Value;

use super::{MAIN, beside_main, config, config_path, onboard, onboarded, touched, words, written};
use crate::support::Sandbox;

/// What the default instance's gateway hands down to everything that it starts.
const OF_MAIN: [(&str, &str); 6] = [
    ("OPENCLAW_STATE_DIR", ".openclaw"),
    ("OPENCLAW_CONFIG_PATH", ".openclaw/openclaw.json"),
    ("OPENCLAW_GATEWAY_PORT", "18789"),
    ("OPENCLAW_GATEWAY_TOKEN", "MAIN-TOKEN"),
    ("OPENCLAW_GATEWAY_URL", "ws://127.0.0.1:18789"),
    ("OPENCLAW_SERVICE_MARKER", "openclaw"),
];

#[test]
fn l1_reset_of_a_profile_moves_only_its_own_files_aside() {
    for scope in ["config", "config+creds+sessions", "full"] {
        let sandbox = beside_main();
        let before = touched(&sandbox.path(".openclaw"));
        let _ = onboarded(&sandbox, "rescue", &["--gateway-token", "OLD"]);
        sandbox.write(".openclaw-rescue/credentials/oauth.json", "{}");
        sandbox.write(".openclaw-rescue/workspace-rescue/NOTES.md", "notes");

        let document = onboarded(&sandbox, "rescue", &["--reset", "--reset-scope", scope, "--json"]).json();
        assert_eq!(touched(&sandbox.path(".openclaw")), before, "{scope}");
        let token = &config(&sandbox, "rescue")["gateway"]["auth"]["token"];
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
fn l2_a_profile_chosen_inside_mains_environment_gets_nothing_of_main() {
    // Every variable alone, every pair, and all of them.
    let mut sets: Vec<Vec<_>> = vec![OF_MAIN.to_vec()];
    for (at, one) in OF_MAIN.iter().enumerate() {
        sets.push(vec![*one]);
        sets.extend(OF_MAIN[at + 1..].iter().map(|other| vec![*one, *other]));
    }
    for set in sets {
        let mut sandbox = beside_main();
        let before = touched(&sandbox.path(".openclaw"));
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
            // A port or token that comes with nothing of main's beside it is the user's own wish.
            continue;
        }
        let paths = set.iter().any(|(_, value)| value.starts_with(".openclaw"))
            || set.iter().any(|(name, _)| name.ends_with("MARKER"));
        let run = onboard(&sandbox, "rescue", &[]);
        assert_eq!(touched(&sandbox.path(".openclaw")), before, "{set:?}");
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
fn l2_the_environment_of_another_named_profile_is_set_aside_whole() {
    let sandbox = beside_main();
    let works = sandbox.path("srv/work");
    let sandbox = sandbox
        .var("OPENCLAW_PROFILE", "work")
        .var("OPENCLAW_STATE_DIR", &works)
        .var("OPENCLAW_GATEWAY_PORT", "24789")
        .var("OPENCLAW_GATEWAY_TOKEN", "WORKS-TOKEN");
    let run = onboarded(&sandbox, "rescue", &[]);
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
fn l2_a_custom_state_folder_of_the_users_own_is_kept_and_announced() {
    let sandbox = beside_main();
    let custom = sandbox.path("srv/x");
    let sandbox = sandbox.var("OPENCLAW_STATE_DIR", &custom);
    let run = onboarded(&sandbox, "rescue", &[]);
    assert!(custom.join("openclaw.json").is_file());
    assert!(!sandbox.path(".openclaw-rescue").exists());
    assert!(run.stderr.contains("OPENCLAW_STATE_DIR"), "{}", run.stderr);
}

#[test]
fn l3_a_state_folder_alone_never_reads_or_writes_the_default_config() {
    let sandbox = beside_main();
    let before = touched(&sandbox.path(".openclaw"));
    let custom = sandbox.path("elsewhere/state");
    let sandbox = sandbox.var("OPENCLAW_STATE_DIR", &custom);
    let _ = sandbox
        .run(["onboard", "--non-interactive", "--accept-risk"])
        .exits(0);
    assert_eq!(touched(&sandbox.path(".openclaw")), before);
    let text = sandbox.read("elsewhere/state/openclaw.json");
    assert!(!text.contains("MAIN-TOKEN") && !text.contains("18789"), "{text}");
    let _ = sandbox.run(["config", "set", "gateway.bind", "lan"]).exits(0);
    assert_eq!(touched(&sandbox.path(".openclaw")), before);
    assert!(sandbox.read("elsewhere/state/openclaw.json").contains("\"lan\""));
}

#[test]
fn l5_messages_name_the_config_of_their_own_profile() {
    let sandbox = beside_main();
    let run = onboarded(&sandbox, "rescue", &[]);
    assert!(
        run.stdout.contains("~/.openclaw-rescue/openclaw.json"),
        "{}",
        run.stdout
    );
    assert!(!run.stdout.contains("~/.openclaw/"), "{}", run.stdout);
}

#[test]
fn l6_l7_l8_no_command_of_a_profile_touches_the_default_tree_or_the_other_way_round() {
    let sandbox = beside_main();
    let commands = |profile: &'static str| -> Vec<Vec<&'static str>> {
        let under = |words: &[&'static str]| [&["--profile", profile], words].concat();
        vec![
            words(profile, &[]),
            under(&["config", "set", "gateway.bind", "loopback"]),
            under(&["config", "set", "gateway.bind", "lan"]),
            under(&["config", "get", "gateway"]),
            under(&["config", "validate"]),
            under(&["config", "restore"]),
            under(&["config", "unset", "gateway.bind"]),
            under(&["profiles"]),
            under(&["setup"]),
            words(profile, &["--reset", "--reset-scope", "full"]),
        ]
    };
    for (profile, other) in [("rescue", ".openclaw"), ("default", ".openclaw-rescue")] {
        let before = touched(&sandbox.path(other));
        for words in commands(profile) {
            let run = sandbox.run(&words).exits(0);
            assert_eq!(touched(&sandbox.path(other)), before, "{words:?}\n{}", run.stderr);
        }
    }
    let before = touched(&sandbox.path(".openclaw"));
    let _ = sandbox
        .run(["profiles", "remove", "rescue", "--yes", "--workspace"])
        .exits(0);
    assert_eq!(touched(&sandbox.path(".openclaw")), before);
}

#[test]
fn l7_a_workspace_left_in_the_default_tree_stays_and_is_offered() {
    let sandbox = beside_main();
    sandbox.write(".openclaw/workspace-rescue/SOUL.md", "an old soul");
    let _ = onboarded(
        &sandbox,
        "rescue",
        &["--workspace", "~/.openclaw/workspace-rescue"],
    );
    assert_eq!(sandbox.read(".openclaw/workspace-rescue/SOUL.md"), "an old soul");
    assert_eq!(sandbox.read(".openclaw/openclaw.json"), MAIN);
}

#[test]
fn l16_configs_of_the_old_names_are_never_copied_or_moved() {
    let sandbox = Sandbox::new();
    for old in [
        ".clawdbot/clawdbot.json",
        ".moltbot/moltbot.json",
        ".openclaw-rescue/clawdbot.json",
    ] {
        sandbox.write(old, MAIN);
    }
    let before: Vec<_> = [".clawdbot", ".moltbot"]
        .map(|dir| touched(&sandbox.path(dir)))
        .to_vec();
    let _ = onboarded(&sandbox, "rescue", &[]);
    let after: Vec<_> = [".clawdbot", ".moltbot"]
        .map(|dir| touched(&sandbox.path(dir)))
        .to_vec();
    assert_eq!(after, before);
    assert!(!sandbox.path(".openclaw").exists());
    assert!(!sandbox.read(config_path("rescue")).contains("MAIN"));
}

#[test]
fn l17_a_dotenv_file_of_the_working_folder_is_not_read() {
    let sandbox = beside_main();
    let env = "OPENCLAW_STATE_DIR=/nowhere\nOPENCLAW_PROFILE=other\nOPENCLAW_GATEWAY_PORT=20001\n\
               OPENCLAW_GATEWAY_TOKEN=FROM-DOTENV\nANTHROPIC_API_KEY=FROM-DOTENV\n";
    sandbox.write(".env", env);
    sandbox.write(".openclaw/.env", env);
    let _ = onboarded(&sandbox, "rescue", &[]);
    let text = sandbox.read(config_path("rescue"));
    assert!(!text.contains("FROM-DOTENV") && !text.contains("20001"), "{text}");
    assert!(!sandbox.path(".openclaw-other").exists());
}

#[test]
fn l18_a_bot_token_of_another_instance_is_refused_by_its_name_and_not_shown() {
    let sandbox = beside_main();
    let token = sandbox.write("bot", "111:MAIN-BOT\n");
    let before = written(&sandbox);
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
    assert_eq!(written(&sandbox), before);

    // Its own bot's token is another thing, and giving that one again is no clash with itself.
    sandbox.write("bot", "222:RESCUE-BOT");
    for _ in 0..2 {
        let _ = onboarded(&sandbox, "rescue", &flags);
    }
    let config: Value = config(&sandbox, "rescue");
    assert_eq!(config["channels"]["telegram"]["botToken"], "222:RESCUE-BOT");
}
