//! The program for Windows under Wine, where `OPENCLAW_WINDOWS_PROGRAM` names it: what needs no Linux, as a user with a Turkish
//! name. Wine lists no sockets with their processes, and of the scheduled tasks it knows creation only.

mod wine;

use wine::{WindowsUser, assert_plain_paths};

use crate::support::gateway::{Gateway, free_base, wait_for};
use crate::support::pty::{Key, Screen};

#[test]
fn wizard_in_a_console_sets_up_an_instance() {
    let Some(user) = WindowsUser::new() else { return };
    let mut console = user.console(&["--profile", "rescue", "onboard"]);
    // The console of Wine may lose an Enter before another key, and leaves an earlier drawing above.
    let marked = |screen: &Screen<'_>| {
        let lines = screen.lines();
        let line = lines.iter().rev().find_map(|line| line.strip_prefix("❯ "));
        line.unwrap_or_default().to_owned()
    };
    console.wait_drawn("the first question", |screen| screen.contains("Enter select"));
    for (key, choice) in [(Key::Home, "OpenClaw from npm"), (Key::End, "This program")] {
        console.press(key);
        console.wait_drawn(choice, |screen| marked(screen).starts_with(choice));
    }
    let mut choose = |question: &str, keys: &[Key]| {
        console.wait_drawn(question, |screen| {
            screen.contains(question) && screen.contains("Enter select")
        });
        for key in keys {
            console.press(*key);
        }
        console.wait_for(&format!("✔ {question}"));
    };
    choose("What runs this gateway?", &[Key::Enter]);
    choose("Where should the bot answer you?", &[Key::Enter]);
    choose("Start it now?", &[Key::Up, Key::Enter]);
    choose("Apply this plan?", &[Key::Enter]);
    assert_eq!(console.exit_code(), 0);
    let config = std::fs::read_to_string(user.path(".openclaw-rescue/openclaw.json")).unwrap();
    assert_plain_paths(&config);
    assert!(user.path("AppData/Local/openclaw/registry.toml").is_file());
    assert!(!user.path(".local").exists());
    let help = user.run(["onboard", "--help"]).exits(0).stdout;
    assert!(help.contains("openclaw onboard [OPTIONS]"), "{help}");
    let profiles = user.run(["profiles"]).exits(0);
    assert!(
        profiles.stdout.contains(r"~\.openclaw-rescue\workspace-rescue"),
        "{}",
        profiles.stdout
    );
}

#[test]
fn gateway_is_healthy_refuses_a_second_start_and_is_known_to_be_killed() {
    let Some(user) = WindowsUser::new() else { return };
    let port = free_base();
    user.onboard("rescue", port);
    let profile = |words: &[&str]| user.run(["--profile", "rescue"].iter().chain(words));
    let stopped = profile(&["status"]).exits(1);
    assert!(stopped.stdout.contains("is not running"), "{}", stopped.stdout);

    let gateway = Gateway::spawn(user.guarded_command(&["--profile", "rescue", "gateway"]), port);
    let live = wait_for("the gateway answers", || gateway.health());
    let healthy = profile(&["status", "--json"]).exits(0).json();
    assert_eq!(healthy["verdict"], "healthy");
    assert_eq!(healthy["gateway"]["pid"], live["pid"]);
    let _ = profile(&["gateway", "health"]).exits(0);
    let _ = profile(&["gateway", "call", "status"]).exits(0);
    let _ = profile(&["doctor"]).exits(0);
    let second = profile(&["gateway"]).exits(78);
    let expected = format!("is already running: pid {}, port {port}", live["pid"]);
    assert!(second.stderr.contains(&expected), "{}", second.stderr);
    let logs = profile(&["logs"]).exits(0);
    assert!(logs.stdout.contains("(base port)"), "{}", logs.stdout);

    drop(gateway);
    let killed = wait_for("its lock is free", || {
        let status = profile(&["status"]);
        (status.code == 1).then_some(status)
    });
    assert!(killed.stdout.contains("is not running"), "{}", killed.stdout);
    let again = Gateway::spawn(user.guarded_command(&["--profile", "rescue", "gateway"]), port);
    wait_for("it starts again", || again.health());
}

#[test]
fn archives_and_snapshots_bring_an_instance_back() {
    let Some(user) = WindowsUser::new() else { return };
    user.onboard("rescue", free_base());
    let archive = format!(r"{}\yedek dosyası İ.tar.gz", user.windows_profile());
    let _ = user.run(["profiles", "export", "rescue", &archive]).exits(0);
    let _ = user
        .run(["profiles", "import", &archive, "--as", "other"])
        .exits(0);
    let workspace = user.run(["--profile", "other", "config", "get", "agents.defaults.workspace"]);
    let expected = format!(r"{}\.openclaw-other\workspace-other", user.windows_profile());
    assert_eq!(workspace.exits(0).stdout.trim(), expected);

    let config = user.path(".openclaw-rescue/openclaw.json");
    let before = std::fs::read(&config).unwrap();
    let made = user
        .run(["--profile", "rescue", "snapshot", "create", "--json"])
        .exits(0)
        .json();
    let id = made["id"].as_str().expect("an id").to_owned();
    let set = ["--profile", "rescue", "config", "set", "gateway.bind", "lan"];
    let _ = user.run(set).exits(0);
    assert_ne!(std::fs::read(&config).unwrap(), before);
    let _ = user
        .run(["--profile", "rescue", "snapshot", "restore", &id, "--yes"])
        .exits(0);
    assert_eq!(std::fs::read(&config).unwrap(), before);
    let _ = user.run(["doctor"]);
    for entry in std::fs::read_dir(user.profile()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.contains(".import-"), "{name} is left");
    }
    let _ = user.run(["profiles", "remove", "other", "--yes"]).exits(0);
    assert!(!user.path(".openclaw-other/openclaw.json").exists());
}

#[test]
fn names_of_devices_are_refused_and_long_paths_are_used() {
    let Some(user) = WindowsUser::new() else { return };
    for name in ["con", "NUL", "aux", "prn", "com1", "LPT9"] {
        let refused = user.run(["--profile", name, "onboard", "--non-interactive", "--accept-risk"]);
        assert!(
            refused.exits(2).stderr.contains("Windows reserves this name"),
            "{name}"
        );
    }
    let folder = "ğ".repeat(100);
    let workspace = format!(r"{}\{folder}\{folder}\{folder}", user.windows_profile());
    let port = free_base().to_string();
    let words = [
        "--profile",
        "deep",
        "onboard",
        "--non-interactive",
        "--accept-risk",
    ];
    let more = ["--gateway-port", &port, "--workspace", &workspace];
    let _ = user.run(words.into_iter().chain(more)).exits(0);
    assert!(
        user.path(&format!("{folder}/{folder}/{folder}/SOUL.md"))
            .is_file()
    );
    let _ = user.run(["--profile", "deep", "doctor"]).exits(0);
}

#[test]
fn task_that_cannot_be_started_is_taken_back() {
    let Some(user) = WindowsUser::new() else { return };
    user.onboard("rescue", free_base());
    let installed = user.run(["--profile", "rescue", "gateway", "install"]).exits(1);
    // `schtasks` of Wine has read the document of the task: registration is not what failed.
    assert!(
        installed.stderr.contains("did not come up"),
        "{}",
        installed.stderr
    );
    assert!(!user.path(".openclaw-rescue/gateway.cmd").exists());
    assert!(!user.path(".openclaw-rescue/gateway.task.xml").exists());
}

#[test]
fn state_of_an_earlier_version_is_found() {
    let Some(user) = WindowsUser::new() else { return };
    let state = format!(r"{}\own state", user.windows_profile());
    let port = free_base().to_string();
    let onboard = |profile: &str, folder: Option<&str>| {
        let words = [
            "--profile",
            profile,
            "onboard",
            "--non-interactive",
            "--accept-risk",
        ];
        let mut command = user.command(words.into_iter().chain(["--gateway-port", &port]));
        command.envs(folder.map(|folder| ("OPENCLAW_STATE_DIR", folder)));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    onboard("rescue", Some(&state));
    std::fs::create_dir_all(user.path(".local/state")).unwrap();
    std::fs::rename(
        user.path("AppData/Local/openclaw"),
        user.path(".local/state/openclaw"),
    )
    .unwrap();
    // Only the registry knows a state folder of somebody's choice.
    let profiles = user.run(["profiles"]).exits(0);
    assert!(profiles.stdout.contains(r"~\own state"), "{}", profiles.stdout);
    let _ = user.run(["--profile", "rescue", "snapshot", "list"]).exits(0);
    assert!(!user.path("AppData/Local/openclaw").exists());
}
