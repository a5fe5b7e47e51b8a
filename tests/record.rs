//! `instance.toml` and the other files of ours that users edit too: a broken one is refused and never overwritten, and
//! comments survive every command that rewrites it.

use serde_json::json;

use crate::onboard::{config_path, onboard, onboard_ok, sandbox_with_main, written_files};
use crate::support::Sandbox;
use crate::support::gateway::{Gateway, TOKEN, free_base};

const RECORD: &str = ".openclaw-rescue/instance.toml";
const REGISTRY: &str = ".local/state/openclaw/registry.toml";
const ENV: &str = ".openclaw-rescue/.env";
const KEYS: &str = ".openclaw-rescue/agents/main/agent/auth-profiles.json";

/// Bytes that no TOML or JSON parser accepts, and the line and column that the message must name.
const BROKEN: [(&[u8], &str); 2] = [(b"engine = 1\nx = [", ":2:"), (b"# ok\n\xff", ":2:1")];

#[test]
fn a_broken_file_that_onboarding_rewrites_is_refused_with_its_position_and_left_as_it_is() {
    let files = [
        (RECORD, None),
        (REGISTRY, None),
        (".openclaw-rescue/openclaw.json", None),
        (KEYS, Some("apiKey")),
        (ENV, Some("openai-api-key")),
    ];
    for (file, provider) in files {
        for (bytes, position) in BROKEN {
            // Every line is allowed in an environment file.
            if file == ENV && bytes.is_ascii() {
                continue;
            }
            let sandbox = sandbox_with_main();
            let _ = onboard_ok(&sandbox, "rescue", &[]);
            let key = sandbox.write("given/key", "sk-1\n");
            let flags = provider.map_or_else(Vec::new, |choice| {
                vec![
                    "--auth-choice",
                    choice,
                    "--api-key-file",
                    key.to_str().expect("text"),
                ]
            });
            let path = sandbox.write(file, bytes);
            let before = written_files(&sandbox);
            for more in [&[][..], &["--existing", "keep"], &["--dry-run"]] {
                if provider.is_some() && more.contains(&"keep") {
                    continue;
                }
                let run = onboard(&sandbox, "rescue", &[&flags[..], more].concat());
                assert_eq!(run.code, 78, "{file} {more:?}: {run:?}");
                assert!(
                    run.stderr.contains(path.file_name().unwrap().to_str().unwrap()),
                    "{run:?}"
                );
                if file != ENV && ([RECORD, REGISTRY].contains(&file) || !bytes.is_ascii()) {
                    assert!(run.stderr.contains(position), "{file}: {}", run.stderr);
                }
                assert!(before == written_files(&sandbox), "{file} {more:?}");
            }
        }
    }
}

#[test]
fn every_command_that_rewrites_a_broken_record_exits_78_and_changes_nothing() {
    for (bytes, position) in BROKEN {
        let sandbox = sandbox_with_main();
        let _ = onboard_ok(&sandbox, "rescue", &[]);
        sandbox.write(RECORD, bytes);
        let export = ["profiles", "export", "rescue", "out.tar.gz"];
        let _ = sandbox.run(export).exits(0);
        let before = written_files(&sandbox);
        let commands: [&[&str]; 5] = [
            &["--profile", "rescue", "setup"],
            &["--profile", "rescue", "browser", "start"],
            &[
                "--profile",
                "rescue",
                "browser",
                "create-profile",
                "--name",
                "work",
            ],
            &["--profile", "rescue", "gateway", "run"],
            &["profiles", "import", "out.tar.gz", "--as", "copy"],
        ];
        for command in commands {
            let run = sandbox.run(command);
            assert_eq!(run.code, 78, "{command:?}: {run:?}");
            let named = format!("instance.toml{position}");
            assert!(run.stderr.contains(&named), "{command:?}: {}", run.stderr);
            assert!(before == written_files(&sandbox), "{command:?}");
        }
    }
}

#[test]
fn onboarding_again_with_comments_in_record_and_registry_changes_nothing() {
    let sandbox = sandbox_with_main();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    for file in [RECORD, REGISTRY] {
        let text = format!("# my note\n{}# the end\n", sandbox.read(file));
        sandbox.write(file, text);
    }
    let before = written_files(&sandbox);
    let planned = onboard_ok(&sandbox, "rescue", &["--dry-run", "--json"]).json();
    assert_eq!(planned["changed"], false, "{planned:#}");
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    assert!(before == written_files(&sandbox));
}

#[test]
fn comments_and_unknown_keys_survive_a_new_port_another_instance_and_a_removal() {
    let sandbox = sandbox_with_main();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    let kept = ["# my note", "# the end", "mine = [1, 2] # why"];
    for file in [RECORD, REGISTRY] {
        let text = format!(
            "# my note\nmine = [1, 2] # why\n{}# the end\n",
            sandbox.read(file)
        );
        sandbox.write(file, text);
    }
    let all_kept = |after: &str| {
        for file in [RECORD, REGISTRY] {
            let text = sandbox.read(file);
            assert!(
                kept.iter().all(|kept| text.contains(kept)),
                "{file} after {after}: {text}"
            );
        }
    };
    let port = free_base().to_string();
    let _ = onboard_ok(&sandbox, "rescue", &["--gateway-port", &port]);
    assert!(sandbox.read(RECORD).contains(&format!("base = {port}")));
    all_kept("a new port");
    let _ = onboard_ok(&sandbox, "third", &[]);
    all_kept("another instance");
    let _ = sandbox.run(["profiles", "remove", "third", "--yes"]).exits(0);
    all_kept("a removal");
    assert!(!sandbox.read(REGISTRY).contains("third"));
}

#[test]
fn an_imported_record_keeps_the_comments_of_its_original() {
    let sandbox = sandbox_with_main();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    let text = format!(
        "# my note\n{}[rescue]\nwatch = ['default']\n",
        sandbox.read(RECORD)
    );
    sandbox.write(RECORD, text);
    let export = ["profiles", "export", "rescue", "out.tar.gz"];
    let _ = sandbox.run(export).exits(0);
    let import = ["profiles", "import", "out.tar.gz", "--as", "copy"];
    let _ = sandbox.run(import).exits(0);
    let copy = sandbox.read(".openclaw-copy/instance.toml");
    assert!(
        copy.starts_with("# my note\n") && copy.contains("profile = \"copy\""),
        "{copy}"
    );
    assert!(!copy.contains("watch"), "{copy}");
}

#[test]
fn a_browser_profile_that_is_recorded_leaves_the_comments_of_the_record() {
    let (sandbox, base) = (Sandbox::new(), free_base());
    let config = json!({ "gateway": {
        "mode": "local", "port": base, "bind": "loopback", "auth": { "mode": "token", "token": TOKEN },
    }});
    sandbox.write(config_path("rescue"), config.to_string());
    let text = "# my note\nengine = 'native' # why\n\n[gateway]\nbootFallback = \"off\"\n";
    sandbox.write(RECORD, text);
    let gateway = Gateway::start(&sandbox, "rescue");
    let browser = |words: &str| {
        let words = format!("--profile rescue browser {words} --name work");
        sandbox.run(words.split_whitespace()).exits(0)
    };
    let _ = browser("create-profile");
    let with = sandbox.read(RECORD);
    assert!(
        with.starts_with(text) && with.contains("[browser.ports]\nwork = "),
        "{with}"
    );
    let _ = browser("delete-profile");
    assert_eq!(sandbox.read(RECORD), text);
    drop(gateway);
}
