//! Broken files, files in the way, and files of another instance: each is refused with its path before anything is
//! written.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use super::{MAIN, change_times, config_path, onboard, onboard_ok, sandbox_with_main, written_files};
use crate::support::{Reason, Sandbox, skipped};

/// Configs that cannot be used: a name, the bytes, and a part of the message.
fn broken_configs() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let deep = "{ a: ".to_owned() + &"[".repeat(10_000) + &"]".repeat(10_000) + " }";
    vec![
        (
            "truncated",
            b"{ \"gateway\": { \"mode\": \"local\", ".to_vec(),
            ":1:14",
        ),
        ("second line", b"{\n  gateway: {,}\n}".to_vec(), ":2:"),
        ("empty", Vec::new(), "openclaw.json"),
        ("a list", b"[1, 2]".to_vec(), ":1:1"),
        ("two roots", b"{} {}".to_vec(), ":1:4"),
        ("no UTF-8", b"{ a: '\xff' }".to_vec(), "openclaw.json"),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec(), "openclaw.json"),
        ("ten megabytes", vec![b' '; 10 * 1024 * 1024], "10 MiB"),
        ("ten thousand deep", deep.into_bytes(), ":1:"),
        ("NUL", b"{ a: \0 }".to_vec(), ":1:6"),
    ]
}

#[test]
fn broken_config_is_never_overwritten_and_the_message_names_its_position() {
    for (what, bytes, named) in broken_configs() {
        let sandbox = sandbox_with_main();
        let path = sandbox.write(config_path("rescue"), &bytes);
        let before = (
            change_times(&sandbox.path(".openclaw-rescue")),
            written_files(&sandbox),
        );
        for words in [
            &["onboard", "--non-interactive", "--accept-risk"][..],
            &[
                "onboard",
                "--non-interactive",
                "--accept-risk",
                "--reset",
                "--dry-run",
            ],
            &["setup"],
            &["config", "set", "gateway.bind", "lan"],
        ] {
            if what == "empty" && words[0] == "config" {
                continue; // tested with `config`
            }
            let run = sandbox.run([&["--profile", "rescue"], words].concat());
            if words.contains(&"--reset") {
                continue;
            }
            assert_eq!(run.code, 78, "{what} {words:?}: {run:?}");
            assert!(run.stderr.contains(named), "{what}: {}", run.stderr);
            assert!(
                run.stderr.contains(path.to_str().expect("text")),
                "{what}: {}",
                run.stderr
            );
            assert!(run.stderr.contains("by hand"), "a way out: {}", run.stderr);
            let after = (
                change_times(&sandbox.path(".openclaw-rescue")),
                written_files(&sandbox),
            );
            assert!(before == after, "{what} {words:?}");
        }
        // The others go on as if nothing were there.
        let _ = onboard_ok(&sandbox, "third", &[]);
        let _ = sandbox.run(["profiles"]).exits(0);
    }
}

#[test]
fn byte_order_mark_of_a_config_stays() {
    let sandbox = Sandbox::new();
    sandbox.write(config_path("rescue"), "\u{feff}{ gateway: { port: 20789 } }\n");
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    let text = sandbox.read(config_path("rescue"));
    assert!(text.starts_with("\u{feff}{") && text.contains("token"), "{text}");
}

#[test]
fn fifo_or_folder_in_the_place_of_a_file_is_refused() {
    for place in [
        ".openclaw-rescue/openclaw.json",
        ".openclaw-rescue/instance.toml",
        ".local/state/openclaw/registry.toml",
        ".local/state/openclaw/lock",
    ] {
        for kind in ["fifo", "folder"] {
            let sandbox = sandbox_with_main();
            let path = sandbox.path(place);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
            if kind == "fifo" {
                let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
                assert!(made.success());
            } else {
                std::fs::create_dir(&path).expect("a folder");
            }
            let before = written_files(&sandbox);
            let run = onboard(&sandbox, "rescue", &[]);
            assert!(run.code == 78 || run.code == 1, "{place} {kind}: {run:?}");
            assert!(
                !run.stderr.is_empty() && !run.stderr.contains("panicked"),
                "{run:?}"
            );
            assert_eq!(written_files(&sandbox), before, "{place} {kind}");
        }
    }
}

#[test]
fn file_in_the_place_of_a_folder_is_refused() {
    for place in [
        ".openclaw-rescue",
        ".openclaw-rescue/agents",
        ".openclaw-rescue/workspace-rescue",
        ".local/state",
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(place, "mine");
        let before = written_files(&sandbox);
        let run = onboard(&sandbox, "rescue", &[]);
        assert_ne!(run.code, 0, "{place}: {run:?}");
        assert!(run.stderr.contains(place), "{place}: {}", run.stderr);
        assert_eq!(written_files(&sandbox), before, "{place}");
    }
}

#[test]
fn config_that_may_not_be_read_is_refused() {
    let sandbox = Sandbox::new();
    let config = sandbox.write(config_path("rescue"), MAIN);
    std::fs::set_permissions(&config, Permissions::from_mode(0o000)).expect("a mode");
    if std::fs::read(&config).is_ok() {
        return skipped(Reason::RunsAsRoot, "root may read everything");
    }
    let run = onboard(&sandbox, "rescue", &[]).exits(78);
    assert!(run.stderr.contains("openclaw.json"), "{}", run.stderr);
    std::fs::set_permissions(&config, Permissions::from_mode(0o600)).expect("a mode");
    assert_eq!(sandbox.read(config_path("rescue")), MAIN);
}

#[test]
fn state_folder_that_is_a_link_of_the_user_stays_a_link() {
    let sandbox = sandbox_with_main();
    let real = sandbox.path("disk/rescue");
    std::fs::create_dir_all(&real).expect("folders");
    symlink(&real, sandbox.path(".openclaw-rescue")).expect("a link");
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    assert!(real.join("openclaw.json").is_file());
    assert!(sandbox.path(".openclaw-rescue").is_symlink());
    let tree = sandbox.tree();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    assert_eq!(sandbox.tree(), tree);
}

#[test]
fn dangling_config_link_is_kept_and_its_target_is_created_private() {
    let sandbox = sandbox_with_main();
    std::fs::create_dir_all(sandbox.path(".openclaw-rescue")).expect("folders");
    let target = sandbox.path("disk/rescue.json");
    symlink(&target, sandbox.path(config_path("rescue"))).expect("a link");
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    assert!(sandbox.path(config_path("rescue")).is_symlink());
    let mode = std::fs::metadata(target).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn links_into_another_instance_are_refused() {
    let links: [(&str, &str); 7] = [
        (".openclaw-rescue", ".openclaw"),
        (".openclaw-rescue/openclaw.json", ".openclaw/openclaw.json"),
        (".openclaw-rescue/agents", ".openclaw/agents"),
        (".openclaw-rescue/agents/main", ".openclaw/agents/main"),
        (".openclaw-rescue/workspace-rescue", ".openclaw/workspace"),
        (".openclaw-rescue/workspace-rescue", ".openclaw"),
        (".openclaw-rescue/instance.toml", ".openclaw/instance.toml"),
    ];
    for (link, target) in links {
        let sandbox = sandbox_with_main();
        let link = sandbox.path(link);
        std::fs::create_dir_all(link.parent().expect("a folder")).expect("folders");
        symlink(sandbox.path(target), &link).expect("a link");
        let before = (change_times(&sandbox.path(".openclaw")), written_files(&sandbox));
        for extra in [&[][..], &["--reset", "--reset-scope", "full"]] {
            let run = onboard(&sandbox, "rescue", extra);
            assert!([2, 78].contains(&run.code), "{link:?} -> {target}: {run:?}");
            assert!(
                run.stderr.contains("default") || run.stderr.contains(".openclaw"),
                "{run:?}"
            );
            let after = (change_times(&sandbox.path(".openclaw")), written_files(&sandbox));
            assert!(after == before, "{link:?} -> {target}");
        }
    }
}

#[test]
fn workspace_that_leads_into_another_instance_by_a_link_is_refused() {
    let sandbox = sandbox_with_main();
    symlink(sandbox.path(".openclaw"), sandbox.path("innocent")).expect("a link");
    let before = change_times(&sandbox.path(".openclaw"));
    for workspace in ["~/innocent/workspace", "~/innocent/new", "~/innocent"] {
        let run = onboard(&sandbox, "rescue", &["--workspace", workspace]).exits(2);
        assert!(run.stderr.contains("default"), "{}", run.stderr);
    }
    assert_eq!(change_times(&sandbox.path(".openclaw")), before);
}

#[test]
fn broken_registry_is_refused_and_stays_unchanged() {
    for text in [
        "not toml at all [",
        "version = 2\n",
        "\u{0}",
        "version = 1\n[[instance]]\nprofile = 3\n",
    ] {
        let sandbox = sandbox_with_main();
        sandbox.write(".local/state/openclaw/registry.toml", text);
        let before = written_files(&sandbox);
        let run = onboard(&sandbox, "rescue", &["--json"]).exits(78);
        assert_eq!(run.json()["code"], "registry.broken", "{text}");
        assert!(run.stderr.contains("registry.toml"), "{}", run.stderr);
        assert_eq!(written_files(&sandbox), before);
        let _ = sandbox.run(["profiles"]).exits(0);
    }
}

#[test]
fn unusable_home_is_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    let file = sandbox.write("file", "");
    let before = sandbox.tree();
    for (name, value) in [
        ("HOME", "relative/home"),
        ("HOME", "/"),
        ("HOME", ""),
        ("HOME", file.to_str().expect("text")),
        ("OPENCLAW_HOME", "relative"),
        ("OPENCLAW_HOME", file.to_str().expect("text")),
    ] {
        let mut command = sandbox.command(["--profile", "rescue", "setup", "--json"]);
        let output = command.env(name, value).output().expect("the program starts");
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert_eq!(output.status.code(), Some(2), "{name}={value}: {stderr}");
        assert!(stderr.contains("HOME"), "{stderr}");
        assert_eq!(sandbox.tree(), before, "{name}={value}");
    }
    let mut command = sandbox.command(["setup"]);
    let output = command.env_remove("HOME").output().expect("the program starts");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn openclaw_home_is_the_home_of_all_files() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.home()).expect("HOME");
    let sandbox = sandbox.var("OPENCLAW_HOME", "~/other");
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    assert!(sandbox.path("other/.openclaw-rescue/openclaw.json").is_file());
    assert!(
        sandbox
            .path("other/.local/state/openclaw/registry.toml")
            .is_file()
    );
    let top: Vec<_> = std::fs::read_dir(sandbox.home())
        .expect("HOME")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(top, ["other"]);
}

#[test]
fn root_by_sudo_in_the_home_of_another_user_is_refused() {
    let sandbox = sandbox_with_main();
    if std::os::unix::fs::chown(sandbox.home(), Some(12_345), None).is_err() {
        return skipped(Reason::NeedsRoot, "only root can give a folder away");
    }
    let before = sandbox.tree();
    let sandbox = sandbox.var("SUDO_UID", "12345").var("SUDO_USER", "alice");
    let run = onboard(&sandbox, "rescue", &[]).exits(2);
    assert!(
        run.stderr.contains("alice") && run.stderr.contains("sudo"),
        "{}",
        run.stderr
    );
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn state_folder_open_to_others_keeps_its_mode_and_is_reported() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path(".openclaw-rescue");
    std::fs::create_dir_all(&folder).expect("folders");
    std::fs::set_permissions(&folder, Permissions::from_mode(0o2770)).expect("a mode");
    let run = onboard_ok(&sandbox, "rescue", &[]);
    let mode = std::fs::metadata(&folder).expect("metadata").permissions().mode();
    assert_eq!(mode & 0o7777, 0o2770);
    assert!(run.stderr.contains("chmod 700"), "{}", run.stderr);
    assert!(Path::new(&folder).join("openclaw.json").is_file());
}
