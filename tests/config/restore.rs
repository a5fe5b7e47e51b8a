//! `openclaw config restore`: it puts a backup in the place of the config, which becomes a backup itself.

use serde_json::json;

use super::{CONFIG, EDITED_CONFIG, config_json, config_ok, mode, sandbox};
use crate::support::Sandbox;

#[test]
fn restore_replaces_a_broken_config_and_keeps_it_as_a_backup() {
    let sandbox = sandbox(EDITED_CONFIG);
    config_ok(&sandbox, &["set", "gateway.bind", "lan"]);
    let good = sandbox.read(CONFIG);
    sandbox.write(CONFIG, "{ broken");
    sandbox.write(format!("{CONFIG}.bak.1"), "{ broken too");

    let hints = config_json(&sandbox, &["get", "gateway.port"], 78)["hints"].clone();
    assert!(
        hints[0]
            .as_str()
            .is_some_and(|h| h.contains("openclaw --profile rescue config restore")),
        "{hints}"
    );
    let list = config_json(&sandbox, &["restore", "--list"], 0);
    let codes: Vec<_> = list["backups"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|b| &b["code"])
        .collect();
    assert_eq!(codes, ["config.backup-fine", "config.backup-broken"]);
    assert_eq!(
        config_json(&sandbox, &["restore", "--to", "2"], 78)["code"],
        "config.backup-broken"
    );
    assert_eq!(
        config_json(&sandbox, &["restore", "--to", "4"], 1)["code"],
        "config.no-backup-number"
    );

    assert_eq!(config_json(&sandbox, &["restore"], 0)["from"], json!(1));
    assert_eq!(sandbox.read(CONFIG), EDITED_CONFIG);
    assert_eq!(sandbox.read(format!("{CONFIG}.bak")), "{ broken");
    assert_eq!(mode(&sandbox.path(CONFIG)), 0o600);
    assert_ne!(good, EDITED_CONFIG);
}

#[test]
fn restore_moves_a_config_aside_that_is_too_large_for_a_backup() {
    let huge = "x".repeat(5 * 1024 * 1024);
    let sandbox = sandbox(&huge);
    sandbox.write(format!("{CONFIG}.bak"), EDITED_CONFIG);
    let restored = config_json(&sandbox, &["restore"], 0);
    assert_eq!(sandbox.read(CONFIG), EDITED_CONFIG);
    let kept = restored["kept"].as_str().expect("kept");
    assert_eq!(std::fs::read_to_string(kept).expect("it is there"), huge);

    let nothing = super::sandbox("{ broken");
    assert_eq!(
        config_json(&nothing, &["restore"], 78)["code"],
        "config.no-backup"
    );
    assert_eq!(nothing.read(CONFIG), "{ broken");
}

#[test]
fn restore_without_a_backup_uses_the_last_good_config() {
    let sandbox = sandbox("{ broken");
    sandbox.write(format!("{CONFIG}.last-good"), EDITED_CONFIG);
    let hints = config_json(&sandbox, &["get", "gateway.port"], 78)["hints"].to_string();
    assert!(hints.contains("config restore"), "{hints}");
    let restored = config_json(&sandbox, &["restore"], 0);
    assert_eq!(restored["from"], json!(null), "{restored}");
    assert_eq!(sandbox.read(CONFIG), EDITED_CONFIG);
    assert_eq!(sandbox.read(format!("{CONFIG}.bak")), "{ broken");
}

#[test]
fn restore_works_without_a_config() {
    let sandbox = Sandbox::new();
    sandbox.write(format!("{CONFIG}.bak"), EDITED_CONFIG);
    config_ok(&sandbox, &["restore"]);
    assert_eq!(sandbox.read(CONFIG), EDITED_CONFIG);
    assert_eq!(
        config_json(&sandbox, &["restore", "--to", "1"], 0)["changed"],
        json!(false)
    );
}

#[test]
fn backups_are_a_table_and_none_is_a_sentence_without_a_path() {
    for (lang, heads, none, broken) in [
        (
            "en",
            ["Backup", "Saved", "Size", "State", "File"],
            "No backups yet. One is kept each time the config changes.\n",
            "broken at 1:9",
        ),
        (
            "tr",
            ["Yedek", "Zaman", "Boyut", "Durum", "Dosya"],
            "Henüz yedek yok. Yapılandırma her değiştiğinde bir yedek saklanır.\n",
            "bozuk, 1:9",
        ),
    ] {
        let sandbox = sandbox(EDITED_CONFIG).var("LC_ALL", "C.UTF-8");
        let list = [
            "--lang",
            lang,
            "--profile",
            "rescue",
            "config",
            "restore",
            "--list",
        ];
        assert_eq!(sandbox.run(list).exits(0).stdout, none);
        let file = sandbox.write(format!("{CONFIG}.bak"), "{ broken");
        let saved = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        let times = std::fs::FileTimes::new().set_modified(saved);
        let file = std::fs::File::options().append(true).open(file).expect("a file");
        file.set_times(times).expect("a time");
        let shown = sandbox.run(list).exits(0).stdout;
        let (head, row) = shown.split_once('\n').expect("two lines");
        assert_eq!(head.split_whitespace().collect::<Vec<_>>(), heads);
        for cell in ["2023-11-14 22:13:20 UTC", broken, "openclaw.json.bak"] {
            assert!(row.contains(cell), "{shown}");
        }
    }
}
