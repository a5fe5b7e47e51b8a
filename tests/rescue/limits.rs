//! The repairs that a rescuer refuses, and the history that it writes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::without_manager::{
    SpawnedGateway, run_rescue, sandbox_with_broken_config, sandbox_without_manager,
};
use crate::support::Sandbox;
use crate::support::gateway;

const HISTORY: &str = ".local/state/openclaw/rescue/history.jsonl";

/// Writes a history of repairs of this target, each so many minutes ago.
fn write_history(sandbox: &Sandbox, target: &str, minutes: &[u64]) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let entry = |ago: &u64| {
        let at = now.saturating_sub(Duration::from_mins(*ago));
        let entry = json!({
            "at": u64::try_from(at.as_millis()).unwrap(), "rescuer": "rescue", "target": target,
            "watched": false, "causes": ["config"], "steps": [["start", "in-vain"]], "outcome": "in-vain",
        });
        entry.to_string()
    };
    let lines = minutes.iter().map(entry).collect::<Vec<_>>().join("\n") + "\n";
    sandbox.write(HISTORY, lines);
}

#[test]
fn rescuing_itself_or_an_unknown_profile_is_refused() {
    let sandbox = sandbox_without_manager();
    sandbox.write(".openclaw/openclaw.json", gateway::config(gateway::free_base()));
    sandbox.write(
        ".openclaw-rescue/openclaw.json",
        gateway::config(gateway::free_base()),
    );
    let before = sandbox.tree();
    for words in [
        &[
            "--profile",
            "rescue",
            "rescue",
            "repair",
            "rescue",
            "--yes",
            "--json",
        ][..],
        &["rescue", "repair", "--yes", "--json"],
        &["rescue", "diagnose", "default", "--json"],
    ] {
        let report = sandbox.run(words).exits(2).json();
        assert_eq!(report["code"], "rescue.itself", "{words:?}");
        assert!(!report["hints"].as_array().unwrap().is_empty());
    }
    let ran = run_rescue(&sandbox, &["watch", "rescue"]).exits(2);
    assert!(ran.stderr.contains("can’t rescue itself"), "{ran:?}");
    // Another name of the same instance: the config is the same file.
    std::os::unix::fs::symlink(sandbox.path(".openclaw"), sandbox.path(".openclaw-alias")).unwrap();
    let words = [
        "--profile",
        "alias",
        "rescue",
        "repair",
        "default",
        "--yes",
        "--json",
    ];
    assert_eq!(sandbox.run(words).exits(2).json()["code"], "rescue.itself");
    std::fs::remove_file(sandbox.path(".openclaw-alias")).unwrap();
    let report = run_rescue(&sandbox, &["repair", "defualt", "--yes", "--json"])
        .exits(1)
        .json();
    assert_eq!(report["code"], "profiles.unknown");
    assert!(report["hints"].to_string().contains("default"), "{report}");
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn without_a_terminal_and_without_yes_the_steps_are_only_shown() {
    let (sandbox, _) = sandbox_with_broken_config();
    let before = sandbox.tree();
    let ran = run_rescue(&sandbox, &["repair"]).exits(1);
    assert!(
        ran.stderr
            .contains("openclaw --profile rescue rescue repair default --yes"),
        "{ran:?}"
    );
    let report = run_rescue(&sandbox, &["--json"]).exits(1).json();
    assert_eq!(report["steps"][0]["id"], "restore-config");
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn fourth_repair_within_a_quarter_of_an_hour_is_refused_unless_forced() {
    let (sandbox, _) = sandbox_with_broken_config();
    write_history(&sandbox, "default", &[14, 6, 1]);
    let before = sandbox.tree();
    let report = run_rescue(&sandbox, &["repair", "--yes", "--json"])
        .exits(1)
        .json();
    assert_eq!(report["code"], "rescue.too-many");
    assert!(report["hints"].to_string().contains("--force"), "{report}");
    assert_eq!(sandbox.tree(), before);
    let _spawned = SpawnedGateway(&sandbox);
    let _ = run_rescue(&sandbox, &["repair", "--yes", "--force"]).exits(0);
    let shown = run_rescue(&sandbox, &["history"]).exits(0).stdout;
    assert!(
        shown
            .lines()
            .next()
            .unwrap()
            .ends_with("default: healthy (by rescue)"),
        "{shown}"
    );
    assert_eq!(shown.matches("did not help").count(), 3, "{shown}");
}

#[test]
fn old_repairs_and_repairs_of_other_targets_do_not_count() {
    let (sandbox, _) = sandbox_with_broken_config();
    write_history(&sandbox, "default", &[90, 16, 2, 1]);
    let _spawned = SpawnedGateway(&sandbox);
    let _ = run_rescue(&sandbox, &["repair", "--yes"]).exits(0);
    let (sandbox, _) = sandbox_with_broken_config();
    write_history(&sandbox, "other", &[3, 2, 1]);
    let _spawned = SpawnedGateway(&sandbox);
    let _ = run_rescue(&sandbox, &["repair", "--yes"]).exits(0);
}
