//! What lies on the disk after a plan was carried out.

use super::*;

#[test]
fn a_fresh_instance_is_private_and_leaves_no_trace_of_the_work() {
    let world = World::new();
    fs::create_dir(world.path("home")).unwrap();
    world.chmod("home", 0o755);
    world
        .apply(vec![
            Change::MakeDir {
                path: world.path("home/.openclaw-rescue/workspace-rescue"),
            },
            Change::Write(world.write("home/.openclaw-rescue/workspace-rescue/AGENTS.md", "agents\n")),
            Change::Write(world.write("state/registry.toml", "version = 1\n")),
            Change::Write(world.config("home/.openclaw-rescue/openclaw.json", "{}\n")),
        ])
        .unwrap();
    let tree = world.tree();
    let names: Vec<_> = tree
        .iter()
        .map(|(path, (mode, _))| {
            (
                path.strip_prefix(world.dir.path()).unwrap().to_str().unwrap(),
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
    assert_eq!(world.read("home/.openclaw-rescue/openclaw.json"), "{}\n");
}

#[test]
fn seven_writes_keep_the_last_five_versions() {
    let world = World::new();
    for version in 0..7 {
        world
            .apply(vec![Change::Write(
                world.config("i/openclaw.json", &version.to_string()),
            )])
            .unwrap();
    }
    let kept: Vec<_> = ["", ".bak", ".bak.1", ".bak.2", ".bak.3", ".bak.4"]
        .iter()
        .map(|end| world.read(&format!("i/openclaw.json{end}")))
        .collect();
    assert_eq!(kept, ["6", "5", "4", "3", "2", "1"]);
    assert_eq!(
        world
            .tree()
            .keys()
            .filter(|path| path.starts_with(world.path("i")))
            .count(),
        7
    );
}

#[test]
fn a_gap_in_the_ring_takes_up_the_turn() {
    let world = World::new();
    world.put("i/c", "now");
    world.put("i/c.bak", "newest");
    world.put("i/c.bak.2", "old");
    world
        .apply(vec![Change::Write(world.config("i/c", "next"))])
        .unwrap();
    let kept: Vec<_> = ["c", "c.bak", "c.bak.1", "c.bak.2"]
        .iter()
        .map(|name| world.read(&format!("i/{name}")))
        .collect();
    assert_eq!(kept, ["next", "now", "newest", "old"]);
}

#[test]
fn modes_are_tightened_and_never_widened() {
    let world = World::new();
    world.put("i/wide", "1");
    world.put("i/wide.bak", "0");
    world.put("i/strict", "1");
    world.chmod("i", 0o755);
    world.chmod("i/wide", 0o664);
    world.chmod("i/wide.bak", 0o644);
    world.chmod("i/strict", 0o400);
    let applied = world
        .apply(vec![
            Change::Write(world.config("i/wide", "2")),
            Change::Write(world.config("i/strict", "2")),
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
    .map(|below| world.mode(below))
    .collect();
    assert_eq!(modes, [0o755, 0o600, 0o600, 0o600, 0o400, 0o400]);
    let keys: Vec<_> = applied.notices.iter().map(Msg::key).collect();
    assert_eq!(keys, ["apply.open-folder"], "once for each folder");
}

#[test]
fn links_stay_and_what_they_point_to_is_written() {
    let world = World::new();
    world.put("dotfiles/config.json", "old");
    fs::create_dir(world.path("i")).unwrap();
    symlink("../dotfiles/config.json", world.path("i/openclaw.json")).unwrap();
    symlink("i", world.path("alias")).unwrap();
    symlink("not-yet/there", world.path("i/dangling")).unwrap();
    world
        .apply(vec![
            Change::Write(world.config("alias/openclaw.json", "new")),
            Change::Write(world.write("i/dangling", "made")),
        ])
        .unwrap();
    assert_eq!(
        fs::read_link(world.path("i/openclaw.json")).unwrap(),
        Path::new("../dotfiles/config.json")
    );
    assert_eq!(world.read("dotfiles/config.json"), "new");
    assert_eq!(
        world.read("i/openclaw.json.bak"),
        "old",
        "the ring lies beside the name that the user knows"
    );
    assert_eq!(world.read("i/not-yet/there"), "made");
    assert_eq!(leftovers(&world.tree()), Vec::<&PathBuf>::new());
}

#[test]
fn what_is_moved_aside_makes_room_for_what_comes_after() {
    let world = World::new();
    world.put("ws/AGENTS.md", "old");
    world.put("i/openclaw.json", "old");
    let fresh = |below: &str| FileWrite {
        before: None,
        ..world.config(below, "new")
    };
    world
        .apply(vec![
            Change::Rename {
                path: world.path("ws"),
                to: world.path("attic/ws"),
            },
            Change::Rename {
                path: world.path("i/openclaw.json"),
                to: world.path("i/openclaw.json.reset"),
            },
            Change::MakeDir {
                path: world.path("ws"),
            },
            Change::Write(fresh("ws/deep/SOUL.md")),
            Change::Write(fresh("i/openclaw.json")),
        ])
        .unwrap();
    assert_eq!(world.read("attic/ws/AGENTS.md"), "old");
    assert_eq!(world.read("ws/deep/SOUL.md"), "new");
    assert!(!world.path("ws/AGENTS.md").exists());
    assert_eq!(world.read("i/openclaw.json"), "new");
    assert_eq!(world.read("i/openclaw.json.reset"), "old");
    assert!(!world.path("i/openclaw.json.bak").exists());
    assert_eq!(
        (world.mode("attic"), world.mode("ws"), world.mode("ws/deep")),
        (0o700, 0o700, 0o700)
    );
    assert_eq!(leftovers(&world.tree()), Vec::<&PathBuf>::new());
}

#[test]
fn a_link_is_moved_aside_itself() {
    let world = World::new();
    world.put("far/file", "stays");
    symlink("far", world.path("ws")).unwrap();
    world
        .apply(vec![Change::Rename {
            path: world.path("ws"),
            to: world.path("ws.old"),
        }])
        .unwrap();
    assert_eq!(fs::read_link(world.path("ws.old")).unwrap(), Path::new("far"));
    assert_eq!(world.read("far/file"), "stays");
}
