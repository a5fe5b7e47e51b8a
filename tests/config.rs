//! `openclaw config`: which values it reads, what it writes, and what it refuses to write.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Ran, Sandbox};

mod edits;
mod include;
mod include_boundary;
mod newer;
mod ports;
mod releases;
mod restore;
mod verdicts;

/// Path of the rescue instance's config below HOME.
const CONFIG: &str = ".openclaw-rescue/openclaw.json";

/// A config that a person has edited: it has comments, a variable and a secret.
const EDITED_CONFIG: &str = r#"// the rescue bot
{
  gateway: {
    mode: "local",
    port: 19789, // agreed with ops
    auth: { mode: "token", token: "${RESCUE_TOKEN}" },
  },
  channels: { telegram: { botToken: "123:secret" } },
}
"#;

/// Creates a home folder with this config of the `rescue` instance.
fn sandbox(config: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(CONFIG, config);
    sandbox
}

/// Runs `openclaw --profile rescue config ARGS`.
fn config(sandbox: &Sandbox, args: &[&str]) -> Ran {
    sandbox.run([&["--profile", "rescue", "config"], args].concat())
}

/// Runs `config ARGS`, which has to succeed.
#[track_caller]
fn config_ok(sandbox: &Sandbox, args: &[&str]) {
    let _ = config(sandbox, args).exits(0);
}

/// Runs `config ARGS --json`, which has to end with this exit code, and returns its document. The document's `ok` agrees
/// with the exit code.
#[track_caller]
fn config_json(sandbox: &Sandbox, args: &[&str], code: i32) -> Value {
    let document = config(sandbox, &[args, &["--json"]].concat()).exits(code).json();
    assert_eq!(document["ok"], json!(code == 0), "{document}");
    document
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777
}

/// Returns the names of the files in the state folder.
fn file_names(sandbox: &Sandbox) -> Vec<String> {
    let entries = std::fs::read_dir(sandbox.path(".openclaw-rescue")).expect("the state folder");
    let mut names: Vec<_> = entries
        .map(|e| e.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    names
}

#[test]
fn get_prints_the_value_and_never_a_secret() {
    let sandbox = sandbox(EDITED_CONFIG);
    assert_eq!(
        config(&sandbox, &["get", "gateway.port"]).exits(0).stdout,
        "19789\n"
    );
    assert_eq!(
        config(&sandbox, &["get", "gateway.mode"]).exits(0).stdout,
        "local\n"
    );
    assert_eq!(
        config(&sandbox, &["get", "gateway.auth.token"]).exits(0).stdout,
        "${RESCUE_TOKEN}\n"
    );
    let all = config(&sandbox, &["get", "channels"]).exits(0);
    assert!(
        !all.stdout.contains("secret") && !all.stderr.contains("secret"),
        "{all:?}"
    );
    assert_eq!(
        config_json(&sandbox, &["get", "gateway.port"], 0)["value"],
        json!(19789)
    );
    assert_eq!(
        config_json(&sandbox, &["get", "gateway.nothing"], 1)["code"],
        "config.no-such-key"
    );
    assert_eq!(
        config_json(&sandbox, &["get", "gateway..port"], 2)["code"],
        "config.path-key"
    );
}

#[test]
fn get_follows_includes() {
    let sandbox = sandbox("{ $include: './base.json5', gateway: { mode: 'local' } }");
    sandbox.write(".openclaw-rescue/base.json5", "{ gateway: { port: 20789 } }");
    assert_eq!(
        config(&sandbox, &["get", "gateway.port"]).exits(0).stdout,
        "20789\n"
    );
    sandbox.write(".openclaw-rescue/base.json5", "{ gateway: ");
    let broken = config_json(&sandbox, &["get", "gateway.port"], 78);
    assert!(
        broken["message"]
            .as_str()
            .is_some_and(|m| m.contains("base.json5:1:")),
        "{broken}"
    );
}

#[test]
fn set_changes_one_value_and_keeps_the_rest() {
    let sandbox = sandbox(EDITED_CONFIG);
    let run = config_json(&sandbox, &["set", "gateway.bind", "loopback"], 0);
    assert_eq!(run["changed"], json!(true));
    let text = sandbox.read(CONFIG);
    for kept in [
        "// the rescue bot",
        "// agreed with ops",
        "${RESCUE_TOKEN}",
        "123:secret",
    ] {
        assert!(text.contains(kept), "{kept} is gone:\n{text}");
    }
    assert_eq!(
        config(&sandbox, &["get", "gateway.bind"]).exits(0).stdout,
        "loopback\n"
    );
    assert_eq!(sandbox.read(format!("{CONFIG}.bak")), EDITED_CONFIG);
    assert_eq!(mode(&sandbox.path(CONFIG)), 0o600);
    assert_eq!(mode(&sandbox.path(format!("{CONFIG}.bak"))), 0o600);
}

#[test]
fn set_merges_objects_unless_told_to_replace() {
    let sandbox = sandbox(EDITED_CONFIG);
    config_ok(&sandbox, &["set", "gateway.auth", "{ allowTailscale: true }"]);
    let merged = config_json(&sandbox, &["get", "gateway.auth"], 0);
    assert_eq!(
        merged["value"],
        json!({ "mode": "token", "token": "${RESCUE_TOKEN}", "allowTailscale": true })
    );
    config_ok(
        &sandbox,
        &["set", "--replace", "gateway.auth", "{ mode: 'password' }"],
    );
    assert_eq!(
        config_json(&sandbox, &["get", "gateway.auth"], 0)["value"],
        json!({ "mode": "password" })
    );
}

#[test]
fn equal_value_writes_nothing() {
    let sandbox = sandbox(EDITED_CONFIG);
    let before = sandbox.read(CONFIG);
    let same = config_json(&sandbox, &["set", "gateway.port", "19789"], 0);
    assert_eq!((&same["changed"], &same["backup"]), (&json!(false), &Value::Null));
    assert_eq!(sandbox.read(CONFIG), before);
    assert_eq!(file_names(&sandbox), ["openclaw.json"]);
}

#[test]
fn unset_removes_a_key() {
    let sandbox = sandbox(EDITED_CONFIG);
    config_ok(&sandbox, &["unset", "channels"]);
    config_json(&sandbox, &["get", "channels"], 1);
    assert!(sandbox.read(CONFIG).contains("// agreed with ops"));
}

#[test]
fn secret_is_read_from_standard_input_and_not_shown() {
    let sandbox = sandbox(EDITED_CONFIG);
    let args = [
        "--profile",
        "rescue",
        "config",
        "set",
        "--stdin",
        "gateway.auth.token",
        "--json",
    ];
    let mut child = sandbox
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child
        .stdin
        .take()
        .expect("stdin")
        .write_all(b"0012345\n")
        .expect("written");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("0012345"));
    assert!(
        sandbox.read(CONFIG).contains("token: \"0012345\""),
        "{}",
        sandbox.read(CONFIG)
    );
}

#[test]
fn value_that_openclaw_would_refuse_is_not_written() {
    let sandbox = sandbox(EDITED_CONFIG);
    for (path, value) in [
        ("gateway.prot", "19790"),
        ("gateway.bind", "0.0.0.0"),
        ("gateway.port", "70000"),
        ("gateway.port", "'19790'"),
        ("nonsense", "1"),
    ] {
        assert_eq!(
            config_json(&sandbox, &["set", path, value], 78)["code"],
            "config.refused",
            "{path}"
        );
    }
    assert_eq!(sandbox.read(CONFIG), EDITED_CONFIG);
    assert_eq!(file_names(&sandbox), ["openclaw.json"]);
    assert_eq!(
        config_json(&sandbox, &["set", "gateway.mode.deep", "1"], 78)["code"],
        "config.edit-not-an-object"
    );
}

#[test]
fn invalid_key_does_not_block_a_change_of_another_key() {
    let sandbox = sandbox("{ gateway: { prot: 1, mode: 'local' } }");
    let findings = config_json(&sandbox, &["validate"], 1);
    assert_eq!(findings["findings"][0]["path"], "gateway.prot");
    config_ok(&sandbox, &["set", "gateway.bind", "loopback"]);
    config_ok(&sandbox, &["unset", "gateway.prot"]);
    assert_eq!(config_json(&sandbox, &["validate"], 0)["findings"], json!([]));
}

#[test]
fn config_that_cannot_be_read_is_never_overwritten() {
    let deep = "[".repeat(10_000);
    let broken: [(&[u8], &str); 8] = [
        (b"{\n  gateway: {\n    port: 1 mode: 'local'", ":3:12:"),
        (b"{ gateway: { port: 18789", ":1:12:"),
        (b"", "openclaw.json:"),
        (b"\xef\xbb\xbf[1]", ":1:1:"),
        (deep.as_bytes(), ":1:257:"),
        (b"{ a: Infinity }", ":1:6:"),
        (b"{ a: '\xff' }", ":1:7:"),
        (b"[]", ":1:1:"),
    ];
    for (bytes, position) in broken {
        let sandbox = Sandbox::new();
        let path = sandbox.write(CONFIG, bytes);
        for args in [
            &["get", "gateway.port"][..],
            &["set", "gateway.port", "19789"],
            &["unset", "gateway.port"],
            &["validate"],
        ] {
            let refused = config_json(&sandbox, args, 78);
            assert_eq!(refused["code"], "config.broken");
            assert!(
                refused["message"].as_str().is_some_and(|m| m.contains(position)),
                "{position}: {refused}"
            );
            assert!(!refused["hints"].as_array().expect("hints").is_empty());
        }
        assert_eq!(std::fs::read(path).expect("it is there"), bytes);
        assert_eq!(file_names(&sandbox), ["openclaw.json"]);
    }
}

#[test]
fn config_that_is_a_folder_a_fifo_or_too_large_is_refused() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.path(CONFIG)).expect("a folder");
    assert_eq!(
        config_json(&sandbox, &["set", "gateway.port", "19789"], 78)["code"],
        "config.broken"
    );

    let sandbox = self::sandbox("");
    std::fs::remove_file(sandbox.path(CONFIG)).expect("removed");
    let made = std::process::Command::new("mkfifo")
        .arg(sandbox.path(CONFIG))
        .status()
        .expect("mkfifo");
    assert!(made.success());
    assert_eq!(
        config_json(&sandbox, &["get", "gateway.port"], 78)["code"],
        "config.broken"
    );

    let huge = format!("{{ a: '{}' }}", "x".repeat(10 * 1024 * 1024));
    let sandbox = self::sandbox(&huge);
    assert_eq!(
        config_json(&sandbox, &["set", "gateway.port", "19789"], 78)["code"],
        "config.broken"
    );
}

#[test]
fn missing_config_is_reported_with_the_command_that_creates_it() {
    let sandbox = Sandbox::new();
    let missing = config_json(&sandbox, &["set", "gateway.port", "19789"], 1);
    assert_eq!(missing["code"], "config.missing");
    assert!(
        missing["hints"][0]
            .as_str()
            .is_some_and(|h| h.contains("openclaw --profile rescue onboard")),
        "{missing}"
    );
    assert!(!sandbox.path(".openclaw-rescue").exists());
    let file = config_json(&sandbox, &["file"], 0);
    assert_eq!(file["exists"], json!(false));
    assert_eq!(file["config"], json!(sandbox.path(CONFIG)));
}

#[test]
fn only_the_five_newest_backups_are_kept() {
    let sandbox = sandbox(EDITED_CONFIG);
    for number in 1..8 {
        config_ok(
            &sandbox,
            &["set", "gateway.auth.token", &format!("token {number}")],
        );
    }
    let kept = ["", ".bak", ".bak.1", ".bak.2", ".bak.3", ".bak.4"].map(|end| format!("openclaw.json{end}"));
    assert_eq!(file_names(&sandbox), kept);
    assert!(sandbox.read(format!("{CONFIG}.bak.4")).contains("token 2"));
}

#[test]
fn config_that_is_a_link_stays_a_link() {
    let sandbox = Sandbox::new();
    let real = sandbox.write("dotfiles/openclaw.json", EDITED_CONFIG);
    std::fs::create_dir_all(sandbox.path(".openclaw-rescue")).expect("a folder");
    std::os::unix::fs::symlink(&real, sandbox.path(CONFIG)).expect("a link");
    config_ok(&sandbox, &["set", "gateway.bind", "lan"]);
    assert_eq!(
        std::fs::read_link(sandbox.path(CONFIG)).expect("still a link"),
        real
    );
    assert!(sandbox.read("dotfiles/openclaw.json").contains("lan"));
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    let sandbox = sandbox(EDITED_CONFIG);
    std::fs::set_permissions(sandbox.path(CONFIG), std::fs::Permissions::from_mode(0o644)).expect("chmod");
    let program = sandbox.command([""; 0]).get_program().to_owned();
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .args([
            "-c",
            "umask 000; exec \"$0\" --profile rescue config set gateway.bind lan",
        ])
        .arg(program);
    shell
        .env_clear()
        .env("HOME", sandbox.home())
        .env("PATH", "/usr/bin:/bin");
    assert!(shell.output().expect("it runs").status.success());
    for name in file_names(&sandbox) {
        assert_eq!(
            mode(&sandbox.path(".openclaw-rescue").join(&name)),
            0o600,
            "{name}"
        );
    }
}

#[test]
fn fifty_concurrent_changes_lose_no_value() {
    let sandbox = sandbox(r#"{ "env": { "vars": {} } }"#);
    let children: Vec<_> = (0..50)
        .map(|number| {
            let (key, value) = (format!("env.vars.V{number}"), format!("value {number}"));
            let args = ["--profile", "rescue", "config", "set", &key, &value];
            sandbox
                .command(args)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it starts")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
    }
    // The file, since `config get` hides the values of variables.
    let text = sandbox.read(".openclaw-rescue/openclaw.json");
    let document: Value = serde_json::from_str(&text).expect("a config");
    let vars = &document["env"]["vars"];
    for number in 0..50 {
        assert_eq!(vars[format!("V{number}")], json!(format!("value {number}")));
    }
    let kept = ["", ".bak", ".bak.1", ".bak.2", ".bak.3", ".bak.4"].map(|end| format!("openclaw.json{end}"));
    assert_eq!(file_names(&sandbox), kept, "no temporary file is left");
}

#[test]
fn change_of_one_profile_leaves_another_unchanged() {
    let sandbox = sandbox(EDITED_CONFIG);
    sandbox.write(".openclaw/openclaw.json", "{ gateway: { mode: 'local' } }");
    let main = std::fs::read(sandbox.path(".openclaw/openclaw.json")).expect("read");
    config_ok(&sandbox, &["set", "gateway.bind", "lan"]);
    assert_eq!(
        std::fs::read(sandbox.path(".openclaw/openclaw.json")).expect("read"),
        main
    );
    assert_eq!(sandbox.run(["config", "get", "gateway.bind"]).exits(1).stdout, "");
}

#[test]
fn messages_are_turkish_under_a_turkish_locale() {
    let sandbox = sandbox(EDITED_CONFIG).var("LANG", "tr_TR.UTF-8");
    let run = config(&sandbox, &["set", "gateway.bind", "lan"]).exits(0);
    assert!(run.stdout.starts_with("Ayarlandı: gateway.bind"), "{run:?}");
    sandbox.write(CONFIG, "{ a: 1 b: 2 }");
    let broken = config(&sandbox, &["get", "a"]).exits(78);
    assert!(
        broken
            .stderr
            .contains("openclaw.json:1:7: burada bir virgül eksik"),
        "{broken:?}"
    );
}

#[test]
fn key_of_one_release_is_judged_by_the_engine_or_the_named_release() {
    let sandbox = sandbox("{ gateway: { mode: 'local' }, meta: { lastTouchedVersion: '2026.1.30' } }");
    // This program's own gateway honours it, whichever release wrote the config.
    let origins = ["set", "gateway.controlUi.allowedOrigins", "['http://10.0.0.1']"];
    let refused = config_json(&sandbox, &[&origins[..], &["--release", "1.30"]].concat(), 78);
    assert_eq!(refused["code"], "config.refused", "{refused}");
    config_ok(&sandbox, &origins);
    let valid = config_json(&sandbox, &["validate"], 0);
    assert_eq!(
        valid["otherReleases"]["2026.1.30"][0]["path"],
        "gateway.controlUi.allowedOrigins"
    );
    config_json(&sandbox, &["validate", "--release", "1.30"], 1);
    config_json(&sandbox, &["validate", "--release", "9.6"], 0);
    // Once OpenClaw from npm is the engine, its release decides.
    sandbox.write(".openclaw-rescue/instance.toml", "engine = \"node\"\n");
    config_json(&sandbox, &["validate"], 1);
    let unknown = config_json(&sandbox, &["validate", "--release", "latest"], 2);
    assert_eq!(unknown["code"], "config.not-a-release");
}

#[test]
fn invalid_value_is_not_replaced_by_another_invalid_one() {
    let sandbox = sandbox("{ gateway: { port: 70000, mode: 'local' } }");
    let refused = config_json(&sandbox, &["set", "gateway.port", "80000"], 78);
    assert_eq!(refused["code"], "config.refused", "{refused}");
    config_ok(&sandbox, &["set", "gateway.port", "30789"]);
}
