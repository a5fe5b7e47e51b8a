//! The config of an instance that has been in use for a while, rewritten for a container.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use super::tools::{compose, run_in, said};
use crate::support::{Reason, Sandbox, skipped};

/// A sandbox with one instance of OpenClaw 2026.9.6, whose config names much of its host.
struct Host(Sandbox);

impl Host {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let home = sandbox.home();
        let home = home.to_str().expect("text");
        sandbox.write(
            ".openclaw-work/instance.toml",
            "engine = \"node\"\nrelease = \"2026.9.6\"\n[rescue]\nwatch = [\"default\"]\n",
        );
        sandbox.write(
            ".openclaw-work/.env",
            "OPENAI_API_KEY=sk-from-the-env-file\nOPENCLAW_GATEWAY_PORT=20789\nSPACES=' a \"b\" $HOME #c '\nLINES=\"one\\ntwo\"\n",
        );
        sandbox.write(
            ".openclaw-work/agents/main/agent/auth-profiles.json",
            r#"{"version":1,"profiles":{"anthropic:default":{"type":"api_key","provider":"anthropic","key":"sk-ant-stored-key"},
                "openai-codex:me":{"type":"oauth","provider":"openai-codex","access":"a-long-oauth-token"}}}"#,
        );
        let config = json!({
            "env": { "vars": { "FROM_CONFIG": "a-value-of-the-config", "PROJECTS": format!("{home}/projects") } },
            "gateway": {
                "mode": "local", "port": 20789, "bind": "tailnet",
                "auth": { "mode": "token", "token": "${GATEWAY_TOKEN_ELSEWHERE}" },
                "tailscale": { "mode": "serve" }, "controlUi": { "basePath": "/claw" },
            },
            "agents": { "defaults": {
                "workspace": "${PROJECTS}/work",
                "sandbox": { "mode": "all" },
            }, "entries": { "main": { "agentDir": "~/.openclaw-work/agents/main/agent" } } },
            "models": { "providers": { "local": {
                "baseUrl": "http://127.0.0.1:11434/v1", "apiKey": "sk-of-the-local-server",
                "headers": { "X-Key": "Bearer ${FROM_CONFIG}" }, "models": [],
            } } },
            "logging": { "file": format!("{home}/logs/work.log") },
            "plugins": { "load": { "paths": [format!("{home}/plugins")] } },
            "channels": { "telegram": { "botToken": "${NOWHERE_SET}" } },
        });
        sandbox.write(".openclaw-work/openclaw.json", config.to_string());
        Self(sandbox)
    }

    /// Returns the document of a manifest of the instance.
    fn manifest(&self, format: &str) -> Value {
        let words = ["profiles", "manifest", "work", "--format", format, "--json"];
        self.0.run(words).exits(0).json()
    }

    /// Returns the files of a manifest for Compose: the rewritten config, and the variables.
    fn files(&self) -> (Value, Vec<String>) {
        let words = [
            "profiles", "manifest", "work", "--format", "compose", "--out", "out",
        ];
        let _ = self.0.run(words).exits(0);
        let config = serde_json::from_str(&self.0.read("out/openclaw-work.json")).expect("JSON");
        let lines = self.0.read("out/openclaw-work.env");
        (config, lines.lines().map(str::to_owned).collect())
    }
}

/// Returns what a report has to say about the instance of a document.
fn about(document: &Value, kind: &str) -> Vec<String> {
    let notes = document["profiles"][0]["report"]
        .as_array()
        .expect("a report")
        .iter();
    let notes = notes.filter(|note| note["kind"] == kind);
    notes
        .map(|note| note["about"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn addresses_and_paths_of_the_host_become_those_of_the_container() {
    let (config, _) = Host::new().files();
    assert_eq!(
        (&config["gateway"]["bind"], &config["gateway"]["port"]),
        (&json!("lan"), &json!(18789))
    );
    assert_eq!(config["gateway"]["tailscale"]["mode"], "off");
    assert_eq!(
        config["gateway"]["controlUi"]["allowedOrigins"],
        json!(["http://127.0.0.1:20789", "http://localhost:20789"])
    );
    assert_eq!(
        config["agents"]["defaults"]["workspace"],
        "/home/node/.openclaw/workspace"
    );
    assert_eq!(
        config["agents"]["entries"]["main"]["agentDir"],
        "/home/node/.openclaw/agents/main/agent"
    );
    assert_eq!(config["logging"]["file"], Value::Null);
    assert_eq!(
        config["models"]["providers"]["local"]["baseUrl"],
        "http://host.docker.internal:11434/v1"
    );
    assert_eq!(config["browser"]["enabled"], false);
}

#[test]
fn secrets_and_variables_are_in_the_env_file_alone() {
    let host = Host::new();
    let (config, variables) = host.files();
    let home = host.0.home().display().to_string();
    let variables: Vec<_> = variables.iter().map(|line| line.replace(&home, "HOME")).collect();
    assert_eq!(config["env"], Value::Null);
    assert_eq!(config["gateway"]["auth"], json!({ "mode": "token" }));
    let provider = &config["models"]["providers"]["local"];
    assert_eq!(provider["apiKey"], "${CONFIG_MODELS_PROVIDERS_LOCAL_API_KEY}");
    assert_eq!(
        provider["headers"]["X-Key"],
        "${CONFIG_MODELS_PROVIDERS_LOCAL_HEADERS_X_KEY}"
    );
    assert_eq!(
        variables,
        [
            "ANTHROPIC_API_KEY=sk-ant-stored-key",
            "CONFIG_MODELS_PROVIDERS_LOCAL_API_KEY=sk-of-the-local-server",
            "CONFIG_MODELS_PROVIDERS_LOCAL_HEADERS_X_KEY=Bearer a-value-of-the-config",
            "FROM_CONFIG=a-value-of-the-config",
            "LINES=",
            "NOWHERE_SET=",
            "OPENAI_API_KEY=sk-from-the-env-file",
            "OPENCLAW_GATEWAY_TOKEN=",
            "PROJECTS=HOME/projects",
            "SPACES= a \"b\" $HOME #c ",
        ]
    );
}

#[test]
fn value_with_quotes_and_dollars_reaches_the_container_as_it_is() {
    let Some(compose) = compose() else { return };
    let host = Host::new();
    let _ = host.files();
    let output = run_in(
        &host.0.path("out"),
        &compose,
        &["-f", "compose.yaml", "config", "--format", "json"],
    );
    assert!(output.status.success(), "{}", said(&output));
    let project: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let variables = &project["services"]["openclaw-work"]["environment"];
    let spaces = variables["SPACES"].as_str().expect("a text").replace("$$", "$");
    assert_eq!(spaces, " a \"b\" $HOME #c ");
}

#[test]
fn report_names_all_that_stays_on_the_host_and_all_that_is_missing() {
    let host = Host::new();
    let compose = host.manifest("compose");
    assert_eq!(
        about(&compose, "left-out"),
        [
            "variable",
            "tailscale",
            "path",
            "path",
            "browser",
            "sandbox",
            "state",
            "credentials",
            "watch"
        ]
    );
    assert_eq!(
        about(&compose, "missing"),
        ["several-lines", "variable", "variable"]
    );
    assert_eq!(
        about(&compose, "changed"),
        ["bind", "origins", "workspace", "server"]
    );
    // A cluster does not reach this host.
    assert_eq!(
        about(&host.manifest("kubernetes"), "missing"),
        ["several-lines", "variable", "server", "variable"]
    );
    let text = compose.to_string();
    for secret in ["sk-", "a-value-of", "a-long-oauth"] {
        assert!(!text.contains(secret), "{secret}: {compose:#}");
    }
}

#[test]
fn probes_are_those_that_the_release_has() {
    let sandbox = Sandbox::new();
    let health = |release: &str, tls: bool| {
        let config = json!({ "gateway": { "mode": "local", "port": 20789, "tls": { "enabled": tls } } });
        sandbox.write(".openclaw-work/openclaw.json", config.to_string());
        let record = format!("engine = \"node\"\nrelease = \"{release}\"\n");
        sandbox.write(".openclaw-work/instance.toml", record);
        let words = ["profiles", "manifest", "work", "--format", "quadlet", "--json"];
        let document = sandbox.run(words).exits(0).json();
        let text = document["files"][0]["text"].as_str().expect("a unit").to_owned();
        let line = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.expect("a command").to_owned()
        };
        [line("HealthStartupCmd="), line("HealthCmd=")]
    };
    let cases = [
        ("2026.1.30", false, [".connect(18789", ".connect(18789"]),
        ("2026.5.1", false, ["/readyz", "/healthz"]),
        ("2026.9.6", false, ["/startupz", "/healthz"]),
        ("2026.9.6", true, [".connect(18789", ".connect(18789"]),
    ];
    for (release, tls, expected) in cases {
        for (found, expected) in health(release, tls).iter().zip(expected) {
            assert!(found.contains(expected), "{release} {tls}: {found}");
        }
    }
}

#[test]
fn watcher_and_service_of_the_host_are_named_since_they_start_the_gateway_again() {
    let host = Host::new();
    let sandbox = &host.0;
    sandbox.write(
        ".openclaw-guard/openclaw.json",
        r#"{"gateway":{"mode":"local","port":30789}}"#,
    );
    sandbox.write(".openclaw-guard/instance.toml", "[rescue]\nwatch = [\"work\"]\n");
    let unit = ".config/systemd/user/openclaw-gateway-work.service";
    sandbox.write(
        unit,
        "[Service]\nExecStart=/usr/bin/openclaw --profile work gateway run\n",
    );
    sandbox.write(format!("{unit}.d/mine.conf"), "[Service]\nMemoryMax=1G\n");
    let document = host.manifest("quadlet");
    let left_out = about(&document, "left-out");
    for expected in ["service", "service-addition", "watchers"] {
        assert!(
            left_out.iter().any(|about| about == expected),
            "{expected}: {left_out:?}"
        );
    }
    assert!(document.to_string().contains("mine.conf"));
}

#[test]
fn client_of_another_gateway_and_instance_without_a_known_release_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".openclaw-far/openclaw.json",
        r#"{"gateway":{"mode":"remote","port":40789}}"#,
    );
    sandbox.write(
        ".openclaw-npm/openclaw.json",
        r#"{"gateway":{"mode":"local","port":30789}}"#,
    );
    sandbox.write(".openclaw-npm/instance.toml", "engine = \"node\"\n");
    for (profile, words) in [("far", "gateway.mode"), ("npm", "engine use")] {
        let run = sandbox
            .run(["profiles", "manifest", profile, "--format", "compose"])
            .exits(78);
        assert!(
            run.stdout.is_empty() && run.stderr.contains(words),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn secret_that_a_key_of_another_name_holds_too_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".openclaw/openclaw.json",
        r#"{"gateway":{"mode":"local","auth":{"token":"a-token-that-is-there-twice"}},"ui":{"note":"a-token-that-is-there-twice"}}"#,
    );
    let run = sandbox
        .run([
            "profiles", "manifest", "default", "--format", "compose", "--out", "out",
        ])
        .exits(78);
    assert!(run.stderr.contains("openclaw-default.json") && !run.stderr.contains("a-token-that"));
    assert!(!sandbox.path("out").exists());
}

#[test]
fn rewritten_config_is_accepted_by_the_release_that_it_is_for() {
    let Some(peers) = std::env::var_os("OPENCLAW_PEERS").map(PathBuf::from) else {
        return skipped(Reason::NoPeers, "OPENCLAW_PEERS is not set");
    };
    let host = Host::new();
    let (_, variables) = host.files();
    let mut command = Command::new(peers.join("oc"));
    command
        .args(["config", "validate"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    command.env("HOME", host.0.home()).current_dir(host.0.home());
    command.env("OPENCLAW_CONFIG_PATH", host.0.path("out/openclaw-work.json"));
    for (name, value) in variables.iter().filter_map(|line| line.split_once('=')) {
        // What is missing is filled in, as the report asks for.
        command.env(name, if value.is_empty() { "filled-in" } else { value });
    }
    let output = command.output().expect("the release runs");
    assert!(output.status.success(), "{output:?}");
}
