//! Onboarding again: the same answers change no byte, and a changed answer changes that and nothing else.

use serde_json::{Value, json};

use super::{MAIN, base, beside_main, config, config_path, onboarded, touched};
use crate::support::Sandbox;

const EVERYTHING: &[&str] = &[
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
fn a_second_run_touches_no_file() {
    let choices: [&[&str]; 4] = [
        &[],
        EVERYTHING,
        &["--auth-choice", "openai-api-key", "--openai-api-key", "sk-1"],
        &["--auth-choice", "apiKey", "--anthropic-api-key", "sk-1"],
    ];
    for choice in choices {
        let sandbox = beside_main();
        let _ = onboarded(&sandbox, "rescue", choice);
        let (instance, tree) = (touched(&sandbox.path(".openclaw-rescue")), sandbox.tree());
        for lang in ["en", "tr"] {
            let again = [choice, &["--lang", lang, "--json"]].concat();
            let document = onboarded(&sandbox, "rescue", &again).json();
            assert_eq!(document["changed"], json!(false), "{choice:?}: {document:#}");
            assert_eq!(document["changes"], json!([]));
        }
        let _ = onboarded(&sandbox, "rescue", &["--existing", "keep"]);
        let _ = sandbox.run(["--profile", "rescue", "setup"]).exits(0);
        assert_eq!(touched(&sandbox.path(".openclaw-rescue")), instance, "{choice:?}");
        assert_eq!(sandbox.tree(), tree, "{choice:?}");
    }
}

/// **BUG** of docs/openclaw.md#gateway-token: onboarding again replaced the token, and every client lost its gateway.
#[test]
fn a_rerun_keeps_the_token() {
    let sandbox = Sandbox::new();
    let _ = onboarded(&sandbox, "rescue", &[]);
    let token = config(&sandbox, "rescue")["gateway"]["auth"]["token"].clone();
    let _ = onboarded(&sandbox, "rescue", &["--gateway-bind", "lan"]);
    let after = config(&sandbox, "rescue");
    assert_eq!(after["gateway"]["auth"]["token"], token);
    assert_eq!(after["gateway"]["bind"], "lan");
}

#[test]
fn the_port_stays_even_while_its_own_gateway_listens_on_it() {
    let sandbox = Sandbox::new();
    let _ = onboarded(&sandbox, "rescue", &[]);
    // Any free port of the host stands for the gateway's: it is written as the port that stands.
    let gateway = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = gateway.local_addr().expect("an address").port();
    let text = sandbox.read(config_path("rescue"));
    let standing = base(&sandbox, "rescue").to_string();
    sandbox.write(config_path("rescue"), text.replace(&standing, &port.to_string()));
    for _ in 0..2 {
        let _ = onboarded(&sandbox, "rescue", &[]);
        assert_eq!(base(&sandbox, "rescue"), u64::from(port));
    }
}

/// The changes between two JSON trees, as paths.
fn diff(before: &Value, after: &Value, path: &str, out: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<_> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let of = |map: &serde_json::Map<String, Value>| map.get(key).cloned().unwrap_or_default();
                diff(&of(a), &of(b), &format!("{path}.{key}"), out);
            }
        }
        _ if before != after => out.push(path.to_owned()),
        _ => {}
    }
}

#[test]
fn a_new_port_changes_the_port_and_the_stamps_and_nothing_else() {
    let sandbox = Sandbox::new();
    let _ = onboarded(&sandbox, "rescue", &["--gateway-token", "tok"]);
    let text = sandbox.read(config_path("rescue"));
    let (mut old, port) = (config(&sandbox, "rescue"), base(&sandbox, "rescue"));
    // What others put there: comments, unknown keys, letters beyond ASCII.
    let lived_in = text.replacen(
        '{',
        "{ // rescue bot, kurtarma botu\n  'şehir': { 'İzmir': [1, 2.50, 1e3] },\n  plugins: {}, /* mine */",
        1,
    );
    sandbox.write(config_path("rescue"), &lived_in);
    old["şehir"] = json!({ "İzmir": [1, 2.50, 1e3] });
    old["plugins"] = json!({});

    let new = (port + 1000).to_string();
    let _ = onboarded(&sandbox, "rescue", &["--gateway-port", &new]);
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
    diff(&old, &new_tree, "", &mut changed);
    assert_eq!(changed, [".gateway.port", ".wizard.lastRunAt"]);
    assert_eq!(get("gateway.port").to_string(), new);
    assert!(
        sandbox
            .read(".openclaw-rescue/instance.toml")
            .contains(&format!("base = {new}"))
    );
    let backup = sandbox.read(format!("{}.bak", config_path("rescue")));
    assert_eq!(backup, lived_in);
}

/// **BUG** of docs/openclaw.md#config-variables: `${VAR}` was resolved, and the secret stood in the file in clear.
#[test]
fn a_variable_reference_is_never_expanded_into_the_file() {
    let sandbox = Sandbox::new().var("RESCUE_TOKEN", "CANARY-EXPANDED");
    let before = MAIN
        .replace("MAIN-TOKEN", "${RESCUE_TOKEN}")
        .replace("18789", "20789")
        .replace("~/.openclaw/workspace", "~/.openclaw-rescue/workspace-rescue");
    sandbox.write(config_path("rescue"), &before);
    let run = onboarded(&sandbox, "rescue", &["--gateway-bind", "lan"]);
    let after = sandbox.read(config_path("rescue"));
    assert!(after.contains("token: \"${RESCUE_TOKEN}\""), "{after}");
    for (path, _, bytes) in sandbox.tree() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("CANARY-EXPANDED"), "{}", path.display());
    }
    assert!(!run.stdout.contains("CANARY-EXPANDED") && !run.stderr.contains("CANARY-EXPANDED"));
}

/// **BUG** of docs/openclaw.md#config-modes: backups of a config that others could read could be read by others too.
#[test]
fn a_readable_config_and_its_backups_become_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let _ = onboarded(&sandbox, "rescue", &[]);
    let config = sandbox.path(config_path("rescue"));
    for bind in ["lan", "loopback", "auto"] {
        std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o644)).expect("a mode");
        let _ = onboarded(&sandbox, "rescue", &["--gateway-bind", bind]);
        for (path, mode, _) in sandbox.tree() {
            if path.to_string_lossy().contains("openclaw.json") {
                assert_eq!(mode & 0o777, 0o600, "{}", path.display());
            }
        }
    }
}

#[test]
fn backups_go_round_in_a_ring_of_five() {
    let sandbox = Sandbox::new();
    let _ = onboarded(&sandbox, "rescue", &[]);
    for bind in ["lan", "auto", "loopback", "tailnet", "lan", "auto", "loopback"] {
        let _ = onboarded(&sandbox, "rescue", &["--gateway-bind", bind]);
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
