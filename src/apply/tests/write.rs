//! The disk after a plan was carried out.

use super::*;

#[test]
fn a_new_instance_is_private_and_no_temporary_file_is_left() {
    let host = TestHost::new();
    fs::create_dir(host.path("home")).unwrap();
    host.chmod("home", 0o755);
    host.apply(vec![
        Change::MakeDir {
            path: host.path("home/.openclaw-rescue/workspace-rescue"),
        },
        Change::Write(host.write("home/.openclaw-rescue/workspace-rescue/AGENTS.md", "agents\n")),
        Change::Write(host.write("state/registry.toml", "version = 1\n")),
        Change::Write(host.config("home/.openclaw-rescue/openclaw.json", "{}\n")),
    ])
    .unwrap();
    let tree = host.tree();
    let names: Vec<_> = tree
        .iter()
        .map(|(path, (mode, _))| {
            (
                path.strip_prefix(host.dir.path()).unwrap().to_str().unwrap(),
                mode & 0o7777,
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            ("home", 0o755),
            ("home/.openclaw-rescue", 0o700),
            ("home/.openclaw-rescue/openclaw.json", 0o600),
            ("home/.openclaw-rescue/workspace-rescue", 0o700),
            ("home/.openclaw-rescue/workspace-rescue/AGENTS.md", 0o600),
            ("state", 0o700),
            ("state/registry.toml", 0o600),
        ]
    );
    assert_eq!(host.read("home/.openclaw-rescue/openclaw.json"), "{}\n");
}

#[test]
fn seven_writes_keep_the_last_five_backups() {
    let host = TestHost::new();
    for version in 0..7 {
        host.apply(vec![Change::Write(
            host.config("i/openclaw.json", &version.to_string()),
        )])
        .unwrap();
    }
    let kept: Vec<_> = ["", ".bak", ".bak.1", ".bak.2", ".bak.3", ".bak.4"]
        .iter()
        .map(|end| host.read(&format!("i/openclaw.json{end}")))
        .collect();
    assert_eq!(kept, ["6", "5", "4", "3", "2", "1"]);
    assert_eq!(
        host.tree()
            .keys()
            .filter(|path| path.starts_with(host.path("i")))
            .count(),
        7
    );
}

#[test]
fn backup_rotation_ends_at_the_first_missing_number() {
    let host = TestHost::new();
    host.write_fixture("i/c", "now");
    host.write_fixture("i/c.bak", "newest");
    host.write_fixture("i/c.bak.2", "old");
    host.apply(vec![Change::Write(host.config("i/c", "next"))])
        .unwrap();
    let kept: Vec<_> = ["c", "c.bak", "c.bak.1", "c.bak.2"]
        .iter()
        .map(|name| host.read(&format!("i/{name}")))
        .collect();
    assert_eq!(kept, ["next", "now", "newest", "old"]);
}

#[test]
fn modes_are_tightened_and_never_widened() {
    let host = TestHost::new();
    host.write_fixture("i/wide", "1");
    host.write_fixture("i/wide.bak", "0");
    host.write_fixture("i/strict", "1");
    host.chmod("i", 0o755);
    host.chmod("i/wide", 0o664);
    host.chmod("i/wide.bak", 0o644);
    host.chmod("i/strict", 0o400);
    let applied = host
        .apply(vec![
            Change::Write(host.config("i/wide", "2")),
            Change::Write(host.config("i/strict", "2")),
        ])
        .unwrap();
    let modes: Vec<_> = [
        "i",
        "i/wide",
        "i/wide.bak",
        "i/wide.bak.1",
        "i/strict",
        "i/strict.bak",
    ]
    .iter()
    .map(|below| host.mode(below))
    .collect();
    assert_eq!(modes, [0o755, 0o600, 0o600, 0o600, 0o400, 0o400]);
    let keys: Vec<_> = applied.notices.iter().map(Msg::key).collect();
    assert_eq!(keys, ["apply.open-folder"], "once for each folder");
}

#[test]
fn links_are_kept_and_their_targets_written() {
    let host = TestHost::new();
    host.write_fixture("dotfiles/config.json", "old");
    fs::create_dir(host.path("i")).unwrap();
    symlink("../dotfiles/config.json", host.path("i/openclaw.json")).unwrap();
    symlink("i", host.path("alias")).unwrap();
    symlink("not-yet/there", host.path("i/dangling")).unwrap();
    host.apply(vec![
        Change::Write(host.config("alias/openclaw.json", "new")),
        Change::Write(host.write("i/dangling", "made")),
    ])
    .unwrap();
    assert_eq!(
        fs::read_link(host.path("i/openclaw.json")).unwrap(),
        Path::new("../dotfiles/config.json")
    );
    assert_eq!(host.read("dotfiles/config.json"), "new");
    assert_eq!(
        host.read("i/openclaw.json.bak"),
        "old",
        "the ring lies beside the name that the user knows"
    );
    assert_eq!(host.read("i/not-yet/there"), "made");
    assert_eq!(leftovers(&host.tree()), Vec::<&PathBuf>::new());
}

#[test]
fn a_renamed_folder_frees_its_name_for_later_changes() {
    let host = TestHost::new();
    host.write_fixture("ws/AGENTS.md", "old");
    host.write_fixture("i/openclaw.json", "old");
    let fresh = |below: &str| FileWrite {
        before: None,
        ..host.config(below, "new")
    };
    host.apply(vec![
        Change::Rename {
            path: host.path("ws"),
            to: host.path("attic/ws"),
        },
        Change::Rename {
            path: host.path("i/openclaw.json"),
            to: host.path("i/openclaw.json.reset"),
        },
        Change::MakeDir {
            path: host.path("ws"),
        },
        Change::Write(fresh("ws/deep/SOUL.md")),
        Change::Write(fresh("i/openclaw.json")),
    ])
    .unwrap();
    assert_eq!(host.read("attic/ws/AGENTS.md"), "old");
    assert_eq!(host.read("ws/deep/SOUL.md"), "new");
    assert!(!host.path("ws/AGENTS.md").exists());
    assert_eq!(host.read("i/openclaw.json"), "new");
    assert_eq!(host.read("i/openclaw.json.reset"), "old");
    assert!(!host.path("i/openclaw.json.bak").exists());
    assert_eq!(
        (host.mode("attic"), host.mode("ws"), host.mode("ws/deep")),
        (0o700, 0o700, 0o700)
    );
    assert_eq!(leftovers(&host.tree()), Vec::<&PathBuf>::new());
}

#[test]
fn a_link_is_renamed_itself_not_its_target() {
    let host = TestHost::new();
    host.write_fixture("far/file", "stays");
    symlink("far", host.path("ws")).unwrap();
    host.apply(vec![Change::Rename {
        path: host.path("ws"),
        to: host.path("ws.old"),
    }])
    .unwrap();
    assert_eq!(fs::read_link(host.path("ws.old")).unwrap(), Path::new("far"));
    assert_eq!(host.read("far/file"), "stays");
}
