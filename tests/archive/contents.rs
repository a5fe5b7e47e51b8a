//! What an archive keeps, and the report on what it leaves out.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{export, home_with_secrets, import};
use crate::support::{Ran, Sandbox};

/// Runs `openclaw --profile rescue snapshot --json WORDS`.
fn snapshot(sandbox: &Sandbox, words: &[&str]) -> Ran {
    sandbox
        .run([&["--profile", "rescue", "snapshot", "--json"], words].concat())
        .exits(0)
}

/// Writes an executable script in a skill of the `rescue` instance, with a link to it and one that leads outside.
fn add_skill(sandbox: &Sandbox, folder: &str) {
    let script = sandbox.write(Path::new(folder).join("skills/demo/run.sh"), "#!/bin/sh\n");
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).expect("a mode");
    let demo = script.parent().expect("a folder");
    symlink("run.sh", demo.join("go")).expect("a link");
    symlink(demo, demo.parent().expect("a folder").join("current")).expect("a link");
    symlink("not-yet/there", demo.join("dangling")).expect("a link");
    symlink("/etc/hostname", demo.join("outside")).expect("a link");
    std::fs::create_dir_all(demo.join("inbox")).expect("a folder");
}

/// Asserts that a folder holds what [`add_skill`] wrote, except the link that leads outside.
#[track_caller]
fn assert_skill(sandbox: &Sandbox, folder: &str) {
    let skills = sandbox.path(folder).join("skills");
    let demo = skills.join("demo");
    let mode = std::fs::metadata(demo.join("run.sh"))
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700, "the owner may execute it");
    let target = |path: PathBuf| std::fs::read_link(path).expect("a link");
    assert_eq!(target(demo.join("go")), Path::new("run.sh"));
    assert_eq!(target(demo.join("dangling")), Path::new("not-yet/there"));
    assert_eq!(
        skills.join("current").canonicalize().expect("a folder"),
        demo.canonicalize().expect("a folder"),
        "an absolute link to a place inside leads to the same place of the copy"
    );
    assert!(demo.join("outside").symlink_metadata().is_err());
    assert!(demo.join("inbox").is_dir(), "an empty folder is kept");
}

#[test]
fn executable_bit_inner_links_and_empty_folders_are_kept() {
    let sandbox = home_with_secrets();
    let workspace = ".openclaw-rescue/workspace-rescue";
    add_skill(&sandbox, ".openclaw-rescue");
    add_skill(&sandbox, workspace);
    let made = snapshot(&sandbox, &["create"]).json();
    let outside = sandbox.path(".openclaw-rescue/skills/demo/outside");
    assert_eq!(made["skipped"][0], Value::from(outside.to_str()));
    assert_eq!(made["leftOut"]["outside"][0], Value::from(outside.to_str()));
    std::fs::remove_dir_all(sandbox.path(".openclaw-rescue/skills")).expect("a folder");
    let _ = snapshot(&sandbox, &["restore", "--yes"]);
    assert_skill(&sandbox, ".openclaw-rescue");
    let _ = export(&sandbox, &[]);
    let _ = import(&sandbox, "copy").exits(0);
    assert_skill(&sandbox, ".openclaw-copy");
    assert_skill(&sandbox, ".openclaw-copy/workspace-copy");
}

#[test]
fn archive_without_links_can_be_read_by_earlier_releases() {
    let version = |sandbox: &Sandbox| {
        let output = std::process::Command::new("tar")
            .args(["xzOf", "out.tar.gz", "manifest.json"])
            .current_dir(sandbox.home())
            .output()
            .expect("tar");
        let manifest: Value = serde_json::from_slice(&output.stdout).expect("a manifest");
        manifest["version"].clone()
    };
    let sandbox = home_with_secrets();
    let _ = export(&sandbox, &[]);
    assert_eq!(version(&sandbox), 1);
    std::fs::remove_file(sandbox.path("out.tar.gz")).expect("a file");
    symlink(
        "one.jsonl",
        sandbox.path(".openclaw-rescue/agents/main/sessions/latest"),
    )
    .expect("a link");
    let _ = export(&sandbox, &[]);
    assert_eq!(version(&sandbox), 2, "they would lose the links");
}

#[test]
fn export_names_what_it_leaves_out_and_why() {
    let sandbox = home_with_secrets();
    sandbox.write(
        ".openclaw-rescue/workspace-rescue/app/node_modules/a/index.js",
        "x",
    );
    sandbox.write(".openclaw-rescue/workspace-rescue/b/node_modules/c.js", "x");
    sandbox.write(".openclaw-rescue/logs/gateway.log", "x");
    sandbox.write(".openclaw-rescue/memory/main.sqlite", "SQLite format 3\0");
    symlink("/etc/hostname", sandbox.path(".openclaw-rescue/skills-of-all")).expect("a link");
    let _listener = UnixListener::bind(sandbox.path(".openclaw-rescue/agents/control")).expect("a socket");
    let ran = sandbox
        .run(["profiles", "export", "rescue", "text.tar.gz"])
        .exits(0);
    for note in [
        "Left out (rebuilt when needed): ~/.openclaw-rescue/logs, \
         ~/.openclaw-rescue/workspace-rescue/app/node_modules, ~/.openclaw-rescue/workspace-rescue/b/node_modules",
        "Left out (secrets): ~/.openclaw-rescue/.env, ",
        "Left out (database; can hold sessions, memory and secrets): ~/.openclaw-rescue/memory/main.sqlite",
        "Left out (not readable as JSON, so it may hold secrets): ~/.openclaw-rescue/cron/torn.json",
        "Left out (not a regular file): ~/.openclaw-rescue/agents/control",
        "Left out (leads outside the instance): ~/.openclaw-rescue/skills-of-all",
    ] {
        assert!(ran.stderr.contains(note), "{note}\n{}", ran.stderr);
    }
    let json = sandbox
        .run(["profiles", "export", "rescue", "out.tar.gz", "--json"])
        .exits(0)
        .json();
    let left = json["leftOut"].as_object().expect("an object");
    let reasons: Vec<_> = left.keys().map(String::as_str).collect();
    assert_eq!(
        reasons,
        [
            "database",
            "outside",
            "rebuilt",
            "secret",
            "special",
            "unparsable"
        ]
    );
    // A snapshot leaves the workspace out, and a cache is not worth a word there.
    let made = sandbox
        .run(["--profile", "rescue", "snapshot", "create"])
        .exits(0);
    assert!(
        made.stderr
            .contains("Left out (workspace): ~/.openclaw-rescue/workspace-rescue"),
        "{}",
        made.stderr
    );
    assert!(!made.stderr.contains("logs"), "{}", made.stderr);
}

#[test]
fn included_file_outside_the_folder_of_the_config_is_named() {
    let sandbox = home_with_secrets();
    let outside = sandbox.write("shared/channels.json", "{}");
    let config = sandbox.read(".openclaw-rescue/openclaw.json").replacen(
        '{',
        &format!("{{ \"messages\": {{ \"$include\": \"{}\" }},", outside.display()),
        1,
    );
    sandbox.write(".openclaw-rescue/openclaw.json", config);
    let made = snapshot(&sandbox, &["create"]).json();
    assert_eq!(
        made["leftOut"]["outside"][0],
        Value::from(outside.to_str()),
        "{made:#}"
    );
}

#[test]
fn names_that_differ_only_by_case_are_a_warning() {
    let sandbox = home_with_secrets();
    sandbox.write(".openclaw-rescue/memory/Notes.md", "one");
    let second = sandbox.write(".openclaw-rescue/memory/notes.md", "two");
    let json = sandbox
        .run(["profiles", "export", "rescue", "out.tar.gz", "--json"])
        .exits(0)
        .json();
    assert_eq!(json["caseCollisions"][0], Value::from(second.to_str()));
    let text = sandbox
        .run(["profiles", "export", "rescue", "text.tar.gz"])
        .exits(0);
    assert!(
        text.stderr.contains("differ only in upper and lower case"),
        "{}",
        text.stderr
    );
    let _ = import(&sandbox, "copy").exits(0);
    assert_eq!(sandbox.read(".openclaw-copy/memory/Notes.md"), "one");
    assert_eq!(sandbox.read(".openclaw-copy/memory/notes.md"), "two");
    let _ = snapshot(&sandbox, &["create"]);
    sandbox.write(".openclaw-rescue/memory/notes.md", "three");
    let _ = snapshot(&sandbox, &["restore", "--yes"]);
    assert_eq!(sandbox.read(".openclaw-rescue/memory/Notes.md"), "one");
    assert_eq!(sandbox.read(".openclaw-rescue/memory/notes.md"), "two");
}

#[test]
fn config_that_is_a_link_is_restored_as_the_file_that_it_led_to() {
    let sandbox = home_with_secrets();
    let config = sandbox.path(".openclaw-rescue/openclaw.json");
    let text = std::fs::read_to_string(&config).expect("a file");
    std::fs::rename(&config, sandbox.path(".openclaw-rescue/real.json")).expect("a rename");
    symlink("real.json", &config).expect("a link");
    let _ = snapshot(&sandbox, &["create"]);
    sandbox.write(".openclaw-rescue/real.json", "{}");
    let _ = snapshot(&sandbox, &["restore", "--yes"]);
    assert_eq!(std::fs::read_to_string(&config).expect("a file"), text);
}

#[test]
fn oldest_automatic_snapshots_beyond_twenty_are_removed_and_named_but_never_one_that_was_asked_for() {
    let sandbox = home_with_secrets();
    let made = snapshot(&sandbox, &["create"]).json();
    let asked = PathBuf::from(made["path"].as_str().expect("a path"));
    let folder = asked.parent().expect("a folder");
    let restored = snapshot(&sandbox, &["restore", "--yes"]).json();
    let before = restored["before"].as_str().expect("an id");
    let automatic = folder.join(format!("{before}.tar.gz"));
    let id = |year: u32, number: u32| format!("{year}0101T0000000{number:02}Z");
    for number in 0..22 {
        std::fs::copy(&asked, folder.join(id(2020, number) + ".tar.gz")).expect("a copy");
        std::fs::copy(&automatic, folder.join(id(2021, number) + ".tar.gz")).expect("a copy");
    }
    // An earlier release names the reason nowhere but in the manifest.
    let earlier = folder.join(id(2022, 0) + ".tar.gz");
    std::fs::write(&earlier, packed_anew(&automatic)).expect("an archive");
    std::fs::write(folder.join(id(2019, 0) + ".tar.gz"), "no archive").expect("a file");
    sandbox.write(folder.join("notes.txt"), "no snapshot");

    let again = snapshot(&sandbox, &["create"]).json();
    let removed: Vec<String> = (0..4).rev().map(|number| id(2021, number)).collect();
    assert_eq!(again["pruned"], Value::from(removed), "{again:#}");
    let kept = || {
        let listed = snapshot(&sandbox, &["list"]).json();
        let rows = listed["snapshots"].as_array().expect("a list").clone();
        rows.iter()
            .map(|row| row["id"].as_str().expect("an id").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        kept().len(),
        20 + 22 + 2 + 1,
        "those asked for and the damaged one"
    );
    let needed = id(2021, 4);
    let ran = sandbox
        .run(["--profile", "rescue", "snapshot", "restore", &needed, "--yes"])
        .exits(0);
    assert!(!ran.stderr.contains("Removed old"), "{}", ran.stderr);
    let ran = sandbox
        .run(["--profile", "rescue", "snapshot", "create"])
        .exits(0);
    let named = format!("Removed old automatic snapshots: {needed}. ");
    assert!(ran.stderr.contains(&named), "{}", ran.stderr);
    assert!(folder.join("notes.txt").exists());
}

/// Returns an archive packed by another gzip, without the comment in its header.
fn packed_anew(archive: &Path) -> Vec<u8> {
    let words = format!("gzip -dc '{}' | gzip -n", archive.display());
    let output = std::process::Command::new("sh").args(["-c", &words]).output();
    output.expect("gzip").stdout
}

#[test]
fn import_says_what_the_archive_lacks_and_what_to_do_next() {
    for (extra, lacks) in [(&[][..], true), (&["--with-secrets"], false)] {
        let sandbox = home_with_secrets();
        let _ = export(&sandbox, extra);
        let ran = sandbox
            .run(["--lang", "en", "profiles", "import", "out.tar.gz", "--as", "copy"])
            .exits(0);
        for (line, is_said) in [
            ("Not in the archive: tokens, API keys and passwords.", lacks),
            ("Add the model’s API key: openclaw --profile copy onboard", lacks),
            ("The gateway has a new token.", true),
            ("Run the gateway: openclaw --profile copy gateway", true),
        ] {
            assert_eq!(ran.stderr.contains(line), is_said, "{line}: {ran:?}");
        }
    }
}

#[test]
fn key_of_a_secret_that_was_left_out_is_one_word_of_the_command_that_sets_it() {
    let sandbox = home_with_secrets();
    let config = ".openclaw-rescue/openclaw.json";
    let mut document: Value = serde_json::from_str(&sandbox.read(config)).expect("JSON");
    document["env"] = serde_json::json!({ "vars": { "MY KEY": "SECRET-VALUE" } });
    sandbox.write(config, document.to_string());
    let _ = export(&sandbox, &[]);
    let ran = sandbox
        .run(["profiles", "import", "out.tar.gz", "--as", "copy"])
        .exits(0);
    let command = "config set 'env.vars[\"MY KEY\"]' --stdin";
    assert!(ran.stderr.contains(command), "{}", ran.stderr);
}
