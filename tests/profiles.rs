//! Tests of `openclaw profiles`: the list of the instances, and the removal of one of them and of nothing else.

use serde_json::{Value, json};

use crate::onboard::{MAIN, change_times, config_path, onboard_ok, sandbox_with_main, written_files};
use crate::support::pty::{Key, Size, Terminal};
use crate::support::stand_in::start_stand_in;
use crate::support::{Sandbox, network};

/// Returns a sandbox with a default instance, one that was onboarded, and one whose config is broken.
fn sandbox_with_three_instances() -> Sandbox {
    let sandbox = sandbox_with_main();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    sandbox.write(config_path("torn"), "{\n  gateway: { port: 30789,\n");
    sandbox
}

/// Returns the profiles that `profiles list --json` lists.
fn listed_profiles(sandbox: &Sandbox) -> Vec<Value> {
    let document = sandbox.run(["profiles", "list", "--json"]).exits(0).json();
    assert_eq!(document["ok"], true);
    document["profiles"].as_array().expect("a list").clone()
}

#[test]
fn list_shows_every_instance_and_the_position_of_a_syntax_error() {
    let sandbox = sandbox_with_three_instances();
    let before = sandbox.tree();
    let profiles = listed_profiles(&sandbox);
    let names: Vec<_> = profiles
        .iter()
        .map(|p| p["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names, ["default", "rescue", "torn"]);
    let [default, rescue, torn] = &profiles[..] else {
        panic!("{names:?}")
    };
    assert_eq!(
        (&default["basePort"], &default["config"]),
        (&json!(18789), &json!("ok"))
    );
    assert_eq!(rescue["configPath"], json!(sandbox.path(config_path("rescue"))));
    assert_eq!(
        rescue["workspaces"],
        json!([sandbox.path(".openclaw-rescue/workspace-rescue")])
    );
    assert_eq!(torn["config"], "invalid");
    assert_eq!(torn["configFault"]["line"], 2, "{torn:#}");
    assert!(torn["configFault"]["column"].is_u64() && torn["configFault"]["message"].is_string());

    let text = sandbox.run(["profiles"]).exits(0);
    for shown in ["default", "18789", "~/.openclaw-rescue", "torn", "2:12"] {
        assert!(text.stdout.contains(shown), "{shown}:\n{}", text.stdout);
    }
    assert!(!text.stdout.contains('\u{1b}'));
    for secret in ["MAIN-TOKEN", "MAIN-BOT"] {
        assert!(!text.stdout.contains(secret) && !json!(profiles).to_string().contains(secret));
    }
    assert_eq!(sandbox.tree(), before, "a list writes nothing");
}

#[test]
fn list_of_an_empty_host_names_the_command_that_makes_an_instance() {
    let sandbox = Sandbox::new();
    assert_eq!(listed_profiles(&sandbox), [Value::Null; 0]);
    let run = sandbox.run(["profiles"]).exits(0);
    assert!(run.stdout.contains("openclaw onboard"), "{}", run.stdout);
    assert!(sandbox.tree().is_empty());
}

#[test]
fn remove_moves_the_instance_aside_and_keeps_its_workspace() {
    let sandbox = sandbox_with_three_instances();
    let main = change_times(&sandbox.path(".openclaw"));
    let config = sandbox.read(config_path("rescue"));
    let document = sandbox
        .run(["profiles", "remove", "rescue", "--yes", "--json"])
        .exits(0)
        .json();
    assert_eq!(
        (&document["ok"], &document["dryRun"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(change_times(&sandbox.path(".openclaw")), main);
    assert!(
        sandbox
            .path(".openclaw-rescue/workspace-rescue/SOUL.md")
            .is_file()
    );
    assert!(!sandbox.path(config_path("rescue")).exists());
    let aside = sandbox.tree().into_iter().find(|(path, ..)| {
        path.to_string_lossy().starts_with(".openclaw-rescue.aside-") && path.ends_with("openclaw.json")
    });
    assert_eq!(aside.expect("nothing is deleted").2, config.as_bytes());
    assert!(
        !sandbox
            .read(".local/state/openclaw/registry.toml")
            .contains("rescue")
    );
    // The moved folder is no instance, and the name and the ports are free again.
    let names: Vec<_> = listed_profiles(&sandbox)
        .iter()
        .map(|p| p["name"].clone())
        .collect();
    assert!(!json!(names).to_string().contains("aside"), "{names:?}");
    let _ = onboard_ok(&sandbox, "rescue", &[]);
}

#[test]
fn remove_with_workspace_option_moves_the_workspace_aside_too() {
    let sandbox = sandbox_with_main();
    let outside = sandbox.path("work/rescue");
    let _ = onboard_ok(
        &sandbox,
        "rescue",
        &["--workspace", outside.to_str().expect("text")],
    );
    let other = sandbox.write("work/mine.txt", "mine");
    let _ = sandbox
        .run(["profiles", "remove", "rescue", "--workspace", "--yes"])
        .exits(0);
    assert!(!outside.exists() && !sandbox.path(".openclaw-rescue").exists());
    assert_eq!(std::fs::read_to_string(other).expect("a file"), "mine");
    let kept = sandbox.tree().into_iter().any(|(path, ..)| {
        path.to_string_lossy().starts_with("work/rescue.aside-") && path.ends_with("SOUL.md")
    });
    assert!(kept, "nothing is deleted");
}

#[test]
fn target_of_a_linked_workspace_is_kept() {
    let sandbox = sandbox_with_main();
    let target = sandbox.write("elsewhere/data.txt", "data");
    let _ = onboard_ok(&sandbox, "rescue", &["--skip-bootstrap"]);
    let workspace = sandbox.path(".openclaw-rescue/workspace-rescue");
    std::fs::remove_dir(&workspace).expect("empty");
    std::os::unix::fs::symlink(target.parent().expect("a folder"), &workspace).expect("a link");
    for words in [
        &["profiles", "remove", "rescue", "--yes"][..],
        &["profiles", "remove", "rescue", "--yes", "--workspace"],
    ] {
        let _ = sandbox.run(words);
        assert!(
            target.exists() || sandbox.tree().iter().any(|(path, ..)| path.ends_with("data.txt")),
            "{words:?}"
        );
    }
}

#[test]
fn removal_as_a_dry_run_or_without_yes_changes_nothing() {
    let sandbox = sandbox_with_three_instances();
    let before = sandbox.tree();
    let document = sandbox
        .run(["profiles", "remove", "rescue", "--dry-run", "--json"])
        .exits(0)
        .json();
    assert_eq!(document["dryRun"], true);
    assert!(!document["changes"].as_array().expect("changes").is_empty());
    assert_eq!(sandbox.tree(), before);
    let run = sandbox.run(["profiles", "remove", "rescue", "--json"]).exits(2);
    assert!(run.stderr.contains("--yes"), "{}", run.stderr);
    assert_eq!(run.json()["ok"], false);
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn unknown_name_is_refused_with_a_suggestion() {
    let sandbox = sandbox_with_three_instances();
    let before = written_files(&sandbox);
    let run = sandbox
        .run(["profiles", "remove", "resuce", "--yes", "--json"])
        .exits(1);
    assert!(
        run.json()["hints"].to_string().contains("rescue"),
        "{}",
        run.stdout
    );
    let run = sandbox
        .run(["profiles", "remove", "a/b", "--yes", "--json"])
        .exits(2);
    assert!(run.json()["hints"].to_string().contains("a-b"), "{}", run.stdout);
    assert_eq!(written_files(&sandbox), before);
}

#[test]
fn instance_whose_service_is_installed_is_not_removed() {
    let sandbox = sandbox_with_three_instances();
    let unit = ".config/systemd/user/openclaw-gateway-rescue.service";
    sandbox.write(
        unit,
        format!(
            "[Service]\nExecStart=openclaw gateway\nEnvironment=OPENCLAW_PROFILE=rescue\n\
             Environment=OPENCLAW_STATE_DIR={0}\nEnvironment=OPENCLAW_CONFIG_PATH={0}/openclaw.json\n",
            sandbox.path(".openclaw-rescue").display()
        ),
    );
    let before = written_files(&sandbox);
    let document = sandbox
        .run(["profiles", "remove", "rescue", "--yes", "--json"])
        .exits(78)
        .json();
    assert!(
        document["message"].as_str().is_some_and(|m| m.contains(unit)),
        "{document}"
    );
    assert_eq!(written_files(&sandbox), before);
}

#[test]
fn instance_whose_gateway_runs_is_not_removed() {
    network::own(|| {
        let sandbox = sandbox_with_main();
        let _ = onboard_ok(&sandbox, "rescue", &[]);
        let gateway = start_stand_in(&sandbox, "rescue");
        let run = sandbox
            .run(["profiles", "remove", "rescue", "--yes", "--json"])
            .exits(78);
        let document = run.json();
        assert_eq!(document["code"], "profiles.remove-running", "{document}");
        assert!(sandbox.path(config_path("rescue")).is_file());
        assert_eq!(sandbox.read(".openclaw/openclaw.json"), MAIN);
        drop(gateway);
        let _ = sandbox.run(["profiles", "remove", "rescue", "--yes"]).exits(0);
    });
}

#[test]
fn removed_profile_with_its_workspace_left_is_no_instance_any_more() {
    let sandbox = sandbox_with_main();
    // A workspace of any name in the state folder stays.
    let _ = onboard_ok(&sandbox, "ghost", &["--workspace", "~/.openclaw-ghost/desk"]);
    let _ = sandbox.run(["profiles", "remove", "ghost", "--yes"]).exits(0);
    assert!(sandbox.path(".openclaw-ghost/desk/SOUL.md").is_file());
    let names: Vec<_> = listed_profiles(&sandbox)
        .iter()
        .map(|p| p["name"].clone())
        .collect();
    assert_eq!(names, ["default"]);
    for words in [&["status", "--all"][..], &["ports"], &["doctor", "--all"]] {
        let ran = sandbox.run(words);
        assert!(!ran.stdout.contains("ghost"), "{words:?}: {}", ran.stdout);
    }
    let again = sandbox.run(["profiles", "remove", "ghost", "--yes"]).exits(1);
    assert!(again.stdout.is_empty(), "{}", again.stdout);
    let aside = || {
        let entries = std::fs::read_dir(sandbox.home()).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .filter(|name| name.to_string_lossy().contains(".aside-"))
            .count()
    };
    assert_eq!(aside(), 1, "the second run made nothing");
}

#[test]
fn plan_of_a_removal_is_shown_once_and_done_as_shown() {
    let sandbox = sandbox_with_main();
    let _ = onboard_ok(&sandbox, "rescue", &[]);
    let mut terminal = Terminal::start(&sandbox, ["profiles", "remove", "rescue"], Size::tall(120));
    terminal
        .wait_for("moved aside, not deleted")
        .type_in("y")
        .press(Key::Enter);
    assert_eq!(terminal.exit_code(), 0);
    let text = terminal.screen().text();
    let shown: std::collections::BTreeSet<_> = text
        .split(".openclaw-rescue.aside-")
        .skip(1)
        .filter_map(|rest| rest.get(..19))
        .collect();
    assert_eq!(shown.len(), 1, "{text}");
    let stamp = shown.first().expect("a name");
    assert!(
        sandbox
            .path(format!(".openclaw-rescue.aside-{stamp}/openclaw.json"))
            .is_file(),
        "{text}"
    );
    assert_eq!(text.matches("Planned changes").count(), 1, "{text}");
}

#[test]
fn workspace_that_another_instance_names_by_a_variable_is_not_moved() {
    let sandbox = sandbox_with_main();
    let _ = onboard_ok(&sandbox, "a", &["--workspace", "~/ws"]);
    let _ = onboard_ok(&sandbox, "g", &[]);
    let mut config: Value = serde_json::from_str(&sandbox.read(config_path("g"))).expect("JSON");
    config["agents"]["defaults"]["workspace"] = "${HOME}/ws".into();
    sandbox.write(config_path("g"), config.to_string());
    let before = sandbox.tree();
    let ran = sandbox
        .run(["profiles", "remove", "a", "--workspace", "--yes"])
        .exits(78);
    assert!(ran.stderr.contains("/ws"), "{}", ran.stderr);
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn misspelled_profile_of_the_command_line_is_noticed_by_commands_that_need_an_existing_one() {
    let sandbox = Sandbox::new();
    for folder in [".openclaw", ".openclaw-rescue"] {
        sandbox.write(
            format!("{folder}/openclaw.json"),
            "{ gateway: { mode: 'local' } }",
        );
    }
    let before = sandbox.tree();
    for words in [
        &["status"][..],
        &["gateway"],
        &["gateway", "install"],
        &["config", "get", "gateway"],
        &["doctor"],
        &["logs"],
        &["dashboard"],
        &["snapshot", "list"],
        &["rescue"],
    ] {
        for (typed, meant) in [("resuce", "rescue"), ("main", "default")] {
            let ran = sandbox.run([&["--profile", typed], words].concat()).exits(1);
            let expected = format!("No such profile: {typed}");
            assert!(ran.stderr.contains(&expected), "{words:?}: {}", ran.stderr);
            assert!(
                ran.stderr.contains(&format!("Did you mean {meant}?")),
                "{words:?}"
            );
        }
    }
    assert_eq!(sandbox.tree(), before);
    // A new name is no mistake where an instance is set up, nor where none is near.
    for profile in ["resuce", "helper", "bot2"] {
        let _ = sandbox.run(["--profile", profile, "setup", "--dry-run"]).exits(0);
    }
    let ran = sandbox.run(["--profile", "helper", "status"]);
    assert!(!ran.stderr.contains("No such profile"), "{}", ran.stderr);
}
