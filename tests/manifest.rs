//! Tests of `openclaw profiles manifest`: what it writes for containers, judged by the programs that read it.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;

use crate::onboard::onboard_ok;
use crate::support::Sandbox;

mod compose;
mod inside;
mod kubernetes;
mod quadlet;
mod rewrite;
mod tools;

/// A token of a bot, as Telegram makes them.
const BOT_TOKEN: &str = "123456789:AAExampleExampleExampleExampleExam";

/// Returns a sandbox with two instances, as the wizard makes them: one with a bot.
fn sandbox_with_two_instances() -> Sandbox {
    let sandbox = Sandbox::new();
    let _ = onboard_ok(&sandbox, "default", &["--skip-channels"]);
    let token = sandbox.write("bot-token", BOT_TOKEN);
    let token = token.to_str().expect("text");
    let bot = ["--channel", "telegram", "--channel-token-file", token];
    let _ = onboard_ok(&sandbox, "rescue", &bot);
    sandbox
}

/// Writes the manifest of every instance in a sandbox into a folder, and returns the folder.
#[track_caller]
fn write_manifest(sandbox: &Sandbox, format: &str) -> PathBuf {
    let _ = sandbox
        .run([
            "profiles", "manifest", "--all", "--format", format, "--out", format,
        ])
        .exits(0);
    sandbox.path(format)
}

/// Returns the base port that the wizard has chosen for an instance of a sandbox: the usual one may be in use on this host.
fn base_port(sandbox: &Sandbox, profile: &str) -> u64 {
    let folder = if profile == "default" {
        ".openclaw"
    } else {
        ".openclaw-rescue"
    };
    let config = sandbox.read(format!("{folder}/openclaw.json"));
    let config: Value = serde_json::from_str(&config).expect("JSON");
    config["gateway"]["port"].as_u64().expect("a port")
}

/// Returns the secrets of the instances of [`sandbox_with_two_instances`]: the tokens of both gateways, and of the bot.
fn secrets(sandbox: &Sandbox) -> Vec<String> {
    let token = |below: &str| {
        let config: Value = serde_json::from_str(&sandbox.read(below)).expect("JSON");
        config["gateway"]["auth"]["token"]
            .as_str()
            .expect("a token")
            .to_owned()
    };
    vec![
        token(".openclaw/openclaw.json"),
        token(".openclaw-rescue/openclaw.json"),
        BOT_TOKEN.to_owned(),
    ]
}

#[test]
fn printed_manifest_has_no_secret_and_changes_nothing_on_the_host() {
    let sandbox = sandbox_with_two_instances();
    let before = sandbox.tree();
    for format in FORMATS {
        let words = ["profiles", "manifest", "--all", "--format", format];
        let text = sandbox.run(words).exits(0);
        let again = sandbox.run(words).exits(0);
        assert_eq!(text.stdout, again.stdout, "the same input makes the same bytes");
        let json = sandbox.run(words.into_iter().chain(["--json"])).exits(0);
        for secret in secrets(&sandbox) {
            for shown in [&text.stdout, &text.stderr, &json.stdout, &json.stderr] {
                assert!(!shown.contains(&secret), "{format}");
            }
        }
        for name in ["OPENCLAW_GATEWAY_TOKEN", "CONFIG_CHANNELS_TELEGRAM_BOT_TOKEN"] {
            assert!(text.stdout.contains(name), "{name}:\n{}", text.stdout);
        }
        assert!(!text.stdout.contains("latest"));
    }
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn secrets_are_in_env_files_that_only_their_owner_reads() {
    let sandbox = sandbox_with_two_instances();
    for format in FORMATS {
        let folder = write_manifest(&sandbox, format);
        let mut found = BTreeSet::new();
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let text = std::fs::read_to_string(&path).expect("text");
            let held = secrets(&sandbox)
                .into_iter()
                .filter(|secret| text.contains(secret));
            let held: Vec<_> = held.collect();
            let mode = path.metadata().expect("metadata").permissions().mode() & 0o777;
            let is_env = path.extension().is_some_and(|end| end == "env");
            assert_eq!(mode, if is_env { 0o600 } else { 0o644 }, "{}", path.display());
            assert!(is_env || held.is_empty(), "{}", path.display());
            found.extend(held);
        }
        assert_eq!(found, secrets(&sandbox).into_iter().collect(), "{format}");
    }
}

#[test]
fn file_that_differs_is_left_alone_and_nothing_is_written_beside_it() {
    let sandbox = sandbox_with_two_instances();
    let folder = write_manifest(&sandbox, "compose");
    let _ = write_manifest(&sandbox, "compose");
    std::fs::write(
        folder.join("openclaw-rescue.env"),
        "OPENCLAW_GATEWAY_TOKEN=mine\n",
    )
    .expect("a file");
    std::fs::remove_file(folder.join("compose.yaml")).expect("a file");
    let before = sandbox.tree();
    let run = sandbox
        .run([
            "profiles", "manifest", "rescue", "--format", "compose", "--out", "compose",
        ])
        .exits(2);
    assert!(run.stderr.contains("openclaw-rescue.env"), "{}", run.stderr);
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn image_without_a_version_is_refused_and_a_pinned_one_replaces_that_of_the_release() {
    let sandbox = sandbox_with_two_instances();
    let run = |image: &str| {
        sandbox.run([
            "profiles", "manifest", "rescue", "--format", "compose", "--json", "--image", image,
        ])
    };
    for image in ["registry.example/openclaw", "registry.example/openclaw:latest"] {
        let refused = run(image).exits(2).json();
        assert!(
            refused["message"].as_str().expect("a message").contains(image),
            "{refused:#}"
        );
    }
    let document = run("registry.example/openclaw:7").exits(0).json();
    assert_eq!(document["profiles"][0]["image"], "registry.example/openclaw:7");
    let own = sandbox
        .run(["profiles", "manifest", "rescue", "--format", "compose", "--json"])
        .exits(0)
        .json();
    let own = own["profiles"][0]["image"].as_str().expect("an image").to_owned();
    assert_eq!(
        own,
        format!("localhost/openclaw-rs:{}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn report_names_what_was_left_out_in_the_language_of_the_run() {
    let sandbox = sandbox_with_two_instances();
    let report = |lang: &str| {
        let words = [
            "--lang", lang, "profiles", "manifest", "rescue", "--format", "compose",
        ];
        sandbox.run(words).exits(0).stderr
    };
    assert!(
        report("en").contains("Report on profile rescue"),
        "{}",
        report("en")
    );
    assert!(
        report("tr").contains("rescue profili için rapor"),
        "{}",
        report("tr")
    );
    let document = sandbox
        .run(["profiles", "manifest", "rescue", "--format", "compose", "--json"])
        .exits(0)
        .json();
    let notes = document["profiles"][0]["report"].as_array().expect("a report");
    let about = |kind: &str| {
        let notes = notes.iter().filter(|note| note["kind"] == kind);
        notes
            .map(|note| note["about"].as_str().expect("a name"))
            .collect::<Vec<_>>()
    };
    assert_eq!(about("left-out"), ["browser", "state"]);
    assert_eq!(about("missing"), ["image"]);
    assert_eq!(about("changed"), ["bind"]);
}

#[test]
fn instances_with_one_messaging_token_are_refused_and_named() {
    let sandbox = sandbox_with_two_instances();
    let config = sandbox.read(".openclaw-rescue/openclaw.json");
    let config: Value = serde_json::from_str(&config).expect("JSON");
    let mut main: Value = serde_json::from_str(&sandbox.read(".openclaw/openclaw.json")).expect("JSON");
    main["channels"] = config["channels"].clone();
    sandbox.write(".openclaw/openclaw.json", main.to_string());
    let before = sandbox.tree();
    let run = sandbox
        .run([
            "profiles", "manifest", "--all", "--format", "compose", "--out", "compose",
        ])
        .exits(78);
    assert!(
        run.stderr.contains("channels.telegram.botToken"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains(BOT_TOKEN));
    assert_eq!(sandbox.tree(), before);
}

/// The formats of manifests.
const FORMATS: [&str; 3] = ["compose", "quadlet", "kubernetes"];
