//! What a rescuer refuses, and what it writes down.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::alone::{Apart, broken, home, rescue};
use crate::support::Sandbox;
use crate::support::gateway;

const HISTORY: &str = ".local/state/openclaw/rescue/history.jsonl";

/// A history of repairs of this target, so many minutes ago.
fn remembered(sandbox: &Sandbox, target: &str, minutes: &[u64]) {
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
fn nobody_rescues_himself_or_somebody_who_is_not_there() {
    let sandbox = home();
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
        let said = sandbox.run(words).exits(2).json();
        assert_eq!(said["code"], "rescue.itself", "{words:?}");
        assert!(!said["hints"].as_array().unwrap().is_empty());
    }
    let ran = rescue(&sandbox, &["watch", "rescue"]).exits(2);
    assert!(ran.stderr.contains("can’t rescue itself"), "{ran:?}");
    // By another name, and still himself: the config is the same file.
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
    let said = rescue(&sandbox, &["repair", "defualt", "--yes", "--json"])
        .exits(1)
        .json();
    assert_eq!(said["code"], "profiles.unknown");
    assert!(said["hints"].to_string().contains("default"), "{said}");
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn without_a_terminal_and_without_yes_it_only_tells() {
    let (sandbox, _) = broken();
    let before = sandbox.tree();
    let ran = rescue(&sandbox, &["repair"]).exits(1);
    assert!(
        ran.stderr
            .contains("openclaw --profile rescue rescue repair default --yes"),
        "{ran:?}"
    );
    let said = rescue(&sandbox, &["--json"]).exits(1).json();
    assert_eq!(said["steps"][0]["id"], "restore-config");
    assert_eq!(sandbox.tree(), before);
}

#[test]
fn three_repairs_in_a_quarter_of_an_hour_are_enough_unless_forced() {
    let (sandbox, _) = broken();
    remembered(&sandbox, "default", &[14, 6, 1]);
    let before = sandbox.tree();
    let said = rescue(&sandbox, &["repair", "--yes", "--json"]).exits(1).json();
    assert_eq!(said["code"], "rescue.too-many");
    assert!(said["hints"].to_string().contains("--force"), "{said}");
    assert_eq!(sandbox.tree(), before);
    let _apart = Apart(&sandbox);
    let _ = rescue(&sandbox, &["repair", "--yes", "--force"]).exits(0);
    let shown = rescue(&sandbox, &["history"]).exits(0).stdout;
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
fn what_is_long_ago_or_another_s_does_not_count() {
    let (sandbox, _) = broken();
    remembered(&sandbox, "default", &[90, 16, 2, 1]);
    let _apart = Apart(&sandbox);
    let _ = rescue(&sandbox, &["repair", "--yes"]).exits(0);
    let (sandbox, _) = broken();
    remembered(&sandbox, "other", &[3, 2, 1]);
    let _apart = Apart(&sandbox);
    let _ = rescue(&sandbox, &["repair", "--yes"]).exits(0);
}
