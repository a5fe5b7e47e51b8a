//! A second onboarding: the same answers change no byte, and a changed answer changes its value and nothing else.

use serde_json::{Value, json};

use super::{
    MAIN, base_port, change_times, config_path, onboard, onboard_ok, read_config, sandbox_with_main,
};
use crate::support::Sandbox;

/// Flags that answer every question.
const ALL_ANSWERS: &[&str] = &[
    "--flow",
    "advanced",
    "--gateway-bind",
    "lan",
    "--gateway-auth",
    "password",
    "--gateway-password",
    "p4ss",
    "--auth-choice",
    "custom-api-key",
    "--custom-base-url",
    "http://127.0.0.1:11434/v1",
    "--custom-model-id",
    "llama",
    "--custom-api-key",
    "k",
    "--channel",
    "telegram",
    "--channel-token",
    "1:b",
    "--workspace",
    "~/work/rescue",
];

#[test]
fn second_run_with_the_same_answers_changes_no_file() {
    let choices: [&[&str]; 4] = [
        &[],
        ALL_ANSWERS,
        &["--auth-choice", "openai-api-key", "--openai-api-key", "sk-1"],
        &["--auth-choice", "apiKey", "--anthropic-api-key", "sk-1"],
    ];
    for choice in choices {
        let sandbox = sandbox_with_main();
        let _ = onboard_ok(&sandbox, "rescue", choice);
        let (instance, tree) = (change_times(&sandbox.path(".openclaw-rescue")), sandbox.tree());
        for lang in ["en", "tr"] {
            let again = [choice, &["--lang", lang, "--json"]].concat();
            let document = onboard_ok(&sandbox, "rescue", &again).json();
            assert_eq!(document["changed"], json!(false), "{choice:?}: {document:#}");
            assert_eq!(document["changes"], json!([]));
        }
        let _ = onboard_ok(&sandbox, "rescue", &["--existing", "keep"]);
        let _ = sandbox.run(["--profile", "rescue", "setup"]).exits(0);
        assert_eq!(
            change_times(&sandbox.path(".openclaw-rescue")),
            instance,
            "{choice:?}"
        );
        assert_eq!(sandbox.tree(), tree, "{choice:?}");
    }
}

/// The list of files is the later release's own (docs/openclaw.md#workspace-files).
#[test]
fn keeping_an_instance_of_the_later_release_adds_no_file_to_its_workspace() {
    let sandbox = Sandbox::new();
    let config = json!({
        "agents": {
            "defaults": { "workspace": sandbox.path(".openclaw-rescue/workspace") },
            "entries": { "main": { "name": "main" } },
        },
        "gateway": { "mode": "local", "port": 23532, "auth": { "mode": "token", "token": "t0k3n-of-9.6" } },
        "meta": { "migrations": { "modelPolicyAllowlist": true }, "lastTouchedVersion": "2026.9.6" },
    });
    sandbox.write(config_path("rescue"), config.to_string());
    for name in ["AGENTS.md", "SOUL.md", "IDENTITY.md", "USER.md"] {
        sandbox.write(format!(".openclaw-rescue/workspace/{name}"), "theirs");
    }
    let workspace = || change_times(&sandbox.path(".openclaw-rescue/workspace"));
    let before = workspace();
    let _ = onboard_ok(&sandbox, "rescue", &["--existing", "keep"]);
    assert_eq!(workspace(), before);
    let _ = sandbox.run(["--profile", "rescue", "setup"]).exits(0);
    assert_eq!(workspace(), before);
    // One that it lacks of the later release's list is added, as that release does.
    std::fs::remove_file(sandbox.path(".openclaw-rescue/workspace/USER.md")).expect("a file");
    let _ = sandbox.run(["--profile", "rescue", "setup"]).exits(0);
    let names = std::fs::read_dir(sandbox.path(".openclaw-rescue/workspace")).expect("a folder");
    assert_eq!(names.count(), 4);
    assert!(sandbox.path(".openclaw-rescue/workspace/USER.md").exists());
}

/// Guards against a bug of OpenClaw (docs/openclaw.md#gateway-token): a second onboarding replaced the token, and every
/// client lost its gateway.
#[test]
fn second_run_keeps_the_token() {
    let sandbox = Sandbox::new();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    let token = read_config(&sandbox, "rescue")["gateway"]["auth"]["token"].clone();
    let _ = onboard_ok(&sandbox, "rescue", &["--gateway-bind", "lan"]);
    let after = read_config(&sandbox, "rescue");
    assert_eq!(after["gateway"]["auth"]["token"], token);
    assert_eq!(after["gateway"]["bind"], "lan");
}

#[test]
fn port_stays_while_the_own_gateway_listens_on_it() {
    let sandbox = Sandbox::new();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    // Any free port of the host plays the gateway's: it is written as the current port.
    let gateway = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = gateway.local_addr().expect("an address").port();
    let text = sandbox.read(config_path("rescue"));
    let current = base_port(&sandbox, "rescue").to_string();
    sandbox.write(config_path("rescue"), text.replace(&current, &port.to_string()));
    for _ in 0..2 {
        // No gateway of the instance, but this test listens there.
        let _ = onboard(&sandbox, "rescue", &[]).exits(78);
        assert_eq!(base_port(&sandbox, "rescue"), u64::from(port));
    }
}

/// Collects the paths at which two JSON trees differ.
fn changed_paths(before: &Value, after: &Value, path: &str, out: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<_> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                changed_paths(&of(a), &of(b), &format!("{path}.{key}"), out);
            }
        }
        _ if before != after => out.push(path.to_owned()),
        _ => {}
    }
}

#[test]
fn new_port_changes_only_the_port_and_the_stamps() {
    let sandbox = Sandbox::new();
    let _ = onboard_ok(&sandbox, "rescue", &["--gateway-token", "tok"]);
    let text = sandbox.read(config_path("rescue"));
    let (mut old, port) = (read_config(&sandbox, "rescue"), base_port(&sandbox, "rescue"));
    // Additions by the user: comments, unknown keys, letters beyond ASCII.
    let edited = text.replacen(
        '{',
        "{ // rescue bot, kurtarma botu\n  'şehir': { 'İzmir': [1, 2.50, 1e3] },\n  plugins: {}, /* mine */",
        1,
    );
    sandbox.write(config_path("rescue"), &edited);
    // `config get` shows numbers as OpenClaw does.
    old["şehir"] = json!({ "İzmir": [1, 2.50, 1000] });
    old["plugins"] = json!({});

    let new = (port + 1000).to_string();
    // No release knows the key, so that the gateway would not start.
    let _ = onboard(&sandbox, "rescue", &["--gateway-port", &new]).exits(78);
    let after = sandbox.read(config_path("rescue"));
    for kept in [
        "// rescue bot, kurtarma botu",
        "/* mine */",
        "'İzmir': [1, 2.50, 1e3]",
    ] {
        assert!(after.contains(kept), "{kept} is gone:\n{after}");
    }
    let get = |path: &str| {
        sandbox
            .run(["--profile", "rescue", "config", "get", path, "--json"])
            .exits(0)
            .json()["value"]
            .clone()
    };
    let mut new_tree = old.clone();
    for key in ["gateway", "wizard", "meta", "agents", "şehir", "plugins"] {
        new_tree[key] = get(&format!("[\"{key}\"]"));
    }
    new_tree["gateway"]["auth"]["token"] = "tok".into(); // shown to nobody
    let mut changed = Vec::new();
    changed_paths(&old, &new_tree, "", &mut changed);
    assert_eq!(changed, [".gateway.port", ".wizard.lastRunAt"]);
    assert_eq!(get("gateway.port").to_string(), new);
    assert!(
        sandbox
            .read(".openclaw-rescue/instance.toml")
            .contains(&format!("base = {new}"))
    );
    let backup = sandbox.read(format!("{}.bak", config_path("rescue")));
    assert_eq!(backup, edited);
}

/// Guards against a bug of OpenClaw (docs/openclaw.md#config-variables): `${VAR}` was resolved, and the secret was written
/// to the file in clear text.
#[test]
fn variable_reference_is_never_expanded_in_the_file() {
    let sandbox = Sandbox::new().var("RESCUE_TOKEN", "CANARY-EXPANDED");
    let before = MAIN
        .replace("MAIN-TOKEN", "${RESCUE_TOKEN}")
        .replace("18789", "20789")
        .replace("~/.openclaw/workspace", "~/.openclaw-rescue/workspace-rescue");
    sandbox.write(config_path("rescue"), &before);
    let run = onboard_ok(&sandbox, "rescue", &["--gateway-bind", "lan"]);
    let after = sandbox.read(config_path("rescue"));
    assert!(after.contains("token: \"${RESCUE_TOKEN}\""), "{after}");
    for (path, _, bytes) in sandbox.tree() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("CANARY-EXPANDED"), "{}", path.display());
    }
    assert!(!run.stdout.contains("CANARY-EXPANDED") && !run.stderr.contains("CANARY-EXPANDED"));
}

/// Guards against a bug of OpenClaw (docs/openclaw.md#config-modes): backups of a config that others could read were
/// readable by others too.
#[test]
fn config_readable_by_others_and_its_backups_become_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    let config = sandbox.path(config_path("rescue"));
    for bind in ["lan", "loopback", "auto"] {
        std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o644)).expect("a mode");
        let _ = onboard_ok(&sandbox, "rescue", &["--gateway-bind", bind]);
        for (path, mode, _) in sandbox.tree() {
            if path.to_string_lossy().contains("openclaw.json") {
                assert_eq!(mode & 0o777, 0o600, "{}", path.display());
            }
        }
    }
}

#[test]
fn only_the_five_newest_backups_are_kept() {
    let sandbox = Sandbox::new();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    for bind in ["lan", "auto", "loopback", "tailnet", "lan", "auto", "loopback"] {
        let _ = onboard_ok(&sandbox, "rescue", &["--gateway-bind", bind]);
    }
    let mut names: Vec<_> = sandbox
        .tree()
        .into_iter()
        .filter_map(|(path, ..)| path.file_name()?.to_str().map(str::to_owned))
        .filter(|name| name.starts_with("openclaw.json"))
        .collect();
    names.sort();
    assert_eq!(
        names.join(" "),
        "openclaw.json openclaw.json.bak openclaw.json.bak.1 openclaw.json.bak.2 openclaw.json.bak.3 \
         openclaw.json.bak.4"
    );
}

/// A config is kept where no flag and no answer changes it: each of these, in an instance that is onboarded again, has the
/// same `gateway` afterwards.
#[test]
fn second_onboarding_keeps_what_stands_in_gateway() {
    let env_token = json!({ "source": "env", "provider": "default", "id": "OPENCLAW_GATEWAY_TOKEN" });
    let file_token = json!({ "source": "file", "provider": "vault", "id": "/gateway/token" });
    let exec_password = json!({ "source": "exec", "provider": "vault", "id": "gateway/password" });
    let remote = json!({ "url": "wss://user:CANARY@gateway.example" });
    for gateway in [
        json!({ "mode": "local", "port": 20789, "auth": { "mode": "token", "token": env_token } }),
        json!({ "mode": "local", "port": 20789, "bind": "lan", "auth": { "token": file_token } }),
        json!({ "mode": "local", "port": 20789, "auth": { "password": "only-pass-no-mode" } }),
        json!({ "mode": "local", "port": 20789, "auth": { "mode": "password", "password": exec_password } }),
        json!({ "mode": "local", "port": 20789, "auth": { "mode": "trusted-proxy" } }),
        json!({ "mode": "local", "port": 20789, "auth": { "mode": "none" } }),
        json!({ "mode": "remote", "port": 20789, "remote": remote }),
        json!({ "mode": "local", "port": 20789, "bind": "custom", "customBindHost": "127.0.0.2",
                "auth": { "mode": "token", "token": "${MY_TOKEN}" } }),
    ] {
        let sandbox = Sandbox::new();
        let text = json!({ "gateway": gateway }).to_string();
        sandbox.write(config_path("rescue"), &text);
        // Our gateway starts neither with a secret of another program nor behind a proxy that signs people in.
        let is_served = !["\"file\"", "\"exec\"", "trusted-proxy"]
            .iter()
            .any(|form| text.contains(form));
        let code = if is_served { 0 } else { 78 };
        for flags in [&[][..], &["--flow", "advanced"]] {
            let _ = onboard(&sandbox, "rescue", flags).exits(code);
            assert_eq!(read_config(&sandbox, "rescue")["gateway"], gateway, "{flags:?}");
        }
        let _ = sandbox.run(["--profile", "rescue", "setup"]).exits(code);
        assert_eq!(read_config(&sandbox, "rescue")["gateway"], gateway);
        // A flag changes its own key and no other.
        let _ = onboard(&sandbox, "rescue", &["--gateway-port", "21789"]).exits(code);
        let mut moved = gateway.clone();
        moved["port"] = json!(21789);
        assert_eq!(read_config(&sandbox, "rescue")["gateway"], moved);
    }
}

#[test]
fn values_of_an_included_file_are_kept_where_they_stand() {
    let sandbox = Sandbox::new();
    sandbox.write(
        config_path("rescue"),
        r#"{ "gateway": { "$include": "./gateway.json" } }"#,
    );
    let included =
        r#"{ "mode": "local", "port": 20789, "bind": "lan", "auth": { "mode": "token", "token": "kept" } }"#;
    sandbox.write(".openclaw-rescue/gateway.json", included);
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    let gateway = &read_config(&sandbox, "rescue")["gateway"];
    assert_eq!(*gateway, json!({ "$include": "./gateway.json" }));
    assert_eq!(sandbox.read(".openclaw-rescue/gateway.json"), included);
}

#[test]
fn token_of_the_environment_file_is_not_replaced() {
    let sandbox = Sandbox::new();
    sandbox.write(
        config_path("rescue"),
        r#"{ "gateway": { "mode": "local", "port": 20789 } }"#,
    );
    sandbox.write(".openclaw-rescue/.env", "OPENCLAW_GATEWAY_TOKEN=from-env-file\n");
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    assert_eq!(
        read_config(&sandbox, "rescue")["gateway"],
        json!({ "mode": "local", "port": 20789 })
    );
}

#[test]
fn remote_mode_is_named_with_its_url_and_changed_only_on_request() {
    let sandbox = Sandbox::new();
    let text =
        r#"{ "gateway": { "mode": "remote", "remote": { "url": "wss://user:CANARY@gateway.example" } } }"#;
    sandbox.write(config_path("rescue"), text);
    for lang in ["en", "tr"] {
        for words in [
            &["status"][..],
            &["status", "--all"],
            &["onboard", "--non-interactive", "--accept-risk"],
        ] {
            let shown = sandbox.run([&["--profile", "rescue", "--lang", lang], words].concat());
            let shown = shown.stdout + &shown.stderr;
            assert!(
                shown.contains("remote") && shown.contains("gateway.example"),
                "{shown}"
            );
            assert!(!shown.contains("CANARY"), "{shown}");
        }
    }
    let document = sandbox.run(["--profile", "rescue", "status", "--json"]).json();
    assert_eq!(document["gateway"]["mode"], "remote");
    assert_eq!(
        document["gateway"]["remoteUrl"],
        "wss://__OPENCLAW_REDACTED__@gateway.example"
    );
    let _ = onboard_ok(&sandbox, "rescue", &["--mode", "local"]);
    assert_eq!(read_config(&sandbox, "rescue")["gateway"]["mode"], "local");
}

#[test]
fn plan_names_a_new_secret_of_the_config_in_words() {
    let words = [
        ("en", "(new token)", "(hidden)"),
        ("tr", "(yeni token)", "(gizli)"),
    ];
    for (lang, new, old) in words {
        let sandbox = Sandbox::new();
        let plan = |extra: &[&str]| {
            let args = [&["--lang", lang, "--dry-run"], extra].concat();
            onboard_ok(&sandbox, "rescue", &args).stdout
        };
        let config = r#"{ "gateway": { "mode": "local", "port": 19789, "auth": { "mode": "token" } } }"#;
        sandbox.write(config_path("rescue"), config);
        let shown = plan(&["--existing", "change"]);
        assert!(shown.contains(&format!("+ gateway.auth.token: {new}")), "{shown}");
        let config = config.replace(r#""token" }"#, r#""token", "token": "CANARY" }"#);
        sandbox.write(config_path("rescue"), config);
        let shown = plan(&["--existing", "change", "--gateway-token", "another-token-of-mine"]);
        assert!(
            shown.contains(&format!("gateway.auth.token: {old} → {new}")),
            "{shown}"
        );
        assert!(!shown.contains("__OPENCLAW"), "{shown}");
    }
}
