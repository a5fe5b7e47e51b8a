//! The files of a first onboarding: their paths, bytes and modes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use openclaw::i18n::{Lang, workspace_files};

use super::{base_port, config_path, onboard_args, onboard_ok, sandbox_with_main, with_umask};
use crate::support::Sandbox;

/// Every path below HOME after a first onboarding, with its mode.
const TREE: &str = "\
drwx------ .local
drwx------ .local/state
drwx------ .local/state/openclaw
-rw------- .local/state/openclaw/lock
-rw------- .local/state/openclaw/registry.toml
drwx------ .openclaw-rescue
drwx------ .openclaw-rescue/agents
drwx------ .openclaw-rescue/agents/main
drwx------ .openclaw-rescue/agents/main/sessions
-rw------- .openclaw-rescue/instance.toml
-rw------- .openclaw-rescue/openclaw.json
drwx------ .openclaw-rescue/workspace-rescue
-rw------- .openclaw-rescue/workspace-rescue/AGENTS.md
-rw------- .openclaw-rescue/workspace-rescue/BOOTSTRAP.md
-rw------- .openclaw-rescue/workspace-rescue/HEARTBEAT.md
-rw------- .openclaw-rescue/workspace-rescue/IDENTITY.md
-rw------- .openclaw-rescue/workspace-rescue/SOUL.md
-rw------- .openclaw-rescue/workspace-rescue/TOOLS.md
-rw------- .openclaw-rescue/workspace-rescue/USER.md
";

/// The config; values that differ from run to run are replaced by names.
const CONFIG: &str = r#"{
  "agents": {
    "defaults": {
      "workspace": "HOME/.openclaw-rescue/workspace-rescue"
    }
  },
  "gateway": {
    "mode": "local",
    "port": BASE,
    "bind": "loopback",
    "auth": {
      "mode": "token",
      "token": "TOKEN"
    },
    "tailscale": {
      "mode": "off"
    }
  },
  "wizard": {
    "lastRunAt": "TIME",
    "lastRunVersion": "2026.1.30",
    "lastRunCommand": "onboard",
    "lastRunMode": "local"
  },
  "meta": {
    "lastTouchedVersion": "2026.1.30"
  }
}
"#;

const RECORD: &str = r#"engine = "native"
language = "LANG"
profile = "rescue"
version = 1

[ports]
base = BASE
"#;

const REGISTRY: &str = r#"version = 1

[[instance]]
profile = "rescue"
config = "HOME/.openclaw-rescue/openclaw.json"
state = "HOME/.openclaw-rescue"
workspace = "HOME/.openclaw-rescue/workspace-rescue"
port = BASE
"#;

/// Returns the paths and modes below HOME, as `ls` shows them.
fn list_tree(sandbox: &Sandbox) -> String {
    let mut list = String::new();
    for (path, mode, _) in sandbox.tree() {
        let kind = if mode & 0o170_000 == 0o040_000 { 'd' } else { '-' };
        list.push(kind);
        for (bit, letter) in (0..9).rev().zip("rwxrwxrwx".chars()) {
            list.push(if mode >> bit & 1 == 1 { letter } else { '-' });
        }
        list.push(' ');
        list.push_str(path.to_str().expect("text"));
        list.push('\n');
    }
    list
}

/// Returns the text of a file with names in the place of the home folder and the base port.
fn read_with_names(sandbox: &Sandbox, below: impl AsRef<Path>) -> String {
    let home = sandbox.home().display().to_string();
    let base = base_port(sandbox, "rescue").to_string();
    sandbox.read(below).replace(&home, "HOME").replace(&base, "BASE")
}

#[test]
fn first_onboarding_writes_the_same_files_under_every_umask_and_language() {
    for (lang, umask) in [("en", "022"), ("en", "000"), ("tr", "000"), ("tr", "077")] {
        let sandbox = Sandbox::new();
        let command = sandbox.command(onboard_args("rescue", &["--lang", lang]));
        let output = with_umask(&command, umask).output().expect("a shell");
        assert!(output.status.success(), "{output:?}");

        assert_eq!(list_tree(&sandbox), TREE, "{lang} {umask}");
        let config = super::read_config(&sandbox, "rescue");
        let token = config["gateway"]["auth"]["token"].as_str().expect("a token");
        assert_eq!(token.len(), 48, "24 bytes in hex");
        assert!(
            token
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        );
        let time = config["wizard"]["lastRunAt"].as_str().expect("a time");
        assert_eq!((time.len(), &time[10..11], &time[23..]), (24, "T", "Z"));
        let text = read_with_names(&sandbox, config_path("rescue"));
        assert_eq!(text.replace(token, "TOKEN").replace(time, "TIME"), CONFIG);
        let record = read_with_names(&sandbox, ".openclaw-rescue/instance.toml");
        assert_eq!(record, RECORD.replace("LANG", lang));
        assert_eq!(
            read_with_names(&sandbox, ".local/state/openclaw/registry.toml"),
            REGISTRY
        );
        assert_eq!(sandbox.read(".local/state/openclaw/lock"), "");
        for (name, text) in workspace_files(Lang::from_code(lang).expect("a language")) {
            let path = format!(".openclaw-rescue/workspace-rescue/{name}");
            assert_eq!(sandbox.read(path), text, "{lang}: {name}");
        }
    }
}

#[test]
fn every_instance_gets_a_different_token() {
    let token = || {
        let sandbox = Sandbox::new();
        let _ = onboard_ok(&sandbox, "rescue", &[]);
        super::read_config(&sandbox, "rescue")["gateway"]["auth"]["token"].to_string()
    };
    assert_ne!(token(), token());
}

#[test]
fn setup_writes_the_same_files_and_the_default_profile_needs_no_name() {
    let sandbox = Sandbox::new();
    let document = sandbox.run(["setup", "--json"]).exits(0).json();
    assert_eq!(document["profile"], "default");
    let config = sandbox.read(".openclaw/openclaw.json");
    assert!(config.contains("\"lastRunCommand\": \"setup\""), "{config}");
    assert!(config.contains("/.openclaw/workspace\""), "{config}");
    // The documented way: `openclaw --profile main setup`. `main` is not the default profile.
    let document = sandbox
        .run(["--profile", "main", "setup", "--json"])
        .exits(0)
        .json();
    assert_eq!(document["profile"], "main");
    assert!(sandbox.path(".openclaw-main/openclaw.json").is_file());
}

#[test]
fn profile_is_read_from_any_place_of_the_line_and_from_the_environment() {
    let spellings: [&[&str]; 4] = [
        &["--profile", "rescue", "setup"],
        &["setup", "--profile", "rescue"],
        &["setup", "--profile=rescue"],
        &["--profile", "rescue", "setup", "--profile", "rescue"],
    ];
    let sandbox = Sandbox::new();
    for words in spellings {
        let document = sandbox
            .run([words, &["--json", "--dry-run"]].concat())
            .exits(0)
            .json();
        assert_eq!(document["profile"], "rescue", "{words:?}");
    }
    let sandbox = Sandbox::new().var("OPENCLAW_PROFILE", "rescue");
    let document = sandbox.run(["setup", "--json", "--dry-run"]).exits(0).json();
    assert_eq!(document["profile"], "rescue");
    let document = sandbox
        .run(["--dev", "setup", "--json", "--dry-run"])
        .exits(0)
        .json();
    assert_eq!(document["profile"], "dev");
}

#[test]
fn new_instance_shares_no_path_and_no_port_with_the_default() {
    let sandbox = sandbox_with_main();
    let document = onboard_ok(&sandbox, "rescue", &["--json"]).json();
    let own = sandbox.path(".openclaw-rescue").display().to_string();
    for key in ["configPath", "stateDir", "workspace"] {
        let path = document[key].as_str().expect("a path");
        assert!(path.starts_with(&own), "{key}: {path}");
    }
    let (first, second) = (18789, base_port(&sandbox, "rescue"));
    assert!(second.abs_diff(first) >= 111, "{second}");
}

#[test]
fn skipped_bootstrap_leaves_the_workspace_empty() {
    let sandbox = Sandbox::new();
    let _ = onboard_ok(&sandbox, "rescue", &["--skip-bootstrap"]);
    let workspace = sandbox.path(".openclaw-rescue/workspace-rescue");
    assert_eq!(std::fs::read_dir(workspace).expect("a folder").count(), 0);
}

#[test]
fn open_folder_is_named_with_a_command_that_closes_it() {
    let sandbox = Sandbox::new();
    let state = sandbox.path("it's mine");
    std::fs::create_dir_all(&state).expect("a folder");
    let config = state.join("openclaw.json");
    let sandbox = sandbox
        .var("OPENCLAW_STATE_DIR", &state)
        .var("LC_ALL", "C.UTF-8")
        .var("OPENCLAW_CONFIG_PATH", &config);
    for (lang, bind, words) in [
        ("en", "lan", "To keep them"),
        ("tr", "loopback", "Kapatmak için:"),
    ] {
        std::fs::set_permissions(&state, PermissionsExt::from_mode(0o755)).expect("a mode");
        let args = [
            "onboard",
            "--non-interactive",
            "--accept-risk",
            "--lang",
            lang,
            "--gateway-bind",
            bind,
        ];
        let ran = sandbox.run(args).exits(0);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
        // The screen breaks the line before the command.
        let at = ran.stderr.find("chmod 700").expect("a command");
        let line = ran.stderr[at..].lines().next().expect("a line");
        assert!(line.starts_with("chmod 700 '/"), "{line}");
        let done = Command::new("sh").args(["-c", line]).status().expect("a shell");
        assert!(done.success(), "{line}");
        let mode = std::fs::metadata(&state).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{line}");
    }
}
